"""Training of a multi-modal recurrent attention network on aligned streams."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien.config import from_dict, plain_values
from mien.data.formats.streams import StreamSet
from mien.errors import ConfigError, ModelError
from mien.evaluation.traces import trace_report
from mien.faces.align import CROP_SIZE_PX
from mien.labels import VALENCE_AROUSAL
from mien.models.mran import MRAN, MRANConfig
from mien.training.checkpoint import load_checkpoint, save_checkpoint
from mien.training.engine import Engine, EngineConfig, start_engine
from mien.training.from_onnx.extractor import start_fingerprint, starts_fingerprint
from mien.training.from_onnx.mran import read_exported_mran
from mien.training.loop import Loop, Run, ScoredLoopConfig, Training
from mien.training.losses import action_unit_loss, trace_loss
from mien.training.mran.augment import StreamAugmentConfig
from mien.training.mran.batches import (
    ClipBatch,
    ClipReader,
    IntArray,
    augmented,
    epoch_clips,
    read_recordings,
)
from mien.training.mran.start import read_encoders, start_network
from mien.training.optimizers.adamw import adamw


@dataclass(frozen=True)
class MRANTrainConfig(ScoredLoopConfig):
    """Everything that decides what the trained network is; saved beside it.

    Attributes
    ----------
    model
        The network, see `MRANConfig`; its modalities are those that are read.
    fps
        Frames per second that a clip has; 0: the rate of the training data.
    clips_per_epoch
        0: as many clips as fit side by side into the recordings.
    unit_weight
        Factor of the loss of action units (`mien.training.losses.action_unit_loss`), for a network
        with ``model.units`` and recordings that have them; 0: they are not learned.
    ccc_share
        How much of the loss is 1 - CCC, 0 to 1; the rest is the squared error, which is all of the
        paper's (0).
    train_encoders
        False: the encoders stay as `init` or `encoders` gave them. They cost most of a step, so the
        rest of the network learns from long clips in less than half of the time.

    The learning rate warms up, then falls along a cosine. ``precision`` is the encoders'.
    """

    name: str
    model: MRANConfig = field(default_factory=MRANConfig)
    augment: StreamAugmentConfig = field(default_factory=StreamAugmentConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    fps: float = 0.0
    seed: int = 0
    threads: int = 2
    clips_per_epoch: int = 0
    unit_weight: float = 0.0
    ccc_share: float = 0.5
    train_encoders: bool = True
    _: KW_ONLY
    batch: int = 8
    weight_decay: float = 0.02
    warmup_steps: int = 200
    ema: float = 0.995
    patience: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.threads < 1:
            raise ValueError(f"threads must be 1 or more, not {self.threads}")
        if min(self.fps, self.clips_per_epoch, self.unit_weight) < 0:
            raise ValueError("fps, clips_per_epoch and unit_weight must be 0 or more")
        if not 0 <= self.ccc_share <= 1:
            raise ValueError(f"ccc_share lies in 0 to 1, not {self.ccc_share}")
        if self.model.units != (self.unit_weight > 0):
            raise ValueError(
                f"model.units is {self.model.units}, unit_weight {self.unit_weight}: a network "
                "that says action units learns them, set both or neither"
            )


class MRANTraining(Training):
    """Clips of aligned streams; the epoch with the best mean CCC on `valid` is kept."""

    model: MRAN

    def __init__(
        self, config: MRANTrainConfig, model: MRAN, readers: Sequence[ClipReader], engine: Engine
    ) -> None:
        self.config, self.engine, self.readers = config, engine, readers
        self.model = self.learned = model.to(engine.device)
        model.encoders.requires_grad_(config.train_encoders)
        self.optimizer = adamw(model, config.lr, config.weight_decay)
        self.clips: tuple[int, list[tuple[int, IntArray]]] = -1, []
        self.batches = -(-len(self.clips_of(0)) // config.batch)

    def clips_of(self, epoch: int) -> list[tuple[int, IntArray]]:
        """All clips of an epoch, drawn once."""
        if self.clips[0] != epoch:
            config, augment = self.config, self.config.augment
            self.clips = (
                epoch,
                epoch_clips(
                    self.readers[0],
                    config.clips_per_epoch,
                    augment.strides,
                    config.seed,
                    epoch,
                    augment.late_start,
                ),
            )
        return self.clips[1]

    def batch(self, epoch: int, index: int, generator: torch.Generator) -> ClipBatch:
        """Clips as training shows them."""
        size = self.config.batch
        some = self.clips_of(epoch)[index * size : (index + 1) * size]
        clips = self.readers[0].batch(some)
        shown = augmented(clips, self.config.model.modalities, self.config.augment, generator)
        return shown.to(self.engine.device)

    def losses(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Loss of valence and arousal, and of the units where they are a second target."""
        output = self.model(batch.streams, batch.present)
        loss = trace_loss(output.affect, batch.affect, self.config.ccc_share)
        if output.unit_logits is not None:
            logits, truth = output.unit_logits.flatten(0, 1), batch.units.flatten(0, 1)
            units = action_unit_loss(logits, truth, torch.isfinite(truth))
            loss = loss + self.config.unit_weight * units
        return {"loss": loss}

    def score(self, network: nn.Module, epoch: int) -> tuple[float, dict[str, Any]]:
        """Mean CCC of both dimensions, all frames of all recordings pooled."""
        assert isinstance(network, MRAN)
        valid = self.readers[1]
        network.encode_in_bfloat16(False)
        pooled = score_recordings(network, valid, self.config.batch)["pooled"]
        if not math.isfinite(pooled["mean_ccc"]):
            raise ConfigError(
                f"no CCC is defined on the {len(valid.data)} validation recording(s): they have "
                "no annotated frames, or nothing varies in them"
            )
        figures = {f"valid_{name}_ccc": round(pooled[name]["ccc"], 4) for name in VALENCE_AROUSAL}
        return pooled["mean_ccc"], {**figures, "valid_mean_ccc": round(pooled["mean_ccc"], 4)}

    def train(self) -> None:
        """Training mode, but for encoders that stay: their running statistics stay, too."""
        self.model.train()
        self.model.encode_in_bfloat16(self.engine.bfloat16)
        self.model.encoders.train(self.config.train_encoders)


