"""csv tables as spreadsheets of different countries write and read them.

Where the decimal sign is a comma (Germany, France and many others), cells are parted by semicolons.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

DECIMALS = (".", ",")


class CsvStyle(TypedDict):
    """How `pandas.DataFrame.to_csv` writes."""

    sep: str
    decimal: str
    encoding: str
    index: bool


def csv_style(decimal: str = ".") -> CsvStyle:
    """Style for a decimal sign; Excel knows UTF-8 by the mark at the beginning.

    Examples
    --------
    >>> csv_style(",")["sep"]
    ';'
    """
    if decimal == ".":
        return {"sep": ",", "decimal": ".", "encoding": "utf-8", "index": False}
    return {"sep": ";", "decimal": ",", "encoding": "utf-8-sig", "index": False}


def separator_of(path: Path) -> str:
    """What parts the cells of a table: a tab in a ``.tsv``, else a comma or a semicolon.

    A table whose first line has semicolons and no comma is parted by semicolons.

    Raises
    ------
    OSError, UnicodeError
        If it cannot be read.
    """
    if path.suffix == ".tsv":
        return "\t"
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    return ";" if ";" in header and "," not in header else ","
