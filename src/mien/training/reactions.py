"""Training of the networks that read affect representations, once these have been extracted.

No frame is loaded here: stage 2 reads 26 numbers a frame. The masked RNN computes nothing on
padding (`mien.models.blocks.routed_gru`); for networks that do, videos of similar length can share
a batch.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mien.data.reaction_sets import SimulationConfig
from mien.data.sequences import SequenceSet
from mien.data.windows import cut_windows
from mien.errors import ConfigError, ModelError
from mien.evaluation.metrics import PairMoments
from mien.losses import pearson_loss, squared_loss
from mien.models.regressor import SequenceRegressor
from mien.models.sequence_models import SEQUENCE_PRESETS, build_sequence_model
from mien.training.batches import batch_scores, collate, epoch_batches
from mien.training.checkpoint import save_checkpoint
from mien.training.config import plain_values
from mien.training.engine import Engine, EngineConfig, PlainEngine, share, start_engine
from mien.training.epochs import EpochLoop
from mien.training.routed_adam import RoutedAdam

_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pearson": pearson_loss,
    "mse": squared_loss,
}


@dataclass(frozen=True)
class ReactionTrainConfig:
    """Everything that decides what the trained network is; saved beside it.

    Attributes
    ----------
    preset, model
        A network of `mien.models.sequence_models` and what differs from its preset. Outputs and
        frame rate follow the data.
    fps
        Frames per second at which prepared videos are read.
    batch, rate
        4 and 1e-4 in the paper.
    bucket
        So many batches are sorted by length together before they are cut (1: no sorting). It
        saves padding where a network computes on padding.
    loss
        ``"pearson"`` (Eq. 4) or ``"mse"``.
    clip
        Largest norm of a step's gradient; 0: not limited.
    patience
        So many epochs without a better validation score end the training.
    """

    name: str
    preset: str = "facernet"
    model: dict[str, Any] = field(default_factory=dict)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    fps: float = 30.0
    seed: int = 0
    threads: int = 2
    epochs: int = 30
    batch: int = 64
    bucket: int = 20
    loss: str = "pearson"
    rate: float = 2e-3
    weight_decay: float = 1e-5
    clip: float = 5.0
    patience: int = 6

    def __post_init__(self) -> None:
        if self.preset not in SEQUENCE_PRESETS:
            raise ValueError(
                f"unknown preset {self.preset!r}: choose one of {sorted(SEQUENCE_PRESETS)}"
            )
        if self.batch < 2:
            raise ValueError("batch must be 2 or more: one video has no correlation")
        if self.loss not in _LOSSES:
            raise ValueError(f"loss is one of {sorted(_LOSSES)}, not {self.loss!r}")
        if min(self.epochs, self.bucket, self.threads) < 1 or self.fps <= 0:
            raise ValueError("epochs, bucket and threads must be 1 or more, fps above 0")
        if min(self.rate, self.weight_decay, self.clip, self.patience) < 0:
            raise ValueError("rate, weight_decay, clip and patience must be 0 or more")
        build_sequence_model(self.preset, self.model)


@torch.no_grad()
def predict_scores(model: SequenceRegressor, data: SequenceSet, batch: int = 128) -> Tensor:
    """Scores (n, outputs) in the order of the set, in evaluation mode, on the processor.

    A video longer than the network's window is read by windows, see `mien.data.windows`.
    """
    model.eval()
    device = next(model.parameters()).device
    windows = cut_windows(data, model.longest or sys.maxsize)
    order = np.argsort(windows.data.lengths, kind="stable")
    scores = torch.empty(len(order), len(data.reactions))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        scores[torch.from_numpy(rows)] = batch_scores(model, windows.data, rows, device).cpu()
    if windows.data is data:
        return scores
    return torch.from_numpy(windows.combine(scores.numpy(), len(data)))


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
    progress: bool = False,
) -> SequenceRegressor:
    """Train a network, by default the masked RNN with Eq. 4, or go on where a killed run stopped.

    Parameters
    ----------
    config
        The recipe.
    train, valid
        Sequences; the epoch with the best mean rho on `valid` is kept. Labels that are NaN are
        left out of loss and score.
    out
        Folder for ``config.json``, ``log.jsonl``, ``log.csv``, ``checkpoint.safetensors`` and, at
        the end, ``model.safetensors``.
    report
        Receives one line per epoch.
    stop_after_epochs
        Stop after so many epochs of this call; for tests of resuming.
    progress
        Show a bar with the loss and the best validation score.

    Returns
    -------
    The best network, its intensities fitted on `train`, in evaluation mode, on the processor.

    Raises
    ------
    ConfigError
        If the labels of the two sets differ, or no correlation is defined on `valid`.
    ModelError
        If `out` holds a run of another configuration or other data, or the loss is not finite.
    """
    if train.reactions != valid.reactions or train.fps != valid.fps:
        raise ConfigError(
            f"labels differ: {train.reactions} at {train.fps} fps and {valid.reactions} at "
            f"{valid.fps} fps"
        )
    engine = start_engine(config.engine)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    outputs = {"reactions": train.reactions, "fps": train.fps}
    model = build_sequence_model(config.preset, {**config.model, **outputs}).to(engine.device)
    optimizer = RoutedAdam(model.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    windows = cut_windows(train, model.longest or sys.maxsize).data
    if windows is not train:
        report(f"{len(train)} videos are read as {len(windows)} windows: some are longer than one")
    identity = {
        "config": plain_values(config),
        "data": {"train": train.fingerprint(), "valid": valid.fingerprint()},
    }

    def epoch(number: int, best: float) -> tuple[float, dict[str, Any]]:
        words = f"epoch {number + 1}/{config.epochs}, best {best:.3f}" if progress else None
        mean_loss = train_epoch(model, optimizer, config, windows, number, engine, words)
        scores = reaction_report(predict_scores(model, valid).numpy(), valid)
        score = scores["mean_pearson"]
        if not math.isfinite(score):
            constant = [n for n, r in scores["pearson"].items() if not math.isfinite(r)]
            raise ConfigError(
                f"no correlation is defined on the validation set for {constant}: their labels or "
                "predictions do not vary; use more videos or leave these reactions out"
            )
        return score, {"loss": round(mean_loss, 4), "valid_mean_pearson": round(score, 4)}

    loop = EpochLoop(
        out,
        config,
        identity,
        {"model": model},
        "model",
        optimizer,
        config.epochs,
        config.patience,
        report,
        writes=engine.rank == 0,
    )
    loop.run(epoch, stop_after_epochs)
    model.to("cpu").fit_intensities(predict_scores(model, train), torch.from_numpy(train.labels))
    if engine.rank == 0:
        save_checkpoint(
            out / "model.safetensors",
            dict(model.state_dict()),
            {"identity": identity, "preset": config.preset, "model": model.describe()},
        )
    return model.eval()


def train_epoch(
    model: SequenceRegressor,
    optimizer: RoutedAdam,
    config: ReactionTrainConfig,
    data: SequenceSet,
    epoch: int,
    engine: Engine | None = None,
    progress: str | None = None,
) -> float:
    """One pass over the training videos; mean loss. `progress` is what a bar says, if any."""
    from tqdm import tqdm

    engine = engine or PlainEngine()
    model.train()
    losses: list[float] = []
    batches = epoch_batches(data.lengths, config.batch, config.bucket, config.seed, epoch)
    hidden = progress is None or engine.rank > 0
    with tqdm(share(batches, engine), progress, disable=hidden, leave=False, unit="batch") as bar:
        for rows in bar:
            with engine.autocast():
                loss = _batch_loss(model, config, data, rows, engine.device)
            if not torch.isfinite(loss):
                raise ModelError(f"the loss is {loss.item()} in epoch {epoch + 1}; lower the rate")
            optimizer.zero_grad()
            engine.backward(loss)
            engine.average(model)
            if config.clip:
                clip_gradients(model, config.clip)
            optimizer.step()
            losses.append(loss.item())
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}", refresh=False)
    return float(np.mean(losses))


def _batch_loss(
    model: SequenceRegressor,
    config: ReactionTrainConfig,
    data: SequenceSet,
    rows: npt.NDArray[np.int64],
    device: torch.device,
) -> Tensor:
    """Loss of a batch: between videos, or between frames where a network is trained on these."""
    criterion = _LOSSES[config.loss]
    labels = torch.from_numpy(data.labels[rows]).to(device)
    if not model.labels_frames:
        return criterion(batch_scores(model, data, rows, device), labels)
    affect, lengths, _ = collate(data, rows)
    scores = model.frame_scores(affect.to(device), lengths.to(device))  # (B, n, outputs)
    real = torch.arange(scores.shape[1])[None] < lengths[:, None]
    spread = labels[:, None].expand_as(scores)
    return criterion(scores[real.to(device)], spread[real.to(device)])


def clip_gradients(model: torch.nn.Module, limit: float) -> None:
    """Scale gradients so that their joint norm is at most `limit`; knows sparse gradients."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    values = [g.coalesce().values() if g.is_sparse else g for g in grads]
    norm = float(torch.stack([v.norm() for v in values]).norm())
    if norm > limit:
        for grad in grads:
            grad.mul_(limit / norm)
