"""``events.csv`` of a result: what a person marked in it, in the columns that BIDS names."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path

from mien.errors import DataError, OutputError
from mien.io import atomic_path
from mien.types import Mark

MARKS_FILE = "events.csv"
_COLUMNS = ("onset", "duration", "label")


def read_marks(folder: Path) -> tuple[Mark, ...]:
    """The marks of a result, by onset; none where there is no such file.

    Raises
    ------
    DataError
        With file and line, where a column is missing or a time is none.
    """
    path = folder / MARKS_FILE
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            lacking = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if lacking:
                raise DataError(f"{path}: lacks the column {lacking[0]!r}")
            found = [_mark(path, rows.line_num, row) for row in rows]
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from error
    return tuple(sorted(found, key=lambda mark: mark.onset_s))


def write_marks(folder: Path, marks: Iterable[Mark]) -> None:
    """Write the marks by onset, times in whole milliseconds; without any there is no file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = folder / MARKS_FILE
    found = sorted(marks, key=lambda mark: mark.onset_s)
    try:
        if not found:
            path.unlink(missing_ok=True)
            return
        with (
            atomic_path(path) as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for mark in found:
                writer.writerow([f"{mark.onset_s:.3f}", f"{mark.duration_s:.3f}", mark.label])
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written to ({error.strerror})") from error


def _mark(path: Path, line: int, row: dict[str, str | None]) -> Mark:
    times_s = []
    for name in ("onset", "duration"):
        try:
            value = float(row[name] or "")
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (name == "duration" and value < 0):
            raise DataError(f"{path}, line {line}: {name} is {row[name]!r}; give seconds")
        times_s.append(value)
    onset_s, duration_s = times_s
    return Mark(onset_s, duration_s, row["label"] or "")
