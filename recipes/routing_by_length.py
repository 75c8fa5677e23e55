"""Why Mask & Routing does not help on SIMULATED reactions: what a network without it reads where.

For each run, mean Pearson's rho on the simulated test split, and within quarters of length. For
networks without routing also what is left if contributions of positions behind a video's end, or of
those before it, are replaced by their mean over the videos: is it the padding that they read?

    python recipes/routing_by_length.py CONFIG RUN [RUN ...]     CONFIG as the runs were trained
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mien.data.reaction_sets import SIMULATED, load_split
from mien.data.sequences import SequenceSet
from mien.models.masked_rnn import MaskedRNN, MaskedRNNConfig
from mien.training.checkpoint import load_checkpoint
from mien.training.config import from_dict, load_config
from mien.training.reactions import ReactionTrainConfig

QUARTERS = (0, 142, 255, 368, 480)


def padded(data: SequenceSet, positions: int) -> Tensor:
    """All videos, (n, positions, 26), zero behind their ends."""
    values = torch.zeros(len(data.lengths), positions, data.values.shape[1])
    for index, length in enumerate(data.lengths):
        values[index, :length] = torch.from_numpy(data.sequence(index))
    return values


def rho(scores: Tensor, labels: np.ndarray, some: np.ndarray) -> float:
    pairs = zip(scores.numpy()[some].T, labels[some].T, strict=True)
    return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs]))


def mean_outside(contributions: Tensor, kept: Tensor) -> Tensor:
    """Contributions (n, t, d), those outside `kept` (n, t, 1) replaced by their mean there."""
    outside = ~kept
    mean = (contributions * outside).sum(0) / outside.sum(0).clamp_min(1)
    return torch.where(kept, contributions, mean)


def load(run: Path) -> MaskedRNN:
    tensors, state = load_checkpoint(run / "model.safetensors")
    model = MaskedRNN(from_dict(MaskedRNNConfig, state["model"], str(run)))
    model.load_state_dict(tensors)
    return model.eval()


def main() -> None:
    recipe = load_config(ReactionTrainConfig, Path(sys.argv[1]))
    data = load_split(SIMULATED, "test", recipe.fps, recipe.simulation)
    lengths = np.asarray(data.lengths)
    everything = np.ones(len(lengths), bool)
    groups = [everything] + [
        (lengths > low) & (lengths <= high) for low, high in pairwise(QUARTERS)
    ]
    print("| network | all | " + " | ".join(f"to {high}" for high in QUARTERS[1:]) + " |")
    print("|---|" + "---|" * len(groups))
    for run in map(Path, sys.argv[2:]):
        model = load(run)
        values = padded(data, model.config.positions)
        with torch.no_grad():
            hidden, _ = model.gru(model.selected(values))
            contributions = torch.einsum("bth,thd->btd", hidden, model.routed.table)
            positions = torch.arange(values.shape[1])
            inside = (positions < torch.from_numpy(lengths)[:, None])[:, :, None]
            read = {"": contributions * inside if model.config.routed else contributions}
            if not model.config.routed:
                read[", padding at its mean"] = mean_outside(contributions, inside)
                read[", video at its mean"] = mean_outside(contributions, ~inside)
            for words, parts in read.items():
                scores = model.output(torch.relu(parts.sum(1) + model.routed.bias))
                cells = " | ".join(f"{rho(scores, data.labels, some):.3f}" for some in groups)
                print(f"| {run.parent.name}/{run.name}{words} | {cells} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
