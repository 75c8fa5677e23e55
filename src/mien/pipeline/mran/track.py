"""MRAN over one face: frames at their own times in, an estimate for every one of them out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mien.pipeline.resample import Resampler
from mien.runtime.clip_stream import ClipEstimate, ClipWindows
from mien.runtime.mran import MranFrame

Estimates = list[tuple[int, ClipEstimate]]
"""Index of a frame, and what is said of it."""


class ClipModel(Protocol):
    """What reads clips: `mien.runtime.mran.MranModel`, or a stand-in."""

    modalities: tuple[str, ...]
    clip_frames: int
    fps: float

    def predict(self, clip: Sequence[MranFrame]) -> ClipEstimate:
        """Read 1 to ``clip_frames`` frames that are ``1 / fps`` seconds apart."""
        ...


class MranTrack:
    """Reads the clips of one face.

    Positions are the model's rate, from the first frame of a stretch on; each takes the frame that
    is nearest in time. Frames of the video get values by linear interpolation between positions; a
    frame after the last position has its value. A stretch ends where the face is lost: nothing is
    bridged. Memory is that of a clip, and of the frames that fall into it.

    Parameters
    ----------
    model
        Reads the clips.
    max_gap_s
        Longest distance between frames in which a face does not count as lost
        (`mien.pipeline.resample.longest_step_s`); frames that follow each other are never apart.
    """

    def __init__(self, model: ClipModel, max_gap_s: float) -> None:
        self._model, self._max_gap_s = model, max_gap_s
        self._last: tuple[int, float, MranFrame] | None = None
        self._start()

    def push(self, frame: int, time_s: float, crops: MranFrame) -> Estimates:
        """Add the next frame with this face; estimates that have become final, in order."""
        found: Estimates = []
        contiguous = self._last is not None and frame - 1 == self._last[0]
        if self._last is not None and (
            time_s < self._last[1] or (time_s - self._last[1] > self._max_gap_s and not contiguous)
        ):
            found = self.finish()
        self._waiting.append((frame, time_s))
        # What is resampled is the number of the frame: between two frames it says which is nearer.
        number = np.array([self._count], np.float32)
        for position_s, place in self._resampler.push(time_s, number, contiguous=True):
            nearer = self._last is None or place[0] > self._count - 0.5
            found += self._read(position_s, crops if nearer or not self._last else self._last[2])
        self._count += 1
        self._last = (frame, time_s, crops)
        return found

    def miss(self, time_s: float) -> Estimates:
        """A frame at `time_s` is without this face: what becomes final by that."""
        if self._last is not None and time_s - self._last[1] > self._max_gap_s:
            return self.finish()
        return []

    def finish(self) -> Estimates:
        """The estimates of all frames that still wait; what comes next is a new stretch."""
        found: Estimates = []
        for estimate in self._windows.finish():
            found += self._settle(self._times_s.popleft(), estimate)
        if self._known is not None:
            found += [(frame, self._known[1]) for frame, _ in self._waiting]
        self._start()
        self._last = None
        return found

    def _start(self) -> None:
        self._count = 0
        self._resampler = Resampler(self._model.fps, float("inf"))
        self._windows = ClipWindows(self._model.predict, self._model.clip_frames)
        self._times_s: deque[float] = deque()  # of positions without a final estimate
        self._waiting: deque[tuple[int, float]] = deque()  # frames without one
        self._known: tuple[float, ClipEstimate] | None = None  # the latest final position

    def _read(self, position_s: float, crops: MranFrame) -> Estimates:
        self._times_s.append(position_s)
        found: Estimates = []
        for estimate in self._windows.push(crops):
            found += self._settle(self._times_s.popleft(), estimate)
        return found

    def _settle(self, position_s: float, estimate: ClipEstimate) -> Estimates:
        """A position is final: so are the frames up to it."""
        found: Estimates = []
        while self._waiting and self._waiting[0][1] <= position_s:
            frame, time_s = self._waiting.popleft()
            found.append((frame, _between(self._known, (position_s, estimate), time_s)))
        self._known = (position_s, estimate)
        return found


def _between(
    before: tuple[float, ClipEstimate] | None, after: tuple[float, ClipEstimate], time_s: float
) -> ClipEstimate:
    """Linear interpolation; maps stay maps that sum to one."""
    if before is None or before[0] >= after[0]:
        return after[1]
    share = np.float32(np.clip((time_s - before[0]) / (after[0] - before[0]), 0, 1))
    old, new = before[1], after[1]
    return ClipEstimate(
        old.affect + share * (new.affect - old.affect),
        old.attention + share * (new.attention - old.attention),
    )
