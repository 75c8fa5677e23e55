"""When the detector looks at a video, and its looks ahead of the frames that wait for them.

The times are those of the file and of its cuts alone, so that a look may begin before the frames
between have been read: a detector takes longer than all the rest of a frame.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from mien.faces.detectors import FaceDetector
from mien.pipeline.finding.following import DETECT_EVERY_S
from mien.runtime.stopwatch import Stopwatch
from mien.types import Face, Frame

LOOKERS = 2
"""Threads that look ahead; a detector's own threads come on top."""

_FRAMES_AHEAD = 8  # of those that are being looked at; as many as pass in one look
_PIXELS_AHEAD = 8 * 1920 * 1080  # fewer of large ones


@dataclass(slots=True)
class Seen:
    """A frame on its way to the finder.

    Attributes
    ----------
    frame
        The frame.
    cut
        Whether it begins a new shot.
    due
        Whether the detector is to look at it, whatever is known of its faces.
    faces
        What the detector saw, where it has looked already.
    """

    frame: Frame
    cut: bool
    due: bool
    faces: list[Face] | None = None


class _MayBeDue(Protocol):
    frame: Frame
    faces: list[Face] | None

    @property
    def due(self) -> bool: ...


Due = TypeVar("Due", bound=_MayBeDue)


def timed(frames: Iterator[tuple[Frame, bool]], every: bool) -> Iterator[Seen]:
    """Frames with when the detector looks: at the start, after a cut, and from time to time.

    Parameters
    ----------
    frames
        With whether a cut lies before each.
    every
        Whether it looks at all of them.
    """
    times = LookTimes(every)
    for frame, cut in frames:
        yield Seen(frame, cut, times.is_due(frame.timestamp_s, cut))


class LookTimes:
    """Says when the detector looks, as `timed`, a frame at a time."""

    def __init__(self, every: bool) -> None:
        self._every = every
        self._looked_s = math.inf

    def is_due(self, time_s: float, cut: bool) -> bool:
        """Whether it looks at the next frame, before which a cut may lie."""
        due = self._every or cut or not 0 <= time_s - self._looked_s < DETECT_EVERY_S
        if due:
            self._looked_s = time_s
        return due


def looked_at(frames: Iterator[Due], detector: FaceDetector, watch: Stopwatch) -> Iterator[Due]:
    """The same frames, those that are due with what the detector sees; it looks some frames ahead.

    Parameters
    ----------
    frames
        Of `timed`, or others that say when they are due.
    detector
        One that may look at several pictures at the same time.
    watch
        Measures its time.
    """

    def look(frame: Frame) -> list[Face]:
        with watch("find"):
            # Not frame.image, which keeps what it makes.
            return detector.detect(frame.image if frame.planes is None else frame.planes.rgb())

    waiting: deque[tuple[Due, Future[list[Face]] | None]] = deque()
    pixels = 0
    with ThreadPoolExecutor(LOOKERS) as pool, closing(_Cancelled(waiting)):
        for seen in frames:
            waiting.append((seen, pool.submit(look, seen.frame) if seen.due else None))
            pixels += math.prod(seen.frame.shape)
            while len(waiting) > _FRAMES_AHEAD or (len(waiting) > 1 and pixels > _PIXELS_AHEAD):
                pixels -= math.prod(waiting[0][0].frame.shape)
                yield _done(*waiting.popleft())
        while waiting:
            yield _done(*waiting.popleft())


class _Cancelled:
    """Looks that nobody waits for any more."""

    def __init__(self, waiting: deque[tuple[Any, Future[list[Face]] | None]]) -> None:
        self._waiting = waiting

    def close(self) -> None:
        for _, look in self._waiting:
            if look is not None:
                look.cancel()


def _done(seen: Due, look: Future[list[Face]] | None) -> Due:
    if look is not None:
        seen.faces = look.result()
    return seen
