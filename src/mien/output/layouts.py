"""The frames table under other tools' column names, so that analysis scripts keep working.

Columns that mien does not estimate are absent. OpenFace's ``AU*_r`` run from 0 to 5 and are
intensities: they are filled from mien's, and empty where the extractor gives none. Beside a table
of schema version 1 the layouts are as they were: without pose and gaze, ``AU*_r`` from 0 to 1.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from mien.labels import ACTION_UNITS, EXPRESSIONS, INTENSITY_COLUMNS, POSE_COLUMNS
from mien.output.other_angles import openface_gaze, openface_pose, pyfeat_pose

Row = dict[str, Any]

EVEN_DECISIONS = (0.5,) * len(ACTION_UNITS)
"""Units count as active from 0.5 on."""

_OPENFACE_FIRST = ("frame", "face_id", "timestamp", "confidence", "success")
_OPENFACE_ANGLES = ("gaze_angle_x", "gaze_angle_y", "pose_Rx", "pose_Ry", "pose_Rz")
_OPENFACE_UNITS = (
    *(f"AU{unit:02d}_r" for unit in ACTION_UNITS),
    *(f"AU{unit:02d}_c" for unit in ACTION_UNITS),
)

# py-feat writes its emotion columns in this order.
_PYFEAT_EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_PYFEAT_FIRST = (
    "input",
    "frame",
    "approx_time",
    "Identity",
    "FaceRectX",
    "FaceRectY",
    "FaceRectWidth",
    "FaceRectHeight",
    "FaceScore",
)
_PYFEAT_ANGLES = ("Pitch", "Roll", "Yaw")
_PYFEAT_REST = (*(f"AU{unit:02d}" for unit in ACTION_UNITS), *_PYFEAT_EMOTIONS)


def _openface(row: Row, source: str, decisions: Sequence[float], first: bool) -> list[Any]:
    """OpenFace 2: frames count from 1, ``_r`` holds the intensity, ``_c`` whether it is active."""
    seen = row["face_id"] is not None
    units = [row[f"au{unit:02d}"] for unit in ACTION_UNITS]
    angles: list[float] = []
    strengths = units
    if not first:
        yaw, pitch, roll = (row[name] for name in POSE_COLUMNS)
        gaze = openface_gaze((yaw, pitch, roll), row["gaze_yaw_deg"], row["gaze_pitch_deg"])
        angles = [*gaze, *openface_pose(yaw, pitch, roll)]
        strengths = [row[f"au{unit:02d}_intensity"] for unit in ACTION_UNITS]
    return [
        row["frame"] + 1,
        row["face_id"] if seen else "",
        repr(row["timestamp_s"]),
        row["face_score"] if seen else 0,
        int(seen),
        *angles,
        *strengths,
        *(
            int(value >= level) if seen else ""
            for value, level in zip(units, decisions, strict=True)
        ),
    ]


def _pyfeat(row: Row, source: str, decisions: Sequence[float], first: bool) -> list[Any]:
    """py-feat's Fex: one row per face, empty cells where there is none."""
    seen = row["face_id"] is not None
    angles = () if first else pyfeat_pose(*(row[name] for name in POSE_COLUMNS))
    return [
        source,
        row["frame"],
        repr(row["timestamp_s"]),
        row["face_id"] if seen else "",
        *(row[name] for name in ("box_x", "box_y", "box_w", "box_h", "face_score")),
        *angles,
        *(row[f"au{unit:02d}"] for unit in ACTION_UNITS),
        *(row[f"expr_{name}"] for name in _PYFEAT_EMOTIONS),
    ]


_Convert = Callable[[Row, str, Sequence[float], bool], list[Any]]
_Names = tuple[str, ...]

LAYOUTS: dict[str, tuple[tuple[_Names, _Names, _Names], _Convert]] = {
    "openface": ((_OPENFACE_FIRST, _OPENFACE_ANGLES, _OPENFACE_UNITS), _openface),
    "pyfeat": ((_PYFEAT_FIRST, _PYFEAT_ANGLES, _PYFEAT_REST), _pyfeat),
}
"""By name: the columns (those in the middle came with schema version 2), and what fills them."""

if set(_PYFEAT_EMOTIONS) != set(EXPRESSIONS):  # a renamed label must not go unnoticed
    raise RuntimeError("py-feat's emotion columns no longer match mien.labels.EXPRESSIONS")


def layout_warnings(document: Mapping[str, Any], layouts: Sequence[str]) -> list[str]:
    """What a reader of the layouts should know, one sentence each.

    Parameters
    ----------
    document
        The content of ``video.json``.
    layouts
        Keys of `LAYOUTS` that were written.
    """
    if "openface" not in layouts or document["schema_version"] == 1 or not document["faces"]:
        return []
    # A face of which no frame counts has no peak, whatever the extractor gives.
    counted = [face for face in document["faces"] if face["usable_frames"]]
    known = [face["peak"][name]["value"] for face in counted for name in INTENSITY_COLUMNS]
    if not counted or any(value is not None for value in known):
        return []
    return [
        "AU*_r in openface.csv are empty, because the extractor gives no intensities; columns v1 "
        "writes its probabilities there"
    ]


class LayoutWriter:
    """Streams rows to ``<layout>.csv``.

    Parameters
    ----------
    folder, layout, source
        Where to, a key of `LAYOUTS`, and what the rows are of.
    decisions
        From which probability on each action unit counts as active (17).
    first
        Whether to write what belongs to schema version 1.
    """

    def __init__(
        self,
        folder: Path,
        layout: str,
        source: str,
        decisions: Sequence[float] = EVEN_DECISIONS,
        first: bool = False,
    ) -> None:
        (before, angles, after), self._convert = LAYOUTS[layout]
        columns = (*before, *(() if first else angles), *after)
        self._first = first
        self._source = source
        self._decisions = decisions
        self._file = (folder / f"{layout}.csv").open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file)
        self._csv.writerow(columns)

    def write(self, table: pa.Table) -> None:
        """Add rows of the frames table."""
        for row in table.to_pylist():
            cells = self._convert(row, self._source, self._decisions, self._first)
            self._csv.writerow([_cell(value) for value in cells])

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}" if abs(value) < 1e4 else repr(value)
    return value
