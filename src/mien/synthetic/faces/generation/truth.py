"""The truth of one frame as a row of numbers: all of a `Moment`, and where the face is."""

from __future__ import annotations

import numpy as np

from mien.labels import ACTION_UNIT_COLUMNS, AFFECT_COLUMNS, LANDMARKS
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.geometry.landmarks import NAMES
from mien.synthetic.faces.rendering.shot import Shot
from mien.types import FloatArray

FIVE_LANDMARK_COLUMNS: tuple[str, ...] = tuple(
    f"{name}_{axis}" for name in LANDMARKS for axis in "xy"
)

TRUTH_COLUMNS: tuple[str, ...] = (
    *AFFECT_COLUMNS,
    *(f"asymmetry_{name}" for name in ACTION_UNIT_COLUMNS),
    *("pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg"),
    *("gaze_yaw_deg", "gaze_pitch_deg", "gaze_vergence_deg"),
    *("blink_left", "blink_right", "jaw_sideways", "jaw_forward"),
    *("shift_x_mm", "shift_y_mm", "shift_z_mm"),
    *("nose_tip_c", "periorbital_c", "forehead_c", "drift_c", "breath"),
    *("box_x", "box_y", "box_w", "box_h"),
    *FIVE_LANDMARK_COLUMNS,
    *(f"lm_{name}_{axis}" for name in NAMES for axis in "xy"),
)
"""Columns of `truth_row`, all float32; units as in `Moment` and `Shot`, pixels for positions."""


def truth_row(moment: Moment, shot: Shot) -> FloatArray:
    """float32 (len(TRUTH_COLUMNS),), the truth of one frame."""
    pose, gaze, body = moment.pose, moment.gaze, moment.physiology
    row: FloatArray = np.concatenate(
        [
            [moment.valence, moment.arousal],
            moment.expressions,
            moment.action_units,
            moment.asymmetry,
            [pose.yaw_deg, pose.pitch_deg, pose.roll_deg],
            [gaze.yaw_deg, gaze.pitch_deg, gaze.vergence_deg],
            [moment.blink.left, moment.blink.right, moment.jaw.sideways, moment.jaw.forward],
            moment.shift_mm,
            [body.nose_tip_c, body.periorbital_c, body.forehead_c, body.drift_c, body.breath],
            shot.box,
            shot.five_landmarks.ravel(),
            shot.landmarks.ravel(),
        ]
    ).astype(np.float32)
    return row
