"""From a set of sequences to batches, the same ones whenever they are asked for."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mien.data.sequences import SequenceSet
from mien.models.blocks.packing import Packing
from mien.models.regressor import SequenceRegressor


@lru_cache(maxsize=1)
def epoch_batches(count: int, batch: int, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """Rows of every batch of an epoch, each of `count` once; the same for the same seed and epoch.

    A last batch of a single video, which has no correlation, joins the one before it.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(count)
    batches = [order[start : start + batch] for start in range(0, count, batch)]
    if len(batches) > 1 and len(batches[-1]) < 2:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return [batches[i] for i in rng.permutation(len(batches))]


def collate(data: SequenceSet, rows: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
    """Padded affect (batch, longest, 26), lengths (batch,), labels (batch, reactions)."""
    lengths = data.lengths[rows]
    affect = np.zeros((len(rows), int(lengths.max()), data.values.shape[1]), np.float32)
    for i, row in enumerate(rows):
        affect[i, : lengths[i]] = data.sequence(int(row))
    return torch.from_numpy(affect), torch.from_numpy(lengths), torch.from_numpy(data.labels[rows])


def pack(
    data: SequenceSet, rows: npt.NDArray[np.int64], threads: int = 1
) -> tuple[Tensor, Packing]:
    """Affect of a batch as packed rows (rows, 26), without padding, and their packing."""
    packing = Packing.of(data.lengths[rows], threads)
    index = data.offsets[rows][packing.sequence] + packing.position
    return torch.from_numpy(np.take(data.values, index, axis=0)), packing


def batch_scores(
    model: SequenceRegressor,
    data: SequenceSet,
    rows: npt.NDArray[np.int64],
    device: torch.device,
) -> Tensor:
    """Scores (batch, outputs) of some sequences, by the way that costs the network least."""
    if model.walks(device):
        return model.packed_scores(*pack(data, rows, torch.get_num_threads()))
    affect, lengths, _ = collate(data, rows)
    scores: Tensor = model(affect.to(device), lengths.to(device))
    return scores
