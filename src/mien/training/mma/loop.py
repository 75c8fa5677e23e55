"""The training of the extractor: read `train_mma` from top to bottom."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien.data.faces import FaceSet
from mien.data.relabel import relabelled
from mien.data.targets.blendshapes import BLENDSHAPES
from mien.errors import ConfigError, ModelError
from mien.evaluation.affect import affect_report
from mien.labels import relatedness
from mien.losses import mma_loss
from mien.models.blocks.layout import training_layout
from mien.models.mma import MMAExtractor, build_mma
from mien.training.checkpoint import (
    flatten_optimizer,
    load_checkpoint,
    restore_optimizer,
    resume_from,
    save_checkpoint,
    tensor_fingerprint,
    with_prefix,
    without_prefix,
)
from mien.training.config import plain_values, save_config
from mien.training.distill import Teacher, distilled
from mien.training.exported import (
    is_exported,
    read_exported,
    settle_normalisation,
    start_for,
)
from mien.training.memory import keep_freed_memory
from mien.training.mma.config import MMATrainConfig
from mien.training.mma.feed import CorpusFeed, evaluation_crops, join, make_feeds
from mien.training.muon import Muon
from mien.training.optimizing import adamw, cosine_rate, update_average


@torch.no_grad()
def predict(
    model: MMAExtractor, faces: FaceSet, size_px: int = 112
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Affect representations (n, 26) of a set of faces, in evaluation mode."""
    model.eval()
    outputs = [model(crops).affect() for crops in evaluation_crops(faces, size_px)]
    return torch.cat(outputs).numpy()


