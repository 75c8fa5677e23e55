"""EmotioNet (Benitez-Quiroz et al., CVPR 2016): web images with action units.

Layout: text files ``dataFile_*.txt`` in the folder or one folder below, separated by tabs and
without a header: URL of the image, a column that is skipped, then one column per action unit,
number k in the k-th of 60. 1 is active, 0 not, 999 unknown. A file with a header (``URL`` ... and
``AU1`` or ``AU 1`` and so on) is read by its names.

The edition of the 2020 challenge (24,600 images) is one csv, ``EmotioNet_FACS_aws_2020_24600.csv``:
commas, a header ``URL``, ``URL orig``, ``'AU 1'`` and so on, and quotes around the URLs. An empty
cell is unknown there, and a line of empty cells nothing.

Images are found by what follows ``/Images/`` in the URL, below the folder or its ``Images`` or
``images``, or else by the file's name anywhere below the folder. A tenth of the images, by a hash
of their names, is ``valid``: the corpus has no split of its own.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np

from mien.data.formats.annotations import ImageCorpus, annotation_table
from mien.data.formats.text_tables import as_number, read_lines
from mien.data.registry import ON_REQUEST, Corpus, register_corpus
from mien.errors import DataError
from mien.labels import ACTION_UNITS
from mien.types import FloatArray

NAME = "emotionet"
COLUMNS = 60
"""Action-unit columns of a file without a header."""

_PATTERN = "dataFile_*.txt"
_CSV = "EmotioNet*.csv"
_QUOTES = " '\""
_UNKNOWN = 999
_UNIT_NAME = re.compile(r"AU ?0*(\d+)")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
_PLACES = ("", "Images", "images")


@register_corpus(
    Corpus(
        name="emotionet",
        title="EmotioNet",
        kind="annotations",
        labels="per image: action units, present or not",
        access="from its authors at Ohio State University; images by their URLs",
        terms=ON_REQUEST,
        layout=(
            "dataFile_*.txt, also one folder below: URL, a column to skip, then action units 1 to "
            "60, separated by tabs; or EmotioNet_FACS_aws_2020_24600.csv: URL,URL orig,'AU 1',...",
            "images as after /Images/ in the URLs, or anywhere below the folder by name",
        ),
        counts_source="950,000 images in the text files, 24,600 in the csv of 2020",
        whole_pictures=True,
    )
)
def load_emotionet(root: str | Path) -> ImageCorpus:
    """Read all lists and find the images.

    Raises
    ------
    DataError
        If there is no list, a line cannot be read, an image is listed twice, or none is there.
    """
    folder = Path(root)
    lists = sorted(path for name in (_PATTERN, _CSV) for path in _one_below(folder, name))
    if not lists:
        sheets = _one_below(folder, "EmotioNet*.xlsx")
        if sheets:
            raise DataError(f"{sheets[0]}: is a workbook; save it as csv beside it")
        others = sorted(path.name for path in folder.glob("*.txt"))[:8]
        raise DataError(
            f"{folder}: looked for {_PATTERN} or {_CSV} in it and one folder below, found none "
            f"(other text files: {others})"
        )
    urls: list[str] = []
    units: list[FloatArray] = []
    first: dict[str, str] = {}
    for path in lists:
        _read_list(path, urls, units, first)
    images = _find_images(folder, urls)
    absent = images.count(None)
    if absent == len(images):
        raise DataError(
            f"{folder}: looked for {_below_images(urls[0])} and {len(urls) - 1} more images, "
            "found none of them"
        )
    table = annotation_table(images, [_split(url) for url in urls], action_units=np.stack(units))
    notes = (f"{absent} of {len(images)} images are not there",) if absent else ()
    return ImageCorpus(NAME, folder, table, notes)


def _one_below(folder: Path, pattern: str) -> list[Path]:
    return sorted([*folder.glob(pattern), *folder.glob(f"*/{pattern}")])


def _cells(path: Path) -> tuple[list[list[str]], str]:
    """Lines of a list as cells, and what separates them, in words."""
    lines = read_lines(path)
    if not lines:
        raise DataError(f"{path}: is empty")
    if path.suffix != ".csv":
        return [[cell.strip() for cell in line.split("\t")] for line in lines], "tabs"
    rows = [[cell.strip(_QUOTES) for cell in row] for row in csv.reader(lines)]
    if not any(_UNIT_NAME.fullmatch(cell) for cell in rows[0]) or rows[0][0] != "URL":
        raise DataError(
            f"{path}, line 1: starts with {rows[0][:3]}; expected URL, URL orig, 'AU 1' and so on"
        )
    return rows, "commas"


def _read_list(path: Path, urls: list[str], units: list[FloatArray], first: dict[str, str]) -> None:
    lines, separator = _cells(path)
    columns, start = _unit_columns(lines[0], path)
    width = max(columns) + 1 if start else COLUMNS + 2
    for number, cells in enumerate(lines[start:], start + 1):
        where = f"{path}, line {number}"
        if separator == "commas" and not any(cells):
            continue
        if len(cells) < width or (not start and len(cells) != width):
            raise DataError(
                f"{where}: has {len(cells)} cells separated by {separator}; expected {width}: a "
                f"URL, a column to skip and {COLUMNS} action units"
            )
        if "/" not in cells[0]:
            raise DataError(f"{where}: starts with {cells[0]!r}; expected the URL of an image")
        if cells[0] in first:
            raise DataError(f"{where}: {cells[0]} is there twice: first at {first[cells[0]]}")
        first[cells[0]] = where
        urls.append(cells[0])
        units.append(_units(cells, columns, where, empty_is_unknown=separator == "commas"))


def _unit_columns(cells: list[str], path: Path) -> tuple[dict[int, int], int]:
    """Column -> place in `ACTION_UNITS`, and how many lines the header has."""
    names = [_UNIT_NAME.fullmatch(cell.strip()) for cell in cells]
    if not any(names):
        if "/" not in cells[0]:
            raise DataError(
                f"{path}, line 1: starts with {cells[0]!r}; expected the URL of an image, or a "
                "header with AU1 and so on"
            )
        return {unit + 1: k for k, unit in enumerate(ACTION_UNITS)}, 0
    columns: dict[int, int] = {}
    for column, name in enumerate(names):
        if name is not None and int(name[1]) in ACTION_UNITS:
            place = ACTION_UNITS.index(int(name[1]))
            if place in columns.values():
                raise DataError(f"{path}, line 1: AU{name[1]} is there twice")
            columns[column] = place
    if not columns:
        raise DataError(f"{path}, line 1: names none of the action units {ACTION_UNITS}")
    return columns, 1


def _units(
    cells: list[str], columns: dict[int, int], where: str, *, empty_is_unknown: bool
) -> FloatArray:
    """float32 (17,), NaN where unknown or not listed."""
    values = np.full(len(ACTION_UNITS), np.nan, np.float32)
    for column, place in columns.items():
        if empty_is_unknown and not cells[column]:
            continue
        number = as_number(cells[column])
        if number not in (0, 1, _UNKNOWN):
            raise DataError(
                f"{where}: AU{ACTION_UNITS[place]} is {cells[column]!r}; expected 1 (active), 0 "
                f"(not) or {_UNKNOWN} (unknown)"
            )
        if number != _UNKNOWN:
            values[place] = number
    return values


def _below_images(url: str) -> PurePosixPath:
    """Path of an image below the folder of images, or its name."""
    _, found, rest = url.partition("/Images/")
    path = PurePosixPath(rest if found else PurePosixPath(url).name)
    return PurePosixPath(path.name) if ".." in path.parts or path.is_absolute() else path


def _find_images(folder: Path, urls: list[str]) -> list[str | None]:
    """Path of every image relative to the folder, or None."""
    found: list[str | None] = []
    for url in urls:
        path = _below_images(url)
        places = [str(PurePosixPath(place, path)) for place in _PLACES]
        found.append(next((place for place in places if (folder / place).is_file()), None))
    if None not in found:
        return found
    by_name: dict[str, str] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in _SUFFIXES:
            relative = file.relative_to(folder).as_posix()
            # Two files of one name: neither is known to be the right one.
            by_name[file.name] = "" if file.name in by_name else relative
    taken = set(found)
    names = Counter(_below_images(url).name for url in urls)

    def named(name: str) -> str | None:
        """The file of this name, if only this image can be meant by it."""
        file = by_name.get(name) if names[name] == 1 else None
        return file if file and file not in taken else None

    return [place or named(_below_images(url).name) for url, place in zip(urls, found, strict=True)]


def _split(url: str) -> str:
    digest = hashlib.sha256(PurePosixPath(url).name.encode()).hexdigest()
    return "valid" if int(digest, 16) % 10 == 0 else "train"
