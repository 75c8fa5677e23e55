"""How raw annotations become training targets. Every choice is documented here.

**Expressions from votes.** Of FER+'s ten votes per face, an expression chosen by a single rater is
dropped as noise (Barsoum et al., ICMI 2016, do the same); the rest, over the 7 basic expressions,
is normalised to a distribution. *Contempt*, *unknown* and *no face* are not among the 7: they
lower the weight of the sample (share of votes on the 7), and a sample that loses half of its votes
to them has weight 0. It still counts for L_DM and for its action units.

**Two raters.** FER2013 says what an image search asked for, FER+ what ten people saw; they are two
raters with different habits (`two_raters`): the target is the mean of both, of one where the other
is silent.

**Smiles without votes.** Where nobody has voted (SFHQ), a face that does nothing but smile, or
nothing at all, is labelled by its mesh (`smiles`): happiness as far as AU 12 is active, else
neutral (EMFACS, Friesen & Ekman 1983, reads AU 12 alone as happiness, too). Others stay unlabelled.

**Valence and arousal** of photographs are not rated here. The target re-describes the votes in the
valence-arousal plane, by how strongly the face moves, so that a faint smile is not a broad one:

    V = sum_e p_e V_e (0.5 + 0.5 I_e)
    A = A_0 + sum_e p_e (A_e - A_0) (0.35 + 0.65 I_e)

with the votes p, the coordinates of `FACE_COORDINATES`, A_0 = -0.15 of a face at rest, and I_e in
[0, 1], how far the units of expression e are active: the mean of the strongest three of its units
(`mien.labels.relatedness`). The coordinates lie between those of the emotion words (Russell &
Mehrabian, J. Research in Personality 11 (1977), `mien.labels.AFFECTIVE_COORDINATES`) and where
faces are placed by people who judge photographs (Russell & Bullock, J. Personality and Social
Psychology 48 (1985): surprise is hardly pleasant, sleepy and sad faces lie below the middle of
arousal); the formula and A_0 are ours. It cannot know more than votes and movement.

**Action units**: `mien.data.targets.mesh_units`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.labels import ACTION_UNITS, EXPRESSIONS, relatedness

FACE_COORDINATES: dict[str, tuple[float, float]] = {
    "neutral": (0.0, -0.15),
    "anger": (-0.60, 0.65),
    "disgust": (-0.70, 0.40),
    "fear": (-0.55, 0.75),
    "happiness": (0.85, 0.45),
    "sadness": (-0.65, -0.30),
    "surprise": (0.20, 0.75),
}
"""Valence and arousal of a face that shows an expression fully; the module docstring says why."""

RESTING_AROUSAL = -0.15

_LABEL_SMOOTHING = 0.1
_OF_SMILES = (6, 7, 10, 12, 20, 25, 26)


def expression_targets(
    basic_votes: npt.NDArray[np.floating], all_votes: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Distribution over the 7 expressions and weight of each sample.

    Parameters
    ----------
    basic_votes
        (n, 7) votes per basic expression, in the order of `EXPRESSIONS`.
    all_votes
        (n,) votes in all, with those outside the 7.

    Returns
    -------
    float32 (n, 7), rows that sum to 1 (NaN where the weight is 0), and float32 (n,) weights in
    [0, 1].

    Examples
    --------
    >>> votes = np.array([[7, 1, 0, 0, 2, 0, 0], [1, 0, 0, 0, 0, 0, 0]])
    >>> target, weight = expression_targets(votes, np.array([10, 10]))
    >>> [round(value, 3) for value in target[0].tolist()]
    [0.778, 0.0, 0.0, 0.0, 0.222, 0.0, 0.0]
    >>> weight.tolist()
    [1.0, 0.0]
    """
    votes = np.asarray(basic_votes, np.float64)
    total = np.asarray(all_votes, np.float64)
    share = np.divide(votes.sum(axis=1), total, out=np.zeros(len(votes)), where=total > 0)
    weight = np.where(share > 0.5, share, 0.0)
    kept = np.where(votes > 1, votes, 0.0)
    # With nothing but single votes there is no noise to tell from signal: keep them all.
    kept = np.where(kept.sum(axis=1, keepdims=True) > 0, kept, votes)
    with np.errstate(invalid="ignore"):
        target = kept / kept.sum(axis=1, keepdims=True)
    target[weight == 0] = np.nan
    return target.astype(np.float32), weight.astype(np.float32)


def smoothed_labels(
    indices: npt.NDArray[np.int64], count: int = len(EXPRESSIONS)
) -> npt.NDArray[np.float32]:
    """Distributions for faces that one annotator has given one expression.

    A tenth of the probability is spread over all seven: leave the other annotators a little room.

    Parameters
    ----------
    indices
        int64 (n,), index into `EXPRESSIONS`, -1 where there is no label.
    count
        How many expressions the corpus has.

    Returns
    -------
    float32 (n, 7), rows that sum to 1; NaN where there is no label.

    Examples
    --------
    >>> smoothed_labels(np.array([4, -1]))[:, 4].round(3).tolist()
    [0.9139999747276306, nan]
    """
    target = np.full((len(indices), count), np.nan, np.float32)
    known = indices >= 0
    target[known] = _LABEL_SMOOTHING / count
    target[known, indices[known]] += 1 - _LABEL_SMOOTHING
    return target


