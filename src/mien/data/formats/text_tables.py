"""Rows of csv and tab-separated files that know where they came from.

Corpora are delivered as text that people have opened, saved and joined: headers carry spaces, lines
end in different ways. What is merely untidy is tidied here; what is wrong stops with the file, the
line and what was expected there.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import DataError


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes
    ----------
    path, line
        The file and the number of the line in it, 1-based and with the header counted.
    cells
        Column name -> text, both without surrounding spaces.
    """

    path: Path
    line: int
    cells: dict[str, str]

    def text(self, column: str) -> str:
        """The cell; an empty one is an error."""
        text = self.cells[column]
        if not text:
            raise self.error(f"{column!r} is empty")
        return text

    def number(self, column: str, low: float, high: float) -> float:
        """The cell as a number in [low, high].

        Raises
        ------
        DataError
            If it is anything else.
        """
        text = self.cells[column]
        value = as_number(text)
        if value is None or not low <= value <= high:
            raise self.error(f"{column!r} is {text!r}; expected a number from {low:g} to {high:g}")
        return value

    def integer(self, column: str, allowed: Sequence[int]) -> int:
        """The cell as one of the allowed integers.

        Raises
        ------
        DataError
            If it is anything else.
        """
        text = self.cells[column]
        value = as_number(text)
        if value is None or value not in allowed:
            raise self.error(f"{column!r} is {text!r}; expected one of {codes(allowed)}")
        return int(value)

    def error(self, fault: str) -> DataError:
        """An error that names the file and the line."""
        return DataError(f"{self.path}, line {self.line}: {fault}")


def as_number(text: str) -> float | None:
    """A finite number, or None where the text is none.

    Examples
    --------
    >>> as_number(" 0.5"), as_number("nan"), as_number("1_0"), as_number("half")
    (0.5, None, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def codes(allowed: Sequence[int]) -> str:
    """Allowed integers in words that are short where they form a range.

    Examples
    --------
    >>> codes(range(8)), codes((0, 1, 999))
    ('0 to 7', '0, 1, 999')
    """
    if len(allowed) > 3 and list(allowed) == list(range(allowed[0], allowed[-1] + 1)):
        return f"{allowed[0]} to {allowed[-1]}"
    return ", ".join(str(value) for value in allowed)


def read_rows(path: Path, required: Sequence[str], delimiter: str = ",") -> Iterator[Row]:
    """Rows of a table with a header, one at a time.

    Parameters
    ----------
    path
        Text in UTF-8, with or without a byte-order mark.
    required
        Columns that must be there; others are read too. Spaces around names do not count.

    Raises
    ------
    DataError
        If the file cannot be read, a column is missing or there twice, a row is longer or shorter
        than the header, or there are no rows.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header, required)
            count = 0
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue  # a blank line, usually the last
                if len(cells) != len(header):
                    raise DataError(
                        f"{path}, line {reader.line_num}: has {len(cells)} cells; expected "
                        f"{len(header)}, as in the header"
                    )
                stripped = (cell.strip() for cell in cells)
                yield Row(path, reader.line_num, dict(zip(header, stripped, strict=True)))
                count += 1
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(path, error) from error
    if not count:
        raise DataError(f"{path}: has a header and no rows")


def read_lines(path: Path) -> list[str]:
    """Lines of a text file without their ends; blank lines at the end are left out.

    Raises
    ------
    DataError
        If the file cannot be read as text in UTF-8.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    while lines and not lines[-1]:
        lines.pop()
    return lines


def unreadable(path: Path, error: Exception) -> DataError:
    """One line on a file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: no such file")
    reason = error.strerror if isinstance(error, OSError) else None
    if isinstance(error, UnicodeDecodeError):
        reason = f"not a text in UTF-8: {error.reason}"
    return DataError(f"{path}: cannot be read ({reason or ' '.join(str(error).split())})")


def _check_header(path: Path, header: list[str], required: Sequence[str]) -> None:
    if not any(header):
        raise DataError(f"{path}, line 1: is empty; expected a header with {list(required)}")
    missing = [name for name in required if name not in header]
    if missing:
        raise DataError(f"{path}, line 1: looked for columns {missing}, found {header}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path}, line 1: columns {twice} are there more than once in {header}")
