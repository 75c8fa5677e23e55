"""Tables of other tools, one reader a file. Adding one: a file here, or an entry point.

A reader says whether a header is its tool's, and turns the columns into ours. What the tool does
not say is absent, never filled in; what it says on another scale keeps its meaning, and
``channels`` of the result names the scale.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mien.errors import DataError
from mien.registry import Registry
from mien.types import TimeArray

_HEAD_LINES = 200  # how far down a header may lie: iMotions writes facts of the study above it
_SEPARATORS = ",\t;"


class Cells:
    """The columns of a csv file, by name, spaces around names and values left out.

    Parameters
    ----------
    table
        As Arrow reads it.
    path
        Of the file, for messages.
    """

    def __init__(self, table: pa.Table, path: Path) -> None:
        self.path = path
        self._columns = {name.strip(): table.column(k) for k, name in enumerate(table.column_names)}
        self.rows: int = table.num_rows

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    @property
    def names(self) -> list[str]:
        """All columns, in the order of the file."""
        return list(self._columns)

    def numbers(self, name: str) -> TimeArray:
        """float64 (rows,); NaN in empty cells.

        Raises
        ------
        DataError
            If a cell is no number.
        """
        column = self._columns[name]
        try:
            if pa.types.is_null(column.type):
                return np.full(self.rows, np.nan)
            if pa.types.is_string(column.type):
                text = pc.utf8_trim_whitespace(column)
                column = pc.if_else(pc.equal(text, ""), None, text)
            values = column.cast(pa.float64()).combine_chunks().fill_null(float("nan"))
        except pa.ArrowException as error:
            raise DataError(f"{self.path}: {name} holds something else than numbers") from error
        return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)

    def texts(self, name: str) -> list[str]:
        """(rows,); empty where nothing is said."""
        return [("" if cell is None else str(cell)).strip() for cell in self.column(name)]

    def column(self, name: str) -> list[object]:
        """(rows,) as the file has it."""
        found: list[object] = self._columns[name].to_pylist()
        return found


@dataclass(frozen=True)
class OtherTable:
    """What a table of another tool says, in our columns and units; one entry per row.

    Attributes
    ----------
    frame
        int64 (n,), from 0.
    time_s
        float64 (n,), seconds.
    face_id
        int64 (n,); -1 where no face was seen.
    columns
        By our name, float (n,); only those that the tool has.
    scales
        By our name: what the tool's number is, in words.
    notes
        What to know, one sentence each.
    """

    frame: npt.NDArray[np.int64]
    time_s: TimeArray
    face_id: npt.NDArray[np.int64]
    columns: dict[str, TimeArray]
    scales: dict[str, str]
    notes: tuple[str, ...] = field(default_factory=tuple)


class TableReader(Protocol):
    """Of one tool."""

    @property
    def title(self) -> str:
        """How the tool is called."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns by which its tables are known."""

    def read(self, cells: Cells, fps: float | None) -> OtherTable:
        """The table in our columns; `fps` is the video's frame rate, where somebody said it.

        Raises
        ------
        DataError
            If the table lacks what is needed.
        ConfigError
            If it does not say when its frames were, and nobody said `fps`.
        """
        ...


READERS: Registry[TableReader] = Registry("table reader", __name__, "mien.tables")

register_reader = READERS.register


def find_reader(path: Path, tool: str | None = None) -> tuple[TableReader, int, str] | None:
    """Whose table a file is, in which line its header is (from 0), and what separates its cells.

    `tool` asks for one tool's alone. None where it is nobody's.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            head = list(itertools.islice(file, _HEAD_LINES))
    except OSError:
        return None
    names = READERS.names() if tool is None else [tool]
    readers = [READERS[name] for name in names]
    for (line, text), separator in itertools.product(enumerate(head), _SEPARATORS):
        cells = next(csv.reader([text], delimiter=separator), [])
        there = {cell.strip() for cell in cells}
        for reader in readers:
            if there.issuperset(reader.needs):
                return reader, line, separator
    return None


def read_other_table(
    path: Path, tool: str | None = None, fps: float | None = None
) -> tuple[OtherTable, TableReader]:
    """A table of another tool, and whose it is.

    Parameters
    ----------
    path
        A csv (or tsv) file.
    tool
        One of ``READERS.names()``; None finds out by the header.
    fps
        Frames per second of the video; needed where the table does not say when its frames were.

    Raises
    ------
    DataError
        If it is no such table, or damaged.
    ConfigError
        If `fps` is needed.
    """
    found = find_reader(path, tool)
    if found is None:
        titles = [READERS[name].title for name in (READERS.names() if tool is None else [tool])]
        wanted = "" if tool is None else f"; it needs the columns {', '.join(READERS[tool].needs)}"
        raise DataError(f"{path}: is no table of {' or '.join(titles)}{wanted}")
    reader, line, separator = found
    try:
        with path.open("rb") as data:  # Arrow takes some names for addresses
            table = pa.csv.read_csv(
                data,
                read_options=pa.csv.ReadOptions(use_threads=False, skip_rows=line),
                parse_options=pa.csv.ParseOptions(delimiter=separator),
                convert_options=pa.csv.ConvertOptions(strings_can_be_null=False),
            )
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from error
    if not table.num_rows:
        raise DataError(f"{path}: has no row")
    told = reader.read(Cells(table, path), fps)
    _check(told, path)
    return told, reader


def unit_columns(names: Sequence[str], ending: str = "") -> dict[str, int]:
    """Columns that are called ``AU12`` with an ending such as ``_r``, and their numbers.

    >>> unit_columns(["frame", "AU01_r", "AU45_c", "AU12"], "_r")
    {'AU01_r': 1}
    """
    plain = [name.removesuffix(ending) for name in names if name.endswith(ending)]
    return {f"{n}{ending}": int(n[2:]) for n in plain if n[:2] == "AU" and n[2:].isdigit()}


def _check(told: OtherTable, path: Path) -> None:
    if not np.isfinite(told.time_s).all() or (np.diff(told.time_s) < 0).any():
        raise DataError(f"{path}: times are missing or go back")
    seen = told.face_id >= 0
    places = np.stack([told.frame[seen], told.face_id[seen]], axis=1)
    if len(np.unique(places, axis=0)) < len(places):
        raise DataError(f"{path}: has the same face twice in one frame")
