"""A curve of bounded length from a stream of any length."""

from __future__ import annotations

import numpy as np

from mien.labels import AFFECT_COLUMNS
from mien.types import FloatArray, Timeline


class TimelineBuilder:
    """Keeps every frame while there are few, then means over bins that double when they run out.

    Memory is at most ``2 * capacity`` rows whatever the length of the video.

    Parameters
    ----------
    max_gap_s
        Distance of consecutive frames beyond which the curve is broken by a row of NaN.
    capacity
        Most rows of the finished curve, breaks not counted.
    channels
        Numbers per frame.
    """

    def __init__(
        self, max_gap_s: float, capacity: int = 1000, channels: int = len(AFFECT_COLUMNS)
    ) -> None:
        self.max_gap_s, self.capacity, self.channels = max_gap_s, capacity, channels
        self._bin_s = 0.0
        self._times: list[float] = []  # sums of times in bins
        self._sums: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        self._counts: list[int] = []
        self._keys: list[int] = []
        self._spans: list[tuple[float, float]] = []  # first and last time in each bin
        self._joined: list[bool] = []  # whether a bin follows on the one before without a gap
        self._origin_s = 0.0
        self._latest_s = float("-inf")

    def push(self, time_s: float, value: FloatArray, contiguous: bool = False) -> None:
        """Add one frame: time in seconds and its numbers (channels,).

        `contiguous` says that no frame was missed since the last one: there is no gap between the
        two, however far apart they are.

        A frame whose time does not exceed the last one's counts at that time: a curve cannot run
        backwards.
        """
        if not self._times:
            self._origin_s = time_s
        stalled = time_s <= self._latest_s
        self._latest_s = time_s = max(time_s, self._latest_s)
        if stalled:
            self._merge(time_s, value)
            return
        if self._bin_s == 0.0:
            self._append(len(self._keys), time_s, value, contiguous)
            if len(self._keys) > self.capacity:
                span = time_s - self._origin_s
                self._rebin(2 * span / self.capacity if span > 0 else 1.0)
            return
        key = int((time_s - self._origin_s) / self._bin_s)
        if key == self._keys[-1]:
            self._merge(time_s, value)
            return
        self._append(key, time_s, value, contiguous)
        if key >= self.capacity:
            self._rebin(self._bin_s * 2)

    def finish(self) -> Timeline:
        """The curve, with a row of NaN in every gap."""
        times, rows = [], []
        limit = max(self.max_gap_s, self._bin_s)  # what is shorter than a bin cannot be seen
        means = [total / count for total, count in zip(self._times, self._counts, strict=True)]
        for i, mean_s in enumerate(means):
            apart_s = self._spans[i][0] - self._spans[i - 1][1] if i else 0.0
            if apart_s > limit and not self._joined[i]:
                times.append((self._spans[i][0] + self._spans[i - 1][1]) / 2)
                rows.append(np.full(self.channels, np.nan))
            times.append(mean_s)
            rows.append(self._sums[i] / self._counts[i])
        values = np.array(rows, np.float32).reshape(len(rows), self.channels)
        return Timeline(np.array(times, np.float64), values, self._bin_s)

    def _append(self, key: int, time_s: float, value: FloatArray, joined: bool) -> None:
        self._keys.append(key)
        self._joined.append(joined)
        self._times.append(time_s)
        self._sums.append(value.astype(np.float64))
        self._counts.append(1)
        self._spans.append((time_s, time_s))

    def _merge(self, time_s: float, value: FloatArray) -> None:
        self._times[-1] += time_s
        self._sums[-1] += value
        self._counts[-1] += 1
        self._spans[-1] = (self._spans[-1][0], time_s)

    def _rebin(self, bin_s: float) -> None:
        """Merge what is there into bins of `bin_s`."""
        columns = (self._times, self._sums, self._counts, self._spans, self._joined)
        old = list(zip(*columns, strict=True))
        self._bin_s = bin_s
        self._keys, self._times, self._sums, self._counts = [], [], [], []
        self._spans, self._joined = [], []
        for total_s, total, count, span, joined in old:
            key = int((total_s / count - self._origin_s) / bin_s)
            if self._keys and key == self._keys[-1]:
                self._times[-1] += total_s
                self._sums[-1] += total
                self._counts[-1] += count
                self._spans[-1] = (self._spans[-1][0], span[1])
            else:
                self._keys.append(key)
                self._times.append(total_s)
                self._sums.append(total)
                self._counts.append(count)
                self._spans.append(span)
                self._joined.append(joined)
