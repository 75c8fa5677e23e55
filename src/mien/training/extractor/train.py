"""The training of the extractor: batches of several corpora, and what is lost on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien.config import plain_values
from mien.data.faces import FaceSet
from mien.data.relabel import relabelled
from mien.data.targets.blendshapes import BLENDSHAPES
from mien.errors import ConfigError, ModelError
from mien.evaluation.affect import affect_report
from mien.labels import relatedness
from mien.models.blocks.layout import training_layout
from mien.models.mma import MMAExtractor, build_mma
from mien.training.checkpoint import load_checkpoint, save_checkpoint, tensor_fingerprint
from mien.training.engine import Engine, start_engine
from mien.training.extractor.config import SMALL_PX, MMATrainConfig
from mien.training.extractor.distill import Teacher, distilled
from mien.training.extractor.feed import CorpusFeed, evaluation_crops, join, make_feeds
from mien.training.from_onnx.extractor import (
    is_exported,
    read_exported,
    settle_normalisation,
    start_for,
)
from mien.training.loop import Loop, Run, Training
from mien.training.losses import MMATargets, mma_loss
from mien.training.optimizers.adamw import adamw
from mien.training.optimizers.muon import Muon


@torch.no_grad()
def predict(
    model: MMAExtractor, faces: FaceSet, size_px: int = 112
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Affect representations (n, 26) of a set of faces, in evaluation mode."""
    model.eval()
    device = model.luma.device
    crops = (crops.to(device) for crops in evaluation_crops(faces, size_px))
    return torch.cat([model(part).affect().cpu() for part in crops]).numpy()


