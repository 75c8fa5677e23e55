"""What a figure reads of a result: a face, its usable rows, curves with gaps, names and marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import ConfigError
from mien.labels import find_column, unit_name
from mien.parquet import plain_numbers
from mien.pipeline.document import FaceEntry
from mien.plot.registry import PlotOptions, Seen
from mien.types import FaceSummary

Floats = npt.NDArray[np.float64]

COLORS = {
    "valence": "#0b6e8f",
    "arousal": "#b4531c",
    "neutral": "#b9bdc3",
    "anger": "#d55e00",
    "disgust": "#009e73",
    "fear": "#b8649a",
    "happiness": "#e69f00",
    "sadness": "#0072b2",
    "surprise": "#56b4e9",
}
"""As the report has them; they can be told apart by the color-blind."""

OTHERS = ("#0b4f7a", "#b4531c", "#009e73", "#8f6fc4", "#a08a1f", "#d55e00", "#56b4e9", "#3f9c8f")
FURTHER = ("#8f6fc4", "#a08a1f", "#3f9c8f")  # of expressions beyond the seven
HEAT = "#0b4f7a"

_MOST_POINTS = 2000
_GAP_S = 0.25


@dataclass(frozen=True)
class Series:
    """Channels of one face over time.

    Attributes
    ----------
    time_s
        (n,), increasing.
    values
        (n, channels); a row of NaN stands where the face was lost, so that lines break.
    """

    time_s: Floats
    values: Floats


def face_of(source: Seen, options: PlotOptions) -> FaceSummary:
    """The face that is asked for: by number or name, or the one that is longest in sight.

    Raises
    ------
    ConfigError
        If there is none.
    """
    told = {face.face_id: str(e.get("name") or "") for face, e in _entries(source)}
    if not told:
        raise ConfigError("no face was read, so there is nothing to draw")
    if options.face is None:
        return max(source.summaries, key=lambda face: (face.usable_frames, -face.face_id))
    for face in source.summaries:
        if options.face in (str(face.face_id), told[face.face_id]):
            return face
    there = ", ".join(str(number) + (f" ({name})" if name else "") for number, name in told.items())
    raise ConfigError(f"there is no face {options.face!r}; choose from: {there}")


def who(source: Seen, face: FaceSummary) -> str:
    """Its name, or its number."""
    names = {one.face_id: e.get("name") for one, e in _entries(source)}
    return str(names[face.face_id] or f"Face {face.face_id}")


def series(
    source: Seen, face: FaceSummary, names: list[str], options: PlotOptions, usable: bool = True
) -> Series:
    """The channels of a face in the stretch of time that is asked for.

    More than 2,000 moments are averaged, neighbours together. With `usable` only frames of enough
    quality count.

    Raises
    ------
    ConfigError
        If a channel or every moment is missing.
    """
    there = source.table.column_names
    names = [find_column(name, there, "the table") for name in names]
    time_s = plain_numbers(source.table.column("timestamp_s"), np.nan)
    own = plain_numbers(source.table.column("face_id"), -1) == face.face_id
    least = source.document.get("min_quality")
    if usable and least and "quality" in there:
        own &= ~(plain_numbers(source.table.column("quality"), np.nan) < least)
    own &= time_s >= (-np.inf if options.from_s is None else options.from_s)
    own &= time_s < (np.inf if options.to_s is None else options.to_s)
    rows = np.flatnonzero(own)
    if not len(rows):
        raise ConfigError(f"{who(source, face)} has no usable frame in this stretch of time")
    columns = [plain_numbers(source.table.column(name), np.nan)[rows] for name in names]
    return _broken(*_binned(time_s[rows], np.stack(columns, axis=1).astype(np.float64)))


def span(found: Series, options: PlotOptions) -> tuple[float, float]:
    """The axis of time, never of no length."""
    start = float(found.time_s[0]) if options.from_s is None else options.from_s
    end = float(found.time_s[-1]) if options.to_s is None else options.to_s
    return start, max(end, start + 1e-3)


def thresholds(source: Seen) -> dict[str, float]:
    """From which value on each unit is active, where somebody said so."""
    told: list[Any] = [m["au_decisions"] for m in source.document["models"] if "au_decisions" in m]
    return dict(told[0]) if told else {}


def label(source: Seen, name: str) -> str:
    """How a channel is called, and how far to trust it: ``AU12 lip corner puller (measured)``."""
    entry = (source.document.get("channels") or {}).get(name)
    mark = entry["mark"] if entry else None
    return plain_channel(name) + (f" ({mark})" if mark and mark != "unknown" else "")


def plain_channel(name: str) -> str:
    """A column in words.

    >>> plain_channel("au12"), plain_channel("au06_intensity"), plain_channel("pose_yaw_deg")
    ('AU12 lip corner puller', 'AU6 cheek raiser, intensity', 'yaw')
    """
    base = name.removesuffix("_intensity")
    if base[:2] == "au" and base[2:].isdigit():
        return unit_name(int(base[2:])) + (", intensity" if base != name else "")
    return name.removeprefix("expr_").removeprefix("pose_").removesuffix("_deg").replace("_", " ")


def color(name: str, place: int) -> str:
    """Of a channel; `place` chooses where none belongs to it."""
    known = COLORS.get(name.removeprefix("expr_"))
    others = FURTHER if name.startswith("expr_") else OTHERS
    return known or others[place % len(others)]


def _entries(source: Seen) -> list[tuple[FaceSummary, FaceEntry]]:
    return list(zip(source.summaries, source.document["faces"], strict=True))


def _binned(time_s: Floats, values: Floats) -> tuple[Floats, Floats]:
    size = -(-len(time_s) // _MOST_POINTS)
    if size <= 1:
        return time_s, values
    first = np.arange(0, len(time_s), size)
    known = np.isfinite(values)
    count = np.add.reduceat(known.astype(np.float64), first, axis=0)
    total = np.add.reduceat(np.where(known, values, 0), first, axis=0)
    amount = np.diff(np.append(first, len(time_s)))
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return np.add.reduceat(time_s, first) / amount, means


def _broken(time_s: Floats, values: Floats) -> Series:
    steps = np.diff(time_s)
    if not len(steps):
        return Series(time_s, values)
    holes = np.flatnonzero(steps > max(_GAP_S, 2.5 * float(np.median(steps)))) + 1
    middle = (time_s[holes - 1] + time_s[holes]) / 2
    return Series(np.insert(time_s, holes, middle), np.insert(values, holes, np.nan, axis=0))
