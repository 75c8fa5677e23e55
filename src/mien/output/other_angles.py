"""Head pose and gaze in the conventions of other tools.

Both tools count rotations in a camera's axes: x to the right in the image, y down, z away from the
camera, the head's matrix being Rx Ry Rz. mien's are yaw to the person's own left, pitch up, roll
counter-clockwise in the image, with yaw and pitch as seen once the roll is undone.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mien.faces.pose import pose_matrix

Float64Array = npt.NDArray[np.float64]

_FLIP = np.diag([1.0, -1.0, -1.0])  # y up, z to the camera <-> y down, z away from it
_UNKNOWN = (math.nan, math.nan, math.nan)


def head_matrix(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Float64Array:
    """(3, 3): the head's axes in the image's (x right, y up, z to the camera)."""
    return pose_matrix([0, 0, roll_deg]) @ pose_matrix([yaw_deg, pitch_deg, 0])


def openface_pose(yaw_deg: float, pitch_deg: float, roll_deg: float) -> tuple[float, ...]:
    """``pose_Rx, pose_Ry, pose_Rz`` in radians; NaN where an angle is unknown.

    Examples
    --------
    >>> [round(angle, 4) + 0.0 for angle in openface_pose(30, 0, 0)]
    [0.0, -0.5236, 0.0]
    """
    if not all(map(math.isfinite, (yaw_deg, pitch_deg, roll_deg))):
        return _UNKNOWN
    turn = _FLIP @ head_matrix(yaw_deg, pitch_deg, roll_deg) @ _FLIP
    return (
        math.atan2(-turn[1, 2], turn[2, 2]),
        math.asin(float(np.clip(turn[0, 2], -1, 1))),
        math.atan2(-turn[0, 1], turn[0, 0]),
    )


def openface_gaze(
    pose_deg: tuple[float, float, float], gaze_yaw_deg: float, gaze_pitch_deg: float
) -> tuple[float, float]:
    """``gaze_angle_x, gaze_angle_y`` in radians, against the camera; NaN where unknown.

    Examples
    --------
    >>> [round(angle, 4) + 0.0 for angle in openface_gaze((0, 0, 0), 0, 30)]
    [0.0, -0.5236]
    """
    if not all(map(math.isfinite, (*pose_deg, gaze_yaw_deg, gaze_pitch_deg))):
        return math.nan, math.nan
    x, y, z = head_matrix(*pose_deg) @ head_matrix(gaze_yaw_deg, gaze_pitch_deg, 0)[:, 2]
    return math.atan2(x, z), math.atan2(-y, z)


def pyfeat_pose(yaw_deg: float, pitch_deg: float, roll_deg: float) -> tuple[float, ...]:
    """``Pitch, Roll, Yaw`` in degrees; NaN where an angle is unknown.

    Examples
    --------
    >>> [round(angle, 4) + 0.0 for angle in pyfeat_pose(0, 20, 0)]
    [20.0, 0.0, 0.0]
    """
    about_x, about_y, about_z = openface_pose(yaw_deg, pitch_deg, roll_deg)
    return math.degrees(-about_x), math.degrees(about_z), math.degrees(about_y)
