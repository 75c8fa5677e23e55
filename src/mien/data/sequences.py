"""`SequenceSet`: affect representations of whole videos with one label vector each. Torch-free."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.types import FloatArray


@dataclass(frozen=True)
class SequenceSet:
    """Sequences of different lengths with video-level labels.

    Attributes
    ----------
    values
        float32 (sum of lengths, 26), all sequences end to end.
    offsets
        int64 (n + 1,), sequence k is ``values[offsets[k]:offsets[k + 1]]``.
    labels
        float32 (n, reactions) in [0, 1]; NaN where a corpus withholds them.
    reactions
        Names of the label columns.
    fps
        Frames per second of the sequences.
    ids
        Names of the videos (n,), where they have any.
    notes
        What is worth knowing of how the set came about, one sentence each.
    persons
        Who is seen in each video (n,), "" where that is unknown; None where nobody is named.
    """

    values: FloatArray
    offsets: npt.NDArray[np.int64]
    labels: FloatArray
    reactions: tuple[str, ...]
    fps: float
    ids: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    persons: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """int64 (n,)."""
        return np.diff(self.offsets)

    def sequence(self, index: int) -> FloatArray:
        """One sequence, (length, 26)."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def fingerprint(self) -> str:
        """Hash of values and labels, to be saved beside weights trained on them."""
        digest = hashlib.sha256()
        for value in (self.values, self.offsets, self.labels):
            digest.update(np.ascontiguousarray(value).reshape(-1).data)
        return digest.hexdigest()[:16]