class ExtractorTraining(Training):
    """Faces of several corpora in every batch, each with the labels that it has.

    ``exported``: the model has been read from an exported file.
    """

    model: MMAExtractor

    def __init__(
        self,
        config: MMATrainConfig,
        corpora: dict[str, FaceSet],
        feeds: dict[str, CorpusFeed],
        engine: Engine,
        exported: bool = False,
    ) -> None:
        self.config, self.corpora, self.feeds, self.engine = config, corpora, feeds, engine
        self.full_px = config.model_config().full_px
        table = torch.from_numpy(relatedness(config.relatedness, config.labels)).float()
        self.table = table.to(engine.device)
        self.model = build_mma(config.preset, config.labels, **config.model)
        self.layout = training_layout(self.model)
        self.exported = exported
        self.auxiliary = _auxiliary_head(config, corpora, self.model.feature_width)
        self.learned = nn.ModuleDict({"model": self.model, "auxiliary": self.auxiliary})
        self.learned.to(engine.device)
        self.model.to(memory_format=self.layout)  # type: ignore[call-overload]
        optim = config.optimizer
        self.optimizer = (
            Muon(self.learned, optim.lr, optim.weight_decay, optim.muon_lr)
            if optim.muon_lr
            else adamw(self.learned, optim.lr, optim.weight_decay)
        )
        first = next(iter(feeds.values()))
        self.batches = max(1, len(first) // first.config.per_batch)

    def size_px(self, epoch: int) -> int:
        """Side of the crops that an epoch shows."""
        return SMALL_PX if epoch < self.config.optimizer.small_epochs else self.full_px

    def begin(self) -> None:
        """Show an exported network some faces (`mien.training.from_onnx.extractor`)."""
        if self.exported:
            faces = _typical_faces(self.config, self.feeds, self.full_px)
            settle_normalisation(self.model, faces.to(self.engine.device))

    def batch(
        self, epoch: int, index: int, generator: torch.Generator
    ) -> tuple[Tensor, MMATargets]:
        """Crops (n, 3, side, side) in [-1, 1] and their targets."""
        config, device = self.config, self.engine.device
        parts = [
            feed.batch(
                config.seed + number,
                epoch * self.batches + index,
                config.augment,
                self.size_px(epoch),
                generator,
            )
            for number, feed in enumerate(self.feeds.values())
        ]
        crops, targets = join(parts)
        if not config.prior_free:
            targets = replace(targets, log_shares=None)
        return crops.contiguous(memory_format=self.layout).to(device), targets.to(device)

    def losses(self, batch: tuple[Tensor, MMATargets]) -> dict[str, Tensor]:
        """The loss and its terms."""
        crops, targets = batch
        config = self.config
        prepared = self.model.prepared(crops)  # in float32: the contrast of a dark face
        with self.engine.autocast():
            convolved = self.model.convolved(prepared)
        said = self.model.read(convolved)
        auxiliary = self.auxiliary
        besides = auxiliary(said.feature) if isinstance(auxiliary, nn.Linear) else None
        loss, terms = mma_loss(
            said, targets, self.table, config.loss, config.detach_dm, config.dm_reduction, besides
        )
        return {"loss": loss, **terms}

    def score(self, network: nn.Module, epoch: int) -> tuple[None, dict[str, Any]]:
        """Figures on the validation faces of every corpus that has some, at the epoch's size."""
        assert isinstance(network, MMAExtractor)
        figures: dict[str, Any] = {"size_px": self.size_px(epoch)}
        for name, faces in self.corpora.items():
            held_out = faces.select((faces.split == "valid") & faces.counted)
            if len(held_out):
                scores = affect_report(predict(network, held_out, figures["size_px"]), held_out)
                shown = ("accuracy", "macro_f1", "au_mean_correlation")
                figures[name] = {k: scores[k] for k in shown}
        return None, figures


def train_mma(
    config: MMATrainConfig,
    corpora: dict[str, FaceSet],
    out: Path,
    report: Callable[[str], object] = print,
    stop_after_steps: int | None = None,
    init: Path | None = None,
    teachers: Sequence[Path] = (),
) -> MMAExtractor:
    """Train an extractor, or go on where a killed run stopped; the averaged one, to be evaluated.

    Parameters
    ----------
    config, corpora
        The recipe, and loaded faces by the names used in its ``corpora``.
    out
        Folder for ``config.json``, logs, ``checkpoint.safetensors`` and, at the end,
        ``model.safetensors``.
    report, stop_after_steps
        See `mien.training.loop.Loop`.
    init
        A ``model.safetensors`` or an exported ``.onnx`` of the same architecture to start from
        (`mien.training.from_onnx.extractor`); None: from scratch.
    teachers
        Run folders whose answers are mixed into the labels of the corpora with a
        ``distill_weight`` (`mien.training.extractor.distill`); kept in `out`.
    """
    if teachers and config.prior_free:
        raise ConfigError(
            "--teacher and prior_free do not go together: a teacher's answers hold a prior of its "
            "own; set prior_free = false"
        )
    engine = start_engine(config.engine, config.optimizer.precision)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    teacher = Teacher(teachers, config.optimizer.precision) if teachers else None
    corpora = {name: relabelled(faces, config.labels) for name, faces in corpora.items()}
    exported = read_exported(init) if init is not None and is_exported(init) else None
    start = None
    if init is not None:
        start = exported.state_dict() if exported else load_checkpoint(init)[0]
    identity = {
        "config": plain_values(config),
        "data": {name: faces.fingerprint() for name, faces in corpora.items()},
        "init": tensor_fingerprint(start) if start else None,
        **({"teacher": teacher.fingerprint} if teacher else {}),
    }
    run = Run(out, config, identity, config.seed, engine, report)
    run.stopped()  # another's folder is refused before a teacher is asked
    shares = {name: corpus.distill_weight for name, corpus in config.corpus_configs().items()}
    feeds = make_feeds(config, distilled(corpora, shares, teacher, out, report))
    training = ExtractorTraining(config, corpora, feeds, engine, exported is not None)
    if init is not None and start is not None:
        _take(training.model, start_for(training.model, exported) if exported else start, init)
    loop = Loop(training, config.optimizer, run)
    model = loop.kept
    assert isinstance(model, MMAExtractor)
    if loop.run(stop_after_steps) and engine.rank == 0:
        save_checkpoint(out / "model.safetensors", dict(model.state_dict()), {"identity": identity})
    return model


def _auxiliary_head(
    config: MMATrainConfig, corpora: dict[str, FaceSet], width: int
) -> nn.Linear | nn.Identity:
    """The head that learns a mesh's blendshapes in training alone, where the loss asks for it.

    Raises
    ------
    ConfigError
        If it does, and no training face has any.
    """
    if not config.loss.blendshapes:
        return nn.Identity()
    if not any(
        faces.blendshapes is not None
        and np.isfinite(faces.blendshapes[faces.split == "train"]).any()
        for faces in corpora.values()
    ):
        raise ConfigError(
            "loss.blendshapes is above 0, but no training face has such scores: name the files "
            "with corpora.NAME.mesh, or set loss.blendshapes=0"
        )
    return nn.Linear(width, len(BLENDSHAPES))


def _take(model: MMAExtractor, start: dict[str, Tensor], init: Path) -> None:
    """Load the weights that a training starts from.

    Raises
    ------
    ModelError
        If they are not those of this architecture.
    """
    try:
        model.load_state_dict(start)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"{init}: is no start for the recipe's network: {reason}") from error


def _typical_faces(
    config: MMATrainConfig, feeds: dict[str, CorpusFeed], side: int, batches: int = 3
) -> Tensor:
    """Faces of all corpora as a training shows them, (n, 3, side, side)."""
    generator = torch.Generator().manual_seed(config.seed)
    parts = [
        feed.batch(config.seed, step, config.augment, side, generator)
        for step in range(batches)
        for feed in feeds.values()
    ]
    return join(parts)[0]


def load_weights(model: MMAExtractor, path: Path) -> None:
    """Fill a model from a ``model.safetensors``.

    Raises
    ------
    ModelError
        If the file cannot be read or holds another architecture.
    """
    tensors, _ = load_checkpoint(path)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(f"{path}: holds another architecture than the configuration") from error
