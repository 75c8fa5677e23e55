"""Files of prepared folders: they appear whole or not at all, and are read in this thread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from mien.errors import DataError
from mien.io import atomic_path
from mien.types import FloatArray

AGAIN = "run the same `mien datasets prepare` again to finish it"

_METADATA_KEY = b"mien"
_FLOATS = {"halffloat": "float16", "float": "float32", "double": "float64"}


def number_dtype(kind: pa.DataType) -> np.dtype[Any]:
    """NumPy's type of the same numbers. Arrow's own answer imports pandas, in older versions.

    >>> number_dtype(pa.float32()), number_dtype(pa.int32())
    (dtype('float32'), dtype('int32'))
    """
    return np.dtype(_FLOATS.get(str(kind), str(kind)))


def numbers(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Arrow array (n,) of a number type, without missing values.

    `pyarrow.array` does the same, but imports pandas, where there is one, to look at its input.
    """
    data = np.ascontiguousarray(values, number_dtype(kind))
    return pa.Array.from_buffers(kind, len(data), [None, pa.py_buffer(data)])


def number_columns(values: FloatArray, names: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of an array (n, len(names)), float32."""
    return {name: numbers(values[:, k], pa.float32()) for k, name in enumerate(names)}


def matrix(table: pa.Table, columns: Sequence[str]) -> FloatArray:
    """Number columns of a table, float32 (n, len(columns))."""
    if not table.num_rows:
        return np.empty((0, len(columns)), np.float32)
    stacked = np.stack([table.column(name).to_numpy() for name in columns], axis=1)
    return stacked.astype(np.float32, copy=False)


def plain_numbers(column: pa.ChunkedArray, missing: float) -> npt.NDArray[Any]:
    """A number column as an array (n,), `missing` where it has no value.

    Arrow's own way would import pandas, where there is one.
    """
    parts = [np.empty(0, number_dtype(column.type))]
    for chunk in column.chunks:
        there, data = chunk.buffers()
        rows = slice(chunk.offset, chunk.offset + len(chunk))
        values = np.frombuffer(data, number_dtype(chunk.type), rows.stop)[rows]
        if chunk.null_count:
            known = np.unpackbits(np.frombuffer(there, np.uint8), bitorder="little")[rows]
            values = np.where(known, values, np.asarray(missing, values.dtype))
        parts.append(values)
    return np.concatenate(parts)


def read_parquet(path: Path, again: str = AGAIN) -> pa.Table:
    """Read a Parquet file through Arrow's own file; `again` says how to make a damaged one.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    try:
        with pa.OSFile(str(path)) as file:
            return pa.parquet.ParquetFile(file, pre_buffer=False).read(use_threads=False)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file; {again}") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read; {again}") from error


def read_footer(path: Path) -> tuple[int, dict[str, Any]] | None:
    """Rows and facts (see `with_facts`) of a Parquet file; None where it is missing or damaged."""
    try:
        with pa.OSFile(str(path)) as file:
            parquet = pa.parquet.ParquetFile(file)
            return int(parquet.metadata.num_rows), facts_of(parquet.schema_arrow, path)
    except (OSError, pa.ArrowInvalid, DataError):
        return None


def with_facts(table: pa.Table, facts: dict[str, Any]) -> pa.Table:
    """The table with plain values in its schema that go into the file with it."""
    return table.replace_schema_metadata({_METADATA_KEY: json.dumps(facts)})


def facts_of(schema: pa.Schema, path: Path) -> dict[str, Any]:
    """What `with_facts` put into a schema; empty where nothing did.

    Raises
    ------
    DataError
        If it is damaged.
    """
    try:
        facts = json.loads((schema.metadata or {}).get(_METADATA_KEY, b"{}"))
        if not isinstance(facts, dict):
            raise ValueError
    except ValueError as error:
        raise DataError(f"{path}: its metadata cannot be read; prepare the set again") from error
    return facts


def write_whole(path: Path, table: pa.Table) -> None:
    """Write a Parquet file that has its name only when it is complete."""
    # Arrow takes some names for addresses.
    with atomic_path(path) as partial, partial.open("wb") as file:
        pa.parquet.write_table(table, file, compression="zstd")
