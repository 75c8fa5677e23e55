"""How a head is held and moves while the face does something.

Slow sway around a posture of one's own; nods, shakes, turns and tilts; and a tendency of each
emotion (`TENDENCIES`), in the spirit of Wallbott, European J. Social Psychology 28 (1998), who
found heads down in sadness and up or back in joy and fear. Sizes and frequencies are assumptions.
No label depends on any of this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.synthetic.faces.behaviour.profiles import Event, Float64Array, Sway, draw_sway
from mien.synthetic.faces.behaviour.scenario import Movement

TENDENCIES: dict[str, tuple[float, float, float, float]] = {
    "adoration": (0.0, 1.0, 6.0, 8.0),
    "amusement": (0.0, 4.0, 2.0, -6.0),
    "anger": (0.0, -3.0, 0.0, 15.0),
    "anxiety": (3.0, -3.0, 1.0, -5.0),
    "disgust": (6.0, 1.0, 3.0, -12.0),
    "empathic_pain": (2.0, -3.0, 5.0, -3.0),
    "fear": (4.0, 2.0, 0.0, -25.0),
    "sadness": (2.0, -7.0, 3.0, -5.0),
    "surprise": (0.0, 3.0, 0.0, -12.0),
}
"""At full intensity: yaw, pitch and roll in degrees (yaw and roll to either side), and how far the
head comes closer in mm."""

POSE_LIMITS_DEG = (45.0, 28.0, 25.0)
"""Largest yaw, pitch and roll, approached smoothly."""

SHIFT_LIMIT_MM = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Gesture:
    """A movement of the head: ``amplitude`` (6,) over ``event``, swinging ``rate_hz`` if not 0.

    The six are yaw, pitch, roll (degrees) and x, y, z (mm).
    """

    event: Event
    amplitude: Float64Array
    rate_hz: float = 0.0

    def at(self, time_s: Float64Array) -> Float64Array:
        """float64 (T, 6)."""
        swing = self.event.outline(time_s)
        if self.rate_hz:
            swing = swing * np.sin(2 * np.pi * self.rate_hz * (time_s - self.event.start_s))
        return swing[:, None] * self.amplitude


@dataclass(frozen=True, slots=True, eq=False)
class HeadMotion:
    """One person's head in one video: posture (6,), sway of six channels, gestures."""

    posture: Float64Array
    sway: Sway
    gestures: tuple[Gesture, ...]

    def __call__(self, time_s: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Pose and place of the head at ascending times (T,).

        Returns
        -------
        float64 (T, 3) yaw, pitch, roll in degrees, within `POSE_LIMITS_DEG`, and float64 (T, 3)
        shift in mm, within `SHIFT_LIMIT_MM`.
        """
        motion = self.posture + self.sway(time_s)  # (T, 6)
        for gesture in self.gestures:
            window = gesture.event.window(time_s)
            motion[window] += gesture.at(time_s[window])
        limit = np.array([*POSE_LIMITS_DEG, *[SHIFT_LIMIT_MM] * 3])
        motion = limit * np.tanh(motion / limit)
        return motion[:, :3], motion[:, 3:]


def draw_head_motion(
    rng: np.random.Generator, duration_s: float, movements: tuple[Movement, ...]
) -> HeadMotion:
    """Draw how the head moves within [0, duration_s) along with the face's movements."""
    posture = np.concatenate([rng.normal(0, (5.0, 4.0, 3.0)), np.zeros(3)])
    lively = float(np.exp(rng.normal(0, 0.3)))
    deviation = lively * np.array([2.5, 1.8, 1.5, 6.0, 3.0, 7.0])
    gestures = _gestures(rng, duration_s) + _tendencies(rng, movements)
    return HeadMotion(posture, draw_sway(rng, deviation, 0.03, 0.45, 6), tuple(gestures))


def _gestures(rng: np.random.Generator, duration_s: float) -> list[Gesture]:
    """Nods and shakes (0.04 a second), turns and tilts (0.05 a second)."""
    gestures = []
    for _ in range(int(rng.poisson(0.04 * duration_s))):
        rate = float(rng.uniform(1.3, 2.3))
        event = Event(float(rng.uniform(-0.5, duration_s)), 0.3, float(rng.uniform(0.2, 1.0)), 0.4)
        amplitude = np.zeros(6)
        shake = rng.random() < 0.3
        amplitude[0 if shake else 1] = rng.uniform(3, 9) if shake else -rng.uniform(2.5, 7)
        gestures.append(Gesture(event, amplitude, rate))
    for _ in range(int(rng.poisson(0.05 * duration_s))):
        event = Event(
            float(rng.uniform(-1.0, duration_s)),
            float(rng.uniform(0.5, 1.0)),
            float(rng.uniform(0.4, 3.0)),
            float(rng.uniform(0.5, 1.2)),
        )
        side, size = float(rng.choice([-1.0, 1.0])), float(rng.uniform(0.3, 1.0))
        amplitude = np.zeros(6)
        if rng.random() < 0.7:
            amplitude[:3] = side * 28 * size, rng.normal(0, 4), side * rng.normal(0, 2)
            amplitude[3] = side * 15 * size
        else:
            amplitude[2] = side * 14 * size
        gestures.append(Gesture(event, amplitude))
    return gestures


def _tendencies(rng: np.random.Generator, movements: tuple[Movement, ...]) -> list[Gesture]:
    """Where emotions take the head, a little later and more slowly than the face."""
    gestures = []
    for movement in movements:
        sides, extent = rng.choice([-1.0, 1.0], 2), float(rng.uniform(0.2, 1.2))
        if movement.name not in TENDENCIES:
            continue
        yaw, pitch, roll, closer = TENDENCIES[movement.name]
        amplitude = np.array([sides[0] * yaw, pitch, sides[1] * roll, 0.0, 0.0, closer])
        face = movement.event
        event = Event(face.start_s + 0.1, face.onset_s + 0.3, face.apex_s, face.offset_s + 0.5)
        gestures.append(Gesture(event, movement.height * extent * amplitude))
    return gestures
