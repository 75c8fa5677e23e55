"""Which part of a video a frame belongs to, and what remembers frames while one is read.

Part k holds the frames from ``k * part_s`` up to before ``(k + 1) * part_s``, in seconds of the
source, so that every run has the same parts. All that remembers frames (scene cuts, tracker,
filters, batches) begins anew with each, a little earlier, while the part before is still being
read: what is found then only warms the filters and says who is who.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from mien.faces.cuts import SceneCutDetector
from mien.pipeline.extractor_stage import AffectStage
from mien.pipeline.finding.finder import FaceFinder
from mien.pipeline.finding.looking import LookTimes
from mien.pipeline.rows import Pending
from mien.types import Face, Frame

WARM_LONGER_S = 1.0
"""So much longer than a face may be lost do two parts overlap."""


@dataclass
class Reading:
    """What remembers the frames of one part, and the frames that wait for the extractor."""

    part: int
    finder: FaceFinder
    affect: AffectStage
    times: LookTimes
    cuts: SceneCutDetector = field(default_factory=SceneCutDetector)
    pending: list[Pending] = field(default_factory=list)
    faces: int = 0  # of the frames that wait

    def look(self, frame: Frame) -> tuple[bool, bool]:
        """Whether a new shot begins with the next frame, and whether the detector looks at it."""
        cut = self.cuts.look(frame)
        return cut, self.times.is_due(frame.timestamp_s, cut)


@dataclass
class Found:
    """Frames that have been read, in order, and numbers of faces that are gone since.

    Attributes
    ----------
    part
        Its number.
    items
        Frames with the part's own numbers of faces.
    lost
        The part's own numbers.
    warm
        Whether they lie before the part.
    ends
        Whether the part ends with them.
    is_last
        Whether the video does, too.
    reading
        What read them; None where they were read earlier, and their estimates are steadied.
    """

    part: int
    items: list[Pending]
    lost: list[int]
    warm: bool = False
    ends: bool = False
    is_last: bool = False
    reading: Reading | None = None


@dataclass(slots=True)
class Step:
    """A frame, what reads it, and whether a new shot begins with it for that, or a look is due.

    ``now`` is None where its part is done; ``soon`` reads it for the next part, too. ``faces`` are
    what the detector saw, where it has looked already.
    """

    frame: Frame
    now: Reading | None
    soon: Reading | None
    said: tuple[bool, bool] = (False, False)  # cut and due, for now
    soon_said: tuple[bool, bool] = (False, False)
    faces: list[Face] | None = None

    def look(self) -> None:
        """Look for a new shot."""
        if self.now is not None:
            self.said = self.now.look(self.frame)
        if self.soon is not None:
            self.soon_said = self.soon.look(self.frame)

    @property
    def due(self) -> bool:
        """Whether the detector looks at it for one of the two."""
        return self.said[1] or self.soon_said[1]


class Relay:
    """Hands frames from part to part.

    Parameters
    ----------
    begin
        Makes what reads a part of that number.
    part_s
        Length of a part in seconds; infinite: there is one.
    warm_s
        How much earlier the reading of a part begins.
    done
        Number of the last part that needs no reading, nor do those before it; None: none is done.

    Attributes
    ----------
    before
        Of every part that has come, also of those that are done, the one before it.
    """

    def __init__(
        self,
        begin: Callable[[int], Reading],
        part_s: float,
        warm_s: float,
        done: int | None = None,
    ) -> None:
        self._begin, self._part_s, self._warm_s = begin, part_s, warm_s
        self._part = done
        self.before: dict[int, int | None] = {}
        self._now: Reading | None = None
        self._soon: Reading | None = None

    def overlaps(self, time_s: float) -> bool:
        """Whether a frame of that time is read for the next part, too."""
        return self._number(time_s + self._warm_s) > self._number(time_s)

    def pass_over(self, done: int) -> None:
        """Read nothing of this part and those before it."""
        self._part = done

    def steps(self, frames: Iterable[Frame]) -> Iterator[Step]:
        """Frames with what reads them; a part never comes back, whatever their times."""
        is_there, reached = False, None
        for frame in frames:
            part = self._number(frame.timestamp_s)
            if reached is None or part > reached:
                self.before[part], reached = reached, part
            if self._part is None or part > self._part:
                is_there = True
                waiting = self._soon if self._soon and self._soon.part == part else None
                self._part, self._now, self._soon = part, waiting or self._begin(part), None
            is_there = is_there or part == self._part  # not yet at the end of what is done
            if is_there and self._soon is None and self.overlaps(frame.timestamp_s):
                self._soon = self._begin(self._part + 1)
            yield Step(frame, self._now, self._soon)

    def _number(self, time_s: float) -> int:
        return math.floor(time_s / self._part_s)
