"""Affect at the times of frames -> affect at a model's own frame rate, in a stream."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mien.types import FloatArray, TimeArray

GAP_POLICIES = ("skip", "interpolate")

# Consecutive frames farther apart than this are a gap, unless the video itself is slower.
_GAP_S = 0.25
_GAP_FRAMES = 2.5

LONGEST_BRIDGE_S = 120.0
"""Nothing bridges more: damaged times can lie months apart, and a grid over them has no end."""


def longest_step_s(nominal_fps: float | None) -> float:
    """Longest distance of frames, in seconds, in which a face does not count as lost.

    Parameters
    ----------
    nominal_fps
        Rate of the video; None or 0 where it is unknown.

    Examples
    --------
    >>> longest_step_s(25), longest_step_s(5), longest_step_s(None)
    (0.25, 0.5, 0.25)
    """
    return max(_GAP_S, _GAP_FRAMES / nominal_fps) if nominal_fps else _GAP_S


class Resampler:
    """Puts values with timestamps on a regular grid, by linear interpolation.

    The grid starts at the first value. Between values that are at most `max_gap_s` apart, grid
    points are interpolated. A longer gap (frames in which the face was lost) is dealt with by
    policy: ``"skip"`` leaves its grid points out and starts the grid anew after it, so that only
    seen frames count; ``"interpolate"`` bridges it as if the face had been seen.

    Parameters
    ----------
    fps
        Rate of the grid.
    max_gap_s
        Longest distance between consecutive values that is not a gap.
    gaps
        ``"skip"`` or ``"interpolate"``.
    """

    def __init__(self, fps: float, max_gap_s: float, gaps: str = "skip") -> None:
        if fps <= 0 or max_gap_s <= 0:
            raise ValueError(f"fps and max_gap_s must be positive, not {fps}, {max_gap_s}")
        if gaps not in GAP_POLICIES:
            raise ValueError(f"gaps is one of {GAP_POLICIES}, not {gaps!r}")
        self.fps, self.max_gap_s, self.gaps = fps, max_gap_s, gaps
        self._origin_s = 0.0
        self._next = 0  # index of the next grid point, counted from the origin
        self._last: tuple[float, FloatArray] | None = None

    def push(
        self, time_s: float, value: FloatArray, contiguous: bool = False
    ) -> Iterator[tuple[float, FloatArray]]:
        """Grid points (time in seconds, value) that this value completes.

        Parameters
        ----------
        time_s
            Time of the value. One equal to the last completes nothing and is dropped; one that
            steps back, as in joined recordings, starts the grid anew.
        value
            float32 (26,).
        contiguous
            True: nothing was missed since the last value, so their distance is no gap (a slow
            camera, a recording of a screen) up to `LONGEST_BRIDGE_S`.
        """
        if self._last is None:
            self._restart(time_s)
            self._last = (time_s, value)
            self._next = 1
            yield time_s, value
            return
        last_s, last = self._last
        if time_s == last_s:
            return
        self._last = (time_s, value)
        step_s = time_s - last_s
        lost = step_s > self.max_gap_s and not contiguous and self.gaps == "skip"
        if lost or not 0 <= step_s <= LONGEST_BRIDGE_S:
            self._restart(time_s)
            self._next = 1
            yield time_s, value
            return
        # The tolerance keeps a grid point that rounding put a hair behind the newest value.
        tolerance = 1e-6 / self.fps
        while (grid_s := self._origin_s + self._next / self.fps) <= time_s + tolerance:
            share = min(1.0, (grid_s - last_s) / (time_s - last_s))
            mixed = last + np.float32(share) * (value - last)
            self._next += 1
            yield grid_s, mixed.astype(np.float32)

    def _restart(self, time_s: float) -> None:
        self._origin_s = time_s
        self._next = 0


def resample_track(
    time_s: TimeArray,
    values: FloatArray,
    fps: float,
    max_gap_s: float,
    joined: npt.NDArray[np.bool_] | None = None,
) -> FloatArray:
    """All values that a `Resampler` that skips gaps would give, bit for bit, at once.

    Parameters
    ----------
    time_s
        float64 (n,).
    values
        float32 (n, channels).
    fps, max_gap_s
        As of `Resampler`.
    joined
        bool (n,), ``contiguous`` of each value; None: False for all.

    Returns
    -------
    float32 (m, channels).

    Examples
    --------
    >>> track = np.array([[0.0], [1.0], [5.0]], np.float32)
    >>> resample_track(np.array([0.0, 0.5, 9.0]), track, 4, 1.0).ravel().tolist()
    [0.0, 0.5, 1.0, 5.0]
    """
    follows = np.zeros(len(time_s), bool) if joined is None else joined
    fresh = np.ones(len(time_s), bool)
    fresh[1:] = np.diff(time_s) != 0  # a value at the time of the last one is dropped
    time_s, values, follows = time_s[fresh], values[fresh], follows[fresh]
    steps_s = np.diff(time_s)
    lost = ((steps_s > max_gap_s) & ~follows[1:]) | (steps_s < 0) | (steps_s > LONGEST_BRIDGE_S)
    starts = np.flatnonzero(lost) + 1
    bounds = [0, *starts.tolist(), len(time_s)]
    tolerance = 1e-6 / fps
    parts = [np.empty((0, values.shape[1]), np.float32)]
    for first, end in pairwise(bounds):
        if first == end:
            continue
        seen_s, seen = time_s[first:end], values[first:end]
        last = int((seen_s[-1] - seen_s[0] + tolerance) * fps) + 1  # at least the last grid point
        grid_s = seen_s[0] + np.arange(1, last + 1) / fps
        grid_s = grid_s[grid_s <= seen_s[-1] + tolerance]
        after = np.searchsorted(seen_s + tolerance, grid_s)
        before = after - 1
        span_s = seen_s[after] - seen_s[before]
        share = np.minimum(1.0, (grid_s - seen_s[before]) / span_s).astype(np.float32)
        mixed = seen[before] + share[:, None] * (seen[after] - seen[before])
        parts += [seen[:1], mixed.astype(np.float32, copy=False)]
    return np.concatenate(parts)