def two_raters(
    votes: npt.NDArray[np.floating],
    weight: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The mean of a distribution of votes and of one label.

    Parameters
    ----------
    votes, weight
        As `expression_targets` gives them.
    labels
        (n,), index into `EXPRESSIONS`, -1 where there is no label.

    Returns
    -------
    float32 (n, 7) and float32 (n,): where one rater is silent the other's word, a label alone with
    half the weight (the votes went to contempt or unknown); NaN and 0 where both are.
    """
    single = smoothed_labels(np.asarray(labels, np.int64))
    voted, labelled = np.asarray(weight) > 0, np.asarray(labels) >= 0
    target = np.where(voted[:, None], votes, single).astype(np.float32)
    both = voted & labelled
    target[both] = (np.asarray(votes, np.float32)[both] + single[both]) / 2
    weights = np.where(voted, weight, np.where(labelled, 0.5, 0.0))
    return target, weights.astype(np.float32)


def smiles(
    units: npt.NDArray[np.floating],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Expression of faces that smile or rest, by their action units alone.

    Parameters
    ----------
    units
        (n, 17), how far action units are active, 0 to 1, NaN where unknown.

    Returns
    -------
    float32 (n, 7) and float32 (n,): a mixture of neutral and happiness with weight 0.5, NaN and 0
    where a unit that belongs to no smile is half active, or AU 12 is unknown.

    Examples
    --------
    >>> faces = np.zeros((2, 17))
    >>> faces[0, ACTION_UNITS.index(12)] = 1
    >>> faces[1, ACTION_UNITS.index(4)] = 1
    >>> target, weight = smiles(faces)
    >>> target[0, EXPRESSIONS.index("happiness")].round(2).item(), weight.tolist()
    (0.9100000262260437, [0.5, 0.0])
    """
    shown = np.asarray(units, np.float64)
    strange = [k for k, unit in enumerate(ACTION_UNITS) if unit not in _OF_SMILES]
    smile = shown[:, ACTION_UNITS.index(12)]
    known = np.isfinite(smile) & (np.nan_to_num(shown[:, strange]).max(axis=1) < 0.5)
    target = np.full((len(shown), len(EXPRESSIONS)), _LABEL_SMOOTHING / len(EXPRESSIONS))
    target[:, EXPRESSIONS.index("happiness")] += (1 - _LABEL_SMOOTHING) * smile
    target[:, EXPRESSIONS.index("neutral")] += (1 - _LABEL_SMOOTHING) * (1 - smile)
    target[~known] = np.nan
    return target.astype(np.float32), np.where(known, 0.5, 0.0).astype(np.float32)


def movement(units: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """How far each expression's units are active: (n, 17) in [0, 1] -> float32 (n, 7).

    The mean of the strongest three, weighted by `mien.labels.relatedness`; unknown (NaN) units do
    not count. For neutral it is 0, and so it is where nothing is known.
    """
    table = relatedness("weighted")  # (7, 17)
    shown = np.nan_to_num(np.asarray(units, np.float64))[:, None, :] * table  # (n, 7, 17)
    strongest: npt.NDArray[np.float64] = np.sort(shown, axis=2)[:, :, -3:].mean(axis=2)
    return strongest.clip(0, 1).astype(np.float32)


def valence_arousal_targets(
    expressions: npt.NDArray[np.floating], units: npt.NDArray[np.floating]
) -> npt.NDArray[np.float32]:
    """Where a face lies in the plane; the module docstring gives the formula.

    Parameters
    ----------
    expressions
        (n, 7), rows summing to 1 or NaN.
    units
        (n, 17), how far action units are active, 0 to 1, NaN where unknown.

    Returns
    -------
    float32 (n, 2) valence, arousal in [-1, 1]; NaN where the distribution is, or no unit is known.

    Examples
    --------
    >>> smile = np.eye(7)[[EXPRESSIONS.index("happiness")] * 2]
    >>> active = np.zeros((2, 17))
    >>> active[1, [4, 9, 15]] = 1  # 6, 12 and 25
    >>> valence_arousal_targets(smile, active).round(2).tolist()
    [[0.41999998688697815, 0.05999999865889549], [0.7799999713897705, 0.38999998569488525]]
    """
    table = np.array([FACE_COORDINATES[name] for name in EXPRESSIONS])
    share = np.asarray(expressions, np.float64)
    strength = movement(units).astype(np.float64)
    valence = (share * table[:, 0] * (0.5 + 0.5 * strength)).sum(axis=1)
    rise = (table[:, 1] - RESTING_AROUSAL) * (0.35 + 0.65 * strength)
    arousal = RESTING_AROUSAL + (share * rise).sum(axis=1)
    plane = np.stack([valence, arousal], axis=1)
    plane[~np.isfinite(np.asarray(units)).any(axis=1)] = np.nan
    return plane.astype(np.float32)
