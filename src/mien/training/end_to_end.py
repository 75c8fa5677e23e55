"""Training of both stages together, the papers' last step: a small rate, from both trained parts.

Each part starts from a run of its own (`mien train mma`, `mien train reactions`) and is saved as
one again, so that `mien export` and `mien analyze` take the result like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.data.formats.face_crops import FrameClips, count_crops, crops_path
from mien.errors import ConfigError, ModelError
from mien.evaluation.metrics import PairMoments
from mien.faces.align import to_network
from mien.losses import pearson_loss
from mien.models.end_to_end import EndToEnd
from mien.models.masked_rnn import PRESETS, MaskedRNN, MaskedRNNConfig
from mien.runtime.metadata import require_papers_labels
from mien.training.batches import epoch_batches
from mien.training.checkpoint import load_checkpoint, save_checkpoint, tensor_fingerprint
from mien.training.config import from_dict, plain_values
from mien.training.epochs import EpochLoop
from mien.training.reactions import clip_gradients
from mien.training.routed_adam import RoutedAdam
from mien.training.runs import load_extractor_run


@dataclass(frozen=True)
class EndToEndConfig:
    """Everything that decides the result beside the two parts; ``batch`` and ``rate`` as printed.

    ``clip`` is the largest norm of a step's gradient (0: not limited); ``patience`` epochs without
    a better validation score end the training.
    """

    name: str
    seed: int = 0
    threads: int = 2
    epochs: int = 5
    batch: int = 4
    rate: float = 1e-5
    weight_decay: float = 0.0
    clip: float = 0.0
    patience: int = 2

    def __post_init__(self) -> None:
        if self.batch < 2:
            raise ValueError("batch must be 2 or more: one video has no correlation")
        if min(self.epochs, self.threads) < 1 or min(self.rate, self.clip, self.patience) < 0:
            raise ValueError("epochs and threads must be 1 or more, the rest 0 or more")


@dataclass(frozen=True)
class Parts:
    """Two trained parts and what their runs say of themselves."""

    model: EndToEnd
    affect_state: dict[str, Any]
    reactions_state: dict[str, Any]


def load_parts(affect: Path, reactions: Path) -> Parts:
    """Both parts from the folders of their runs.

    Raises
    ------
    ModelError
        If a folder holds no trained model, or one of another kind.
    """
    extractor = load_extractor_run(affect)
    require_papers_labels(extractor.model.labels, affect)
    tensors, state = load_checkpoint(reactions / "model.safetensors")
    if "model" not in state or state.get("preset", "facernet") not in PRESETS:
        raise ModelError(f"{reactions}: is not a masked RNN of 'mien train reactions'")
    reader = MaskedRNN(from_dict(MaskedRNNConfig, state["model"], "model"))
    reader.load_state_dict(tensors)
    return Parts(EndToEnd(extractor.model, reader), extractor.state, state)


def clip_tensors(clips: FrameClips, rows: list[int]) -> list[Tensor]:
    """Network input of some clips, one (n, 3, 112, 112) in [-1, 1] each."""
    return [torch.from_numpy(to_network(clips.crops(row))) for row in rows]


@torch.no_grad()
def predict_clips(model: EndToEnd, clips: FrameClips) -> Tensor:
    """Scores (n, outputs) in evaluation mode, one clip in memory at a time."""
    model.eval()
    return torch.cat([model(clip_tensors(clips, [row])) for row in range(len(clips))])


def train_end_to_end(
    config: EndToEndConfig,
    parts: Parts,
    train: FrameClips,
    valid: FrameClips,
    out: Path,
    report: Callable[[str], object] = print,
    stop_after_epochs: int | None = None,
) -> EndToEnd:
    """Train both stages with Eq. 4, or go on where a killed run stopped.

    Parameters
    ----------
    config, parts
        The recipe, and what to start from; the parts' network is trained in place.
    train, valid
        Clips; the epoch with the best mean rho on `valid` is kept, the start counts as epoch 0.
    out
        Folder for config, logs, checkpoint, and the runs ``affect/`` and ``reactions/``.
    report
        Receives one line per epoch.
    stop_after_epochs
        Stop after so many epochs of this call; for tests of resuming.

    Returns
    -------
    The best network, its intensities fitted on `train`, in evaluation mode.

    Raises
    ------
    ConfigError
        If outputs or frame rates differ, or no correlation is defined on `valid`.
    ModelError
        If `out` holds a run of another configuration, or the loss is not finite.
    """
    model = parts.model
    reader = model.reader.config
    for clips in (train, valid):
        if clips.outputs != reader.reactions or clips.fps != reader.fps:
            raise ConfigError(
                f"{clips.folder}: has {list(clips.outputs)} at {clips.fps} fps, the reaction "
                f"model {list(reader.reactions)} at {reader.fps}"
            )
        for name in clips.ids:
            count = count_crops(crops_path(clips.folder, name)) or 0
            if count > reader.positions:
                raise ConfigError(
                    f"{crops_path(clips.folder, name)}: has {count} crops, the reaction model "
                    f"reads {reader.positions}; cut the clips again with --most {reader.positions}"
                )
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    optimizer = RoutedAdam(model.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    identity = {
        "config": plain_values(config),
        "start": tensor_fingerprint(model.state_dict()),
        "data": [train.fingerprint(), valid.fingerprint()],
    }

    def before() -> float:
        score = _mean_rho(model, valid)
        report(f"before: valid_mean_pearson {score:.4f}")
        return score

    def epoch(number: int, _: float) -> tuple[float, dict[str, Any]]:
        loss = _train_epoch(model, optimizer, config, train, number)
        score = _mean_rho(model, valid)
        return score, {"loss": round(loss, 4), "valid_mean_pearson": round(score, 4)}

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
        before=before,
    )
    loop.run(epoch, stop_after_epochs)
    model.reader.fit_intensities(predict_clips(model, train), torch.from_numpy(train.labels))
    for part, network, state in (
        ("affect", model.extractor, parts.affect_state),
        ("reactions", model.reader, parts.reactions_state),
    ):
        tensors = dict(network.state_dict())
        save_checkpoint(
            out / part / "model.safetensors", tensors, {**state, "end_to_end": identity}
        )
    return model.eval()


def _mean_rho(model: EndToEnd, clips: FrameClips) -> float:
    moments = PairMoments(len(clips.outputs))
    moments.update(predict_clips(model, clips).numpy(), clips.labels)
    rho = moments.pearson()
    if not math.isfinite(float(rho.mean())):
        constant = [n for n, r in zip(clips.outputs, rho, strict=True) if not math.isfinite(r)]
        raise ConfigError(f"no correlation is defined on the validation clips for {constant}")
    return float(rho.mean())


def _train_epoch(
    model: EndToEnd, optimizer: RoutedAdam, config: EndToEndConfig, clips: FrameClips, epoch: int
) -> float:
    """One pass over the clips; mean loss."""
    model.train()
    losses = []
    alike = np.ones(len(clips), np.int64)  # lengths are not known before a clip is read
    for rows in epoch_batches(alike, config.batch, 1, config.seed, epoch):
        scores = model(clip_tensors(clips, rows.tolist()))
        loss = pearson_loss(scores, torch.from_numpy(clips.labels[rows]))
        if not torch.isfinite(loss):
            raise ModelError(f"the loss is {loss.item()} in epoch {epoch + 1}; lower the rate")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if config.clip:
            clip_gradients(model, config.clip)
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))
