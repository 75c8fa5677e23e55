"""Writers of the frames table, fed a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mien.labels import LabelSet
from mien.output.layouts import EVEN_DECISIONS, LAYOUTS, LayoutWriter
from mien.output.schema import FRAME_SCHEMA, is_first_version, without_nan
from mien.pipeline.summary import source_text

FORMATS = ("parquet", "csv")
# Rows gathered before they go to disk: large enough for good compression, small in memory.
_GROUP_ROWS = 20_000


class FrameSink(Protocol):
    """Takes tables of frame rows, in order."""

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        ...

    def close(self) -> None:
        """Write what is left and release the file."""
        ...


class FileSink:
    """Writes ``frames.parquet`` or ``frames.csv`` with memory bounded by one row group.

    A missing number is NaN in Parquet and an empty cell in csv; with the columns of schema version
    1 it is ``nan`` there, as it was.
    """

    def __init__(
        self, folder: Path, kind: str = "parquet", schema: pa.Schema = FRAME_SCHEMA
    ) -> None:
        if kind not in FORMATS:
            raise ValueError(f"format is one of {FORMATS}, not {kind!r}")
        path = folder / f"frames.{kind}"
        # Opened here, because Arrow takes some names for addresses and refuses others.
        self._file = path.open("wb")
        self._writer: pa.parquet.ParquetWriter | pa.csv.CSVWriter
        if kind == "parquet":
            self._writer = pa.parquet.ParquetWriter(self._file, schema, compression="zstd")
        else:
            self._writer = pa.csv.CSVWriter(self._file, schema)
        self._empties = kind == "csv" and not is_first_version(schema)
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        if not table.num_rows:  # after an empty one, pyarrow before 24 writes csv rows once more
            return
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left and release the file."""
        try:
            self._flush()
            self._writer.close()
        finally:
            self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            table = pa.concat_tables(self._waiting)
            self._writer.write_table(without_nan(table) if self._empties else table)
        self._waiting, self._rows = [], 0


class MemorySink:
    """Keeps all rows, for results that are not written to disk."""

    def __init__(self, schema: pa.Schema = FRAME_SCHEMA) -> None:
        self._tables = [schema.empty_table()]

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        self._tables.append(table)

    def close(self) -> None:
        """Nothing to release."""

    def table(self) -> pa.Table:
        """All rows so far."""
        return pa.concat_tables(self._tables).combine_chunks()


def open_sinks(
    folder: Path,
    kind: str,
    layouts: tuple[str, ...],
    source: str,
    schema: pa.Schema = FRAME_SCHEMA,
    decisions: Sequence[float] = EVEN_DECISIONS,
) -> list[FrameSink]:
    """The table itself, with the columns of `schema`, and one csv per layout of another tool.

    `decisions` are the extractor's ``au_decisions``, for layouts that say whether a unit is active.
    """
    unknown = [name for name in layouts if name not in LAYOUTS]
    if unknown:
        raise ValueError(f"layouts are {sorted(LAYOUTS)}, not {unknown}")
    name = source_text(source)
    first, labels = is_first_version(schema), LabelSet.of_columns(schema.names)
    return [
        FileSink(folder, kind, schema),
        *(LayoutWriter(folder, layout, name, decisions, first, labels) for layout in layouts),
    ]
