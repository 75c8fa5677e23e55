"""Training of the networks that read affect representations, once these have been extracted.

No frame is loaded here: the reaction model reads 26 numbers a frame. It computes nothing on padding
(`mien.models.kernels.routed_gru`); for networks that do, videos of similar length can share a
batch.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mien.config import plain_values
from mien.data.reaction_sets import SimulationConfig
from mien.data.sequences import SequenceSet
from mien.data.windows import cut_windows
from mien.errors import ConfigError
from mien.evaluation.metrics import PairMoments
from mien.models.regressor import SequenceRegressor
from mien.models.sequence_models import SEQUENCE_PRESETS, build_sequence_model
from mien.training.checkpoint import save_checkpoint
from mien.training.engine import Engine, EngineConfig, start_engine
from mien.training.loop import Loop, Run, ScoredLoopConfig, Training
from mien.training.losses import pearson_loss, squared_loss
from mien.training.optimizers.routed_adam import RoutedAdam
from mien.training.reactions.batches import batch_scores, collate, epoch_batches
from mien.training.schedule import constant

FEW_VIDEOS = 100
"""A validation set with fewer is warned about: a correlation is off by 0.1 there."""

_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pearson": pearson_loss,
    "mse": squared_loss,
}


@dataclass(frozen=True)
class ReactionTrainConfig(ScoredLoopConfig):
    """Everything that decides what the trained network is; saved beside it.

    Attributes
    ----------
    preset, model
        A network of `mien.models.sequence_models` and what differs from its preset. Outputs and
        frame rate follow the data.
    fps
        Frames per second at which prepared videos are read.
    loss
        ``"pearson"`` (Eq. 4) or ``"mse"``.

    The paper has a ``batch`` of 4 and an ``lr`` of 1e-4.
    """

    name: str
    preset: str = "facernet"
    model: dict[str, Any] = field(default_factory=dict)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    fps: float = 30.0
    seed: int = 0
    threads: int = 2
    loss: str = "pearson"
    _: KW_ONLY
    weight_decay: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.preset not in SEQUENCE_PRESETS:
            raise ValueError(
                f"unknown preset {self.preset!r}: choose one of {sorted(SEQUENCE_PRESETS)}"
            )
        if self.batch < 2:
            raise ValueError("batch must be 2 or more: one video has no correlation")
        if self.loss not in _LOSSES:
            raise ValueError(f"loss is one of {sorted(_LOSSES)}, not {self.loss!r}")
        if self.threads < 1 or self.fps <= 0:
            raise ValueError("threads must be 1 or more, fps above 0")
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


def few_videos(valid: SequenceSet) -> tuple[str, ...]:
    """A warning where a validation set is too small to choose an epoch by; else nothing.

    The standard error of a correlation near 0 over n videos is 1 / sqrt(n - 1).
    """
    count = len(valid)
    if count >= FEW_VIDEOS:
        return ()
    error = 1 / math.sqrt(max(count - 1, 1))
    return (
        f"warning: the validation set has {count} videos; a correlation over so few is uncertain "
        f"by {error:.2f} (one standard error), so the epoch that is kept is partly chance",
    )


class ReactionTraining(Training):
    """Videos in random order; the epoch with the best mean rho on `valid` is kept."""

    model: SequenceRegressor
    schedule = staticmethod(constant)

    def __init__(
        self,
        config: ReactionTrainConfig,
        model: SequenceRegressor,
        train: SequenceSet,
        valid: SequenceSet,
        engine: Engine,
    ) -> None:
        self.config, self.engine, self.data, self.valid = config, engine, train, valid
        self.model = self.learned = model.to(engine.device)
        self.optimizer = RoutedAdam(
            model.parameters(), lr=config.lr, weight_decay=config.weight_decay
        )
        self.batches = len(epoch_batches(len(train), config.batch, config.seed, 0))

    def batch(self, epoch: int, index: int, generator: torch.Generator) -> npt.NDArray[np.int64]:
        """Rows of the set."""
        config = self.config
        return epoch_batches(len(self.data), config.batch, config.seed, epoch)[index]

    def losses(self, batch: npt.NDArray[np.int64]) -> dict[str, Tensor]:
        """Loss between videos, or between frames where a network is trained on these."""
        criterion, model, device = _LOSSES[self.config.loss], self.model, self.engine.device
        labels = torch.from_numpy(self.data.labels[batch]).to(device)
        with self.engine.autocast():
            if not model.labels_frames:
                return {"loss": criterion(batch_scores(model, self.data, batch, device), labels)}
            affect, lengths, _ = collate(self.data, batch)
            scores = model.frame_scores(affect.to(device), lengths.to(device))  # (B, n, outputs)
            real = (torch.arange(scores.shape[1])[None] < lengths[:, None]).to(device)
            spread = labels[:, None].expand_as(scores)
            return {"loss": criterion(scores[real], spread[real])}

    def score(self, network: nn.Module, epoch: int) -> tuple[float, dict[str, Any]]:
        """Mean rho."""
        assert isinstance(network, SequenceRegressor)
        scores = reaction_report(predict_scores(network, self.valid).numpy(), self.valid)
        score = scores["mean_pearson"]
        if not math.isfinite(score):
            still = [n for n, r in scores["pearson"].items() if not math.isfinite(r)]
            raise ConfigError(
                f"no correlation is defined on the validation set for {still}: their labels or "
                "predictions do not vary; use more videos or leave these reactions out"
            )
        return score, {"valid_mean_pearson": round(score, 4)}


def train_reactions(
    config: ReactionTrainConfig,
    train: SequenceSet,
    valid: SequenceSet,
    out: Path,
    report: Callable[[str], object] = print,
    stop_after_epochs: int | None = None,
) -> SequenceRegressor:
    """Train a network (the reaction model with Eq. 4, or another), or go on after a kill.

    Parameters
    ----------
    config, train, valid
        The recipe and sequences. Labels that are NaN are left out of loss and score.
    out
        Folder for ``config.json``, logs, ``checkpoint.safetensors`` and, at the end,
        ``model.safetensors``.
    report, stop_after_epochs
        See `mien.training.loop.Loop`.

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
    engine = start_engine(config.engine, config.precision)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    outputs = {"reactions": train.reactions, "fps": train.fps}
    model = build_sequence_model(config.preset, {**config.model, **outputs})
    windows = cut_windows(train, model.longest or sys.maxsize).data
    if windows is not train:
        report(f"{len(train)} videos are read as {len(windows)} windows: some are longer than one")
    identity = {
        "config": plain_values(config),
        "data": {"train": train.fingerprint(), "valid": valid.fingerprint()},
    }
    training = ReactionTraining(config, model, windows, valid, engine)
    # the rate is constant: what was done is the beginning of a longer run, too
    run = Run(out, config, identity, config.seed, engine, report, growing=("epochs", "patience"))
    loop = Loop(training, config, run)
    ended = loop.run(stop_after_epochs and stop_after_epochs * loop.per_epoch)
    network = loop.kept.to("cpu")
    assert isinstance(network, SequenceRegressor)
    network.fit_intensities(predict_scores(network, train), torch.from_numpy(train.labels))
    if ended and engine.rank == 0:
        state = {"identity": identity, "preset": config.preset, "model": network.describe()}
        save_checkpoint(out / "model.safetensors", dict(network.state_dict()), state)
    return network
