"""Training of the MMA extractor on several corpora with partial labels at once.

One batch holds a fixed number of faces from each corpus; every loss term looks only at the labels
that are there. The loop is plain on purpose: read `train_mma` from top to bottom.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien.datasets.base import FaceSet
from mien.datasets.blendshapes import MIRRORED, no_scores
from mien.datasets.lip_stretcher import lip_stretcher_targets
from mien.errors import ConfigError, ModelError
from mien.evaluation.affect import affect_report
from mien.labels import ACTION_UNITS, EXPRESSIONS, FACE_LANDMARKS, relatedness
from mien.losses import MMALossWeights, MMATargets, mma_loss
from mien.models.blocks.layout import training_layout
from mien.models.mma import PRESETS, MMAConfig, MMAExtractor, build_mma
from mien.training.augment import (
    AugmentConfig,
    compose,
    degrade,
    random_similarities,
    sample_crops,
)
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
from mien.training.config import from_dict, plain_values, save_config
from mien.training.distill import Teacher, distilled
from mien.training.exported import is_exported, read_exported, settle_normalisation
from mien.training.extra_heads import (
    ExtraHeads,
    check_extra_labels,
    mirrored_shapes,
    other_sides,
    shapes,
)
from mien.training.growth import grow
from mien.training.memory import keep_freed_memory
from mien.training.mixup import mixed
from mien.training.muon import Muon
from mien.training.optimizing import PRECISIONS, adamw, cosine_rate, update_average
from mien.training.twins import twins


@dataclass(frozen=True)
class CorpusConfig:
    """One corpus of the mixture.

    Attributes
    ----------
    kind
        ``"ferplus"`` (npz of images and votes), ``"faces"`` (zip of faces with its csv),
        ``"images"`` (folder that ``mien datasets prepare`` wrote for a corpus of images or frames,
        or folders named after expressions with train and valid around them) or ``"synthetic"``
        (folder of a set that ``mien synthesize images`` wrote).
    path, blendshapes
        Absolute, or relative to the data folder; ``blendshapes`` may be empty.
    per_batch
        How many faces of a batch come from this corpus. The first corpus defines the epoch.
    class_power
        Faces are drawn with probability proportional to (class size) ** -class_power; 0 draws
        every face equally often.
    framed_share
        Share of faces shown in the corpus's own framing instead of landmark alignment.
    teacher_share
        Weight of the answers of trained extractors (``--teacher``) in the training labels; 0:
        none. See `mien.training.distill`.
    teacher_units
        False: they teach expressions and valence-arousal, and action units keep their own labels,
        whose upper end several teachers' mean answer would flatten.
    color_weight
        Of kind ``"faces"``: weight of the expression labels of faces from sources in color
        (column ``grey_source`` of the csv). Those of muxspace are film frames, whose labels follow
        the scene more than the face.
    lip_stretcher
        True: action unit 20 is learned from faces on which a mesh's scores leave little doubt
        (`mien.datasets.lip_stretcher`).
    """

    kind: str
    path: str
    blendshapes: str = ""
    per_batch: int = 96
    class_power: float = 0.0
    framed_share: float = 0.5
    teacher_share: float = 0.0
    teacher_units: bool = True
    color_weight: float = 1.0
    lip_stretcher: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("ferplus", "faces", "images", "synthetic"):
            raise ValueError(
                f"kind is 'ferplus', 'faces', 'images' or 'synthetic', not {self.kind!r}"
            )
        if self.kind == "synthetic" and self.blendshapes:
            raise ValueError("blendshapes is for photographs: kind 'synthetic' knows its units")
        if self.kind == "images" and self.blendshapes:
            raise ValueError("blendshapes is for other kinds: 'images' has its own annotations")
        if self.per_batch < 1 or not 0 <= self.framed_share <= 1 or self.class_power < 0:
            raise ValueError(
                "per_batch must be 1 or more, framed_share lie in 0..1, class_power be 0 or more; "
                f"got {self.per_batch}, {self.framed_share}, {self.class_power}"
            )
        if self.color_weight < 0 or (self.color_weight != 1 and self.kind != "faces"):
            raise ValueError(
                f"color_weight is 0 or more, and for kind 'faces' alone; got {self.color_weight} "
                f"for {self.kind!r}"
            )
        if self.lip_stretcher and not self.blendshapes:
            raise ValueError("lip_stretcher needs the scores of a mesh: set blendshapes")
        if self.lip_stretcher and self.teacher_share:
            raise ValueError(
                "lip_stretcher goes by the raters' votes, and a teacher's answers are mixed into "
                "them: set teacher_share = 0"
            )
        if not 0 <= self.teacher_share <= 1:
            raise ValueError(f"teacher_share must lie in 0..1, not {self.teacher_share}")


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW with linear warm-up and cosine decay to zero.

    ``small_epochs`` of the ``epochs`` run on crops of ``small_px`` (a multiple of 16), which cost
    less; the rest on the size that the network works at (its ``inner_px``, else 112). ``ema`` is
    the decay per step of the averaged weights, which are the ones that are evaluated and shipped.
    ``precision`` ``"bfloat16"`` runs the convolutions, and what passes between them, in that format
    (weights, statistics, heads and losses stay float32): faster on processors that calculate in it,
    slower on others. ``matrix_rate``: above 0, convolutions learn by Muon at this rate, the rest by
    AdamW at ``rate`` (`mien.training.muon`): far fewer epochs where much is to be learned.
    ``weight_decay`` is AdamW's alone; Muon has a decay of its own.
    """

    epochs: int = 18
    small_epochs: int = 12
    small_px: int = 80
    rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 300
    ema: float = 0.998
    clip: float = 5.0
    precision: str = "float32"
    matrix_rate: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.small_epochs < 0:
            raise ValueError(f"epochs must be 1 or more, not {self.epochs}")
        if self.small_px < 32 or self.small_px % 16:
            raise ValueError(f"small_px must be a multiple of 16 from 32 on, not {self.small_px}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is one of {PRECISIONS}, not {self.precision!r}")
        if self.rate < 0 or self.matrix_rate < 0 or not 0 <= self.ema < 1 or self.clip <= 0:
            raise ValueError(
                f"out of range: rate {self.rate}, matrix_rate {self.matrix_rate}, "
                f"ema {self.ema}, clip {self.clip}"
            )


