"""Aff-Wild2 (Kollias and Zafeiriou): videos from the wild, annotated frame by frame.

Layout of the annotations, below the folder or below a folder in it whose name holds "annot":
``VA_Estimation_Challenge``, ``EXPR_Classification_Challenge`` (``EXPR_Recognition_Challenge`` in
another edition) and ``AU_Detection_Challenge``, each with ``Train_Set`` and ``Validation_Set`` of
``<video>.txt``: a header line, then line k for frame k. ``MTL_Challenge`` holds csv files
``train*`` and ``val*`` with ``image,valence,arousal,expression`` and the action units. Any of
these may be missing. Images lie in ``cropped_aligned/<video>/00001.jpg`` (or ``cropped``).

Not annotated is -5 for valence and arousal (anything below -1), -1 for expressions and action
units; "Other" (7) is an annotation, but none of the seven expressions.

What the corpus is known for and the adapter deals with:

* annotation and images may differ by one frame at the end: accepted, and counted in the notes. If
  images go further beyond the annotation, or two annotations of a video differ by more than one
  line, line k cannot be frame k and the adapter stops. Frames without an image are the ones in
  which no face was found when the crops were made; they stay in the table without an image.
* a video may be in the training set of one task and the validation set of another. It then counts
  as validation in all of them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mien.datasets.annotations import (
    ANNOTATION_SCHEMA,
    ImageCorpus,
    annotation_table,
    expression_index,
)
from mien.datasets.text_tables import as_number, codes, read_lines, unreadable
from mien.errors import DataError
from mien.labels import ACTION_UNITS
from mien.types import FloatArray

NAME = "aff-wild2"
EXPRESSION_CODES = (
    "Neutral",
    "Anger",
    "Disgust",
    "Fear",
    "Happiness",
    "Sadness",
    "Surprise",
    "Other",
)
"""What the numbers 0 to 7 mean."""
UNITS = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)
"""Action units of the corpus, in its order."""

_FOLDERS = {
    "VA": ("VA_Estimation_Challenge",),
    "EXPR": ("EXPR_Classification_Challenge", "EXPR_Recognition_Challenge"),
    "AU": ("AU_Detection_Challenge",),
    "MTL": ("MTL_Challenge",),
}
_SETS = {"Train_Set": "train", "Validation_Set": "valid"}
_IMAGE_FOLDERS = ("cropped_aligned", "cropped")
_IMAGE_NAME = re.compile(r"(\d+)\.jpg")
_OUTSIDE = ("Other",)
_TO_BASIC = np.array([expression_index(name, _OUTSIDE) for name in EXPRESSION_CODES])
_UNIT_COLUMNS = [ACTION_UNITS.index(unit) for unit in UNITS]
_UNIT_NAMES = [f"AU{unit}" for unit in UNITS]

Numbers = npt.NDArray[np.float64]


@dataclass
class _Video:
    """Labels of one video; row k - 1 of every array is frame k."""

    splits: dict[str, str] = field(default_factory=dict)  # task -> split
    files: dict[str, tuple[Path, int]] = field(default_factory=dict)  # task -> file, frames
    valence_arousal: FloatArray = field(default_factory=lambda: _missing(0, 2))
    expression: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    action_units: FloatArray = field(default_factory=lambda: _missing(0, len(ACTION_UNITS)))

    def grow(self, frames: int) -> None:
        """Make room for frames 1 to `frames`."""
        more = frames - len(self.expression)
        if more > 0:
            self.valence_arousal = np.concatenate([self.valence_arousal, _missing(more, 2)])
            self.expression = np.concatenate([self.expression, np.full(more, -1, np.int64)])
            self.action_units = np.concatenate(
                [self.action_units, _missing(more, len(ACTION_UNITS))]
            )

    @property
    def annotated(self) -> npt.NDArray[np.bool_]:
        """bool (frames,), whether a frame has any label."""
        known: npt.NDArray[np.bool_] = (
            np.isfinite(self.valence_arousal).all(axis=1)
            | (self.expression >= 0)
            | np.isfinite(self.action_units).any(axis=1)
        )
        return known


def load_aff_wild2(root: str | Path) -> ImageCorpus:
    """Read all annotations that are there and match them with images.

    Parameters
    ----------
    root
        The folder that holds the annotation folders (or one with "annot" in its name that does)
        and ``cropped_aligned``.

    Returns
    -------
    An `ImageCorpus` of all frames with any label.

    Raises
    ------
    DataError
        If no annotation folder is found, a file is not as described above, or annotations and
        images do not match.
    """
    folder = Path(root)
    places = _annotation_folders(folder)
    videos: dict[str, _Video] = {}
    readers: dict[str, Callable[[Path, _Video], int]] = {
        "VA": _read_valence_arousal,
        "EXPR": _read_expressions,
        "AU": _read_action_units,
    }
    for task, reader in readers.items():
        if task in places:
            _read_task(task, places[task], reader, videos)
    shifted = sum(_check_lengths(name, video) for name, video in videos.items())
    if "MTL" in places:
        _read_multi_task(places["MTL"], videos)
    notes = []
    if shifted:
        notes.append(f"{shifted} videos have annotations whose lengths differ by one frame")
    mixed = sum(len(set(video.splits.values())) > 1 for video in videos.values())
    if mixed:
        notes.append(
            f"{mixed} videos train one task and validate another; they count as validation"
        )
    images = [folder / name for name in _IMAGE_FOLDERS if (folder / name).is_dir()][:1]
    if not images:
        notes.append(f"no images: {folder} holds none of {list(_IMAGE_FOLDERS)}")
    tables, beyond, without = [], 0, 0
    for name in sorted(videos):
        found = _images(images[0] / name, videos[name], name) if images else {}
        beyond += _is_shifted(found, videos[name])
        table = _table(name, videos[name], images[0].name if images else "", found)
        without += table.column("image").null_count
        tables.append(table)
    if beyond:
        notes.append(f"{beyond} videos have one image more or less than annotated frames")
    if images and without:
        notes.append(f"{without} annotated frames have no image")
    whole = pa.concat_tables(tables).combine_chunks() if tables else ANNOTATION_SCHEMA.empty_table()
    if not whole.num_rows:
        raise DataError(f"{folder}: no frame is annotated in {sorted(map(str, places.values()))}")
    return ImageCorpus(NAME, folder, whole, tuple(notes))


def _annotation_folders(root: Path) -> dict[str, Path]:
    """Folder of every task that is there."""
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    below = sorted(p for p in root.iterdir() if p.is_dir() and "annot" in p.name.lower())
    deeper = sorted(p for q in below for p in q.iterdir() if p.is_dir())
    places: dict[str, Path] = {}
    for task, names in _FOLDERS.items():
        found = [p / name for p in (root, *below, *deeper) for name in names if (p / name).is_dir()]
        if len(found) > 1:
            raise DataError(f"{root}: {task} annotations are there twice: {found[0]}, {found[1]}")
        if found:
            places[task] = found[0]
    if not places:
        looked = [name for names in _FOLDERS.values() for name in names]
        raise DataError(
            f"{root}: looked for {looked} in it and in folders with 'annot' in their names "
            f"({len(below)}), found none"
        )
    return places


def _read_task(
    task: str, place: Path, read: Callable[[Path, _Video], int], videos: dict[str, _Video]
) -> None:
    there = [name for name in _SETS if (place / name).is_dir()]
    if not there:
        raise DataError(f"{place}: looked for {list(_SETS)}, found neither")
    for name in there:
        for path in sorted((place / name).glob("*.txt")):
            if path.name.startswith("."):
                continue
            video = videos.setdefault(path.stem, _Video())
            if task in video.splits:
                raise DataError(f"{path}: {video.files[task][0]} annotates the same video")
            video.splits[task] = _SETS[name]
            video.files[task] = (path, read(path, video))


def _read_valence_arousal(path: Path, video: _Video) -> int:
    values = _columns(path, ["valence", "arousal"])
    # Anything below -1 says: not annotated. What is only half annotated is not annotated.
    known = (values >= -1).all(axis=1)
    _check(path, known & (values > 1).any(axis=1), values, "-1 to 1, or -5 where not annotated")
    video.grow(len(values))
    video.valence_arousal[: len(values)][known] = values[known]
    return len(values)


def _read_expressions(path: Path, video: _Video) -> int:
    header = [name.strip() for name in _header(path).split(",")]
    if header not in (list(EXPRESSION_CODES), list(EXPRESSION_CODES[:-1])):
        raise DataError(
            f"{path}, line 1: is {','.join(header)!r}; expected {','.join(EXPRESSION_CODES)!r}"
        )
    values = _numbers(path, 1)[:, 0]
    allowed = range(-1, len(header))
    _check(path, ~np.isin(values, allowed), values, f"{codes(allowed)}, -1 where not annotated")
    video.grow(len(values))
    indices = values.astype(np.int64)
    video.expression[: len(values)] = np.where(indices >= 0, _TO_BASIC[indices], -1)
    return len(values)


def _read_action_units(path: Path, video: _Video) -> int:
    values = _columns(path, _UNIT_NAMES)
    wrong = ~np.isin(values, (-1, 0, 1)).all(axis=1)
    _check(path, wrong, values, "0 or 1, or -1 where not annotated")
    video.grow(len(values))
    video.action_units[: len(values), _UNIT_COLUMNS] = np.where(values >= 0, values, np.nan)
    return len(values)


def _read_multi_task(place: Path, videos: dict[str, _Video]) -> None:
    """Labels of the MTL csv files, where the other folders give none."""
    files = sorted(p for p in place.rglob("*") if p.suffix in (".txt", ".csv"))
    if not files:
        raise DataError(f"{place}: looked for csv files whose names start with train or val")
    for path in files:
        kind = [split for start, split in (("train", "train"), ("val", "valid"))
                if path.name.lower().startswith(start)]  # fmt: skip
        if not kind:
            raise DataError(f"{path}: expected a name that starts with 'train' or 'val'")
        for line, image, values in _multi_task_rows(path):
            name, number = _frame_of(image, path, line)
            video = videos.setdefault(name, _Video())
            video.splits.setdefault("MTL", kind[0])
            if video.splits["MTL"] != kind[0]:
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
    if header[: len(start)] != start or (units != ["aus"] and sorted(units) != sorted(_UNIT_NAMES)):
        raise DataError(f"{path}, line 1: is {header}; expected {[*start, *_UNIT_NAMES]}")
    order = range(len(UNITS)) if units == ["aus"] else [units.index(name) for name in _UNIT_NAMES]
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
    match = _IMAGE_NAME.fullmatch(file)
    if not name or match is None or int(match[1]) < 1:
        raise DataError(
            f"{path}, line {line}: 'image' is {image!r}; expected <video>/00001.jpg and so on"
        )
    return name, int(match[1])


def _add_multi_task(video: _Video, k: int, values: list[float], where: str) -> None:
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
        video.expression[k] = _TO_BASIC[int(expression)]
    known = np.isnan(video.action_units[k, _UNIT_COLUMNS]) & (units >= 0)
    video.action_units[k, np.array(_UNIT_COLUMNS)[known]] = units[known]


def _columns(path: Path, names: list[str]) -> Numbers:
    """(frames, len(names)) from a file whose header holds exactly these names, in any order."""
    header = [name.strip() for name in _header(path).split(",")]
    if sorted(header) != sorted(names):
        raise DataError(f"{path}, line 1: is {','.join(header)!r}; expected {','.join(names)!r}")
    return _numbers(path, len(names))[:, [header.index(name) for name in names]]


def _header(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.readline().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def _numbers(path: Path, width: int) -> Numbers:
    """(frames, width) from all lines after the header."""
    lines = read_lines(path)[1:]
    if not lines:
        raise DataError(f"{path}: has a header and no frames")
    rows = []
    for k, line in enumerate(lines):
        numbers = [as_number(cell) for cell in line.split(",")]
        if len(numbers) != width or None in numbers:
            raise DataError(
                f"{path}, line {k + 2}: is {line!r}; expected {width} number(s) separated by commas"
            )
        rows.append(numbers)
    return np.array(rows, np.float64)


def _check(path: Path, wrong: Any, values: Numbers, expected: str) -> None:
    """Stop at the first frame for which `wrong`, bool (frames,), holds."""
    if np.any(wrong):
        k = int(np.argmax(wrong))
        found = ",".join(f"{value:g}" for value in np.atleast_1d(values[k]))
        raise DataError(f"{path}, line {k + 2}: is {found!r}; expected {expected}")


def _check_lengths(name: str, video: _Video) -> bool:
    """Whether the tasks' annotations of a video differ in length, by the one that is allowed."""
    lengths = sorted((frames, str(path)) for path, frames in video.files.values())
    (shortest, short), (longest, long) = lengths[0], lengths[-1]
    if longest - shortest > 1:
        raise DataError(
            f"{long}: annotates {longest} frames of {name!r}, {short} {shortest}; expected the "
            "same number, or one more or less"
        )
    return longest != shortest