def train_mran(
    config: MRANTrainConfig,
    train: StreamSet,
    valid: StreamSet,
    out: Path,
    report: Callable[[str], object] = print,
    stop_after_epochs: int | None = None,
    init: Path | None = None,
    encoders: Sequence[Path] = (),
) -> MRAN:
    """Train a network, or go on where a killed run stopped; the averaged one of the best epoch.

    Parameters
    ----------
    config, train, valid
        The recipe and recordings.
    out
        Folder for ``config.json``, logs, ``checkpoint.safetensors`` and ``model.safetensors``.
    report, stop_after_epochs
        See `mien.training.loop.Loop`.
    init
        ``model.safetensors`` of an earlier run to start from, or the ``.onnx`` of an exported
        network; also of other modalities (`mien.models.mran.other_streams`).
    encoders
        What those of modalities that `init` lacks start from, in order (`MRAN.start_encoders`).

    Raises
    ------
    ConfigError
        If the data lack a modality of the network or annotations, CCC is not defined on `valid`, or
        encoders are neither trained nor given.
    ModelError
        If `out` holds a run of another configuration or other data, `init` is of a network with
        other settings, or the loss is not finite.
    """
    _check(config, train, init, encoders)
    engine = start_engine(config.engine, config.precision)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    fps = config.fps or train.fps
    readers = [clip_reader(config.model, data, fps) for data in (train, valid)]
    model = MRAN(config.model)
    if init is not None or encoders:
        typical = partial(_typical_clips, config, train, fps)
        start_network(model, init, encoders, typical, fps, config.train_encoders, report)
    identity = {
        "config": plain_values(config),
        "data": {"train": train.fingerprint(), "valid": valid.fingerprint()},
        "init": start_fingerprint(init, read_exported_mran),
        "encoders": starts_fingerprint(encoders, read_encoders),
    }
    training = MRANTraining(config, model, readers, engine)
    loop = Loop(training, config, Run(out, config, identity, config.seed, engine, report))
    network = loop.kept
    assert isinstance(network, MRAN)
    if loop.run(stop_after_epochs and stop_after_epochs * loop.per_epoch) and engine.rank == 0:
        state = {"identity": identity, "mran": network.describe(), "fps": fps, "seed": config.seed}
        save_checkpoint(out / "model.safetensors", dict(network.state_dict()), state)
    return network


def _check(
    config: MRANTrainConfig, train: StreamSet, init: Path | None, encoders: Sequence[Path]
) -> None:
    """Refuse what can be seen to fail before anything is read."""
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
        If the data lack one of its streams.
    """
    lacking = [name for name in model.modalities if name not in data.modalities]
    if lacking:
        raise ConfigError(
            f"{data.folder}: has no {' and no '.join(lacking)}; set model.modalities to some of "
            f"{list(data.modalities)}"
        )
    return ClipReader(data, model.modalities, model.clip_frames, CROP_SIZE_PX, fps)


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