def train_mma(
    config: MMATrainConfig,
    corpora: dict[str, FaceSet],
    out: Path,
    report: Callable[[str], object] = print,
    stop_after_steps: int | None = None,
    init: Path | None = None,
    teachers: Sequence[Path] = (),
) -> MMAExtractor:
    """Train an extractor, or go on where a killed run stopped; the result is the same.

    Parameters
    ----------
    config
        The recipe.
    corpora
        Loaded faces by the names used in ``config.corpora``.
    out
        Folder for ``config.json``, ``log.jsonl``, ``checkpoint.safetensors`` and, at the end,
        ``model.safetensors``.
    report
        Receives one line per epoch.
    stop_after_steps
        Stop (with a checkpoint) after so many steps of this call; for tests of resuming.
    init
        A ``model.safetensors`` or an exported ``.onnx`` of the same architecture to start from
        (`mien.training.exported`); None: from scratch.
    teachers
        Run folders whose answers are mixed into the labels of the corpora with a
        ``teacher_share`` (`mien.training.distill`); kept in `out`.

    Returns
    -------
    The averaged model, in evaluation mode.
    """
    keep_freed_memory()
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    optim = config.optimizer
    table = torch.from_numpy(relatedness(config.relatedness, config.labels)).float()
    full_px = config.model_config().full_px
    corpora = {name: relabelled(faces, config.labels) for name, faces in corpora.items()}

    model, average = (build_mma(config.preset, config.labels, **config.model) for _ in range(2))
    layout = training_layout(model)
    for network in (model, average):
        network.to(memory_format=layout)  # type: ignore[call-overload]
    start = None
    if init is not None:
        exported = read_exported(init) if is_exported(init) else None
        start = start_for(model, exported) if exported else load_checkpoint(init)[0]
        _take(model, start, init)
    average.load_state_dict(model.state_dict())
    auxiliary = _auxiliary_head(config, corpora, model.feature_width)
    learned = nn.ModuleDict({"model": model, "auxiliary": auxiliary})
    optimizer: torch.optim.Optimizer = (
        Muon(learned, optim.rate, optim.weight_decay, optim.matrix_rate)
        if optim.matrix_rate
        else adamw(learned, optim.rate, optim.weight_decay)
    )
    out.mkdir(parents=True, exist_ok=True)
    identity = {
        "config": plain_values(config),
        "data": {name: faces.fingerprint() for name, faces in corpora.items()},
        "init": tensor_fingerprint(start) if start else None,
    }
    if teachers and config.prior_free:
        raise ConfigError(
            "--teacher and prior_free do not go together: a teacher's answers hold a prior of its "
            "own; set prior_free = false"
        )
    teacher = Teacher(teachers, optim.precision) if teachers else None
    if teacher is not None:
        identity["teacher"] = teacher.fingerprint
    checkpoint = out / "checkpoint.safetensors"
    step, seconds, sums = 0, 0.0, {}
    stopped = resume_from(checkpoint, identity, MMATrainConfig)
    if stopped is not None:
        tensors, state = stopped
        model.load_state_dict(without_prefix("model", tensors))
        average.load_state_dict(without_prefix("average", tensors))
        auxiliary.load_state_dict(without_prefix("auxiliary", tensors))
        restore_optimizer(optimizer, tensors)
        step, seconds, sums = state["step"], state["seconds"], dict(state["sums"])
    configs = config.corpus_configs()
    shares = {name: corpus.teacher_share for name, corpus in configs.items()}
    own_units = [name for name, corpus in configs.items() if not corpus.teacher_units]
    feeds = make_feeds(config, distilled(corpora, shares, teacher, out, report, own_units))
    first = next(iter(feeds.values()))
    steps_per_epoch = max(1, len(first) // first.config.per_batch)
    total = steps_per_epoch * optim.epochs
    if stopped is not None:
        report(f"resuming at step {step} of {total}")
    elif init is not None and is_exported(init):
        settle_normalisation(model, _typical_faces(config, feeds, full_px))
        average.load_state_dict(model.state_dict())
    save_config(config, out / "config.json")

    def checkpoint_now() -> None:
        save_checkpoint(
            checkpoint,
            {
                **with_prefix("model", model),
                **with_prefix("average", average),
                **with_prefix("auxiliary", auxiliary),
                **flatten_optimizer(optimizer),
            },
            {"identity": identity, "step": step, "seconds": seconds, "sums": sums},
        )

    ran = 0
    started = time.perf_counter()
    while step < total:
        epoch = step // steps_per_epoch
        size_px = optim.small_px if epoch < optim.small_epochs else full_px
        # One generator a step: a resumed run draws what an uninterrupted one would have drawn.
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        torch.manual_seed(config.seed * 1_000_003 + step)  # dropout
        parts = [
            feed.batch(config.seed + number, step, config.augment, size_px, generator)
            for number, feed in enumerate(feeds.values())
        ]
        crops, targets = join(parts)
        if not config.prior_free:
            targets = replace(targets, log_shares=None)
        for group in optimizer.param_groups:
            group["lr"] = cosine_rate(group["peak_rate"], optim.warmup_steps, step, total)
        model.train()
        prepared = model.prepared(crops.contiguous(memory_format=layout))
        with torch.autocast("cpu", torch.bfloat16, enabled=optim.precision == "bfloat16"):
            convolved = model.convolved(prepared)
        said = model.read(convolved)
        besides = auxiliary(said.feature) if isinstance(auxiliary, nn.Linear) else None
        loss, terms = mma_loss(
            said, targets, table, config.loss, config.detach_dm, config.dm_reduction, besides
        )
        if not torch.isfinite(loss):
            lower = "optimizer.rate" + " or .matrix_rate" * bool(optim.matrix_rate)
            raise ModelError(f"the loss is {loss.item()} at step {step}; lower {lower}")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned.parameters(), optim.clip)
        optimizer.step()
        update_average(average, model, min(optim.ema, (1 + step) / (10 + step)))
        for name, value in {"loss": loss, **terms}.items():
            sums[name] = sums.get(name, 0.0) + value.item()
        step += 1
        ran += 1
        if step % steps_per_epoch == 0:
            seconds += time.perf_counter() - started
            row: dict[str, Any] = {"epoch": epoch + 1, "size_px": size_px}
            row |= {"seconds": round(seconds, 1)}
            row |= {name: round(value / steps_per_epoch, 4) for name, value in sums.items()}
            sums = {}
            row |= _scores(average, corpora, size_px)
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            report(json.dumps(row))
            checkpoint_now()
            started = time.perf_counter()
        elif step % optim.checkpoint_steps == 0:
            now = time.perf_counter()
            seconds, started = seconds + now - started, now
            checkpoint_now()
        if stop_after_steps is not None and ran >= stop_after_steps:
            checkpoint_now()
            return average.eval()
    save_checkpoint(out / "model.safetensors", dict(average.state_dict()), {"identity": identity})
    return average.eval()


def _scores(model: MMAExtractor, corpora: dict[str, FaceSet], size_px: int) -> dict[str, Any]:
    """Scores on the validation faces of every corpus that has some, at the size in training."""
    row = {}
    for name, faces in corpora.items():
        held_out = faces.select((faces.split == "valid") & faces.counted)
        if len(held_out):
            scores = affect_report(predict(model, held_out, size_px), held_out)
            row[name] = {k: scores[k] for k in ("accuracy", "macro_f1", "au_mean_correlation")}
    return row


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
