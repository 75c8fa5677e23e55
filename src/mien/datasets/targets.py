"""How raw annotations become training targets. Every choice is documented here.

**Expressions from votes.** Of FER+'s ten votes per face, an expression chosen by a single rater is
dropped as noise (Barsoum et al., ICMI 2016, do the same); the rest, over the 7 basic expressions,
is normalised to a distribution. *Contempt*, *unknown* and *no face* are not among the 7: they
lower the weight of the sample (share of votes on the 7), and a sample that loses half of its votes
to them has weight 0. It still counts for L_DM and for its action units.

**Valence and arousal from votes.** No rating of valence or arousal exists for these faces. The
target is the vote-weighted mean of the affective coordinates of the emotion words in Russell and
Mehrabian (J. Research in Personality 11, 1977), below, with neutral at the origin. It is a
re-description of the expression votes in the valence-arousal plane, not a measurement: it cannot
know more than the votes, and a quiet smile and a broad one differ only through the raters' doubt.
Contempt has no coordinate here, so its votes do not enter; samples with weight 0 above get none.

**Action units from blendshapes.** A face-mesh network's blendshape scores stand in for FACS codes
where a blendshape describes the same movement and its score moves and behaves (`TEACHER_SCORES`).
A line with two bends takes a score to "probability that the AU is active": 0 at 0, 0.1 at `low`
(what neutral faces reach), 0.9 at `high`, 1 at `top` (what one face in 200 of the training sets
exceeds). Cut off at `low` and `high` instead, the target would keep less of the teacher's order: a
perfect reader of it would correlate with AU 7's score at 0.89, of this one at 0.93, and 0.97 and
0.99 in the mean of the twelve (muxspace, held-out people). The others are masked, on purpose:

* 6, 9: the teacher's cheekSquint and noseSneer are constant zero;
* 11, 23: no blendshape describes them;
* 20: mouthStretch, its nominal counterpart, rises with smiles (median 0.09 in happy faces, 0.02 in
  fearful ones in FER+), so it would teach the wrong thing. A training may still be told of faces
  about which it leaves little doubt (`mien.datasets.lip_stretcher`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.labels import ACTION_UNITS, EXPRESSIONS

AFFECTIVE_COORDINATES: dict[str, tuple[float, float]] = {
    "neutral": (0.0, 0.0),
    "anger": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
    "happiness": (0.81, 0.51),
    "sadness": (-0.63, -0.27),
    "surprise": (0.40, 0.67),
}
"""Valence and arousal of the words angry, disgusted, fearful, happy, sad and surprised."""


_LABEL_SMOOTHING = 0.1


@dataclass(frozen=True)
class TeacherScore:
    """Which blendshapes speak for an action unit, and the bends of the line to the target.

    ``names`` are averaged within a tuple (left and right), and the largest of the tuples counts.
    """

    names: tuple[tuple[str, ...], ...]
    low: float
    high: float
    top: float


def both_sides(name: str) -> tuple[str, str]:
    """Names of a blendshape's two scores, that of the left side first."""
    return (f"{name}Left", f"{name}Right")


TEACHER_SCORES: dict[int, TeacherScore] = {
    1: TeacherScore((("browInnerUp",),), 0.10, 0.90, 0.97),
    2: TeacherScore((both_sides("browOuterUp"),), 0.15, 0.90, 0.96),
    4: TeacherScore((both_sides("browDown"),), 0.05, 0.65, 0.83),
    5: TeacherScore((both_sides("eyeWide"),), 0.03, 0.25, 0.37),
    7: TeacherScore((both_sides("eyeSquint"),), 0.35, 0.75, 0.78),
    10: TeacherScore((both_sides("mouthUpperUp"),), 0.05, 0.70, 0.83),
    12: TeacherScore((both_sides("mouthSmile"),), 0.05, 0.80, 0.96),
    15: TeacherScore((both_sides("mouthFrown"),), 0.03, 0.30, 0.50),
    17: TeacherScore((("mouthShrugLower",),), 0.05, 0.35, 0.68),
    24: TeacherScore((both_sides("mouthPress"),), 0.05, 0.30, 0.41),
    25: TeacherScore((both_sides("mouthLowerDown"), ("jawOpen",)), 0.05, 0.70, 0.93),
    26: TeacherScore((("jawOpen",),), 0.08, 0.55, 0.75),
}
"""Action units with a usable teacher; the module docstring says why the others have none."""


