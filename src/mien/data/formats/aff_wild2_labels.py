"""Annotation files of Aff-Wild2: one per video and task; line k after the header is frame k."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.formats.annotations import expression_index
from mien.data.formats.text_tables import as_number, codes, read_lines, unreadable
from mien.errors import DataError
from mien.labels import ACTION_UNITS
from mien.types import FloatArray

EXPRESSION_CODES = (
    "Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Other",
)  # fmt: skip
"""What the numbers 0 to 7 mean."""
UNITS = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)
"""Action units of the corpus, in its order."""

TO_BASIC = np.array([expression_index(name, ("Other",)) for name in EXPRESSION_CODES])
"""Index into `mien.labels.EXPRESSIONS` of each code, -1 for Other."""
UNIT_COLUMNS = [ACTION_UNITS.index(unit) for unit in UNITS]
UNIT_NAMES = [f"AU{unit}" for unit in UNITS]

Numbers = npt.NDArray[np.float64]


@dataclass
class VideoLabels:
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


def read_valence_arousal(path: Path, video: VideoLabels) -> int:
    """Read ``valence,arousal`` into `video`; the number of frames."""
    values = _columns(path, ["valence", "arousal"])
    # Anything below -1 says: not annotated. What is only half annotated is not annotated.
    known = (values >= -1).all(axis=1)
    _check(path, (values > 1).any(axis=1), values, "-1 to 1, or -5 where not annotated")
    video.grow(len(values))
    video.valence_arousal[: len(values)][known] = values[known]
    return len(values)


def read_expressions(path: Path, video: VideoLabels) -> int:
    """Read expression codes into `video`; the number of frames."""
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
    video.expression[: len(values)] = np.where(indices >= 0, TO_BASIC[indices], -1)
    return len(values)


def read_action_units(path: Path, video: VideoLabels) -> int:
    """Read the twelve action units into `video`; the number of frames."""
    values = _columns(path, UNIT_NAMES)
    wrong = ~np.isin(values, (-1, 0, 1)).all(axis=1)
    _check(path, wrong, values, "0 or 1, or -1 where not annotated")
    video.grow(len(values))
    video.action_units[: len(values), UNIT_COLUMNS] = np.where(values >= 0, values, np.nan)
    return len(values)


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


def _missing(count: int, width: int) -> npt.NDArray[Any]:
    return np.full((count, width), np.nan, np.float32)
