"""Head pose as three angles, and what becomes of it when a picture is turned.

Yaw is positive to the person's own left, pitch up, roll counter-clockwise in the image. As a
rotation of column vectors (x to the right in the image, y up, z to the camera) roll comes first,
then pitch, then yaw, as in `mien.synthetic.faces.geometry.controls`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def pose_matrix(pose_deg: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Yaw, pitch and roll (..., 3) in degrees to rotations, float64 (..., 3, 3).

    Examples
    --------
    >>> pose_matrix([0, 0, 90]).round(6)[:2, 0].tolist()
    [0.0, 1.0]
    """
    angles = np.radians(np.asarray(pose_deg, np.float64))
    yaw, pitch, roll = angles[..., 0], -angles[..., 1], angles[..., 2]
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    rows = [
        [cy * cr + sy * sp * sr, -cy * sr + sy * sp * cr, sy * cp],
        [cp * sr, cp * cr, -sp],
        [-sy * cr + cy * sp * sr, sy * sr + cy * sp * cr, cy * cp],
    ]
    matrix: npt.NDArray[np.float64] = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    return matrix


def pose_angles(matrix: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Rotations (..., 3, 3) to yaw, pitch and roll, float64 (..., 3) in degrees.

    Examples
    --------
    >>> pose_angles(pose_matrix([20, -10, 5])).round(6).tolist()
    [20.0, -10.0, 5.0]
    """
    m = np.asarray(matrix, np.float64)
    yaw = np.arctan2(m[..., 0, 2], m[..., 2, 2])
    pitch = np.arcsin(np.clip(m[..., 1, 2], -1, 1))
    roll = np.arctan2(m[..., 1, 0], m[..., 1, 1])
    angles: npt.NDArray[np.float64] = np.degrees(np.stack([yaw, pitch, roll], axis=-1))
    return angles


def turned_pose(pose_deg: npt.ArrayLike, turn_deg: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Pose (..., 3) in a picture that is turned counter-clockwise by `turn_deg` (...).

    Not roll alone changes: a head that nods in a picture that lies on its side turns left or right.

    Examples
    --------
    >>> turned_pose([0, 20, 0], 90).round(6).tolist()
    [-20.0, 0.0, 90.0]
    """
    turn = np.asarray(turn_deg, np.float64)
    about = np.stack([np.zeros_like(turn), np.zeros_like(turn), turn], axis=-1)
    return pose_angles(pose_matrix(about) @ pose_matrix(pose_deg))
