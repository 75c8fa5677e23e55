"""What a set of action units expresses: the one model behind every label of the synthetic faces.

A function of the action units alone, so whoever reads them perfectly can recover the labels.
Blinks, gaze, pose and the identity of the face do not enter.

**Expressions.** With r(u, e) the share of people who show unit u in expression e
(`mien.labels.relatedness`, "weighted"; Du, Tao & Martinez, PNAS 111 (2014), Table 1), a unit's
weight for an expression is how likely it is there times how specific it is:

    w(u, e) = r(u, e) * r(u, e) / sum_e' r(u, e')

so the smile (12), which happiness alone shows, says more than parted lips (25), which three share.
The *match* is the weighted sum of intensities relative to the complete prototype P(e), which
observational units may pass and which saturates:

    E(e) = sum_u w(u, e) a(u) / sum_{u in P(e)} w(u, e);   match = S tanh(E / S), S = 1.25

*Contradiction* is what moves and does not belong to e, weighted by the most that the unit says for
another expression, saturating likewise:

    C(e) = 1 - exp(-sum_{u: r(u, e) = 0} max_e' w(u, e') a(u))

and *neutral* has no match of its own and loses to movement of any kind. The mixture is the softmax
over the expressions of

    G (match(e) - K C(e));   for neutral G (T - N (1 - exp(-sum_u max_e' w(u, e') a(u))))

G = 13, K = 0.5, T = 0.5, N = 0.25: chosen so that nothing moving is neutral (> 0.98), a complete
prototype at 1 is its expression (> 0.8, with or without observational units) and at 0.3 still
mostly neutral. These four numbers are a choice, not a measurement.

**Valence and arousal.** Each expression contributes its words' coordinates
(`mien.data.targets.votes.AFFECTIVE_COORDINATES`; Russell & Mehrabian, J. Research in Personality 11
(1977)), scaled by how completely it is shown, from 0.6 for a hint to 1 at E >= 1. On top of this m
come small contributions d of single units, within the circumplex of Russell (J. Personality and
Social Psychology 39 (1980)): m + d (1 - |m|), which stays within -1 and 1. Directions follow facial
electromyography, where the brow lowerer rises with unpleasantness and the smile muscle with
pleasantness (Lang, Greenwald, Bradley & Hamm, Psychophysiology 30 (1993); Larsen, Norris &
Cacioppo, Psychophysiology 40 (2003)); their sizes are assumptions.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mien.data.targets.votes import AFFECTIVE_COORDINATES
from mien.labels import ACTION_UNITS, EXPRESSIONS, relatedness
from mien.types import FloatArray

Float64Array = npt.NDArray[np.float64]

GAIN = 13.0
CONTRADICTION = 0.5
NEUTRAL_THRESHOLD = 0.5
NEUTRAL_LOSS = 0.25
SATURATION = 1.25

UNIT_VALENCE: dict[int, float] = {
    6: 0.06,
    12: 0.16,
    1: -0.03,
    4: -0.12,
    9: -0.08,
    10: -0.06,
    11: -0.04,
    15: -0.12,
    17: -0.04,
    20: -0.08,
    23: -0.04,
    24: -0.05,
}
"""Valence that a unit at 1 adds by itself."""

UNIT_AROUSAL: dict[int, float] = {
    1: 0.03,
    2: 0.05,
    4: 0.03,
    5: 0.15,
    6: 0.03,
    7: 0.05,
    9: 0.04,
    10: 0.04,
    12: 0.03,
    15: -0.06,
    20: 0.08,
    23: 0.03,
    24: 0.03,
    25: 0.04,
    26: 0.10,
}
"""Arousal that a unit at 1 adds by itself: wide eyes and an open mouth most."""


class Affect(NamedTuple):
    """What action units express.

    Attributes
    ----------
    expressions
        float32 (..., 7) in the order of `mien.labels.EXPRESSIONS`, rows that sum to 1.
    valence, arousal
        float32 (...,), -1 to 1.
    """

    expressions: FloatArray
    valence: FloatArray
    arousal: FloatArray


class _Tables(NamedTuple):
    match: Float64Array  # (17, 7) weight of a unit relative to the complete prototype
    against: Float64Array  # (17, 7) weight of a unit that does not belong
    salience: Float64Array  # (17,) the most that a unit says
    coordinates: Float64Array  # (7, 2)
    direct: Float64Array  # (17, 2)


@cache
def _tables() -> _Tables:
    share = relatedness("weighted").T  # (17, 7)
    weight = share * share / share.sum(axis=1, keepdims=True)
    salience = weight.max(axis=1)
    complete = np.where(share == 1, weight, 0).sum(axis=0)  # (7,), 0 for neutral
    return _Tables(
        weight / np.where(complete > 0, complete, 1),
        np.where(share == 0, salience[:, None], 0.0),
        salience,
        np.array([AFFECTIVE_COORDINATES[name] for name in EXPRESSIONS]),
        np.array([[t.get(u, 0.0) for t in (UNIT_VALENCE, UNIT_AROUSAL)] for u in ACTION_UNITS]),
    )


def read_affect(units: npt.ArrayLike) -> Affect:
    """Expressions, valence and arousal of action units; the module docstring gives the formulas.

    Parameters
    ----------
    units
        (..., 17) intensities from 0 to 1 in the order of `mien.labels.ACTION_UNITS`.

    Returns
    -------
    `Affect` of the same leading shape; continuous in `units`.

    Raises
    ------
    ValueError
        If the last axis is not 17 long or an intensity is not a number from 0 to 1.

    Examples
    --------
    >>> at_rest = read_affect(np.zeros(17))
    >>> bool(at_rest.expressions[0] > 0.98), bool(abs(at_rest.valence) < 0.01)
    (True, True)
    >>> smile = np.isin(ACTION_UNITS, (6, 12, 25)).astype(float)
    >>> EXPRESSIONS[read_affect(smile).expressions.argmax()], bool(read_affect(smile).valence > 0.7)
    ('happiness', True)
    """
    a = np.asarray(units, np.float64)
    if a.shape[-1:] != (len(ACTION_UNITS),):
        raise ValueError(f"action units have a last axis of {len(ACTION_UNITS)}, not {a.shape}")
    if not (np.all(a >= 0) and np.all(a <= 1)):
        raise ValueError("intensities of action units are numbers from 0 to 1")
    tables = _tables()
    evidence = a @ tables.match  # (..., 7)
    logits = SATURATION * np.tanh(evidence / SATURATION)
    logits -= CONTRADICTION * -np.expm1(-(a @ tables.against))
    logits[..., 0] = NEUTRAL_THRESHOLD + NEUTRAL_LOSS * np.expm1(-(a @ tables.salience))
    weights = np.exp(GAIN * (logits - logits.max(axis=-1, keepdims=True)))
    expressions = weights / weights.sum(axis=-1, keepdims=True)

    completeness = 0.6 + 0.4 * np.clip(evidence, 0, 1)
    mixed = (expressions * completeness) @ tables.coordinates  # (..., 2)
    direct = np.tanh(a @ tables.direct)
    plane = (mixed + direct * (1 - np.abs(mixed))).clip(-1, 1)
    return Affect(
        expressions.astype(np.float32),
        plane[..., 0].astype(np.float32),
        plane[..., 1].astype(np.float32),
    )
