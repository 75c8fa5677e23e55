"""Training of the masked RNN on affect representations that have already been extracted.

No frame is loaded here: stage 2 reads 26 numbers a frame. Videos of similar length share a batch,
so little is computed on padding, and a step costs what its longest video costs.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mien.datasets.sequences import SequenceSet
from mien.errors import ConfigError, ModelError
from mien.losses import pearson_loss
from mien.metrics import PairMoments
from mien.models.masked_rnn import PRESETS, MaskedRNN, MaskedRNNConfig
from mien.training.checkpoint import (
    flatten_optimizer,
    restore_optimizer,
    resume_from,
    save_checkpoint,
    with_prefix,
    without_prefix,
)
from mien.training.config import from_dict, save_config
from mien.training.routed_adam import RoutedAdam


@dataclass(frozen=True)
class SimulationConfig:
    """How many simulated videos to draw; train, valid and test use different seeds."""

    train: int = 8000
    valid: int = 1000
    test: int = 1000
    seed: int = 20230


@dataclass(frozen=True)
class ReactionTrainConfig:
    """Everything that decides what the trained masked RNN is; saved beside it.

    ``batch`` and ``rate`` are 4 and 1e-4 in the paper. ``bucket`` batches are sorted by length
    together before they are cut (1: no sorting). ``patience`` epochs without a better validation
    score end the training.
    """

    name: str
    preset: str = "facernet"
    model: dict[str, Any] = field(default_factory=dict)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    seed: int = 0
    threads: int = 2
    epochs: int = 30
    batch: int = 64
    bucket: int = 20
    rate: float = 2e-3
    weight_decay: float = 1e-5
    clip: float = 5.0
    patience: int = 6

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"unknown preset {self.preset!r}: choose one of {sorted(PRESETS)}")
        if self.batch < 2:
            raise ValueError("batch must be 2 or more: one video has no correlation")


def epoch_batches(
    lengths: npt.NDArray[np.int64], batch: int, bucket: int, seed: int, epoch: int
) -> list[npt.NDArray[np.int64]]:
    """Rows of every batch of an epoch, each row once; the same for the same seed and epoch.

    A last batch of a single video, which has no correlation, joins the one before it.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    batches: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(order), batch * bucket):
        group = order[start : start + batch * bucket]
        group = group[np.argsort(lengths[group], kind="stable")]
        batches += [group[i : i + batch] for i in range(0, len(group), batch)]
    small = [b for b in batches if len(b) < 2]
    batches = [b for b in batches if len(b) >= 2]
    if small and batches:
        batches[-1] = np.concatenate([batches[-1], *small])
    return [batches[i] for i in rng.permutation(len(batches))]


