"""Arrow tables of truth and attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mien.data.formats import parquet
from mien.types import FloatArray


def numbers(values: npt.NDArray[Any]) -> pa.Array:
    """Arrow array of a float32, float64 or int64 array (n,) without missing values."""
    return parquet.numbers(values, pa.from_numpy_dtype(values.dtype))


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


def row_count(path: Path) -> int:
    """Rows of a Parquet file; 0 where it is missing or damaged."""
    footer = parquet.read_footer(path)
    return 0 if footer is None else footer[0]


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
