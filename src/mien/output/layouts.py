"""The frames table under other tools' column names, so that analysis scripts keep working.

Columns that mien does not estimate are absent. OpenFace's ``AU*_r`` run from 0 to 5 and are
intensities: they are filled from mien's, and empty where the extractor gives none. Beside a table
of schema version 1 the layouts are as they were: without pose and gaze, ``AU*_r`` from 0 to 1.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mien.labels import ACTION_UNITS, EXPRESSIONS, PAPERS_LABELS, POSE_COLUMNS, LabelSet
from mien.output.other_angles import openface_gaze, openface_pose, pyfeat_pose

Row = dict[str, Any]

UNDECIDED = 0.5
"""From which probability on a unit counts as active where no extractor says another."""

EVEN_DECISIONS = (UNDECIDED,) * len(ACTION_UNITS)

_OPENFACE_FIRST = ("frame", "face_id", "timestamp", "confidence", "success")
_OPENFACE_ANGLES = ("gaze_angle_x", "gaze_angle_y", "pose_Rx", "pose_Ry", "pose_Rz")

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
_Names = tuple[str, ...]


def _openface_rest(labels: LabelSet) -> _Names:
    return tuple(f"AU{unit:02d}_{kind}" for kind in "rc" for unit in labels.action_units)


def _pyfeat_rest(labels: LabelSet) -> _Names:
    return (*(f"AU{unit:02d}" for unit in labels.action_units), *_pyfeat_emotions(labels))


def _pyfeat_emotions(labels: LabelSet) -> _Names:
    """The extractor's expressions in py-feat's order, those that py-feat has not behind."""
    known = [name for name in _PYFEAT_EMOTIONS if name in labels.expressions]
    return (*known, *(name for name in labels.expressions if name not in known))


@dataclass(frozen=True)
class _Rows:
    """What rows are of: source, from where on units are active, schema version 1, labels."""

    source: str
    decisions: Sequence[float]
    first: bool
    labels: LabelSet


def _openface(row: Row, of: _Rows) -> list[Any]:
    """OpenFace 2: frames count from 1, ``_r`` holds the intensity, ``_c`` whether it is active."""
    seen = row["face_id"] is not None
    units = [row[name] for name in of.labels.action_unit_columns]
    angles: list[float] = []
    strengths = units
    if not of.first:
        yaw, pitch, roll = (row[name] for name in POSE_COLUMNS)
        gaze = openface_gaze((yaw, pitch, roll), row["gaze_yaw_deg"], row["gaze_pitch_deg"])
        angles = [*gaze, *openface_pose(yaw, pitch, roll)]
        strengths = [row[name] for name in of.labels.intensity_columns]
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
            for value, level in zip(units, of.decisions, strict=True)
        ),
    ]


def _pyfeat(row: Row, of: _Rows) -> list[Any]:
    """py-feat's Fex: one row per face, empty cells where there is none."""
    seen = row["face_id"] is not None
    angles = () if of.first else pyfeat_pose(*(row[name] for name in POSE_COLUMNS))
    return [
        of.source,
        row["frame"],
        repr(row["timestamp_s"]),
        row["face_id"] if seen else "",
        *(row[name] for name in ("box_x", "box_y", "box_w", "box_h", "face_score")),
        *angles,
        *(row[name] for name in of.labels.action_unit_columns),
        *(row[f"expr_{name}"] for name in _pyfeat_emotions(of.labels)),
    ]


_Columns = tuple[_Names, _Names, Callable[[LabelSet], _Names]]

LAYOUTS: dict[str, tuple[_Columns, Callable[[Row, _Rows], list[Any]]]] = {
    "openface": ((_OPENFACE_FIRST, _OPENFACE_ANGLES, _openface_rest), _openface),
    "pyfeat": ((_PYFEAT_FIRST, _PYFEAT_ANGLES, _pyfeat_rest), _pyfeat),
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
    known = [
        peak["value"]
        for face in counted
        for name, peak in face["peak"].items()
        if name.endswith("_intensity")
    ]
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
    labels
        Of the extractor.
    """

    def __init__(
        self,
        folder: Path,
        layout: str,
        source: str,
        decisions: Sequence[float] = EVEN_DECISIONS,
        first: bool = False,
        labels: LabelSet = PAPERS_LABELS,
    ) -> None:
        (before, angles, after), self._convert = LAYOUTS[layout]
        columns = (*before, *(() if first else angles), *after(labels))
        self._of = _Rows(source, decisions, first, labels)
        self._file = (folder / f"{layout}.csv").open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file)
        self._csv.writerow(columns)

    def write(self, table: pa.Table) -> None:
        """Add rows of the frames table."""
        for row in table.to_pylist():
            self._csv.writerow([_cell(value) for value in self._convert(row, self._of)])

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}" if abs(value) < 1e4 else repr(value)
    return value
