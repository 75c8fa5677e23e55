"""What a recipe of the extractor may say; every key is documented where it is declared."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, field
from typing import Any

from mien.data.registry import READERS
from mien.labels import ACTION_UNITS, EXPRESSIONS, LabelSet, relatedness
from mien.losses import DM_REDUCTIONS, MMALossWeights
from mien.models.mma import PRESETS, MMAConfig
from mien.training.augment import AugmentConfig
from mien.training.config import from_dict
from mien.training.optimizing import PRECISIONS


@dataclass(frozen=True)
class CorpusConfig:
    """One corpus of the mixture.

    Attributes
    ----------
    kind
        ``"ferplus"`` (npz of images and votes), ``"faces"`` (zip of faces with its csv),
        ``"sfhq"`` (the same without labels, `mien.data.corpora.sfhq`), ``"images"`` (folder that
        ``mien datasets prepare`` wrote for a corpus of images or frames, or folders named after
        expressions with train and valid around them) or ``"synthetic"`` (folder of a set that
        ``mien synthesize images`` wrote), or what another package has registered
        (`mien.data.registry`).
    path, mesh
        Absolute, or relative to the data folder; ``mesh``, what a face mesh saw of a corpus of
        photographs (`mien.data.targets.mesh`), may be empty.
    second_labels
        Of kind ``"ferplus"``: file of FER2013's own labels, a second rater; may be empty.
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
    """

    kind: str
    path: str
    mesh: str = ""
    second_labels: str = ""
    per_batch: int = 96
    class_power: float = 0.0
    framed_share: float = 0.5
    teacher_share: float = 0.0
    teacher_units: bool = True
    color_weight: float = 1.0

    def __post_init__(self) -> None:
        kinds = READERS.names()
        if self.kind not in kinds:
            raise ValueError(f"kind is one of {', '.join(map(repr, kinds))}, not {self.kind!r}")
        options = READERS[self.kind].options
        if self.kind == "synthetic" and self.mesh:
            raise ValueError("mesh is for photographs: kind 'synthetic' knows its units")
        if self.kind == "images" and self.mesh:
            raise ValueError("mesh is for other kinds: 'images' has its own annotations")
        if self.mesh and "mesh" not in options:
            raise ValueError(f"mesh is for other kinds: {self.kind!r} does not read one")
        if self.second_labels and "second_labels" not in options:
            raise ValueError(f"second_labels is for kind 'ferplus' alone, not {self.kind!r}")
        if self.per_batch < 1 or not 0 <= self.framed_share <= 1 or self.class_power < 0:
            raise ValueError(
                "per_batch must be 1 or more, framed_share lie in 0..1, class_power be 0 or more; "
                f"got {self.per_batch}, {self.framed_share}, {self.class_power}"
            )
        if self.color_weight < 0 or (self.color_weight != 1 and "color_weight" not in options):
            raise ValueError(
                f"color_weight is 0 or more, and for kind 'faces' alone; got {self.color_weight} "
                f"for {self.kind!r}"
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
    ``weight_decay`` is AdamW's alone; Muon has a decay of its own. ``checkpoint_steps``: besides
    the end of every epoch, a checkpoint is written every so many steps.
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
    checkpoint_steps: int = 200

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
        if self.checkpoint_steps < 1:
            raise ValueError(f"checkpoint_steps is 1 or more, not {self.checkpoint_steps}")


@dataclass(frozen=True)
class MMATrainConfig:
    """Everything that decides what the trained extractor is; saved beside it.

    ``prior_free``: the logits of expressions learn to be free of how often each occurs in a
    corpus: training adds the logarithm of the corpus's own shares to them (logit adjustment; Menon
    et al., ICLR 2021, balanced softmax of Ren et al., NeurIPS 2020), and what remains is the
    network's. ``dm_reduction``: whether L_DM sums over the 17 units (the paper's Eq. 2) or takes
    their mean, as L_BCE does. ``expressions`` and ``action_units``: what the extractor says; a
    corpus teaches those that it has, by name.
    """

    name: str
    corpora: dict[str, Any]
    preset: str = "compact"
    model: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    threads: int = 2
    relatedness: str = "weighted"
    detach_dm: bool = False
    dm_reduction: str = "sum"
    prior_free: bool = False
    class_weight_power: float = 0.25
    expressions: tuple[str, ...] = EXPRESSIONS
    action_units: tuple[int, ...] = ACTION_UNITS
    loss: MMALossWeights = field(default_factory=MMALossWeights)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"unknown preset {self.preset!r}: choose one of {sorted(PRESETS)}")
        if self.prior_free and self.class_weight_power:
            raise ValueError(
                "prior_free takes a corpus's shares out of the network, and class_weight_power "
                f"weighs by them a second time: set it to 0, not {self.class_weight_power}"
            )
        relatedness(self.relatedness, self.labels)  # refuses an unknown kind
        if self.dm_reduction not in DM_REDUCTIONS:
            raise ValueError(f"dm_reduction is one of {DM_REDUCTIONS}, not {self.dm_reduction!r}")
        model, of_branch = self.model_config(), self.loss.of_branch()
        if of_branch and not model.branch:
            raise ValueError(
                f"loss.{of_branch[0]} is for networks with a landmark branch: set model.branch"
            )
        self.corpus_configs()

    @property
    def labels(self) -> LabelSet:
        """What the extractor says."""
        return LabelSet(self.expressions, self.action_units)

    def model_config(self) -> MMAConfig:
        """The shape of the network."""
        return from_dict(MMAConfig, {**asdict(PRESETS[self.preset]), **self.model}, "model")

    def corpus_configs(self) -> dict[str, CorpusConfig]:
        """The typed configuration of each corpus, in order."""
        return {
            name: from_dict(CorpusConfig, _renamed(values, name), f"corpora.{name}")
            for name, values in self.corpora.items()
        }


def _renamed(values: Any, corpus: str) -> Any:
    """A corpus's settings with those of before under the names that they have now."""
    if not isinstance(values, dict) or "blendshapes" not in values or "mesh" in values:
        return values
    warnings.warn(
        f"corpora.{corpus}.blendshapes is called mesh now; write corpora.{corpus}.mesh",
        FutureWarning,
        stacklevel=2,
    )
    return {"mesh" if key == "blendshapes" else key: value for key, value in values.items()}
