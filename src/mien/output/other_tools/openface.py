"""OpenFace 2: ``FeatureExtraction`` and ``FaceLandmarkVidMulti`` (T. Baltrusaitis et al., 2018).

``AU*_r`` are intensities from 0 to 5, ``AU*_c`` say 0 or 1: whether the unit is there. Angles are
in radians, in the axes of a camera; frames count from 1.
"""

from __future__ import annotations

import numpy as np

from mien.labels import GAZE_COLUMNS, POSE_COLUMNS
from mien.output.other_angles import from_openface_gaze, from_openface_pose
from mien.output.other_tools import Cells, OtherTable, register_reader, unit_columns

_POSE = ("pose_Rx", "pose_Ry", "pose_Rz")
_GAZE = ("gaze_angle_x", "gaze_angle_y")


class _OpenFace:
    title = "OpenFace"
    needs = ("frame", "timestamp", "confidence", "success")

    def read(self, cells: Cells, fps: float | None) -> OtherTable:
        """Units, pose, gaze and the tracker's confidence; rows without success have no face."""
        names = cells.names
        columns = {"face_score": cells.numbers("confidence")}
        scales = {"face_score": "OpenFace's confidence of its landmarks, 0 to 1"}
        for name, unit in unit_columns(names, "_c").items():
            columns[f"au{unit:02d}"] = cells.numbers(name)
            scales[f"au{unit:02d}"] = "OpenFace's decision, 0 or 1: not a probability"
        for name, unit in unit_columns(names, "_r").items():
            columns[f"au{unit:02d}_intensity"] = cells.numbers(name)
            scales[f"au{unit:02d}_intensity"] = "OpenFace's intensity, 0 to 5"
        if all(name in cells for name in _POSE):
            turned = np.stack([cells.numbers(name) for name in _POSE], axis=1)
            pose = from_openface_pose(turned)
            columns |= dict(zip(POSE_COLUMNS, pose.T, strict=True))
            scales |= dict.fromkeys(POSE_COLUMNS, "OpenFace's head pose, in degrees")
            if all(name in cells for name in _GAZE):
                looks = np.stack([cells.numbers(name) for name in _GAZE], axis=1)
                columns |= dict(zip(GAZE_COLUMNS, from_openface_gaze(pose, looks).T, strict=True))
                scales |= dict.fromkeys(GAZE_COLUMNS, "OpenFace's gaze less its head pose")
        face = cells.numbers("face_id") if "face_id" in cells else np.zeros(cells.rows)
        seen = (cells.numbers("success") == 1) & np.isfinite(face)
        return OtherTable(
            cells.numbers("frame").astype(np.int64) - 1,
            cells.numbers("timestamp"),
            np.where(seen, np.nan_to_num(face), -1).astype(np.int64),
            columns,
            scales,
        )


register_reader("openface")(_OpenFace())
