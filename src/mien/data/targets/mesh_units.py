"""The geometric teacher: action units of photographs from what a face mesh saw, by rules.

MediaPipe's blendshapes mix what FACS keeps apart. Each rule takes one movement out of them; a line
takes the result to "probability that the unit is active": 0 at `low` and below, 0.5 in the middle,
1 at `high` and above. The same measure, on to `top`, gives the intensity, 0 to 5.

====  ==================================================  ======================================
AU    measure                                             why
====  ==================================================  ======================================
1     browInnerUp
2     browOuterUp
4     the larger of browDown and low inner brows          browDown alone misses knit brows
5     eyeWide
6     eyeSquint x mouthSmile                              cheeks rise in a smile
7     eyeSquint x (1 - mouthSmile)                        lids tighten without one
10    mouthUpperUp x (1 - mouthSmile)                     a smile lifts the upper lip, too
12    mouthSmile
15    mouthFrown
17    mouthShrugLower
20    mouthStretch x (1 - mouthSmile)                     a smile stretches, too
23    mean of mouthRollLower and mouthRollUpper           lips rolled in are tight
24    the larger of mouthPress x (1 - mouthSmile / 2)     lips rolled in are pressed
      and 0.7 mouthRollLower, where lips are shut
25    distance of the inner lips / distance of the eyes   what the unit means
26    jawOpen
====  ==================================================  ======================================

No rule sees 9 and 11. Where people have voted on the expression, what their votes expect of a unit
(`mien.labels.relatedness`, weighted: Eq. 1 of FaceRNET with the raters' shares for p_emo) is mixed
in with the weights of `VOTE_SHARE`, and is all there is for 9 and 11. A neutral face expects
nothing, so bare neutral faces teach absence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mien.data.targets.mesh import Mesh
from mien.labels import ACTION_UNITS, EXPRESSIONS, relatedness
from mien.types import FloatArray


class Line(NamedTuple):
    """Where a measure begins to speak for a unit, is sure of it, and is at its strongest."""

    low: float
    high: float
    top: float


def _ramp(value: FloatArray, low: float, high: float) -> FloatArray:
    ramped: FloatArray = np.clip((value - low) / (high - low), 0, 1).astype(np.float32)
    return ramped


def _knit(mesh: Mesh) -> FloatArray:
    low_brows = 0.5 * _ramp(-mesh.brow_height, -0.21, -0.13)
    found: FloatArray = np.fmax(mesh.score("browDown"), low_brows)
    return found


def _pressed(mesh: Mesh) -> FloatArray:
    press = mesh.score("mouthPress") * (1 - mesh.score("mouthSmile") / 2)
    shut = 1 - _ramp(mesh.lip_gap, 0.01, 0.05)
    pressed: FloatArray = np.fmax(press, 0.7 * mesh.score("mouthRollLower"))
    found: FloatArray = pressed * np.where(np.isfinite(shut), shut, 1).astype(np.float32)
    return found


MEASURES: dict[int, tuple[Callable[[Mesh], FloatArray], Line]] = {
    1: (lambda m: m.score("browInnerUp"), Line(0.15, 0.75, 0.97)),
    2: (lambda m: m.score("browOuterUp"), Line(0.15, 0.75, 0.96)),
    4: (_knit, Line(0.06, 0.50, 0.80)),
    5: (lambda m: m.score("eyeWide"), Line(0.03, 0.22, 0.37)),
    6: (lambda m: m.score("eyeSquint") * m.score("mouthSmile"), Line(0.05, 0.40, 0.65)),
    7: (lambda m: m.score("eyeSquint") * (1 - m.score("mouthSmile")), Line(0.25, 0.58, 0.72)),
    10: (lambda m: m.score("mouthUpperUp") * (1 - m.score("mouthSmile")), Line(0.06, 0.40, 0.65)),
    12: (lambda m: m.score("mouthSmile"), Line(0.10, 0.70, 0.96)),
    15: (lambda m: m.score("mouthFrown"), Line(0.03, 0.25, 0.50)),
    17: (lambda m: m.score("mouthShrugLower"), Line(0.06, 0.36, 0.68)),
    20: (lambda m: m.score("mouthStretch") * (1 - m.score("mouthSmile")), Line(0.06, 0.35, 0.60)),
    23: (
        lambda m: 0.5 * (m.score("mouthRollLower") + m.score("mouthRollUpper")),
        Line(0.06, 0.32, 0.55),
    ),
    24: (_pressed, Line(0.06, 0.30, 0.50)),
    25: (lambda m: m.lip_gap, Line(0.035, 0.115, 0.45)),
    26: (lambda m: m.score("jawOpen"), Line(0.08, 0.40, 0.75)),
}
"""Units that geometry can see: measure of a `Mesh` (n,) and its line."""

VOTE_SHARE: dict[int, float] = {
    1: 0.25, 2: 0.15, 4: 0.45, 5: 0.20, 6: 0.10, 7: 0.30, 9: 1.0, 10: 0.30, 11: 1.0,
    12: 0.10, 15: 0.50, 17: 0.40, 20: 0.35, 23: 0.40, 24: 0.40, 25: 0.0, 26: 0.0,
}  # fmt: skip
"""Weight of what the votes expect of a unit, beside the mesh."""


def mesh_units(mesh: Mesh) -> FloatArray:
    """Targets of the action units by geometry alone, float32 (n, 17); NaN for 9, 11, no face."""
    return _by_rule(mesh, lambda value, line: _ramp(value, line.low, line.high))


def mesh_intensities(mesh: Mesh) -> FloatArray:
    """Intensities 0 to 5 by geometry, float32 (n, 17); NaN for 9 and 11 and without a face."""
    return _by_rule(mesh, lambda value, line: 5 * _ramp(value, line.low, line.top))


def mesh_scores(mesh: Mesh) -> FloatArray:
    """The measures themselves, float32 (n, 17); NaN for 9 and 11 and without a face."""
    return _by_rule(mesh, lambda value, line: value)


def mesh_labels(mesh: Mesh) -> dict[str, Any]:
    """What the mesh alone says of a corpus's faces, by the names of `FaceSet`'s fields."""
    return {
        "teacher_scores": mesh_scores(mesh),
        "blendshapes": mesh.blendshapes,
        "intensities": mesh_intensities(mesh),
        "pose_deg": mesh.pose_deg,
        "eye_open": mesh.eye_open,
        "gaze_deg": mesh.gaze_deg,
        "face_landmarks": mesh.landmarks,
    }


def _by_rule(mesh: Mesh, of: Callable[[FloatArray, Line], FloatArray]) -> FloatArray:
    found = np.full((len(mesh), len(ACTION_UNITS)), np.nan, np.float32)
    for unit, (measure, line) in MEASURES.items():
        found[:, ACTION_UNITS.index(unit)] = of(measure(mesh), line)
    return found


def expected_units(expressions: FloatArray) -> FloatArray:
    """What a distribution over the expressions expects of the units, (n, 7) -> float32 (n, 17).

    Of AU 6 only what happiness expects: in sadness geometry cannot check it.
    """
    table = relatedness("weighted").copy()
    others = [row for row, name in enumerate(EXPRESSIONS) if name != "happiness"]
    table[others, ACTION_UNITS.index(6)] = 0
    found = np.asarray(expressions, np.float64) @ table
    return found.clip(0, 1).astype(np.float32)


def photograph_units(mesh: Mesh, expressions: FloatArray) -> FloatArray:
    """Targets of photographs, float32 (n, 17): geometry and votes, by `VOTE_SHARE`.

    Parameters
    ----------
    mesh
        Of n faces.
    expressions
        (n, 7), rows that sum to 1, or NaN where nobody has said. There geometry stands alone;
        without geometry a unit is unknown, but for those that votes alone say.
    """
    seen, expected = mesh_units(mesh), expected_units(expressions)
    share = np.array([VOTE_SHARE[unit] for unit in ACTION_UNITS], np.float32)
    blind = share == 1
    voted = np.isfinite(expected).all(axis=1, keepdims=True)
    both = np.where(blind, expected, (1 - share) * seen + share * np.nan_to_num(expected))
    return np.where(voted, both, seen).astype(np.float32)
