from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.formats.text_tables import Row, as_number, codes, read_lines, read_rows
from mien.errors import DataError


def table(folder: Path, data: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def rows_of(path: Path, *required: str) -> list[dict[str, str]]:
    return [row.cells for row in read_rows(path, required)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_untidy_tables_are_read(end: str, mark: str, tmp_path: Path) -> None:
    lines = [mark + " id , Empathic-Pain ", "[1] , 0.5", "", '"2",  1 ', ""]
    path = table(tmp_path, end.join(lines))
    assert rows_of(path, "id", "Empathic-Pain") == [
        {"id": "[1]", "Empathic-Pain": "0.5"},
        {"id": "2", "Empathic-Pain": "1"},
    ]
    assert [row.line for row in read_rows(path, ())] == [2, 4]


def test_lines_of_rows_with_breaks_in_them(tmp_path: Path) -> None:
    path = table(tmp_path, 'a,b\n"x\ny",1\nz,2\n')
    assert [row.line for row in read_rows(path, ("a",))] == [3, 4]  # where a row ends


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: no such file"):
        rows_of(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        rows_of(tmp_path)
    with pytest.raises(DataError, match=r"table\.csv, line 1: is empty; expected a header"):
        rows_of(table(tmp_path, ""), "a")
    with pytest.raises(DataError, match=r"table\.csv: has a header and no rows"):
        rows_of(table(tmp_path, "a,b\n\n"), "a")
    with pytest.raises(DataError, match=r"line 1: looked for columns \['c'\], found \['a', 'b'\]"):
        rows_of(table(tmp_path, "a,b\n1,2\n"), "a", "c")
    with pytest.raises(DataError, match=r"line 1: columns \['a'\] are there more than once"):
        rows_of(table(tmp_path, "a,a\n1,2\n"), "a")
    with pytest.raises(DataError, match=r"line 3: has 3 cells; expected 2, as in the header"):
        rows_of(table(tmp_path, "a,b\n1,2\n1,2,3\n"), "a")
    with pytest.raises(DataError, match=r"table\.csv: cannot be read \(not a text in UTF-8"):
        rows_of(table(tmp_path, b"a,b\n\xe9,1\n"), "a")
    with pytest.raises(DataError, match=r"table\.csv: cannot be read \(line contains NUL|field"):
        rows_of(table(tmp_path, b'a,b\n"' + b"x" * (2 << 20)), "a")


def test_cells_that_are_wrong_name_their_line(tmp_path: Path) -> None:
    row = Row(Path("x.csv"), 7, {"a": "1.5", "b": "", "c": "two"})
    assert row.text("a") == "1.5" and row.number("a", 0, 2) == 1.5
    with pytest.raises(DataError, match=r"x\.csv, line 7: 'b' is empty"):
        row.text("b")
    with pytest.raises(DataError, match=r"line 7: 'a' is '1\.5'; expected a number from 0 to 1"):
        row.number("a", 0, 1)
    with pytest.raises(DataError, match=r"line 7: 'c' is 'two'; expected a number from -1 to 1"):
        row.number("c", -1, 1)
    with pytest.raises(DataError, match=r"line 7: 'a' is '1\.5'; expected one of 0 to 7"):
        row.integer("a", range(8))


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_are_finite_or_none(value: float) -> None:
    number = as_number(repr(value))
    finite = value == value and abs(value) != float("inf")
    assert number == (value if finite else None)


@given(st.text())
def test_any_text_is_a_number_or_none(text: str) -> None:
    number = as_number(text)
    assert number is None or float(text) == number


@given(st.integers(-100, 100), st.integers(4, 30))
def test_ranges_are_said_in_short(start: int, count: int) -> None:
    assert codes(range(start, start + count)) == f"{start} to {start + count - 1}"
    assert codes((start, start + 2)) == f"{start}, {start + 2}"


def test_lines_lose_their_blank_end(tmp_path: Path) -> None:
    path = table(tmp_path, "\ufeffa , b\r\n\r\n1,2 \r\n\r\n\r\n")
    assert read_lines(path) == ["a , b", "", "1,2"]