def _images(folder: Path, video: _Video, name: str) -> dict[int, str]:
    """File name of every frame that has an image."""
    found: dict[int, str] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _IMAGE_NAME.fullmatch(path.name)
        if match is not None:
            found[int(match[1])] = path.name
    frames = len(video.expression)
    if video.files and max(found, default=0) > frames + 1:
        raise DataError(
            f"{folder}: has images up to frame {max(found)}, the annotation of {name!r} has "
            f"{frames} frames; expected the same number, or one more or less"
        )
    return found


def _is_shifted(found: dict[int, str], video: _Video) -> bool:
    return bool(found and video.files) and abs(max(found) - len(video.expression)) == 1


def _table(name: str, video: _Video, folder: str, found: dict[int, str]) -> pa.Table:
    """Rows of the annotated frames of a video."""
    rows = np.flatnonzero(video.annotated)
    split = "valid" if "valid" in video.splits.values() else "train"
    frames = (rows + 1).tolist()
    return annotation_table(
        [f"{folder}/{name}/{found[k]}" if k in found else None for k in frames],
        [split] * len(rows),
        video=[name] * len(rows),
        frame=(rows + 1).astype(np.int64),
        valence_arousal=video.valence_arousal[rows],
        expression=video.expression[rows],
        action_units=video.action_units[rows],
    )


def _missing(count: int, width: int) -> npt.NDArray[Any]:
    return np.full((count, width), np.nan, np.float32)
