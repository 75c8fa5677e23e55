"""Training of the 3-D CNN on clips of face crops, a baseline that FaceRNET argues against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mien.config import plain_values
from mien.data.formats.face_crops import FrameClips
from mien.errors import ConfigError
from mien.evaluation.metrics import PairMoments
from mien.faces.align import to_network
from mien.models.baselines.clip_cnn import ClipCNN, ClipCNNConfig, sample_clip
from mien.training.checkpoint import save_checkpoint
from mien.training.engine import EngineConfig, start_engine
from mien.training.loop import Loop, Run, ScoredLoopConfig, Training
from mien.training.losses import pearson_loss
from mien.training.optimizers.adamw import adamw
from mien.training.reactions.batches import epoch_batches
from mien.training.schedule import constant


@dataclass(frozen=True, kw_only=True)
class ClipCNNTrainConfig(ScoredLoopConfig):
    """Everything that decides what the trained network is; saved beside it.

    Attributes
    ----------
    widths
        Channels of the blocks, each of which halves time and space.
    frames
        Frames of a clip: spread evenly over a video, dropped or repeated.
    """

    name: str
    widths: tuple[int, ...] = (16, 32, 64)
    frames: int = 16
    engine: EngineConfig = field(default_factory=EngineConfig)
    seed: int = 0
    threads: int = 2
    batch: int = 8
    lr: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch < 2:
            raise ValueError("batch must be 2 or more: one video has no correlation")
        if self.threads < 1:
            raise ValueError("threads must be 1 or more")
        if not self.widths or self.frames < 2 ** len(self.widths):
            raise ValueError(
                f"frames must be {2 ** len(self.widths)} or more for {len(self.widths)} blocks"
            )


def clip_batch(clips: FrameClips, rows: list[int], frames: int) -> Tensor:
    """Network input of some clips, (batch, 3, frames, 112, 112) in [-1, 1]."""
    crops = (torch.from_numpy(to_network(clips.crops(row))) for row in rows)
    return torch.stack([sample_clip(one, frames) for one in crops])


@torch.no_grad()
def clip_scores(model: ClipCNN, clips: FrameClips, frames: int) -> Tensor:
    """Scores (n, outputs) in evaluation mode, one clip in memory at a time."""
    model.eval()
    device = next(model.parameters()).device
    rows = ([row] for row in range(len(clips)))
    return torch.cat([model(clip_batch(clips, row, frames).to(device)).cpu() for row in rows])


def clip_report(model: ClipCNN, clips: FrameClips, frames: int) -> dict[str, Any]:
    """Pearson's rho per output, NaN where not defined, and their mean."""
    moments = PairMoments(len(clips.outputs))
    moments.update(clip_scores(model, clips, frames).numpy(), clips.labels)
    rho = moments.pearson()
    named = {n: float(r) for n, r in zip(clips.outputs, rho, strict=True)}
    return {"n": len(clips), "pearson": named, "mean_pearson": float(rho.mean())}


class ClipTraining(Training):
    """Clips in random order with Eq. 4; the epoch with the best mean rho is kept."""

    model: ClipCNN
    schedule = staticmethod(constant)

    def __init__(
        self, config: ClipCNNTrainConfig, train: FrameClips, valid: FrameClips, run: Run
    ) -> None:
        self.config, self.clips, self.valid, self.run = config, train, valid, run
        shape = ClipCNNConfig(config.widths, train.outputs)
        self.model = self.learned = ClipCNN(shape).to(run.engine.device)
        self.optimizer = adamw(self.model, config.lr, config.weight_decay)
        self.batches = len(epoch_batches(len(train), config.batch, config.seed, 0))

    def batch(self, epoch: int, index: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Clips, and their labels."""
        config, device = self.config, self.run.engine.device
        rows = epoch_batches(len(self.clips), config.batch, config.seed, epoch)[index]
        clips = clip_batch(self.clips, rows.tolist(), config.frames)
        return clips.to(device), torch.from_numpy(self.clips.labels[rows]).to(device)

    def losses(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """1 - rho over the clips of the batch (Eq. 4)."""
        with self.run.engine.autocast():
            return {"loss": pearson_loss(self.model(batch[0]), batch[1])}

    def score(self, network: nn.Module, epoch: int) -> tuple[float, dict[str, Any]]:
        """Mean rho."""
        assert isinstance(network, ClipCNN)
        report = clip_report(network, self.valid, self.config.frames)
        still = [name for name, rho in report["pearson"].items() if rho != rho]
        if still:
            raise ConfigError(
                f"no correlation is defined on the validation set for {still}: their labels or "
                "predictions do not vary; use more videos or leave these outputs out"
            )
        return report["mean_pearson"], {"valid_mean_pearson": round(report["mean_pearson"], 4)}


def train_clip_cnn(
    config: ClipCNNTrainConfig,
    train: FrameClips,
    valid: FrameClips,
    out: Path,
    report: Callable[[str], object] = print,
    stop_after_epochs: int | None = None,
) -> ClipCNN:
    """Train the network, or go on where a killed run stopped.

    Parameters
    ----------
    config, train, valid
        The recipe and clips of face crops (`mien.data.formats.face_crops`).
    out
        Folder for config, logs, checkpoint and, at the end, ``model.safetensors``.
    report, stop_after_epochs
        See `mien.training.loop.Loop`.

    Returns
    -------
    The best network, in evaluation mode, on the processor.

    Raises
    ------
    ConfigError
        If outputs differ, or no correlation is defined on `valid`.
    ModelError
        If `out` holds a run of another configuration, or the loss is not finite.
    """
    if train.outputs != valid.outputs:
        raise ConfigError(f"labels differ: {train.outputs} and {valid.outputs}")
    engine = start_engine(config.engine, config.precision)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    identity = {
        "config": plain_values(config),
        "data": [train.fingerprint(), valid.fingerprint()],
    }
    run = Run(out, config, identity, config.seed, engine, report)
    loop = Loop(ClipTraining(config, train, valid, run), config, run)
    ended = loop.run(stop_after_epochs and stop_after_epochs * loop.per_epoch)
    model = loop.kept.to("cpu")
    assert isinstance(model, ClipCNN)
    if ended and engine.rank == 0:
        state = {"identity": identity, "outputs": list(train.outputs), "fps": train.fps}
        save_checkpoint(out / "model.safetensors", dict(model.state_dict()), state)
    return model
