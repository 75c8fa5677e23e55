"""Training of extractor and reaction model together, the papers' last step.

The ``lr`` is small. Each part starts from a run of its own (`mien train extractor`, `mien train
reactions`) and is saved as one again, so that `mien export` and `mien analyze` take the result like
any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mien.config import from_dict, plain_values
from mien.data.formats.face_crops import FrameClips, count_crops, crops_path
from mien.errors import ConfigError, ModelError
from mien.evaluation.metrics import PairMoments
from mien.faces.align import to_network
from mien.models.end_to_end import EndToEnd
from mien.models.masked_rnn import PRESETS, MaskedRNN, MaskedRNNConfig
from mien.runtime.metadata import require_papers_labels
from mien.training.checkpoint import load_checkpoint, save_checkpoint, tensor_fingerprint
from mien.training.engine import EngineConfig, start_engine
from mien.training.extractor.runs import load_extractor_run
from mien.training.loop import Loop, Run, ScoredLoopConfig, Training
from mien.training.losses import pearson_loss
from mien.training.optimizers.routed_adam import RoutedAdam
from mien.training.reactions.batches import epoch_batches
from mien.training.schedule import constant


@dataclass(frozen=True)
class EndToEndConfig(ScoredLoopConfig):
    """Everything that decides the result beside the two parts; ``batch`` and ``lr`` as printed."""

    name: str
    engine: EngineConfig = field(default_factory=EngineConfig)
    seed: int = 0
    threads: int = 2
    _: KW_ONLY
    batch: int = 4
    epochs: int = 5
    lr: float = 1e-5
    max_grad_norm: float = 0.0
    patience: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch < 2:
            raise ValueError("batch must be 2 or more: one video has no correlation")
        if self.threads < 1:
            raise ValueError("threads must be 1 or more")


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
    device = next(model.parameters()).device
    crops = (clip_tensors(clips, [row])[0].to(device) for row in range(len(clips)))
    return torch.cat([model([clip]).cpu() for clip in crops])


class EndToEndTraining(Training):
    """Clips in random order with Eq. 4; the best epoch is kept, the start counts as epoch 0."""

    model: EndToEnd
    schedule = staticmethod(constant)

    def __init__(
        self, config: EndToEndConfig, model: EndToEnd, train: FrameClips, valid: FrameClips,
        run: Run,
    ) -> None:  # fmt: skip
        self.config, self.clips, self.valid, self.run = config, train, valid, run
        self.model = self.learned = model.to(run.engine.device)
        self.optimizer = RoutedAdam(
            model.parameters(), lr=config.lr, weight_decay=config.weight_decay
        )
        self.batches = len(epoch_batches(len(train), config.batch, config.seed, 0))

    def batch(
        self, epoch: int, index: int, generator: torch.Generator
    ) -> tuple[list[Tensor], Tensor]:
        """Crops of some clips, and their labels."""
        batches = epoch_batches(len(self.clips), self.config.batch, self.config.seed, epoch)
        rows, device = batches[index], self.run.engine.device
        crops = [clip.to(device) for clip in clip_tensors(self.clips, rows.tolist())]
        return crops, torch.from_numpy(self.clips.labels[rows]).to(device)

    def losses(self, batch: tuple[list[Tensor], Tensor]) -> dict[str, Tensor]:
        """1 - rho over the clips of the batch (Eq. 4)."""
        crops, labels = batch
        with self.run.engine.autocast():
            scores = self.model(crops)
        return {"loss": pearson_loss(scores, labels)}

    def begin(self) -> float:
        """The start may be the best."""
        score = _mean_rho(self.model, self.valid)
        self.run.report(f"before: valid_mean_pearson {score:.4f}")
        return score

    def score(self, network: nn.Module, epoch: int) -> tuple[float, dict[str, Any]]:
        """Mean rho."""
        assert isinstance(network, EndToEnd)
        score = _mean_rho(network, self.valid)
        return score, {"valid_mean_pearson": round(score, 4)}


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
    config, parts, train, valid
        The recipe, what to start from, and clips; the parts' network is trained in place.
    out
        Folder for config, logs, checkpoint, and the runs ``affect/`` and ``reactions/``.
    report, stop_after_epochs
        See `mien.training.loop.Loop`.

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
    for clips in (train, valid):
        _check_fit(clips, parts.model.reader.config)
    engine = start_engine(config.engine, config.precision)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    identity = {
        "config": plain_values(config),
        "start": tensor_fingerprint(parts.model.state_dict()),
        "data": [train.fingerprint(), valid.fingerprint()],
    }
    run = Run(out, config, identity, config.seed, engine, report)
    loop = Loop(EndToEndTraining(config, parts.model, train, valid, run), config, run)
    ended = loop.run(stop_after_epochs and stop_after_epochs * loop.per_epoch)
    model = loop.kept.to("cpu")
    assert isinstance(model, EndToEnd)
    model.reader.fit_intensities(predict_clips(model, train), torch.from_numpy(train.labels))
    runs = (
        ("affect", model.extractor, parts.affect_state),
        ("reactions", model.reader, parts.reactions_state),
    )
    for part, network, state in runs if ended and engine.rank == 0 else ():
        tensors = dict(network.state_dict())
        save_checkpoint(
            out / part / "model.safetensors", tensors, {**state, "end_to_end": identity}
        )
    return model


def _check_fit(clips: FrameClips, reader: MaskedRNNConfig) -> None:
    """Refuse clips that are not what the reaction model reads and says."""
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


def _mean_rho(model: EndToEnd, clips: FrameClips) -> float:
    moments = PairMoments(len(clips.outputs))
    moments.update(predict_clips(model, clips).numpy(), clips.labels)
    rho = moments.pearson()
    if not math.isfinite(float(rho.mean())):
        still = [n for n, r in zip(clips.outputs, rho, strict=True) if not math.isfinite(r)]
        raise ConfigError(f"no correlation is defined on the validation clips for {still}")
    return float(rho.mean())
