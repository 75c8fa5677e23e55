"""The frames table under other tools' column names, so that analysis scripts keep working.

Columns that mien does not estimate are absent. AU numbers keep mien's scale, 0 to 1, the
probability that the unit is active: OpenFace's ``AU*_r`` run from 0 to 5 and are intensities.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from mien.labels import ACTION_UNITS, EXPRESSIONS

Row = dict[str, Any]

EVEN_DECISIONS = (0.5,) * len(ACTION_UNITS)
"""Units count as active from 0.5 on."""

_OPENFACE_COLUMNS = (
    "frame",
    "face_id",
    "timestamp",
    "confidence",
    "success",
    *(f"AU{unit:02d}_r" for unit in ACTION_UNITS),
    *(f"AU{unit:02d}_c" for unit in ACTION_UNITS),
)

# py-feat writes its emotion columns in this order.
_PYFEAT_EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_PYFEAT_COLUMNS = (
    "input",
    "frame",
    "approx_time",
    "Identity",
    "FaceRectX",
    "FaceRectY",
    "FaceRectWidth",
    "FaceRectHeight",
    "FaceScore",
    *(f"AU{unit:02d}" for unit in ACTION_UNITS),
    *_PYFEAT_EMOTIONS,
)


def _openface(row: Row, source: str, decisions: Sequence[float]) -> list[Any]:
    """OpenFace 2: frames count from 1, ``_r`` holds the value, ``_c`` whether it is active."""
    seen = row["face_id"] is not None
    units = [row[f"au{unit:02d}"] for unit in ACTION_UNITS]
    return [
        row["frame"] + 1,
        row["face_id"] if seen else "",
        repr(row["timestamp_s"]),
        row["face_score"] if seen else 0,
        int(seen),
        *units,
        *(
            int(value >= level) if seen else ""
            for value, level in zip(units, decisions, strict=True)
        ),
    ]


def _pyfeat(row: Row, source: str, decisions: Sequence[float]) -> list[Any]:
    """py-feat's Fex: one row per face, empty cells where there is none."""
    seen = row["face_id"] is not None
    return [
        source,
        row["frame"],
        repr(row["timestamp_s"]),
        row["face_id"] if seen else "",
        *(row[name] for name in ("box_x", "box_y", "box_w", "box_h", "face_score")),
        *(row[f"au{unit:02d}"] for unit in ACTION_UNITS),
        *(row[f"expr_{name}"] for name in _PYFEAT_EMOTIONS),
    ]


_Convert = Callable[[Row, str, Sequence[float]], list[Any]]

LAYOUTS: dict[str, tuple[tuple[str, ...], _Convert]] = {
    "openface": (_OPENFACE_COLUMNS, _openface),
    "pyfeat": (_PYFEAT_COLUMNS, _pyfeat),
}

if set(_PYFEAT_EMOTIONS) != set(EXPRESSIONS):  # a renamed label must not go unnoticed
    raise RuntimeError("py-feat's emotion columns no longer match mien.labels.EXPRESSIONS")


class LayoutWriter:
    """Streams rows to ``<layout>.csv``.

    Parameters
    ----------
    folder, layout, source
        Where to, a key of `LAYOUTS`, and what the rows are of.
    decisions
        From which probability on each action unit counts as active (17).
    """

    def __init__(
        self, folder: Path, layout: str, source: str, decisions: Sequence[float] = EVEN_DECISIONS
    ) -> None:
        columns, self._convert = LAYOUTS[layout]
        self._source = source
        self._decisions = decisions
        self._file = (folder / f"{layout}.csv").open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file)
        self._csv.writerow(columns)

    def write(self, table: pa.Table) -> None:
        """Add rows of the frames table."""
        for row in table.to_pylist():
            cells = self._convert(row, self._source, self._decisions)
            self._csv.writerow([_cell(value) for value in cells])

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}" if abs(value) < 1e4 else repr(value)
    return value
