"""`draw_moment`: faces at one instant for training on images.

A corpus of posed emotions would teach that units come in fixed company. The draws mix emotions with
units on their own, so that every unit is often there and often not, in all sorts of company:

===========  =====  ===============================================================================
kind         share  what moves
===========  =====  ===============================================================================
emotion       0.34  one of the six basic emotions, from subtle to strong
reaction      0.12  one of the seven reactions
compound      0.12  two basic emotions at once (Du, Tao & Martinez, PNAS 111 (2014))
random        0.30  one to five units drawn at random
talking       0.06  mouth shapes of speech, at times over a weak emotion
neutral       0.06  nothing but slight idle activation
===========  =====  ===============================================================================

Outside the neutral kind a random unit joins in with probability 0.25, and one that belongs is left
out with probability 0.15. Units that emotions seldom show are drawn more often at random
(`UNIT_WEIGHTS`). All draws pass through `reconcile`, and labels are read from what is left
(`read_affect`). The shares are chosen, not observed; the spontaneous faces of people are mostly
neutral.

Asked for `speech`, faces of every kind may talk: mouth shapes are added to what they show. What is
felt does not change by it, so expressions, valence and arousal are read from the face before it
talks, and units from the face as it is seen. The kind talking is then neutral.
"""

from __future__ import annotations

import numpy as np

from mien.labels import ACTION_UNITS
from mien.synthetic.faces.behaviour.affect import read_affect
from mien.synthetic.faces.behaviour.compatibility import reconcile
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.behaviour.physiology import draw_physiology
from mien.synthetic.faces.behaviour.profiles import Float64Array
from mien.synthetic.faces.behaviour.prototypes import (
    EMOTION_PROTOTYPES,
    REACTION_PROTOTYPES,
    Prototype,
    draw_shown,
)
from mien.synthetic.faces.geometry.controls import (
    MAX_GAZE_PITCH_DEG,
    MAX_GAZE_YAW_DEG,
    Blink,
    Gaze,
    HeadPose,
    Jaw,
)
from mien.types import FloatArray

KINDS: dict[str, float] = {
    "emotion": 0.34,
    "reaction": 0.12,
    "compound": 0.12,
    "random": 0.30,
    "talking": 0.06,
    "neutral": 0.06,
}
"""Share of each kind; they sum to 1."""

UNIT_WEIGHTS: dict[int, float] = {
    1: 0.5,
    2: 1.0,
    4: 0.4,
    5: 1.6,
    6: 1.0,
    7: 1.6,
    9: 1.5,
    10: 1.6,
    11: 3.5,
    12: 1.1,
    15: 2.6,
    17: 0.8,
    20: 1.2,
    23: 6.6,
    24: 5.0,
    25: 0.5,
    26: 0.9,
}
"""How readily a unit is drawn at random."""

_MOUTH_SHAPES = ((23, 0.2, 0.5), (17, 0.2, 0.5), (20, 0.25, 0.5), (10, 0.2, 0.4))
"""Units that speech adds to 25 and 26: unit, how often, at most how strongly."""

_UNIT_SHARES = np.array([UNIT_WEIGHTS[u] for u in ACTION_UNITS]) / sum(UNIT_WEIGHTS.values())


def draw_moment(rng: np.random.Generator, frontal: bool = False, speech: float = 0.0) -> Moment:
    """Draw one face.

    Parameters
    ----------
    rng
        Source of randomness; the same state gives the same face bit for bit.
    frontal
        Whether the head is held so that \\|yaw\\| < 12, \\|pitch\\| < 8 and \\|roll\\| < 8 degrees.
    speech
        Share of faces, of any kind, that talk without its changing what they express.

    Returns
    -------
    `Moment` with labels that follow from its action units.

    Examples
    --------
    >>> face = draw_moment(np.random.default_rng(3), frontal=True)
    >>> face.action_units.shape, abs(face.pose.yaw_deg) < 12
    ((17,), True)
    """
    felt = _draw_units(rng, "neutral" if speech else "talking")
    units = reconcile(felt)
    talks = bool(speech) and rng.random() < speech
    if talks:
        _add_mouth_shape(felt, rng)
    seen = reconcile(felt) if talks else units
    blink = _draw_blink(rng, seen)
    shown = seen.astype(np.float32)
    affect = read_affect(units.astype(np.float32))
    valence, arousal = float(affect.valence), float(affect.arousal)
    pose = _draw_pose(rng, frontal)
    return Moment(
        shown,
        _draw_asymmetry(rng),
        affect.expressions,
        valence,
        arousal,
        blink,
        _draw_gaze(rng, pose),
        _draw_jaw(rng),
        pose,
        rng.normal(0, (8.0, 6.0, 10.0)).astype(np.float32),
        draw_physiology(rng, valence, arousal),
    )


