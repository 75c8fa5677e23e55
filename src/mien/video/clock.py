"""When frames are shown, also where a container does not say it.

The time of a frame is its presentation time. Where that cannot be had:

- AVI keeps no presentation times. FFmpeg derives some from the order of decoding, which is wrong
  where frames are reordered; the decoding times of the frames as they come out of the decoder
  rise, and are right but for a constant, which the first frame gives.
- A frame without one takes its decoding time, or the time of the last one plus the nominal
  interval.
- Where a recording was joined from several, its clock starts again. Then time goes on from the
  last frame, by one nominal interval.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from fractions import Fraction

import av
from av.video.stream import VideoStream

_DEFAULT_INTERVAL = Fraction(1, 25)  # what FFmpeg itself assumes of raw streams
_BACK_S = Fraction(1, 2)  # a step back by more is a clock that starts again
# A step is a hole from so long on, and from so many usual steps on.
_HOLE_S, _HOLE_STEPS = 0.5, 5.0
_STEPS_KEPT = 512
_MOST_HOLES = 3  # named in a warning
_TIMELESS = frozenset({"avi"})

NO_TIMES = "some frames have no presentation time"
"""How a warning starts that is of no use for a still picture."""


class Clock:
    """Times of the frames of one stream, in the order in which they are shown.

    Parameters
    ----------
    stream
        What is decoded.
    container
        Name of the container's format.
    say
        Called with a topic and a sentence on what is odd.

    Attributes
    ----------
    interval
        Nominal time between frames, in seconds.
    last
        Time of the last frame; None before the first.
    """

    def __init__(
        self, stream: VideoStream, container: str, say: Callable[[str, str], None]
    ) -> None:
        rate = stream.guessed_rate or stream.average_rate
        self.interval = 1 / rate if rate and rate > 0 else _DEFAULT_INTERVAL
        self.last: Fraction | None = None
        self._stream, self._say = stream, say
        self._by_decoding = container in _TIMELESS
        self._first_tick: int | None = None
        self._shift = Fraction(0)
        self._steps_s: list[float] = []
        self._holes: list[tuple[float, float]] = []
        self._hole_count = 0

    def time(self, frame: av.VideoFrame) -> Fraction:
        """Time of the next frame in seconds, exact."""
        time = self._own_time(frame) + self._shift
        if self.last is not None:
            if time < self.last - _BACK_S:
                self._say("clock", f"its clock starts again after {float(self.last):.2f} s")
                self._shift += self.last + self.interval - time
                time = self.last + self.interval
            elif time <= self.last:
                self._say("time", "its timestamps do not always increase")
            else:
                self._note_step(float(self.last), float(time - self.last))
        self.last = time
        return time

    def seconds(self, ticks: int | None) -> float | None:
        """The time that a packet says of itself, on the clock of the frames."""
        if ticks is None or not self._stream.time_base:
            return None
        return float(ticks * Fraction(self._stream.time_base) + self._shift)

    def report_holes(self) -> None:
        """Say when there were no frames for long."""
        if not self._holes:
            return
        told = [f"{start_s:.2f} to {end_s:.2f} s" for start_s, end_s in self._holes]
        more = self._hole_count - len(self._holes)
        rest = f" and {more} more" if more > 0 else ""
        self._say("hole", f"it has no frames from {', '.join(told)}{rest}")

    def _own_time(self, frame: av.VideoFrame) -> Fraction:
        time_base = frame.time_base or self._stream.time_base
        if self._by_decoding and time_base:
            if frame.dts is None and self.last is not None:  # of the last ones it is not known
                return self.last + self.interval - self._shift
            if frame.dts is not None:
                if self._first_tick is None:
                    self._first_tick = frame.dts - (self._stream.start_time or 0)
                return (frame.dts - self._first_tick) * Fraction(time_base)
        if frame.pts is not None and time_base:
            return frame.pts * Fraction(time_base)
        if frame.dts is not None and time_base:
            self._say("pts", f"{NO_TIMES}: decoding times are used")
            return frame.dts * Fraction(time_base)
        self._say("pts", f"{NO_TIMES}: the nominal rate is used")
        return Fraction(0) if self.last is None else self.last + self.interval - self._shift

    def _note_step(self, last_s: float, step_s: float) -> None:
        usual_s = statistics.median(self._steps_s[-31:]) if self._steps_s else float(self.interval)
        if step_s >= max(_HOLE_S, _HOLE_STEPS * usual_s):
            self._hole_count += 1
            if len(self._holes) < _MOST_HOLES:
                self._holes.append((last_s, last_s + step_s))
        if len(self._steps_s) >= _STEPS_KEPT:
            del self._steps_s[: _STEPS_KEPT // 2]
        self._steps_s.append(step_s)