@dataclass(frozen=True)
class MMATrainConfig:
    """Everything that decides what the trained extractor is; saved beside it.

    ``learn`` is ``"all"``, or ``"apart"``: of a network with ``model.apart`` only the stages and
    heads of valence-arousal and action units, so that expressions stay as they are to the bit.
    """

    name: str
    corpora: dict[str, Any]
    preset: str = "compact"
    model: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    threads: int = 2
    learn: str = "all"
    relatedness: str = "weighted"
    detach_dm: bool = False
    class_weight_power: float = 0.25
    loss: MMALossWeights = field(default_factory=MMALossWeights)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"unknown preset {self.preset!r}: choose one of {sorted(PRESETS)}")
        relatedness(self.relatedness)  # refuses an unknown kind
        model = self.model_config()
        if self.learn not in ("all", "apart"):
            raise ValueError(f"learn is 'all' or 'apart', not {self.learn!r}")
        if self.learn == "apart" and not (model.apart or model.fine):
            raise ValueError(
                "learn is 'apart', but the network has nothing apart: set model.apart or model.fine"
            )
        if self.learn == "apart" and model.fine_expressions:
            raise ValueError(
                "learn is 'apart', but expressions read the fine network that would learn: set "
                "model.fine_expressions = false and fit their reading afterwards "
                "(recipes/fit_heads.py), or learn all"
            )
        for factor in ("places", "maps", "alone"):
            if getattr(self.loss, factor) and not model.fine:
                raise ValueError(f"loss.{factor} is for networks that say places: set model.fine")
        self.corpus_configs()

    def model_config(self) -> MMAConfig:
        """The shape of the network."""
        return from_dict(MMAConfig, {**asdict(PRESETS[self.preset]), **self.model}, "model")

    def corpus_configs(self) -> dict[str, CorpusConfig]:
        """The typed configuration of each corpus, in order."""
        return {
            name: from_dict(CorpusConfig, values, f"corpora.{name}")
            for name, values in self.corpora.items()
        }


