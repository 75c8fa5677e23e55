"""Columns of the frames table, schema version 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mien.inference.rows import FrameRow
from mien.labels import AFFECT_COLUMNS, LANDMARKS, VALENCE_AROUSAL

BOX_COLUMNS = ("box_x", "box_y", "box_w", "box_h")
LANDMARK_COLUMNS = tuple(f"{name}_{axis}" for name in LANDMARKS for axis in "xy")

MRAN_COLUMNS = tuple(f"mran_{name}" for name in VALENCE_AROUSAL)

_NUMBERS = ("face_score", *BOX_COLUMNS, *LANDMARK_COLUMNS, *AFFECT_COLUMNS)

FRAME_SCHEMA = pa.schema(
    [
        pa.field("frame", pa.int64(), nullable=False),
        pa.field("timestamp_s", pa.float64(), nullable=False),
        pa.field("face_id", pa.int32()),
        *(pa.field(name, pa.float32()) for name in _NUMBERS),
    ]
)
"""Arrow schema of ``frames.parquet``: see docs/outputs.md for units."""

MRAN_SCHEMA = pa.schema([*FRAME_SCHEMA, *(pa.field(name, pa.float32()) for name in MRAN_COLUMNS)])
"""The same where MRAN was asked for: its columns are the last ones."""


def to_table(rows: list[FrameRow], mran: bool = False) -> pa.Table:
    """Arrow table of rows; a frame without a face has a null ``face_id`` and NaN elsewhere.

    `mran` adds the columns of `MRAN_SCHEMA`, NaN where there is no estimate.
    """
    schema = MRAN_SCHEMA if mran else FRAME_SCHEMA
    numbers = np.full((len(rows), len(schema) - 3), np.nan, np.float32)
    face_id = np.full(len(rows), -1, np.int32)
    for i, row in enumerate(rows):
        if row.face_id is not None and row.face is not None and row.affect is not None:
            face_id[i] = row.face_id
            numbers[i, 0] = row.face.score
            told = np.concatenate([row.face.box, row.face.landmarks.ravel(), row.affect])
            numbers[i, 1 : len(_NUMBERS)] = told
            if mran and row.mran is not None:
                numbers[i, len(_NUMBERS) :] = row.mran
    columns = [
        _array(np.array([row.frame for row in rows], np.int64), pa.int64()),
        _array(np.array([row.timestamp_s for row in rows], np.float64), pa.float64()),
        _array(face_id, pa.int32(), face_id >= 0),
        *(_array(column, pa.float32()) for column in numbers.T),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(
    values: npt.NDArray[Any], kind: pa.DataType, known: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Arrow array, null where `known` is False.

    `pyarrow.array` does the same, but imports pandas, where there is one, to look at its input.
    """
    data = pa.py_buffer(np.ascontiguousarray(values))
    bits = None if known is None else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bits, data])
