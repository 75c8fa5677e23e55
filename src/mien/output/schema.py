"""Columns of the frames table: those of schema version 1 (``v1``), and all (``v2``)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mien.labels import (
    EYE_COLUMNS,
    FACE_LANDMARK_COLUMNS,
    GAZE_COLUMNS,
    LANDMARKS,
    PAPERS_LABELS,
    POSE_COLUMNS,
    VALENCE_AROUSAL,
    LabelSet,
)
from mien.pipeline.rows import FrameRow

BOX_COLUMNS = ("box_x", "box_y", "box_w", "box_h")
LANDMARK_COLUMNS = tuple(f"{name}_{axis}" for name in LANDMARKS for axis in "xy")

MRAN_COLUMNS = tuple(f"mran_{name}" for name in VALENCE_AROUSAL)

_FACE = ("face_score", *BOX_COLUMNS, *LANDMARK_COLUMNS)

_FIRST = (
    pa.field("frame", pa.int64(), nullable=False),
    pa.field("timestamp_s", pa.float64(), nullable=False),
    pa.field("face_id", pa.int32()),
)


def frame_schema(
    columns: str = "v2", mran: bool = False, labels: LabelSet = PAPERS_LABELS
) -> pa.Schema:
    """Arrow schema of ``frames.parquet``: see docs/outputs.md for units.

    Parameters
    ----------
    columns
        ``"v1"``, or ``"v2"`` with the schema version in its metadata.
    mran
        Whether MRAN was asked for: its columns are the last ones.
    labels
        Of the extractor.

    Examples
    --------
    >>> frame_schema("v1").names == frame_schema().names[:len(frame_schema("v1"))]
    True
    >>> frame_schema().metadata
    {b'schema_version': b'2'}
    """
    names = [*_FACE, *labels.affect_columns]
    if columns != "v1":
        names += [*labels.detail_columns, *FACE_LANDMARK_COLUMNS]
    if mran:
        names += MRAN_COLUMNS
    metadata = {"schema_version": "2"} if columns != "v1" else None
    return pa.schema([*_FIRST, *(pa.field(name, pa.float32()) for name in names)], metadata)


FRAME_SCHEMA = frame_schema()
"""All columns, without MRAN's."""


def is_first_version(schema: pa.Schema) -> bool:
    """Whether a table of this schema has the columns of schema version 1 only."""
    later = ("quality", *POSE_COLUMNS, *EYE_COLUMNS, *GAZE_COLUMNS)
    names = schema.names
    return not any(name in later or name.endswith("_intensity") for name in names)


def to_table(
    rows: list[FrameRow],
    mran: bool = False,
    columns: str = "v2",
    labels: LabelSet = PAPERS_LABELS,
) -> pa.Table:
    """Arrow table of rows; a frame without a face has a null ``face_id`` and NaN elsewhere.

    `mran`, `columns` and `labels` are as of `frame_schema`; NaN where there is no estimate.
    """
    schema = frame_schema(columns, mran, labels)
    details = slice(len(_FACE) + len(labels.affect_columns), -len(MRAN_COLUMNS) if mran else None)
    numbers = np.full((len(rows), len(schema) - 3), np.nan, np.float32)
    face_id = np.full(len(rows), -1, np.int32)
    for i, row in enumerate(rows):
        if row.face_id is not None and row.face is not None and row.affect is not None:
            face_id[i] = row.face_id
            numbers[i, 0] = row.face.score
            told = np.concatenate([row.face.box, row.face.landmarks.ravel(), row.affect])
            numbers[i, 1 : details.start] = told
            if row.details is not None and columns != "v1":
                told = np.concatenate([row.details.numbers(), row.details.landmarks.ravel()])
                numbers[i, details] = told
            if mran and row.mran is not None:
                numbers[i, -len(MRAN_COLUMNS) :] = row.mran
    arrays = [
        _array(np.array([row.frame for row in rows], np.int64), pa.int64()),
        _array(np.array([row.timestamp_s for row in rows], np.float64), pa.float64()),
        _array(face_id, pa.int32(), face_id >= 0),
        *(_array(column, pa.float32()) for column in numbers.T),
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def without_nan(table: pa.Table) -> pa.Table:
    """The same with null for NaN: in a csv that is an empty cell."""
    columns = [
        pc.if_else(pc.is_nan(column), None, column)
        if pa.types.is_floating(field.type) and field.nullable
        else column
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _array(
    values: npt.NDArray[Any], kind: pa.DataType, known: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Arrow array, null where `known` is False.

    `pyarrow.array` does the same, but imports pandas, where there is one, to look at its input.
    """
    data = pa.py_buffer(np.ascontiguousarray(values))
    bits = None if known is None else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bits, data])
