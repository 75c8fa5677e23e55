"""What a head does besides action units: pose, gaze, blinks and sideways or forward jaw.

Axes everywhere: x towards the person's own left, y up, z out of the face; right-handed. Seen by a
camera in front, x points right in the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

MAX_GAZE_YAW_DEG = 30.0
MAX_GAZE_PITCH_DEG = 25.0


def _check(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} is a number from {low:g} to {high:g}, not {value!r}")


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float = 0.0) -> Float64Array:
    """Rotation matrix, float64 (3, 3), for column vectors: roll first, then pitch, then yaw.

    Positive yaw turns to the person's own left, positive pitch up, positive roll
    counter-clockwise as seen by a camera in front.
    """
    yaw, pitch, roll = np.radians([yaw_deg, -pitch_deg, roll_deg])
    about_y = [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
    about_x = [
        [1, 0, 0],
        [0, math.cos(pitch), -math.sin(pitch)],
        [0, math.sin(pitch), math.cos(pitch)],
    ]
    about_z = [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]]
    matrix: Float64Array = np.array(about_y) @ np.array(about_x) @ np.array(about_z)
    return matrix


@dataclass(frozen=True, slots=True)
class HeadPose:
    """How the head is held, in degrees; zeros look straight ahead.

    ``yaw_deg`` (-90 to 90) turns to the person's own left, ``pitch_deg`` (-60 to 60) up,
    ``roll_deg`` (-60 to 60) counter-clockwise in the image. The neck follows part of the way.

    Raises
    ------
    ValueError
        If an angle is not finite or out of range.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0

    def __post_init__(self) -> None:
        _check("yaw_deg", self.yaw_deg, -90, 90)
        _check("pitch_deg", self.pitch_deg, -60, 60)
        _check("roll_deg", self.roll_deg, -60, 60)

    def matrix(self) -> Float64Array:
        """Rotation of the head, float64 (3, 3), for column vectors."""
        return rotation(self.yaw_deg, self.pitch_deg, self.roll_deg)


@dataclass(frozen=True, slots=True)
class Gaze:
    """Where both eyes look, relative to the head, in degrees; the lids follow.

    ``yaw_deg`` (-30 to 30) to the person's own left, ``pitch_deg`` (-25 to 25) up,
    ``vergence_deg`` (0 to 15) the angle between the two lines of sight.

    Raises
    ------
    ValueError
        If an angle is not finite or out of range.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    vergence_deg: float = 0.0

    def __post_init__(self) -> None:
        _check("gaze yaw_deg", self.yaw_deg, -MAX_GAZE_YAW_DEG, MAX_GAZE_YAW_DEG)
        _check("gaze pitch_deg", self.pitch_deg, -MAX_GAZE_PITCH_DEG, MAX_GAZE_PITCH_DEG)
        _check("vergence_deg", self.vergence_deg, 0, 15)

    def eye_yaw_deg(self, side: str) -> float:
        """Yaw of one eye (``"left"`` or ``"right"``, the person's own) in degrees."""
        inward = -0.5 if side == "left" else 0.5
        return self.yaw_deg + inward * self.vergence_deg


@dataclass(frozen=True, slots=True)
class Blink:
    """How far each eye is closed, 0 (as the action units leave it) to 1 (shut).

    Raises
    ------
    ValueError
        If a value is not finite or out of range.
    """

    left: float = 0.0
    right: float = 0.0

    def __post_init__(self) -> None:
        _check("blink left", self.left, 0, 1)
        _check("blink right", self.right, 0, 1)


@dataclass(frozen=True, slots=True)
class Jaw:
    """Jaw movement that no action unit of ours covers (opening is AU26).

    ``sideways`` -1 (to the person's right) to 1 (left); ``forward`` 0 to 1.

    Raises
    ------
    ValueError
        If a value is not finite or out of range.
    """

    sideways: float = 0.0
    forward: float = 0.0

    def __post_init__(self) -> None:
        _check("jaw sideways", self.sideways, -1, 1)
        _check("jaw forward", self.forward, 0, 1)
