"""What the observed timestamps say about the frame rate, in constant memory."""

from __future__ import annotations

import math
import statistics

_INTERVALS_KEPT = 4096


class RateMeter:
    """Watches timestamps go by.

    A video is of constant rate when some single interval T explains every timestamp:
    ``t[i] = t[0] + i * T`` up to the rounding of the container. Each frame narrows the range of
    T that is still possible; when the range is empty, the rate varies. This finds a single
    dropped frame as well as a slow drift, while the 33/34 ms pattern that millisecond
    containers (mkv, webm, flv) make of 29.97 fps stays constant.

    Parameters
    ----------
    tick_s
        Smallest step of the stream's clock, in seconds. Differences up to the larger of one tick
        and one millisecond count as rounding.
    """

    def __init__(self, tick_s: float) -> None:
        # Files remuxed from mkv keep millisecond rounding under a finer clock. The 1 % more is for
        # float arithmetic.
        self._tolerance_s = 1.01 * max(tick_s, 1e-3)
        self._count = 0
        self._first_s = 0.0
        self._last_s = 0.0
        self._interval_low_s = -math.inf
        self._interval_high_s = math.inf
        self._intervals_s: list[float] = []

    def add(self, timestamp_s: float) -> None:
        """Take the next frame's presentation time in seconds."""
        if self._count == 0:
            self._first_s = timestamp_s
        else:
            elapsed_s = timestamp_s - self._first_s
            low_s = (elapsed_s - self._tolerance_s) / self._count
            high_s = (elapsed_s + self._tolerance_s) / self._count
            self._interval_low_s = max(self._interval_low_s, low_s)
            self._interval_high_s = min(self._interval_high_s, high_s)
            if len(self._intervals_s) < _INTERVALS_KEPT:
                self._intervals_s.append(timestamp_s - self._last_s)
        self._last_s = timestamp_s
        self._count += 1

    @property
    def variable(self) -> bool:
        """Whether no constant rate explains the timestamps seen so far."""
        return self._interval_low_s > self._interval_high_s

    @property
    def typical_interval_s(self) -> float | None:
        """Mean interval where the rate is constant, else the median of the first 4096.

        In seconds; None while fewer than two frames were seen.
        """
        if self._count < 2:
            return None
        if self.variable:
            return statistics.median(self._intervals_s)
        return (self._last_s - self._first_s) / (self._count - 1)

    @property
    def span_s(self) -> float:
        """Last timestamp minus first, in seconds."""
        return self._last_s - self._first_s
