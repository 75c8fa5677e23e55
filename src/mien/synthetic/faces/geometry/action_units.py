"""Our 17 action units as facial actions of the head.

The head's 52 facial actions are ARKit's blendshapes as sculpted by Mika Suominen for MakeHuman
(CC0). `ACTION_TABLE` is the one place that says which of them an action unit is made of; what each
unit should look like is taken from Ekman, Friesen & Hager, *Facial Action Coding System* (2002).
An intensity of 1 is meant as a strong (level D to E) movement of a person, not as the most that the
sculpted shape can do: ``jawOpen`` at 1 opens the mouth by 4 cm, AU26 uses a third of it.

Composition, in this order:

1. *Sides.* A table entry ``name*`` stands for a left and a right action, driven by the intensity of
   its side. With asymmetry s in [-1, 1] an intensity a becomes a x min(1, 1 + s) on the left and
   a x min(1, 1 - s) on the right: the stronger side keeps the intensity, which is what FACS scores.
   Actions without sides take the mean of both.
2. *Several units on one action* add up with saturation: with cap c and parts w_i,
   c (1 - prod(1 - w_i / c)). One part alone is exact, more never weaken each other, and the cap
   (`CAPS`, else 1) is never passed.
3. *25 with 26.* In FACS the jaw may drop behind closed lips, and lips may part over closed teeth.
   AU26 therefore brings ``mouthClose`` along, which keeps the lips sealed, and AU25 takes it away
   again, wholly from an intensity of 0.5 on.
4. *Lids.* A blink weakens widening (5) and tightening (7) by its own amount: a shut eye is shut
   once.

`INCOMPATIBLE` names pairs that FACS excludes; the table adds them all the same, so whoever draws
intensities should not draw both.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mien.labels import ACTION_UNITS
from mien.synthetic.faces.geometry.controls import Blink, Jaw
from mien.types import FloatArray

ACTION_TABLE: dict[int, dict[str, float]] = {
    1: {"browInnerUp*": 1.0},
    2: {"browOuterUp*": 1.0},
    4: {"browDown*": 1.0},
    5: {"eyeWide*": 1.0},
    6: {"cheekSquint*": 0.9},
    7: {"eyeSquint*": 1.0},
    9: {"noseSneer*": 1.7, "browDown*": 0.1},
    10: {"mouthUpperUp*": 1.0},
    11: {"noseSneer*": 0.4, "cheekSquint*": 0.2, "mouthUpperUp*": 0.1},
    12: {"mouthSmile*": 0.65},
    15: {"mouthFrown*": 1.0},
    17: {"mouthShrugLower": 1.0},
    20: {"mouthStretch*": 0.85, "mouthSmile*": 0.15},
    23: {"mouthRollLower": 0.45, "mouthRollUpper": 0.2, "mouthPucker": 0.35},
    24: {"mouthPress*": 0.35, "mouthRollLower": 0.3, "mouthRollUpper": 0.2, "mouthPucker": 0.4},
    25: {"mouthLowerDown*": 0.8, "mouthUpperUp*": 0.2},
    26: {"jawOpen": 0.35},
}
"""Action unit -> facial action -> weight at intensity 1. ``*`` stands for Left and Right."""

COMPOSED: tuple[int, ...] = (11,)
"""Units without an action of their own, put together from others' and not to be told apart from
weak 9 + 10 with confidence: mask them where a loss reads synthetic labels."""

INCOMPATIBLE: tuple[tuple[int, int], ...] = ((23, 24), (24, 25), (24, 26), (12, 15))
"""Pairs not to be drawn together: pressed lips are neither parted nor (in our labels) tightened
without pressing. 12 with 15 is possible for people, but on this head the corners cancel out."""

CAPS: dict[str, float] = {"mouthSmile": 0.8, "jawOpen": 0.6, "noseSneer": 1.8}
"""Action, without side -> largest weight; 1 for all others."""

SEAL_RELEASED_AT = 0.5
"""Intensity of AU25 from which the lips follow the jaw freely."""


def action_weights(
    units: Mapping[int, float],
    labels: tuple[str, ...],
    *,
    asymmetry: Mapping[int, float] | None = None,
    blink: Blink | None = None,
    jaw: Jaw | None = None,
) -> FloatArray:
    """Weights of the head's facial actions.

    Parameters
    ----------
    units
        Action unit (FACS number) -> intensity, 0 to 1; absent ones are 0.
    labels
        Names of the actions, `HeadModel.action_labels`, whose order the result has.
    asymmetry
        Action unit -> -1 (the person's right side alone) over 0 (both) to 1 (left alone).
    blink, jaw
        None: eyes as the units leave them, jaw centred.

    Returns
    -------
    float32 (len(labels),), 0 to 1 (``noseSneer*`` to 1.8); zeros for no units.

    Raises
    ------
    ValueError
        If a unit is not one of `mien.labels.ACTION_UNITS` or a number is out of range.
    """
    asymmetry = asymmetry or {}
    blink, jaw = blink or Blink(), jaw or Jaw()
    sides = {unit: _sides(unit, a, asymmetry.get(unit, 0.0)) for unit, a in units.items()}
    if extra := set(asymmetry) - set(ACTION_UNITS):
        raise ValueError(f"asymmetry of unknown action units: {sorted(extra)}")
    free: dict[str, float] = {}  # per action: product of (1 - part / cap)
    for unit in ACTION_UNITS:  # a fixed order: the same sum bit for bit
        if unit not in sides:
            continue
        left, right = sides[unit]
        for action, weight in ACTION_TABLE[unit].items():
            name = action.removesuffix("*")
            cap = CAPS.get(name, 1.0)
            parts = (
                {f"{name}Left": left, f"{name}Right": right}
                if action.endswith("*")
                else {name: (left + right) / 2}
            )
            for label, intensity in parts.items():
                free[label] = free.get(label, 1.0) * (1 - weight * intensity / cap)
    weights = {
        label: CAPS.get(label.removesuffix("Left").removesuffix("Right"), 1.0) * (1 - rest)
        for label, rest in free.items()
    }
    parted = max(sides.get(25, (0.0, 0.0)))
    weights["mouthClose"] = weights.get("jawOpen", 0.0) * max(0.0, 1 - parted / SEAL_RELEASED_AT)
    for side, shut in (("Left", blink.left), ("Right", blink.right)):
        for name in ("eyeWide", "eyeSquint"):
            weights[name + side] = weights.get(name + side, 0.0) * (1 - shut)
        weights[f"eyeBlink{side}"] = shut
    weights["jawLeft"] = max(jaw.sideways, 0.0)
    weights["jawRight"] = max(-jaw.sideways, 0.0)
    weights["jawForward"] = jaw.forward
    return np.array([weights.get(label, 0.0) for label in labels], np.float32)


def _sides(unit: int, intensity: float, asymmetry: float) -> tuple[float, float]:
    """Intensity on the left and on the right."""
    if unit not in ACTION_UNITS:
        raise ValueError(f"action unit {unit} is none of {ACTION_UNITS}")
    if not 0 <= intensity <= 1:
        raise ValueError(f"intensity of AU{unit} is from 0 to 1, not {intensity!r}")
    if not -1 <= asymmetry <= 1:
        raise ValueError(f"asymmetry of AU{unit} is from -1 to 1, not {asymmetry!r}")
    return intensity * min(1.0, 1 + asymmetry), intensity * min(1.0, 1 - asymmetry)
