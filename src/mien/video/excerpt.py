"""Which frames of a video are read: from when, to when, and how many of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from mien.types import SourceInfo

_SAME = 1e-6  # of an interval: sums of float times


@dataclass(frozen=True)
class Excerpt:
    """A part of a video. Times are those of the file, and stay so.

    Attributes
    ----------
    start_s, end_s
        Frames with ``start_s <= time < end_s`` are read.
    every
        Of so many of these one is read, from the first one on.
    fps
        Of every interval of ``1 / fps`` seconds the first frame is read; None: all.
    """

    start_s: float | None = None
    end_s: float | None = None
    every: int = 1
    fps: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all frames are read."""
        return self == Excerpt()

    def of(self, info: SourceInfo) -> SourceInfo:
        """What a file says, as far as its excerpt goes: its rate is that of what is read."""
        rate = info.nominal_fps
        if rate is not None:
            rate = min(rate / self.every, math.inf if self.fps is None else self.fps)
        hint = info.frame_count_hint if self.is_whole else None
        return replace(info, nominal_fps=rate, frame_count_hint=hint)

    def __str__(self) -> str:
        start = "its start" if self.start_s is None else f"{self.start_s:g} s"
        return f"from {start} to {'its end' if self.end_s is None else f'{self.end_s:g} s'}"


EXCERPT = tuple(field.name for field in fields(Excerpt))
"""Names of settings that make one."""


class Choice:
    """Says of each frame in turn whether it belongs to an excerpt.

    Examples
    --------
    >>> choice = Choice(Excerpt(start_s=0.1, every=2))
    >>> [choice.takes(k / 10) for k in range(5)]
    [False, True, False, True, False]
    """

    def __init__(self, excerpt: Excerpt) -> None:
        self._excerpt = excerpt
        self._within = 0
        self._first_s = 0.0
        self._interval = -1

    def is_over(self, time_s: float) -> bool:
        """Whether this frame and all after it come too late."""
        return self._excerpt.end_s is not None and time_s >= self._excerpt.end_s

    def takes(self, time_s: float) -> bool:
        """Whether this frame, which is not too late, is read."""
        if self._excerpt.start_s is not None and time_s < self._excerpt.start_s:
            return False
        if self._within == 0:
            self._first_s = time_s
        number, self._within = self._within, self._within + 1
        if self._excerpt.fps is None:
            return number % self._excerpt.every == 0
        interval = math.floor((time_s - self._first_s) * self._excerpt.fps + _SAME)
        taken = interval > self._interval
        self._interval = max(interval, self._interval)
        return taken