def collate(data: SequenceSet, rows: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
    """Padded affect (batch, longest, 26), lengths (batch,), labels (batch, reactions)."""
    lengths = data.lengths[rows]
    affect = np.zeros((len(rows), int(lengths.max()), data.values.shape[1]), np.float32)
    for i, row in enumerate(rows):
        affect[i, : lengths[i]] = data.sequence(int(row))
    return torch.from_numpy(affect), torch.from_numpy(lengths), torch.from_numpy(data.labels[rows])


@torch.no_grad()
def predict_scores(model: MaskedRNN, data: SequenceSet, batch: int = 128) -> Tensor:
    """Scores (n, reactions) in the order of the set, in evaluation mode."""
    model.eval()
    order = np.argsort(data.lengths, kind="stable")
    scores = torch.empty(len(data), len(model.config.reactions))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        affect, lengths, _ = collate(data, rows)
        scores[torch.from_numpy(rows)] = model(affect, lengths)
    return scores


def reaction_report(predicted: npt.ArrayLike, data: SequenceSet) -> dict[str, Any]:
    """Pearson's rho per reaction and their mean, the metric of the Hume-Reaction challenges."""
    moments = PairMoments(len(data.reactions))
    moments.update(predicted, data.labels)
    rho = moments.pearson()
    return {
        "n": len(data),
        "pearson": {n: float(r) for n, r in zip(data.reactions, rho, strict=True)},
        "mean_pearson": float(rho.mean()),
    }


def train_reactions(
    config: ReactionTrainConfig,
    train: SequenceSet,
    valid: SequenceSet,
    out: Path,
    report: Callable[[str], object] = print,
    stop_after_epochs: int | None = None,
) -> MaskedRNN:
    """Train the masked RNN with Eq. 4, or go on where a killed run stopped.

    Parameters
    ----------
    config
        The recipe.
    train, valid
        Sequences; the epoch with the best mean rho on `valid` is kept.
    out
        Folder for ``config.json``, ``log.jsonl``, ``checkpoint.safetensors`` and, at the end,
        ``model.safetensors``.
    report
        Receives one line per epoch.
    stop_after_epochs
        Stop after so many epochs of this call; for tests of resuming.

    Returns
    -------
    The best model, its intensities fitted on `train`, in evaluation mode.
    """
    if train.reactions != valid.reactions:
        raise ConfigError(f"labels differ: {train.reactions} and {valid.reactions}")
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    settings = {**asdict(PRESETS[config.preset]), **config.model}
    settings |= {"reactions": train.reactions, "fps": train.fps}
    model = MaskedRNN(from_dict(MaskedRNNConfig, settings, "model"))
    optimizer = RoutedAdam(model.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    out.mkdir(parents=True, exist_ok=True)
    identity = {
        "config": json.loads(json.dumps(asdict(config))),
        "data": {"train": train.fingerprint(), "valid": valid.fingerprint()},
    }
    checkpoint = out / "checkpoint.safetensors"
    best, best_epoch, epoch, seconds = float("-inf"), -1, 0, 0.0
    best_weights = {k: v.clone() for k, v in model.state_dict().items()}
    stopped = resume_from(checkpoint, identity)
    if stopped is not None:
        tensors, state = stopped
        model.load_state_dict(without_prefix("model", tensors))
        best_weights = without_prefix("best", tensors)
        restore_optimizer(optimizer, tensors)
        best, best_epoch = state["best"], state["best_epoch"]
        epoch, seconds = state["epoch"], state["seconds"]
        report(f"resuming after epoch {epoch} of {config.epochs}")
    save_config(config, out / "config.json")
    ran = 0
    while epoch < config.epochs and epoch - best_epoch <= config.patience:
        started = time.perf_counter()
        mean_loss = _train_epoch(model, optimizer, config, train, epoch)
        scores = reaction_report(predict_scores(model, valid).numpy(), valid)
        seconds += time.perf_counter() - started
        if not math.isfinite(scores["mean_pearson"]):
            constant = [n for n, r in scores["pearson"].items() if not math.isfinite(r)]
            raise ConfigError(
                f"no correlation is defined on the validation set for {constant}: their labels or "
                "predictions do not vary; use more videos or leave these reactions out"
            )
        if scores["mean_pearson"] > best:
            best, best_epoch = scores["mean_pearson"], epoch
            best_weights = {k: v.clone() for k, v in model.state_dict().items()}
        epoch += 1
        ran += 1
        row = {
            "epoch": epoch,
            "seconds": round(seconds, 1),
            "loss": round(mean_loss, 4),
            "valid_mean_pearson": round(scores["mean_pearson"], 4),
        }
        with (out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        report(json.dumps(row))
        save_checkpoint(
            checkpoint,
            {
                **with_prefix("model", model),
                **{f"best.{name}": value for name, value in best_weights.items()},
                **flatten_optimizer(optimizer),
            },
            {
                "identity": identity,
                "epoch": epoch,
                "best": best,
                "best_epoch": best_epoch,
                "seconds": seconds,
            },
        )
        if stop_after_epochs is not None and ran >= stop_after_epochs:
            break
    model.load_state_dict(best_weights)
    model.fit_intensities(predict_scores(model, train), torch.from_numpy(train.labels))
    save_checkpoint(
        out / "model.safetensors",
        dict(model.state_dict()),
        {"identity": identity, "model": model.describe()},
    )
    return model.eval()


def _train_epoch(
    model: MaskedRNN,
    optimizer: RoutedAdam,
    config: ReactionTrainConfig,
    data: SequenceSet,
    epoch: int,
) -> float:
    """One pass over the training videos; mean loss."""
    model.train()
    losses = []
    for rows in epoch_batches(data.lengths, config.batch, config.bucket, config.seed, epoch):
        affect, lengths, labels = collate(data, rows)
        loss = pearson_loss(model(affect, lengths), labels)
        if not torch.isfinite(loss):
            raise ModelError(f"the loss is {loss.item()} in epoch {epoch + 1}; lower the rate")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        _clip(model, config.clip)
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def _clip(model: MaskedRNN, limit: float) -> None:
    """Scale gradients so that their joint norm is at most `limit`; knows sparse gradients."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    values = [g.coalesce().values() if g.is_sparse else g for g in grads]
    norm = float(torch.stack([v.norm() for v in values]).norm())
    if norm > limit:
        for grad in grads:
            grad.mul_(limit / norm)
