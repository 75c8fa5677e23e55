"""Training of a multi-modal recurrent attention network on aligned streams."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.data.formats.streams import StreamSet
from mien.errors import ConfigError, ModelError
from mien.evaluation.traces import trace_report
from mien.faces.align import CROP_SIZE_PX
from mien.labels import VALENCE_AROUSAL
from mien.losses import action_unit_loss, trace_loss
from mien.models.mran import MRAN, MRANConfig, MRANOutput
from mien.training.checkpoint import load_checkpoint, save_checkpoint
from mien.training.config import from_dict, plain_values
from mien.training.epochs import EpochLoop
from mien.training.exported import start_fingerprint, starts_fingerprint
from mien.training.memory import keep_freed_memory
from mien.training.mran_start import read_network, start_network
from mien.training.optimizing import PRECISIONS, adamw, cosine_rate, update_average
from mien.training.stream_augment import StreamAugmentConfig
from mien.training.stream_batches import (
    ClipBatch,
    ClipReader,
    augmented,
    epoch_clips,
    read_recordings,
)


@dataclass(frozen=True)
class MRANTrainConfig:
    """Everything that decides what the trained network is; saved beside it.

    Attributes
    ----------
    model
        The network, see `MRANConfig`; its modalities are the streams that are read.
    fps
        Frames per second that a clip has; 0: the rate of the training data.
    batch, clips_per_epoch
        Clips of a step and of an epoch; 0 clips: as many as fit side by side into the recordings.
    ccc_share
        0: mean squared error (the paper's). 1: 1 - CCC. Between: a mixture.
    unit_weight
        Factor of the loss of action units (`mien.losses.action_unit_loss`), for a network with
        ``model.units`` and recordings that have them; 0: they are not learned.
    warmup_steps
        Steps until the full rate, which then falls along a cosine.
    ema
        Decay per step of the averaged weights, which are what is scored and kept.
    clip
        Largest norm of a step's gradient.
    patience
        So many epochs without a better validation score end the training.
    train_encoders
        False: the encoders stay as `init` or `encoders` gave them. They cost most of a step, so the
        rest of the network learns from long clips in less than half of the time.
    precision
        ``"bfloat16"``: the encoders' convolutions calculate in that format (weights, recurrence
        and losses stay float32), faster on processors that have it.
    """

    name: str
    model: MRANConfig = field(default_factory=MRANConfig)
    augment: StreamAugmentConfig = field(default_factory=StreamAugmentConfig)
    fps: float = 0.0
    seed: int = 0
    threads: int = 2
    epochs: int = 30
    batch: int = 8
    clips_per_epoch: int = 0
    ccc_share: float = 0.5
    unit_weight: float = 0.0
    rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 200
    ema: float = 0.995
    clip: float = 5.0
    patience: int = 8
    train_encoders: bool = True
    precision: str = "float32"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is one of {PRECISIONS}, not {self.precision!r}")
        if min(self.epochs, self.batch, self.threads) < 1:
            raise ValueError("epochs, batch and threads must be 1 or more")
        least = self.fps, self.clips_per_epoch, self.rate, self.weight_decay, self.warmup_steps
        if min(*least, self.patience) < 0 or self.clip <= 0:
            raise ValueError(
                "fps, clips_per_epoch, rate, weight_decay, warmup_steps and patience must be 0 or "
                "more, clip above 0"
            )
        if not 0 <= self.ccc_share <= 1 or not 0 <= self.ema < 1 or self.unit_weight < 0:
            raise ValueError(
                f"out of range: ccc_share {self.ccc_share}, ema {self.ema}, unit_weight "
                f"{self.unit_weight}"
            )
        if self.model.units != (self.unit_weight > 0):
            raise ValueError(
                f"model.units is {self.model.units}, unit_weight {self.unit_weight}: a network "
                "that says action units learns them, set both or neither"
            )


def train_mran(
    config: MRANTrainConfig,
    train: StreamSet,
    valid: StreamSet,
    out: Path,
    report: Callable[[str], object] = print,
    stop_after_epochs: int | None = None,
    progress: bool = False,
    init: Path | None = None,
    encoders: Sequence[Path] = (),
) -> MRAN:
    """Train a network, or go on where a killed run stopped; the result is the same.

    Parameters
    ----------
    config
        The recipe.
    train, valid
        Recordings; the epoch with the best mean CCC on `valid` (both dimensions, pooled) is kept.
    out
        Folder for ``config.json``, ``log.jsonl``, ``log.csv``, ``checkpoint.safetensors`` and, at
        the end, ``model.safetensors``.
    report
        Receives one line per epoch.
    stop_after_epochs
        Stop after so many epochs of this call; for tests of resuming.
    progress
        Show a bar.
    init
        ``model.safetensors`` of an earlier run to start from, or the ``.onnx`` of an exported
        network. No weight depends on the number of frames: a network can learn from many short
        clips first and from long ones afterwards. One of other streams is a start as well
        (`mien.models.mran.other_streams`); what the encoders of those that it has not start from,
        `encoders` says. The layer for action units is a start if both have it.
    encoders
        What the encoders start from, those of streams that `init` has not if there is one, in this
        order, see `MRAN.start_encoders`: ``model.safetensors`` of a compact MMA extractor or of an
        MRAN, or the ``.onnx`` of an exported one.

    Returns
    -------
    The averaged network of the best epoch, in evaluation mode.

    Raises
    ------
    ConfigError
        If the data lack a stream of the network or annotations, CCC is not defined on `valid`, or
        encoders are neither trained nor given.
    ModelError
        If `out` holds a run of another configuration or other data, `init` is of a network with
        other settings, or the loss is not finite.
    """
    if not config.train_encoders and init is None and not encoders:
        raise ConfigError(
            "train_encoders is false, but the encoders start from nothing: give --init or "
            "--encoders"
        )
    if not any(np.isfinite(train.affect(index)).any() for index in range(len(train))):
        raise ConfigError(f"none of the {len(train)} training recordings has annotated frames")
    if config.model.units and not any(
        np.isfinite(train.units(index)).any() for index in range(len(train))
    ):
        raise ConfigError(
            f"{train.folder}: no recording says anything of action units: set model.units=false "
            "and unit_weight=0, or prepare a corpus that has them (synthetic-trimodal) again"
        )
    keep_freed_memory()
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    fps = config.fps or train.fps
    readers = [clip_reader(config.model, data, fps) for data in (train, valid)]
    model, average = MRAN(config.model), MRAN(config.model)
    if init is not None or encoders:
        typical = partial(_typical_clips, config, train, fps)
        start_network(model, init, encoders, typical, fps, config.train_encoders, report)
    average.load_state_dict(model.state_dict())
    model.encoders.requires_grad_(config.train_encoders)
    optimizer = adamw(model, config.rate, config.weight_decay)
    identity = {
        "config": plain_values(config),
        "data": {"train": train.fingerprint(), "valid": valid.fingerprint()},
        "init": start_fingerprint(init, read_network),
        "encoders": starts_fingerprint(encoders, read_network),
    }
    loop = EpochLoop(
        out,
        config,
        identity,
        {"model": model, "average": average},
        "average",
        optimizer,
        config.epochs,
        config.patience,
        report,
    )

    def epoch(number: int, _: float) -> tuple[float, dict[str, Any]]:
        loss = train_epoch(model, average, optimizer, config, readers[0], number, progress)
        figures: dict[str, Any] = {"loss": round(loss, 4)}
        pooled = score_recordings(average, readers[1], config.batch)["pooled"]
        for name in VALENCE_AROUSAL:
            figures[f"valid_{name}_ccc"] = round(pooled[name]["ccc"], 4)
        if not math.isfinite(pooled["mean_ccc"]):
            raise ConfigError(
                f"no CCC is defined on the {len(valid)} validation recording(s): they have no "
                "annotated frames, or nothing varies in them"
            )
        figures["valid_mean_ccc"] = round(pooled["mean_ccc"], 4)
        return pooled["mean_ccc"], figures

    loop.run(epoch, stop_after_epochs)
    save_checkpoint(
        out / "model.safetensors",
        dict(average.state_dict()),
        {"identity": identity, "mran": average.describe(), "fps": fps, "seed": config.seed},
    )
    return average.eval()


def load_mran(run: Path) -> tuple[MRAN, dict[str, Any]]:
    """The network of a run's folder, in evaluation mode, and what the run says of it.

    Raises
    ------
    ModelError
        If the folder holds no network of `train_mran`.
    """
    file = run / "model.safetensors"
    tensors, state = load_checkpoint(file)
    if "mran" not in state:
        raise ModelError(f"{run}: is not a run of 'mien train mran'")
    model = MRAN(from_dict(MRANConfig, state["mran"], str(file)))
    model.load_state_dict(tensors)
    return model.eval(), state


def _typical_clips(
    config: MRANTrainConfig, train: StreamSet, fps: float, model: MRANConfig, count: int
) -> ClipBatch:
    """Some clips as training draws them, not augmented."""
    reader = clip_reader(model, train, fps)
    return reader.batch(epoch_clips(reader, count, config.augment.strides, config.seed, 0))


def clip_reader(model: MRANConfig, data: StreamSet, fps: float) -> ClipReader:
    """Cuts clips for a network.

    Raises
    ------
    ConfigError
        If the data lack one of its streams, or have crops of another size.
    """
    if model.size_px != CROP_SIZE_PX:
        raise ConfigError(f"model.size_px is {model.size_px}; aligned streams are {CROP_SIZE_PX}")
    lacking = [name for name in model.modalities if name not in data.modalities]
    if lacking:
        raise ConfigError(
            f"{data.folder}: has no {' and no '.join(lacking)}; set model.modalities to some of "
            f"{list(data.modalities)}"
        )
    return ClipReader(data, model.modalities, model.clip_frames, model.size_px, fps)


def score_recordings(
    model: MRAN, reader: ClipReader, batch: int, hop: int | None = None
) -> dict[str, Any]:
    """`trace_report` of a network; clips side by side unless `hop` says otherwise."""
    estimates, truths = [], []
    read = read_recordings(model, reader, batch, hop or model.config.clip_frames)
    for index, (frames, values) in enumerate(read):
        estimates.append(values)
        truths.append(reader.data.affect(index)[frames])
    return trace_report(estimates, truths)


def _loss(output: MRANOutput, batch: ClipBatch, config: MRANTrainConfig) -> Tensor:
    loss = trace_loss(output.affect, batch.affect, config.ccc_share)
    if output.unit_logits is None:
        return loss
    logits, truth = output.unit_logits.flatten(0, 1), batch.units.flatten(0, 1)
    return loss + config.unit_weight * action_unit_loss(logits, truth, torch.isfinite(truth))


def train_epoch(
    model: MRAN,
    average: MRAN,
    optimizer: torch.optim.Optimizer,
    config: MRANTrainConfig,
    reader: ClipReader,
    epoch: int,
    progress: bool = False,
) -> float:
    """One pass over clips drawn for this epoch; mean loss."""
    from tqdm import tqdm

    model.train()
    model.encode_in_bfloat16(config.precision == "bfloat16")
    model.encoders.train(config.train_encoders)  # their running statistics stay, too
    augment = config.augment
    clips = epoch_clips(
        reader, config.clips_per_epoch, augment.strides, config.seed, epoch, augment.late_start
    )
    steps = -(-len(clips) // config.batch)
    total = steps * config.epochs
    losses: list[float] = []
    words = f"epoch {epoch + 1}/{config.epochs}"
    with tqdm(total=steps, desc=words, disable=not progress, leave=False, unit="batch") as bar:
        for number in range(steps):
            step = epoch * steps + number
            seed = int(np.random.SeedSequence([config.seed, step]).generate_state(1)[0])
            generator = torch.Generator().manual_seed(seed)
            torch.manual_seed(seed)  # dropout
            some = clips[number * config.batch : (number + 1) * config.batch]
            batch = augmented(reader.batch(some), config.model.modalities, augment, generator)
            for group in optimizer.param_groups:
                group["lr"] = cosine_rate(config.rate, config.warmup_steps, step, total)
            loss = _loss(model(batch.streams, batch.present), batch, config)
            if not torch.isfinite(loss):
                raise ModelError(f"the loss is {loss.item()} in epoch {epoch + 1}; lower the rate")
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            update_average(average, model, min(config.ema, (1 + step) / (10 + step)))
            losses.append(loss.item())
            bar.update()
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}", refresh=False)
    return float(np.mean(losses))
