"""From a face's timeline to what a chart can show: fewer points, explicit gaps, a time axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.labels import AFFECT_COLUMNS, VALENCE_AROUSAL, LabelSet
from mien.types import FaceSummary, Timeline

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Interval = tuple[float, float]

# A face seen for less than this share of the video gets an axis of its own span.
_OWN_AXIS_BELOW = 0.6
_STEPS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)


def any_known(values: Array) -> Mask:
    """(n,): rows of `values` (n, channels) that hold a number."""
    known: Mask = np.isfinite(values).any(axis=1).reshape(-1)
    return known


def all_known(values: Array) -> Mask:
    """(n,): rows of `values` (n, channels) in which nothing is missing."""
    known: Mask = np.isfinite(values).all(axis=1).reshape(-1)
    return known


@dataclass(frozen=True, slots=True)
class Curve:
    """A timeline made ready to draw, from the first to the last point that holds a number.

    Attributes
    ----------
    time_s
        (n,), increasing.
    values
        (n, 26), NaN where there is no estimate; never infinite. Where MRAN was asked for (n, 28):
        its valence and arousal are the last two (`mran_columns`).
    left_s, right_s
        (n,), the stretch of time that each point stands for.
    """

    time_s: Array
    values: Array
    left_s: Array
    right_s: Array

    @property
    def point_s(self) -> float:
        """Median stretch of a point in seconds; 0 without points."""
        return float(np.median(self.right_s - self.left_s)) if len(self.time_s) else 0.0

    def runs(self, mask: Mask) -> Iterator[slice]:
        """Stretches of neighbouring points where `mask` (n,) holds; a hole in time ends one."""
        if not mask.any():
            return
        joined = mask[1:] & mask[:-1]
        joined &= self.left_s[1:] - self.right_s[:-1] < 0.5 * max(self.point_s, 1e-9)
        starts = np.flatnonzero(mask & ~np.concatenate(([False], joined)))
        stops = np.flatnonzero(mask & ~np.concatenate((joined, [False]))) + 1
        for start, stop in zip(starts, stops, strict=True):
            yield slice(int(start), int(stop))

    def intervals(self, mask: Mask) -> list[Interval]:
        """Half-open intervals in seconds in which `mask` (n,) holds."""
        return [
            (float(self.left_s[run.start]), float(self.right_s[run.stop - 1]))
            for run in self.runs(mask)
        ]


def mran_columns(labels: LabelSet) -> tuple[int, int]:
    """Columns of MRAN's valence and arousal in a curve that has them."""
    return len(labels.affect_columns), len(labels.affect_columns) + 1


def make_curve(
    timeline: Timeline,
    max_points: int,
    mran: Timeline | None = None,
    channels: int = len(AFFECT_COLUMNS),
) -> Curve:
    """Trim `timeline` to where the face was seen and average neighbours down to `max_points`.

    A mean over neighbours leaves out missing ones and is missing where all are, as in the
    timeline itself. `mran` is MRAN's timeline of the same face, whose points are the same.

    Raises
    ------
    ValueError
        If the timelines' arrays do not fit each other.
    """
    time = np.asarray(timeline.time_s, dtype=np.float64)
    values = np.asarray(timeline.values, dtype=np.float64)
    if values.shape != (len(time), channels):
        raise ValueError(f"timeline values are {values.shape}, not ({len(time)}, {channels})")
    if mran is not None:
        if mran.values.shape != (len(time), len(VALENCE_AROUSAL)) or not np.array_equal(
            mran.time_s, time
        ):
            raise ValueError(f"the {len(mran.time_s)} points of MRAN are not the {len(time)} here")
        values = np.hstack((values, np.asarray(mran.values, np.float64)))
    values = np.where(np.isfinite(values), values, np.nan)
    left, right = _cells(time, float(timeline.bin_s))
    seen = np.flatnonzero(any_known(values))
    kept = slice(int(seen[0]), int(seen[-1]) + 1) if len(seen) else slice(0, 0)
    time, values, left, right = time[kept], values[kept], left[kept], right[kept]

    size = -(-len(time) // max_points)
    if size <= 1:
        return Curve(time, values, left, right)
    first = np.arange(0, len(time), size)
    last = np.minimum(first + size, len(time)) - 1
    found = np.isfinite(values)
    amount = np.add.reduceat(found.astype(np.float64), first, axis=0)
    total = np.add.reduceat(np.where(found, values, 0.0), first, axis=0)
    mean = np.where(amount > 0, total / np.maximum(amount, 1.0), np.nan)
    return Curve((time[first] + time[last]) / 2, mean, left[first], right[last])


def _cells(time: Array, bin_s: float) -> tuple[Array, Array]:
    if bin_s > 0 or len(time) < 2:
        half = bin_s / 2 if bin_s > 0 else 0.02
        return time - half, time + half
    # Single frames: a point reaches half way to its neighbours, however uneven the frame rate.
    middle = (time[1:] + time[:-1]) / 2
    half = float(np.median(np.diff(time))) / 2
    return (
        np.concatenate(([time[0] - half], middle)),
        np.concatenate((middle, [time[-1] + half])),
    )


def presence(face: FaceSummary, curve: Curve) -> list[Interval]:
    """When the face was seen; without a curve, its first to its last second."""
    return curve.intervals(any_known(curve.values)) or [(float(face.first_s), float(face.last_s))]


def video_span(duration_s: float | None, curves: list[Curve], faces: list[FaceSummary]) -> Interval:
    """The time axis of the whole video: 0 (or an earlier first frame) to the last known second.

    Where all that is known lies later than the video is long, as with a camera's own clock, the
    axis begins with it.
    """
    starts = [float(curve.time_s[0]) for curve in curves if len(curve.time_s)]
    ends = [float(curve.time_s[-1]) for curve in curves if len(curve.time_s)]
    ends += [float(face.last_s) for face in faces if np.isfinite(face.last_s)]
    start = min([0.0, *starts])
    if starts and duration_s and min(starts) > duration_s:
        start = min(starts)
    return start, max([start + 1e-3, *ends, duration_s or 0.0])


def face_span(curve: Curve, video: Interval) -> Interval:
    """The time axis of one face: the whole video, or its own stretch where that is much shorter."""
    if not len(curve.time_s):
        return video
    start, stop = float(curve.left_s[0]), float(curve.right_s[-1])
    if stop - start >= _OWN_AXIS_BELOW * (video[1] - video[0]):
        return video
    margin = 0.02 * (stop - start)
    return max(video[0], start - margin), min(max(video[1], stop), stop + margin)


def ticks(span: Interval, most: int = 8) -> tuple[list[float], int]:
    """Round times inside `span`, at most `most`, and the decimals their labels need."""
    length = span[1] - span[0]
    step = next((step for step in _STEPS_S if length / step <= most - 1), 0.0)
    if not step:
        step = 3600.0 * max(1, int(np.ceil(length / 3600 / (most - 1))))
    first = int(np.ceil(span[0] / step - 1e-9))
    last = int(np.floor(span[1] / step + 1e-9))
    decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2
    return [round(index * step, 6) for index in range(first, last + 1)], decimals
