"""The multi-task files of Aff-Wild2: csv with all labels of a frame in one row.

``image,valence,arousal,expression`` and the twelve action units (some copies name their columns
together, ``aus``); image is ``<video>/00001.jpg``. Names of the files start with train or val.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from mien.data.formats.aff_wild2_labels import (
    EXPRESSION_CODES,
    TO_BASIC,
    UNIT_COLUMNS,
    UNIT_NAMES,
    UNITS,
    VideoLabels,
)
from mien.data.formats.text_tables import as_number, read_lines
from mien.errors import DataError

IMAGE_NAME = re.compile(r"(\d+)\.jpg")
"""Names of images; the number is that of the frame, 1-based."""


def read_multi_task(place: Path, videos: dict[str, VideoLabels]) -> None:
    """Labels of the MTL csv files of a folder, where its other folders give none."""
    files = sorted(p for p in place.rglob("*") if p.suffix in (".txt", ".csv"))
    if not files:
        raise DataError(f"{place}: looked for csv files whose names start with train or val")
    for path in files:
        kind = [split for start, split in (("train", "train"), ("val", "valid"))
                if path.name.lower().startswith(start)]  # fmt: skip
        if not kind:
            raise DataError(f"{path}: expected a name that starts with 'train' or 'val'")
        read_multi_task_file(path, kind[0], videos)


def read_multi_task_file(path: Path, split: str, videos: dict[str, VideoLabels]) -> None:
    """Labels of one file, all of whose videos are in `split`.

    Raises
    ------
    DataError
        If the file is not as described above, or one of its videos is in another split already.
    """
    for line, image, values in _multi_task_rows(path):
        name, number = _frame_of(image, path, line)
        video = videos.setdefault(name, VideoLabels())
        if video.splits.setdefault("MTL", split) != split:
            raise DataError(f"{path}, line {line}: {name!r} is in both MTL splits")
        video.grow(number)
        _add_multi_task(video, number - 1, values, f"{path}, line {line}")


def _multi_task_rows(path: Path) -> list[tuple[int, str, list[float]]]:
    """Line number, image and the 15 numbers of every row, action units in the corpus's order."""
    start = ["image", "valence", "arousal", "expression"]
    lines = list(csv.reader(read_lines(path)))
    header = [name.strip() for name in lines[0]] if lines else []
    units = header[len(start) :]
    # Some copies name the twelve columns together.
    if header[: len(start)] != start or (units != ["aus"] and sorted(units) != sorted(UNIT_NAMES)):
        raise DataError(f"{path}, line 1: is {header}; expected {[*start, *UNIT_NAMES]}")
    order = range(len(UNITS)) if units == ["aus"] else [units.index(name) for name in UNIT_NAMES]
    rows = []
    for line, cells in enumerate(lines[1:], 2):
        numbers = [as_number(cell) for cell in cells[1:]]
        if len(numbers) != len(start) - 1 + len(UNITS) or None in numbers:
            raise DataError(
                f"{path}, line {line}: is {','.join(cells)!r}; expected an image and 15 numbers"
            )
        values = [value for value in numbers if value is not None]
        rows.append((line, cells[0].strip(), values[:3] + [values[3 + k] for k in order]))
    return rows


def _frame_of(image: str, path: Path, line: int) -> tuple[str, int]:
    name, _, file = image.rpartition("/")
    match = IMAGE_NAME.fullmatch(file)
    if not name or match is None or int(match[1]) < 1:
        raise DataError(
            f"{path}, line {line}: 'image' is {image!r}; expected <video>/00001.jpg and so on"
        )
    return name, int(match[1])


def _add_multi_task(video: VideoLabels, k: int, values: list[float], where: str) -> None:
    valence, arousal, expression = values[:3]
    units = np.array(values[3:])
    if max(valence, arousal) > 1:
        raise DataError(f"{where}: valence and arousal are {valence:g}, {arousal:g}; at most 1")
    if expression not in range(-1, len(EXPRESSION_CODES)):
        raise DataError(f"{where}: 'expression' is {expression:g}; expected -1 to 7")
    if not np.isin(units, (-1, 0, 1)).all():
        raise DataError(f"{where}: action units are {units.tolist()}; expected -1, 0 or 1")
    if min(valence, arousal) >= -1 and np.isnan(video.valence_arousal[k]).any():
        video.valence_arousal[k] = valence, arousal
    if expression >= 0 and video.expression[k] < 0:
        video.expression[k] = TO_BASIC[int(expression)]
    known = np.isnan(video.action_units[k, UNIT_COLUMNS]) & (units >= 0)
    video.action_units[k, np.array(UNIT_COLUMNS)[known]] = units[known]