def needed_scores() -> set[str]:
    """Names of the blendshapes that `TEACHER_SCORES` reads."""
    groups = [group for teacher in TEACHER_SCORES.values() for group in teacher.names]
    return {name for group in groups for name in group}


def teacher_scores(
    blendshapes: npt.NDArray[np.floating], names: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Raw teacher score per action unit.

    Parameters
    ----------
    blendshapes
        (n, k) in [0, 1], rows of NaN where no face was found.
    names
        (k,) blendshape names.

    Returns
    -------
    float32 (n, 17), NaN for action units without a teacher and for rows without a face.

    Raises
    ------
    KeyError
        If a needed blendshape is not among `names`.
    """
    column = {str(name): i for i, name in enumerate(np.asarray(names))}
    values = np.asarray(blendshapes, np.float32)
    scores = np.full((len(values), len(ACTION_UNITS)), np.nan, np.float32)
    for unit, teacher in TEACHER_SCORES.items():
        groups = [values[:, [column[n] for n in group]].mean(axis=1) for group in teacher.names]
        scores[:, ACTION_UNITS.index(unit)] = np.max(groups, axis=0)
    return scores


def action_unit_targets(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Lines of `TEACHER_SCORES` applied to raw scores (n, 17); NaN stays NaN."""
    targets = np.full_like(scores, np.nan)
    for unit, teacher in TEACHER_SCORES.items():
        column = ACTION_UNITS.index(unit)
        bends = (0.0, teacher.low, teacher.high, teacher.top)
        line = np.interp(scores[:, column], bends, (0.0, 0.1, 0.9, 1.0))
        targets[:, column] = np.where(np.isfinite(scores[:, column]), line, np.nan)
    return targets


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


def smoothed_labels(indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Distributions for faces that one annotator has given one expression.

    A tenth of the probability is spread over all seven: leave the other annotators a little room.

    Parameters
    ----------
    indices
        int64 (n,), index into `EXPRESSIONS`, -1 where there is no label.

    Returns
    -------
    float32 (n, 7), rows that sum to 1; NaN where there is no label.

    Examples
    --------
    >>> smoothed_labels(np.array([4, -1]))[:, 4].round(3).tolist()
    [0.9139999747276306, nan]
    """
    target = np.full((len(indices), len(EXPRESSIONS)), np.nan, np.float32)
    known = indices >= 0
    target[known] = _LABEL_SMOOTHING / len(EXPRESSIONS)
    target[known, indices[known]] += 1 - _LABEL_SMOOTHING
    return target


def valence_arousal_targets(
    expressions: npt.NDArray[np.floating],
) -> npt.NDArray[np.float32]:
    """Mean affective coordinate of an expression distribution.

    Parameters
    ----------
    expressions
        (n, 7), rows summing to 1 or NaN.

    Returns
    -------
    float32 (n, 2) valence, arousal in [-1, 1]; NaN where the distribution is.

    Examples
    --------
    >>> valence_arousal_targets(np.eye(7)[[EXPRESSIONS.index("sadness")]]).round(2).tolist()
    [[-0.6299999952316284, -0.27000001072883606]]
    """
    table = np.array([AFFECTIVE_COORDINATES[name] for name in EXPRESSIONS])
    means: npt.NDArray[np.float64] = np.asarray(expressions, np.float64) @ table
    return means.astype(np.float32)
