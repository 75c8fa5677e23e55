"""py-feat: the csv of a ``Fex`` (J. Cheong et al., 2023).

Units run from 0 to 1: probabilities of its ``xgb`` model, decisions of its ``svm`` model. Emotions
are shares that sum to 1. Its time column is rounded to seconds, so the frame rate has to be said.
"""

from __future__ import annotations

import numpy as np

from mien.errors import ConfigError
from mien.labels import EXPRESSIONS, POSE_COLUMNS
from mien.output.other_angles import from_pyfeat_pose
from mien.output.other_tools import Cells, OtherTable, register_reader, unit_columns
from mien.types import TimeArray

_BOX = {"FaceRectX": "box_x", "FaceRectY": "box_y"}
_BOX |= {"FaceRectWidth": "box_w", "FaceRectHeight": "box_h", "FaceScore": "face_score"}
_POSE = ("Pitch", "Roll", "Yaw")
_POSITION = ("X", "Y", "Z")  # from version 0.7 on, whose angles are others


class _PyFeat:
    title = "py-feat"
    needs = ("frame", "FaceRectX", "FaceScore")

    def read(self, cells: Cells, fps: float | None) -> OtherTable:
        """Box, score, units, emotions and, up to version 0.6, head pose."""
        frame = cells.numbers("frame").astype(np.int64)
        columns = {ours: cells.numbers(theirs) for theirs, ours in _BOX.items() if theirs in cells}
        scales = {"face_score": "py-feat's confidence of the detector, 0 to 1"}
        notes = []
        for name, unit in unit_columns(cells.names).items():
            columns[f"au{unit:02d}"] = cells.numbers(name)
            scales[f"au{unit:02d}"] = "py-feat's number, 0 to 1 (decisions 0 or 1 of its svm model)"
        for name in EXPRESSIONS:
            if name in cells:
                columns[f"expr_{name}"] = cells.numbers(name)
                scales[f"expr_{name}"] = "py-feat's emotion, shares that sum to 1"
        if all(name in cells for name in _POSITION):
            notes.append("head pose of py-feat 0.7 and newer is left out: its angles are others")
        elif all(name in cells for name in _POSE):
            turned = np.stack([cells.numbers(name) for name in _POSE], axis=1)
            columns |= dict(zip(POSE_COLUMNS, from_pyfeat_pose(turned).T, strict=True))
            scales |= dict.fromkeys(POSE_COLUMNS, "py-feat's head pose, in degrees")
        seen = np.isfinite(columns["box_x"])
        face_id, told = _faces(cells, frame, seen)
        return OtherTable(
            frame, _times(cells, frame, fps), face_id, columns, scales, (*notes, *told)
        )


def _faces(cells: Cells, frame: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers of faces, in order of their first row; without names by their place in a frame."""
    names = cells.texts("Identity") if "Identity" in cells else [""] * cells.rows
    if all(name or not there for name, there in zip(names, seen, strict=True)):
        known: dict[str, int] = {}
        order = [
            known.setdefault(name, len(known)) if there else -1
            for name, there in zip(names, seen, strict=True)
        ]
        return np.array(order, np.int64), ()
    number = np.full(cells.rows, -1, np.int64)
    rows = np.flatnonzero(seen)
    _, first, place = np.unique(frame[rows], return_index=True, return_inverse=True)
    number[rows] = np.arange(len(rows)) - first[place]
    if number.max(initial=0) == 0:
        return number, ()
    return number, (
        "faces have no names in this table: they are numbered by their order in each frame, and a "
        "number may change persons",
    )


def _times(cells: Cells, frame: np.ndarray, fps: float | None) -> TimeArray:
    if fps is not None:
        return np.asarray(frame / fps, np.float64)
    times = cells.texts("approx_time") if "approx_time" in cells else []
    try:  # what mien writes in this layout is not rounded
        found = np.array([float(time) for time in times])
        if len(found) and (len(found) < 2 or found[-1] > 0):
            return found
    except ValueError:
        pass
    raise ConfigError(
        f"{cells.path}: says times in whole seconds; give the frames per second of the video "
        "(fps=, or --fps)"
    )


register_reader("pyfeat")(_PyFeat())
