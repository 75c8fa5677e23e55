"""Arrow tables of truth and attributes, and Parquet files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from mien.io import atomic_path
from mien.types import FloatArray

_KINDS = {"f4": pa.float32(), "f8": pa.float64(), "i8": pa.int64()}


def numbers(values: npt.NDArray[Any]) -> pa.Array:
    """Arrow array of a float32, float64 or int64 array (n,) without missing values.

    `pyarrow.array` does the same, but imports pandas, where there is one, to look at its input.
    """
    data = np.ascontiguousarray(values)
    kind = _KINDS[data.dtype.str.lstrip("<")]
    return pa.Array.from_buffers(kind, len(data), [None, pa.py_buffer(data)])


def number_columns(names: Sequence[str], rows: Sequence[FloatArray]) -> dict[str, pa.Array]:
    """Columns of rows, each float32 (len(names),)."""
    stacked = np.stack(rows)  # (n, columns)
    return {name: numbers(stacked[:, k]) for k, name in enumerate(names)}


def attribute_columns(
    prefix: str, rows: Sequence[Mapping[str, float | str]]
) -> dict[str, pa.Array]:
    """One column per attribute, ``<prefix>_<name>`` in order of name; null where a row lacks it.

    Texts become strings, everything else float64.
    """
    columns: dict[str, pa.Array] = {}
    for name in sorted({name for row in rows for name in row}):
        values = [row.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            texts = [None if value is None else str(value) for value in values]
            columns[f"{prefix}_{name}"] = pa.array(texts, pa.string())
        else:
            floats = [None if value is None else float(value) for value in values]
            columns[f"{prefix}_{name}"] = pa.array(floats, pa.float64())
    return columns


def write_table(table: pa.Table, path: Path) -> None:
    """Write a Parquet file that has its name only when it is complete."""
    # Arrow takes some names for addresses and refuses others.
    with atomic_path(path) as partial, partial.open("wb") as file:
        pa.parquet.write_table(table, file, compression="zstd")


def read_table(path: Path) -> pa.Table:
    """Read a Parquet file.

    Through Arrow's own file and in this thread: a thread of Arrow's that is about to drop a buffer
    of Python's while the interpreter ends would abort the process.
    """
    with pa.OSFile(str(path)) as file:
        return pa.parquet.read_table(file, use_threads=False, pre_buffer=False)


def row_count(path: Path) -> int:
    """Rows of a Parquet file; 0 where it is missing or damaged."""
    try:
        with pa.OSFile(str(path)) as file:
            return int(pa.parquet.ParquetFile(file).metadata.num_rows)
    except (FileNotFoundError, pa.ArrowInvalid):
        return 0


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """All rows, in order; a column that some tables lack is null there."""
    whole = pa.concat_tables(tables, promote_options="default")
    free = {
        name
        for name in whole.column_names
        if name.startswith(("actor_", "scene_")) and not name.endswith("_seed")
    }
    fixed = [name for name in whole.column_names if name not in free]
    return whole.select([*fixed, *sorted(free)]).combine_chunks()