class CorpusFeed:
    """Endless, seeded, stateless batches of one corpus: step k is the same whenever it is asked."""

    def __init__(self, faces: FaceSet, config: CorpusConfig, class_weights: Tensor) -> None:
        self.config = config
        self.images = torch.from_numpy(faces.images)
        self.framed = torch.from_numpy(faces.framed)
        aligned = torch.from_numpy(faces.aligned)
        self.has_alignment = torch.isfinite(aligned).all(dim=(1, 2))
        self.aligned = torch.where(self.has_alignment[:, None, None], aligned, self.framed)
        self.expressions = torch.from_numpy(faces.expressions)
        # A rare class counts for more, softly: its few faces should not drown.
        weight = torch.from_numpy(faces.expression_weight)
        self.expression_weight = weight * (self.expressions.nan_to_num() @ class_weights)
        self.valence_arousal = torch.from_numpy(faces.valence_arousal)
        self.action_units = torch.from_numpy(faces.action_units.copy())
        mesh = no_scores(len(faces)) if faces.blendshapes is None else faces.blendshapes
        if config.lip_stretcher:
            stretched = lip_stretcher_targets(mesh, faces.expressions)
            self.action_units[:, ACTION_UNITS.index(20)] = torch.from_numpy(stretched)
        self.blendshapes = torch.from_numpy(mesh)
        nowhere = np.full((len(faces), len(FACE_LANDMARKS), 2), np.nan, np.float32)
        places = nowhere if faces.face_landmarks is None else faces.face_landmarks
        self.places = torch.from_numpy(places)
        self.shapes = shapes(self.places, self.aligned)
        counts = np.bincount(faces.majority + 1, minlength=len(EXPRESSIONS) + 1)
        draw = counts[faces.majority + 1].astype(np.float64) ** -config.class_power
        self.draw = draw / draw.sum()
        self.uniform = config.class_power == 0

    def __len__(self) -> int:
        return len(self.images)

    def indices(self, seed: int, step: int) -> Tensor:
        """Rows of the batch at a step; every face once per pass where draws are uniform."""
        size = self.config.per_batch
        if not self.uniform:
            rng = np.random.default_rng([seed, step])
            return torch.from_numpy(rng.choice(len(self), size, p=self.draw))
        first = step * size
        order: list[np.ndarray[Any, Any]] = []
        for lap in range(first // len(self), (first + size - 1) // len(self) + 1):
            order.append(np.random.default_rng([seed, lap]).permutation(len(self)))
        start = first % len(self)
        return torch.from_numpy(np.concatenate(order)[start : start + size])

    def batch(
        self, seed: int, step: int, augment: AugmentConfig, size_px: int, generator: torch.Generator
    ) -> tuple[Tensor, MMATargets]:
        """Augmented grey crops (n, 1, size, size) in [0, 1] and their targets."""
        rows = self.indices(seed, step)
        own = torch.rand(len(rows), generator=generator) < self.config.framed_share
        to_image = torch.where(own[:, None, None], self.framed[rows], self.aligned[rows])
        moves = random_similarities(len(rows), augment, generator)
        to_image = compose(to_image, moves)
        images = self.images[rows, None].float() / 255  # (N, 1, side, side)
        crops = degrade(sample_crops(images, to_image, size_px), augment, generator)
        va = self.valence_arousal[rows]
        units = self.action_units[rows]
        mesh = self.blendshapes[rows]
        mirrored = torch.linalg.det(moves[:, :, :2]) < 0
        mesh = torch.where(mirrored[:, None], mesh[:, list(MIRRORED)], mesh)
        targets = MMATargets(
            va,
            torch.isfinite(va).all(dim=1),
            self.expressions[rows],
            self.expression_weight[rows],
            units,
            torch.isfinite(units),
            mesh,
            mirrored_shapes(self.shapes[rows], mirrored),
            other_sides(shapes(self.places[rows], to_image), mirrored),
        )
        return mixed(crops, targets, augment.mixup_rate, augment.mixup, generator)


def class_weights(faces: FaceSet, power: float) -> Tensor:
    """Loss weight per expression, (share of the class) ** -power, mean 1 over the faces."""
    known = faces.expression_weight > 0
    if not known.any():  # a corpus of other labels: nothing to weigh
        return torch.ones(faces.expressions.shape[1])
    share = torch.from_numpy(faces.expressions[known]).mean(0)
    weight = share.clamp_min(1e-4) ** -power
    return weight / (weight * share).sum()


def join(batches: list[tuple[Tensor, MMATargets]]) -> tuple[Tensor, MMATargets]:
    """Concatenate the parts of a batch; grey becomes three equal channels in [-1, 1]."""
    crops = torch.cat([part for part, _ in batches]) * 2 - 1
    joined = {
        name: torch.cat([getattr(targets, name) for _, targets in batches])
        for name in MMATargets.__dataclass_fields__
    }
    return crops.expand(-1, 3, -1, -1), MMATargets(**joined)


def moved_places(targets: MMATargets, rows: Tensor, moves: Tensor) -> MMATargets:
    """Targets of which some faces are shown moved: their landmarks lie elsewhere.

    Parameters
    ----------
    targets
        Of all faces of a batch.
    rows
        int (n,), the moved ones.
    moves
        (n, 2, 3), from pixels of the 112-px crop that is shown to those of the one before.
    """
    if targets.places is None:
        return targets
    places = targets.places.index_copy(0, rows, shapes(targets.places[rows], moves))
    return replace(targets, places=places)


def plain_batches(
    config: MMATrainConfig, feeds: dict[str, CorpusFeed], size_px: int, steps: int, seed: int
) -> Iterator[tuple[Tensor, MMATargets, Tensor]]:
    """Augmented batches of which no face is blended: crops in channels last, targets, corpus (n,).

    The corpus is its number in `feeds`. Step k is the same in every call.
    """
    plain = replace(config.augment, mixup_rate=0.0)
    for step in range(steps):
        generator = torch.Generator().manual_seed(step)
        parts = [feed.batch(seed, step, plain, size_px, generator) for feed in feeds.values()]
        crops, targets = join(parts)
        corpus = [torch.full((len(part),), index) for index, (part, _) in enumerate(parts)]
        yield crops.contiguous(memory_format=torch.channels_last), targets, torch.cat(corpus)


def evaluation_crops(faces: FaceSet, size_px: int = 112, batch: int = 256) -> Iterator[Tensor]:
    """Network input (n, 3, size, size) without augmentation, aligned where there are landmarks."""
    aligned, framed = torch.from_numpy(faces.aligned), torch.from_numpy(faces.framed)
    usable = torch.isfinite(aligned).all(dim=(1, 2))[:, None, None]
    to_image = torch.where(usable, aligned, framed)
    for start in range(0, len(faces), batch):
        images = torch.from_numpy(faces.images[start : start + batch, None]).float() / 255
        crops = sample_crops(images, to_image[start : start + batch], size_px)
        yield (crops * 2 - 1).expand(-1, 3, -1, -1)


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
        A ``model.safetensors`` or an exported ``.onnx`` to start from (`mien.training.exported`),
        of the same architecture or one with fewer blocks per stage (`mien.training.growth`);
        None: from scratch.
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
    table = torch.from_numpy(relatedness(config.relatedness)).float()
    full_px = config.model_config().full_px

    model, average = (build_mma(config.preset, **config.model) for _ in range(2))
    layout = training_layout(model)
    for network in (model, average):
        network.to(memory_format=layout)  # type: ignore[call-overload]
    average.load_state_dict(model.state_dict())
    if config.learn == "apart":
        if init is None:
            raise ConfigError("learn is 'apart', but nothing is learned yet: give --init")
        model.learn_apart()
    exported = read_exported(init) if init and is_exported(init) else None
    start = exported.state_dict() if exported else load_checkpoint(init)[0] if init else None
    if start is not None:
        grow(build_mma(config.preset, **config.model), start)  # refused before anything is slow
        if model.fine_expressions is None and any("fine_expressions." in name for name in start):
            report(
                "how expressions read the fine network is left behind: set "
                "model.fine_expressions = true to keep it, or fit it afterwards"
            )
    check_extra_labels(config.loss, corpora)
    extra = ExtraHeads(model.action_units.in_features, config.loss, corpora)
    learned = nn.ModuleDict({"model": model, **extra.heads})
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
    teacher = Teacher(teachers, optim.precision) if teachers else None
    if teacher is not None:
        identity["teacher"] = teacher.fingerprint
    checkpoint = out / "checkpoint.safetensors"
    step, seconds = 0, 0.0
    stopped = resume_from(checkpoint, identity, MMATrainConfig)
    if stopped is not None:
        tensors, state = stopped
        model.load_state_dict(without_prefix("model", tensors))
        average.load_state_dict(without_prefix("average", tensors))
        extra.restore(tensors)
        restore_optimizer(optimizer, tensors)
        step, seconds = state["step"], state["seconds"]
    configs = config.corpus_configs()
    shares = {name: corpus.teacher_share for name, corpus in configs.items()}
    own_units = [name for name, corpus in configs.items() if not corpus.teacher_units]
    feeds = make_feeds(config, distilled(corpora, shares, teacher, out, report, own_units))
    first = next(iter(feeds.values()))
    steps_per_epoch = max(1, len(first) // first.config.per_batch)
    total = steps_per_epoch * optim.epochs
    if stopped is not None:
        report(f"resuming at step {step} of {total}")
    elif start is not None:
        if exported is not None:  # whose state `start` is
            side = optim.small_px if optim.small_epochs else full_px
            settle_normalisation(exported, _typical_faces(config, feeds, side))
        grow(model, start)
        average.load_state_dict(model.state_dict())
    save_config(config, out / "config.json")

    def checkpoint_now() -> None:
        save_checkpoint(
            checkpoint,
            {
                **with_prefix("model", model),
                **with_prefix("average", average),
                **extra.state(),
                **flatten_optimizer(optimizer),
            },
            {"identity": identity, "step": step, "seconds": seconds},
        )

    sums: dict[str, float] = {}
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
        for group in optimizer.param_groups:
            group["lr"] = cosine_rate(group["peak_rate"], optim.warmup_steps, step, total)
        model.train()
        crops = crops.contiguous(memory_format=layout)
        count = len(crops)
        seen_twice = torch.empty(0, dtype=torch.long)
        if config.loss.steadiness:
            seen_twice = torch.randperm(count, generator=generator)[: count // 4]
            twice = twins(crops[seen_twice], generator)
            crops = torch.cat([crops.index_copy(0, seen_twice, twice.view), twice.other])
            crops = crops.contiguous(memory_format=layout)
            targets = moved_places(targets, seen_twice, twice.moves)
        prepared, detail = model.prepared(crops), model.detail(crops)
        with torch.autocast("cpu", torch.bfloat16, enabled=optim.precision == "bfloat16"):
            convolved, drawn = model.convolved(prepared), model.drawn(detail)
        features, places = model.joined(convolved.float(), drawn)
        pooled, others = features[:count], features[count:]
        said = model.heads(pooled)
        besides = extra.read(pooled, model.dropout)
        loss, terms = mma_loss(
            said,
            targets,
            table,
            config.loss,
            config.detach_dm,
            besides.get("blendshapes"),
            (model.read(pooled[seen_twice]), model.read(others)) if len(seen_twice) else None,
            besides.get("landmarks"),
            places[:count] if places is not None else None,
            besides.get("alone"),
            drawn.maps[:count] if drawn is not None else None,
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
            started = time.perf_counter()
            row: dict[str, Any] = {"epoch": epoch + 1, "size_px": size_px}
            row |= {"seconds": round(seconds, 1)}
            row |= {name: round(value / steps_per_epoch, 4) for name, value in sums.items()}
            sums = {}
            for name, faces in corpora.items():
                held_out = faces.select((faces.split == "valid") & faces.counted)
                if not len(held_out):
                    continue  # a corpus without validation faces is not scored
                # At the size in training: a network knows only the scale that it has seen.
                scores = affect_report(predict(average, held_out, size_px), held_out)
                row[name] = {k: scores[k] for k in ("accuracy", "macro_f1", "au_mean_correlation")}
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            report(json.dumps(row))
            checkpoint_now()
            started = time.perf_counter()
        if stop_after_steps is not None and ran >= stop_after_steps:
            checkpoint_now()
            return average.eval()
    save_checkpoint(out / "model.safetensors", dict(average.state_dict()), {"identity": identity})
    return average.eval()


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


def make_feeds(config: MMATrainConfig, corpora: dict[str, FaceSet]) -> dict[str, CorpusFeed]:
    """A feed of training faces for each corpus; class weights come from the first."""
    configs = config.corpus_configs()
    if set(configs) != set(corpora) or not configs:
        raise ConfigError(f"corpora configured: {sorted(configs)}, given: {sorted(corpora)}")
    train = {name: corpora[name].select(corpora[name].split == "train") for name in configs}
    for name, faces in train.items():
        if not len(faces):
            splits = ", ".join(sorted(set(corpora[name].split.tolist())))
            raise ConfigError(
                f"corpora.{name}: no face is in the split train (there is: {splits}); folders "
                "named after expressions need train/ and valid/ around them"
            )
    weights = class_weights(next(iter(train.values())), config.class_weight_power)
    return {name: CorpusFeed(train[name], configs[name], weights) for name in configs}