def _draw_units(rng: np.random.Generator, talking: str) -> Float64Array:
    """Intensities (17,) before incompatible units yield; `talking`: what becomes of that kind."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    kind = talking if kind == "talking" else kind
    units = np.zeros(len(ACTION_UNITS))
    if kind == "emotion":
        _add(units, rng, _pick(rng, EMOTION_PROTOTYPES), _intensity(rng))
    elif kind == "reaction":
        _add(units, rng, _pick(rng, REACTION_PROTOTYPES), 1.15 * _intensity(rng))
    elif kind == "compound":
        for _ in range(2):
            _add(units, rng, _pick(rng, EMOTION_PROTOTYPES), 0.4 + 0.6 * _intensity(rng))
    elif kind == "random":
        _add_random(units, rng, int(rng.integers(1, 6)))
    elif kind == "talking":
        _add_speech(units, rng)
    if kind not in ("neutral", "random") and rng.random() < 0.25:
        _add_random(units, rng, 1)
    idle = rng.beta(1, 9, len(units)) * (rng.random(len(units)) < 0.3)
    units = np.clip(1 - (1 - units) * (1 - idle), 0, 1)
    return np.asarray(units, np.float64)


def _intensity(rng: np.random.Generator) -> float:
    """0.2 (subtle) to 1, strong ones somewhat more often."""
    return 0.2 + 0.8 * float(rng.beta(1.5, 1.1))


def _pick(rng: np.random.Generator, prototypes: dict[str, Prototype]) -> Prototype:
    """One of the prototypes; happiness, the one pleasant emotion, twice as often as another."""
    weights = np.array([2.0 if name == "happiness" else 1.0 for name in prototypes])
    return prototypes[str(rng.choice(list(prototypes), p=weights / weights.sum()))]


def _add(
    units: Float64Array, rng: np.random.Generator, prototype: Prototype, intensity: float
) -> None:
    """Let `units` (17,) show the prototype, in place; one unit is sometimes left out."""
    shown = draw_shown(rng, prototype)
    if len(shown) > 1 and rng.random() < 0.15:
        del shown[int(rng.choice(list(shown)))]
    for unit, strength in shown.items():
        column = ACTION_UNITS.index(unit)
        units[column] = max(units[column], min(1.0, intensity * strength))


def _add_random(units: Float64Array, rng: np.random.Generator, count: int) -> None:
    """Add `count` random units to `units` (17,) in place, at 0.15 to 1."""
    columns = rng.choice(len(units), count, replace=False, p=_UNIT_SHARES)
    units[columns] = np.maximum(units[columns], rng.uniform(0.15, 1.0, count))


def _add_speech(units: Float64Array, rng: np.random.Generator) -> None:
    """A mouth shape: open, or rounded (23, 17), spread (20), upper lip raised (10)."""
    if rng.random() < 0.35:
        _add(units, rng, _pick(rng, EMOTION_PROTOTYPES), float(rng.uniform(0.2, 0.6)))
    _add_mouth_shape(units, rng)


def _add_mouth_shape(units: Float64Array, rng: np.random.Generator) -> None:
    """What an articulating mouth adds to `units` (17,), in place."""
    shape = {25: rng.uniform(0.2, 0.8), 26: rng.uniform(0.0, 0.7)}
    for unit, probability, most in _MOUTH_SHAPES:
        if rng.random() < probability:
            shape[unit] = rng.uniform(0.1, most)
    for unit, intensity in shape.items():
        column = ACTION_UNITS.index(unit)
        units[column] = max(units[column], intensity)
    units[ACTION_UNITS.index(24)] = 0.0


def _draw_asymmetry(rng: np.random.Generator) -> FloatArray:
    """Mostly slight; in one face of ten one side leads everywhere, in another one unit does."""
    asymmetry = rng.normal(0, 0.12, len(ACTION_UNITS))
    case = rng.random()
    if case < 0.1:
        asymmetry += rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.6)
    elif case < 0.2:
        asymmetry[rng.integers(len(asymmetry))] = rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1.0)
    return asymmetry.clip(-1, 1).astype(np.float32)


def _draw_blink(rng: np.random.Generator, units: Float64Array) -> Blink:
    """Lids caught on their way in one face of ten, unless the eyes are being widened.

    A shut eye hides how far its lids are widened or tightened; `units` (17,) follow, in place.
    """
    caught = rng.random() < 0.1
    closed = float(rng.uniform(0.15, 1.0))
    difference = float(rng.normal(0, 0.04))
    wink = rng.random() < 0.05
    if not caught or units[ACTION_UNITS.index(5)] > 0.2:
        return Blink()
    hidden = np.clip((closed - 0.5) / 0.3, 0, 1)
    units[[ACTION_UNITS.index(5), ACTION_UNITS.index(7)]] *= 1 - hidden
    other = 0.1 * closed if wink else float(np.clip(closed + difference, 0, 1))
    return Blink(closed, other)


def _draw_pose(rng: np.random.Generator, frontal: bool) -> HeadPose:
    """Towards the camera, with deviations of 14, 8 and 7 degrees; frontal: about half of these."""
    yaw, pitch, roll = rng.normal(size=3)
    if frontal:
        yaw, pitch, roll = np.clip((yaw, pitch, roll), -1.95, 1.95)
        return HeadPose(6.0 * float(yaw), 4.0 * float(pitch), 4.0 * float(roll))
    return HeadPose(
        float(np.clip(yaw * 14.0, -45, 45)),
        float(np.clip(pitch * 8.0, -25, 25)),
        float(np.clip(roll * 7.0, -22, 22)),
    )


def _draw_gaze(rng: np.random.Generator, pose: HeadPose) -> Gaze:
    """Mostly at the camera or near it, wherever the head points; else anywhere."""
    at_camera = rng.random() < 0.75
    yaw, pitch = rng.normal(0, (5.0, 4.0)) if at_camera else rng.normal(0, (12.0, 8.0))
    if at_camera:
        yaw, pitch = yaw - pose.yaw_deg, pitch - pose.pitch_deg
    return Gaze(
        float(np.clip(yaw, -MAX_GAZE_YAW_DEG, MAX_GAZE_YAW_DEG)),
        float(np.clip(pitch, -MAX_GAZE_PITCH_DEG, MAX_GAZE_PITCH_DEG)),
        float(rng.uniform(1.0, 6.0)),
    )


def _draw_jaw(rng: np.random.Generator) -> Jaw:
    """Seldom sideways (4 %) or forward (3 %)."""
    moved = rng.random(2) < (0.04, 0.03)
    sideways, forward = rng.uniform(-0.6, 0.6), rng.uniform(0.0, 0.5)
    return Jaw(float(sideways * moved[0]), float(forward * moved[1]))
