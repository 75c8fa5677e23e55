"""Columns of the frames table, schema version 1."""

from __future__ import annotations

import pyarrow as pa

from mien.inference.pipeline import FrameRow
from mien.labels import AFFECT_COLUMNS, LANDMARKS

BOX_COLUMNS = ("box_x", "box_y", "box_w", "box_h")
LANDMARK_COLUMNS = tuple(f"{name}_{axis}" for name in LANDMARKS for axis in "xy")

FRAME_SCHEMA = pa.schema(
    [
        pa.field("frame", pa.int64(), nullable=False),
        pa.field("timestamp_s", pa.float64(), nullable=False),
        pa.field("face_id", pa.int32()),
        pa.field("face_score", pa.float32()),
        *(pa.field(name, pa.float32()) for name in BOX_COLUMNS),
        *(pa.field(name, pa.float32()) for name in LANDMARK_COLUMNS),
        *(pa.field(name, pa.float32()) for name in AFFECT_COLUMNS),
    ]
)
"""Arrow schema of ``frames.parquet``: see docs/outputs.md for units."""


def to_table(rows: list[FrameRow]) -> pa.Table:
    """Arrow table of rows; a frame without a face has a null ``face_id`` and NaN elsewhere."""
    numbers = ["face_score", *BOX_COLUMNS, *LANDMARK_COLUMNS, *AFFECT_COLUMNS]
    nan = float("nan")
    data: list[list[float]] = []
    for row in rows:
        if row.face is None or row.affect is None:
            data.append([nan] * len(numbers))
        else:
            data.append([row.face.score, *row.face.box, *row.face.landmarks.ravel(), *row.affect])
    columns = dict(zip(numbers, map(list, zip(*data, strict=True)), strict=True)) if data else {}
    arrays = [
        pa.array([row.frame for row in rows], pa.int64()),
        pa.array([row.timestamp_s for row in rows], pa.float64()),
        pa.array([row.face_id for row in rows], pa.int32()),
        *(pa.array(columns.get(name, []), pa.float32()) for name in numbers),
    ]
    return pa.Table.from_arrays(arrays, schema=FRAME_SCHEMA)
