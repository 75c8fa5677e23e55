"""Blinks and where the eyes look.

*Blinks.* About 13 to 23 a minute, each person at a mean interval of 2.6 to 4.6 s; a blink takes
0.15 to 0.4 s and opens more slowly than it shuts. One in twelve is partial.

*Gaze.* The eyes rest on a point for a while (median 0.7 s), mostly near the camera, and jump to the
next. A jump of A degrees takes 21 ms + 2.2 ms x A (Carpenter, Movements of the Eyes, 1988). While
the head turns they mostly stay on their point, so they turn the other way within the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.synthetic.faces.behaviour.profiles import (
    Event,
    Float64Array,
    Sway,
    draw_sway,
    smoothstep,
)
from mien.synthetic.faces.geometry.controls import MAX_GAZE_PITCH_DEG, MAX_GAZE_YAW_DEG

STABILISED = 0.8
"""How much of a turn of the head the eyes make up for."""


@dataclass(frozen=True, slots=True, eq=False)
class Eyes:
    """One person's eyes in one video.

    Attributes
    ----------
    blinks
        Per blink: event of the left lid, delay of the right one in seconds, depth of each.
    jump_s, jump_lasts_s
        float64 (n,), when the eyes jump and how long it takes; the first is before the video.
    points
        float64 (n + 1, 2), yaw and pitch in degrees of the points looked at; jump k leads from
        point k to point k + 1.
    vergence
        One channel, around `vergence_deg`.
    """

    blinks: tuple[tuple[Event, float, float, float], ...]
    jump_s: Float64Array
    jump_lasts_s: Float64Array
    points: Float64Array
    vergence_deg: float
    vergence: Sway

    def blink(self, time_s: Float64Array) -> Float64Array:
        """How far the left and the right eye are shut, float64 (T, 2) in [0, 1]."""
        shut = np.zeros((len(time_s), 2))
        for event, delay_s, left, right in self.blinks:
            for side, depth, lid in ((0, left, event), (1, right, event.later(delay_s))):
                window = lid.window(time_s)
                closing = depth * lid.outline(time_s[window])
                shut[window, side] = np.maximum(shut[window, side], closing)
        return shut

    def gaze(self, time_s: Float64Array, pose_deg: Float64Array) -> Float64Array:
        """Where the eyes look within the head.

        Parameters
        ----------
        time_s
            (T,) ascending.
        pose_deg
            (T, 3) yaw, pitch, roll of the head.

        Returns
        -------
        float64 (T, 3): yaw, pitch and vergence in the ranges of `Gaze`.
        """
        k = np.searchsorted(self.jump_s, time_s, side="right") - 1  # (T,)
        done = smoothstep((time_s - self.jump_s[k]) / self.jump_lasts_s[k])[:, None]
        point = self.points[k] + done * (self.points[k + 1] - self.points[k])  # (T, 2)
        limit = np.array([MAX_GAZE_YAW_DEG, MAX_GAZE_PITCH_DEG])
        angles = limit * np.tanh((point - STABILISED * pose_deg[:, :2]) / limit)
        vergence = (self.vergence_deg + self.vergence(time_s)).clip(0, 15)
        return np.concatenate([angles, vergence], axis=1)


def draw_eyes(rng: np.random.Generator, duration_s: float) -> Eyes:
    """Draw one person's blinks and gaze within [0, duration_s)."""
    interval_s = float(rng.uniform(2.6, 4.6))
    blinks, now = [], float(rng.uniform(-0.3, interval_s))
    while now < duration_s:
        event = Event(
            now,
            float(rng.uniform(0.06, 0.12)),
            float(rng.uniform(0.0, 0.06)),
            float(rng.uniform(0.10, 0.22)),
        )
        partial = rng.random() < 1 / 12
        depth = float(rng.uniform(0.35, 0.7) if partial else rng.uniform(0.92, 1.0))
        other = float(np.clip(depth + rng.normal(0, 0.02), 0, 1))
        blinks.append((event, float(rng.uniform(0, 0.015)), depth, other))
        now += 0.5 + float(rng.gamma(2.0, (interval_s - 0.5) / 2))
    middle = rng.normal((0.0, -2.0), (3.0, 3.0))
    jumps: list[float] = [-1.0]
    while jumps[-1] < duration_s:
        jumps.append(max(jumps[-1], -0.5) + 0.15 + float(rng.lognormal(np.log(0.55), 0.7)))
    spread = np.where(rng.random((len(jumps) + 1, 1)) < 0.12, (13.0, 7.0), (3.5, 2.5))
    points = middle + rng.normal(size=spread.shape) * spread
    size = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return Eyes(
        tuple(blinks),
        np.array(jumps),
        0.021 + 0.0022 * size,
        points,
        float(rng.uniform(2.0, 5.0)),
        draw_sway(rng, [0.3], 0.05, 0.5),
    )
