"""Videos longer than a network's window, cut as `mien.pipeline.reaction_windows` does. Torch-free.

A window holds at most ``positions`` frames, the next one starts half a window later, and what is
left at the end forms a last, shorter one. Nothing is dropped: every frame is in at least one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.data.sequences import SequenceSet


@dataclass(frozen=True)
class Windows:
    """A set cut into windows.

    Attributes
    ----------
    data
        One sequence per window, with the labels of its video.
    owner
        int64 (windows,): which video of the set a window belongs to.
    """

    data: SequenceSet
    owner: npt.NDArray[np.int64]

    def combine(self, values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
        """Values of windows (windows, k) to those of `count` videos: means weighted by length."""
        weight = self.data.lengths.astype(np.float64)
        total = np.zeros((count, values.shape[1]))
        np.add.at(total, self.owner, values * weight[:, None])
        return (total / np.bincount(self.owner, weight, count)[:, None]).astype(np.float32)


def window_starts(length: int, positions: int) -> list[int]:
    """Where the windows of a sequence start.

    Examples
    --------
    >>> window_starts(480, 480), window_starts(481, 480), window_starts(900, 480)
    ([0], [0, 240], [0, 240, 480])
    """
    hop = max(1, positions // 2)
    beyond = max(0, length - positions)
    return [hop * k for k in range(1 + -(-beyond // hop))]


def cut_windows(data: SequenceSet, positions: int) -> Windows:
    """Cut every sequence into windows of at most `positions`; short ones stay whole."""
    if len(data) == 0 or int(data.lengths.max()) <= positions:
        return Windows(data, np.arange(len(data)))
    parts, lengths, owner = [], [], []
    for video, length in enumerate(data.lengths.tolist()):
        for start in window_starts(length, positions):
            part = data.sequence(video)[start : start + positions]
            parts.append(part)
            lengths.append(len(part))
            owner.append(video)
    rows = np.array(owner, np.int64)
    return Windows(
        SequenceSet(
            np.concatenate(parts),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            data.labels[rows],
            data.reactions,
            data.fps,
            None if data.ids is None else tuple(data.ids[row] for row in owner),
            data.notes,
            None if data.persons is None else tuple(data.persons[row] for row in owner),
        ),
        rows,
    )
