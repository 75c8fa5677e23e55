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


def from_openface_pose(angles_rad: npt.ArrayLike) -> Float64Array:
    """``pose_Rx, pose_Ry, pose_Rz`` (n, 3) in radians to yaw, pitch, roll (n, 3) in degrees.

    Examples
    --------
    >>> from_openface_pose([openface_pose(30, -10, 5)]).round(6).tolist()
    [[30.0, -10.0, 5.0]]
    """
    about = np.asarray(angles_rad, np.float64)
    x, y, z = (_about(about[:, axis], axis) for axis in range(3))
    head = _FLIP @ (x @ y @ z) @ _FLIP  # Rz(roll) Ry(yaw) Rx(-pitch)
    yaw = np.arcsin(np.clip(-head[:, 2, 0], -1, 1))
    pitch = -np.arctan2(head[:, 2, 1], head[:, 2, 2])
    roll = np.arctan2(head[:, 1, 0], head[:, 0, 0])
    found: Float64Array = np.degrees(np.stack([yaw, pitch, roll], axis=1))
    return found


def from_openface_gaze(pose_deg: npt.ArrayLike, angles_rad: npt.ArrayLike) -> Float64Array:
    """``gaze_angle_x, gaze_angle_y`` (n, 2) against the camera to yaw and pitch (n, 2) in degrees
    against a head of this pose (n, 3).

    Examples
    --------
    >>> looks = openface_gaze((20, -10, 5), 12, 7)
    >>> from_openface_gaze([(20, -10, 5)], [looks]).round(6).tolist()
    [[12.0, 7.0]]
    """
    pose, looks = np.asarray(pose_deg, np.float64), np.asarray(angles_rad, np.float64)
    to = np.stack([np.tan(looks[:, 0]), -np.tan(looks[:, 1]), np.ones(len(looks))], axis=1)
    nothing = np.zeros(len(pose))
    roll = np.stack([nothing, nothing, pose[:, 2]], axis=1)
    turn = np.stack([pose[:, 0], pose[:, 1], nothing], axis=1)
    head = pose_matrix(roll) @ pose_matrix(turn)
    x, y, z = (np.swapaxes(head, 1, 2) @ to[:, :, None])[:, :, 0].T
    found: Float64Array = np.degrees(
        np.stack([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))], axis=1)
    )
    return found


def from_pyfeat_pose(angles_deg: npt.ArrayLike) -> Float64Array:
    """``Pitch, Roll, Yaw`` (n, 3) to yaw, pitch, roll (n, 3), all in degrees.

    Examples
    --------
    >>> from_pyfeat_pose([pyfeat_pose(30, -10, 5)]).round(6).tolist()
    [[30.0, -10.0, 5.0]]
    """
    pitch, roll, yaw = np.asarray(angles_deg, np.float64).T
    return from_openface_pose(np.radians(np.stack([-pitch, yaw, roll], axis=1)))


def _about(angle_rad: Float64Array, axis: int) -> Float64Array:
    """Rotations (n, 3, 3) about one axis."""
    turns = np.zeros((len(angle_rad), 3, 3))
    one, two = (axis + 1) % 3, (axis + 2) % 3
    turns[:, axis, axis] = 1
    turns[:, one, one] = turns[:, two, two] = np.cos(angle_rad)
    turns[:, two, one] = np.sin(angle_rad)
    turns[:, one, two] = -np.sin(angle_rad)
    return turns
