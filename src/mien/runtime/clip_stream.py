"""Overlapping clips of a stream of any length, and the averages of what they say.

Which clips there are, and how they are averaged, is `mien.runtime.clips`; here the positions
come one by one and memory is that of two clips.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from mien.runtime.clips import OverlapAverage
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


class ClipWindows(Generic[Position]):
    """Reads clips as soon as their last position is there.

    The clips are those of `mien.runtime.clips.clip_starts`: half a clip apart, and a last
    one that ends with the stream. A position's estimate is given out as soon as no later clip can
    hold it, at the latest a clip and a half later, or at the end.

    Parameters
    ----------
    predict
        Reads a clip; padding a short one is its business.
    clip_frames
        Positions in a clip, 1 or more.
    hop
        Positions between the starts of clips, 1 to `clip_frames`; None for half a clip.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    def __init__(
        self, predict: Predict[Position], clip_frames: int, hop: int | None = None
    ) -> None:
        step = max(1, clip_frames // 2) if hop is None else hop
        if not 1 <= step <= clip_frames:
            raise ValueError(f"no clips of {clip_frames} positions, hop {step}")
        self.clip_frames, self.hop = clip_frames, step
        self._predict = predict
        self._count = 0  # positions so far
        self._next = 0  # start of the next clip
        self._positions: deque[Position] = deque(maxlen=clip_frames)
        self._average = OverlapAverage()
        self._shape: tuple[int, ...] = (0, 0)

    def push(self, position: Position) -> list[ClipEstimate]:
        """Add one position; estimates that have become final, the oldest first."""
        self._positions.append(position)
        self._count += 1
        if self._count < self._next + self.clip_frames:
            return []
        self._next += self.hop
        return self._read()

    def finish(self) -> list[ClipEstimate]:
        """Read what is left; the estimates of all positions not given out yet."""
        if not self._count:
            return []
        last = max(0, self._count - self.clip_frames)
        found: list[ClipEstimate] = []
        if self._next - self.hop != last:  # the latest clip does not end with the stream
            found = self._read()
        found += self._split(self._average.finish())
        self._positions.clear()
        self._count = self._next = 0
        return found

    def _read(self) -> list[ClipEstimate]:
        """Run the model on the positions that are held, which end with the newest."""
        clip = list(self._positions)
        said = self._predict(clip)
        if len(said.affect) != len(clip) or len(said.attention) != len(clip):
            raise ValueError(
                f"a clip of {len(clip)} positions gave {len(said.affect)} estimates and "
                f"{len(said.attention)} maps"
            )
        self._shape = said.attention.shape[1:]
        maps = said.attention.reshape(len(clip), -1)  # (n, h * w)
        values = np.concatenate([said.affect, maps], axis=1)  # (n, 2 + h * w)
        return self._split(self._average.add(self._count - len(clip), values))

    def _split(self, means: npt.NDArray[np.float64]) -> list[ClipEstimate]:
        values = means.astype(np.float32)
        return [ClipEstimate(row[:2], row[2:].reshape(self._shape)) for row in values]
