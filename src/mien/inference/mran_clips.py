"""Clips of a stream of any length, overlapping by half, and the averages of what they say.

A clip holds ``clip_frames`` positions; the next one starts half a clip later. What is left at the
end is read by one more full clip that ends with the last position, so that only a recording
shorter than a clip is padded (by whoever predicts). A position's estimate is the mean over all
clips that hold it. Overlap and mean are the specification's; the last clip is ours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from mien.types import FloatArray

Position = TypeVar("Position")


class ClipEstimate(NamedTuple):
    """What is said of the n positions of a clip, or, without the first axis, of one position.

    ``affect`` is float32 (n, 2), valence and arousal; ``attention`` float32 (n, h, w), which sums
    to one over (h, w).
    """

    affect: FloatArray
    attention: FloatArray


Predict = Callable[[Sequence[Position]], ClipEstimate]
"""Reads a clip of 1 to ``clip_frames`` positions."""


def clip_starts(count: int, clip_frames: int, hop: int | None = None) -> list[int]:
    """First positions of the clips that read `count` positions.

    Parameters
    ----------
    count
        Positions, 0 or more.
    clip_frames
        Positions in a clip, 1 or more.
    hop
        Positions between the starts of clips, 1 to `clip_frames`; None for half a clip.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> clip_starts(40, 16), clip_starts(34, 16), clip_starts(9, 16), clip_starts(0, 16)
    ([0, 8, 16, 24], [0, 8, 16, 18], [0], [])
    """
    step = _hop(clip_frames, hop)
    if count < 0:
        raise ValueError(f"count must be 0 or more, not {count}")
    if count <= clip_frames:
        return [0] if count else []
    starts = list(range(0, count - clip_frames + 1, step))
    return starts if starts[-1] == count - clip_frames else [*starts, count - clip_frames]


def average_clips(
    predict: Predict[Position],
    positions: Sequence[Position],
    clip_frames: int,
    hop: int | None = None,
) -> ClipEstimate:
    """Read a whole recording by overlapping clips.

    Parameters
    ----------
    predict
        Reads a clip.
    positions
        One or more, of any kind that `predict` takes.
    clip_frames, hop
        As of `clip_starts`.

    Returns
    -------
    Estimates of all positions, the mean over the clips that hold each.

    Raises
    ------
    ValueError
        If there is no position, or an argument is out of its range.
    """
    windows = ClipWindows(predict, clip_frames, hop)
    found = [estimate for position in positions for estimate in windows.push(position)]
    found += windows.finish()
    if not found:
        raise ValueError("there is no position to read")
    return ClipEstimate(np.stack([e.affect for e in found]), np.stack([e.attention for e in found]))


class ClipWindows(Generic[Position]):
    """Overlapping clips of a stream; memory is that of one clip, whatever the stream's length.

    A clip is read as soon as its last position is there. A position's estimate is given out as soon
    as no later clip can hold it, which is ``clip_frames`` positions later, or at the end.

    Parameters
    ----------
    predict
        Reads a clip.
    clip_frames, hop
        As of `clip_starts`.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    def __init__(
        self, predict: Predict[Position], clip_frames: int, hop: int | None = None
    ) -> None:
        self.clip_frames, self.hop = clip_frames, _hop(clip_frames, hop)
        self._predict = predict
        self._count = 0  # positions so far
        self._next = 0  # start of the next clip
        self._done = 0  # positions given out
        self._positions: deque[Position] = deque(maxlen=clip_frames)
        self._sums: deque[_Sum] = deque()  # of the positions from `_done` on

    def push(self, position: Position) -> list[ClipEstimate]:
        """Add one position; estimates that have become final, the oldest first."""
        self._positions.append(position)
        self._sums.append(_Sum())
        self._count += 1
        if self._count == self._next + self.clip_frames:
            self._read()
            self._next += self.hop
        # A clip that ends with the stream would start `clip_frames` before its end.
        return self._give_out(self._count - self.clip_frames)

    def finish(self) -> list[ClipEstimate]:
        """Read what is left; the estimates of all positions not given out yet."""
        last = max(0, self._count - self.clip_frames)
        # The latest clip that was read started a hop before the one that comes next.
        if self._count and self._next - self.hop != last:
            self._read()
        found = self._give_out(self._count)
        self._positions.clear()
        self._count = self._next = self._done = 0
        return found

    def _read(self) -> None:
        """Run the model on the positions that are held, which end with the newest."""
        clip = list(self._positions)
        said = self._predict(clip)
        if len(said.affect) != len(clip) or len(said.attention) != len(clip):
            raise ValueError(
                f"a clip of {len(clip)} positions gave {len(said.affect)} estimates and "
                f"{len(said.attention)} maps"
            )
        first = self._count - len(clip) - self._done
        for k in range(len(clip)):
            self._sums[first + k].add(said.affect[k], said.attention[k])

    def _give_out(self, end: int) -> list[ClipEstimate]:
        """Means of the positions before `end`."""
        found = []
        while self._done < end:
            found.append(self._sums.popleft().mean())
            self._done += 1
        return found


class _Sum:
    """What the clips so far say of one position."""

    def __init__(self) -> None:
        self._affect: npt.NDArray[np.float64] | None = None
        self._attention: npt.NDArray[np.float64] | None = None
        self._clips = 0

    def add(self, affect: FloatArray, attention: FloatArray) -> None:
        if self._affect is None or self._attention is None:
            self._affect = affect.astype(np.float64)
            self._attention = attention.astype(np.float64)
        else:
            self._affect += affect
            self._attention += attention
        self._clips += 1

    def mean(self) -> ClipEstimate:
        if self._affect is None or self._attention is None:
            raise RuntimeError("a position was given out before any clip had read it")
        return ClipEstimate(
            (self._affect / self._clips).astype(np.float32),
            (self._attention / self._clips).astype(np.float32),
        )


def _hop(clip_frames: int, hop: int | None) -> int:
    if clip_frames < 1:
        raise ValueError(f"clip_frames must be 1 or more, not {clip_frames}")
    step = max(1, clip_frames // 2) if hop is None else hop
    if not 1 <= step <= clip_frames:
        raise ValueError(f"hop must lie in 1..{clip_frames}, not {step}")
    return step
