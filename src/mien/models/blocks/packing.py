"""`Packing`: sequences of different lengths laid end to end by time, without any padding.

Sequences are sorted by length, longest first. Row block t holds position t of every sequence that
is that long, so the members still running at t are always the first ones, and their states at
t - 1 are the first rows of the block before. What lies beyond a sequence's end is never computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_SMALLEST_SHARE = 32
"""A share of fewer sequences is not worth a thread of its own."""


@dataclass(frozen=True)
class Share:
    """The part of a packed batch that one thread works on.

    Attributes
    ----------
    members
        int64 (m,), which sequences of the batch, longest first.
    counts
        For every position the number of members that reach it: counts[0] = m, never rising.
    first_row
        Where the rows of this share start among those of the whole batch.
    """

    members: Tensor
    counts: list[int]
    first_row: int

    @property
    def rows(self) -> slice:
        """Its rows among those of the whole batch."""
        return slice(self.first_row, self.first_row + sum(self.counts))


@dataclass(frozen=True)
class Packing:
    """Which packed row holds which position of which sequence.

    Attributes
    ----------
    shares
        One or more; every sequence is in exactly one.
    sequence, position
        int64 (rows,): packed row r is position ``position[r]`` of sequence ``sequence[r]``.
    batch, longest
        How many sequences there are, and the length of the longest.
    """

    shares: tuple[Share, ...]
    sequence: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    batch: int
    longest: int

    @classmethod
    def of(cls, lengths: npt.NDArray[np.int64], threads: int = 1) -> Packing:
        """Pack sequences of the given lengths (batch,), all 1 or more, for so many threads.

        Examples
        --------
        >>> packing = Packing.of(np.array([1, 3, 2]))
        >>> packing.shares[0].counts
        [3, 2, 1]
        >>> packing.sequence.tolist(), packing.position.tolist()
        ([1, 2, 0, 1, 2, 1], [0, 0, 0, 1, 1, 2])
        """
        order = np.argsort(-lengths, kind="stable")
        number = max(1, min(threads, len(lengths) // _SMALLEST_SHARE))
        shares, sequences, positions, first = [], [], [], 0
        for start in range(number):
            members = order[start::number]  # dealt like cards: shares cost the same
            own = lengths[members]
            running = np.arange(int(own[0]))[:, None] < own[None, :]  # (longest, m)
            position, rank = np.nonzero(running)
            shares.append(Share(torch.from_numpy(members), running.sum(1).tolist(), first))
            sequences.append(members[rank])
            positions.append(position)
            first += len(position)
        return cls(
            tuple(shares),
            np.concatenate(sequences),
            np.concatenate(positions),
            len(lengths),
            int(lengths.max()),
        )

    def pack(self, padded: Tensor) -> Tensor:
        """Rows (rows, features) of a padded batch (batch, n, features); padding is not read."""
        rows = torch.from_numpy(self.sequence * padded.shape[1] + self.position)
        return padded.flatten(0, 1)[rows.to(padded.device)]
