"""What a recipe of the extractor may say; every key is documented where it is declared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mien.config import from_dict, renamed
from mien.data.registry import READERS
from mien.labels import ACTION_UNITS, EXPRESSIONS, LabelSet, relatedness
from mien.models.mma import PRESETS, MMAConfig
from mien.training.engine import EngineConfig
from mien.training.extractor.augment import AugmentConfig
from mien.training.loop import LoopConfig
from mien.training.losses import DM_REDUCTIONS, MMALossWeights

SMALL_PX = 80
"""Side of the crops of ``small_epochs``."""


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
    class_balance
        Faces are drawn with probability proportional to (class size) ** -class_balance; 0 draws
        every face equally often.
    framed_share
        Share of faces shown in the corpus's own framing instead of landmark alignment.
    distill_weight
        Weight of the answers of trained extractors (``--teacher``) in the training labels; 0:
        none. See `mien.training.extractor.distill`.
    weight_color
        Of kind ``"faces"``: weight of the expression labels of faces from sources in color
        (column ``grey_source`` of the csv). Those of muxspace are film frames, whose labels follow
        the scene more than the face.
    """

    kind: str
    path: str
    mesh: str = ""
    second_labels: str = ""
    per_batch: int = 96
    class_balance: float = 0.0
    framed_share: float = 0.5
    distill_weight: float = 0.0
    weight_color: float = 1.0

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
        if self.per_batch < 1 or not 0 <= self.framed_share <= 1 or self.class_balance < 0:
            raise ValueError(
                "per_batch must be 1 or more, framed_share lie in 0..1, class_balance 0 or more; "
                f"got {self.per_batch}, {self.framed_share}, {self.class_balance}"
            )
        if self.weight_color < 0 or (self.weight_color != 1 and "weight_color" not in options):
            raise ValueError(
                f"weight_color is 0 or more, and for kind 'faces' alone; got {self.weight_color} "
                f"for {self.kind!r}"
            )
        if not 0 <= self.distill_weight <= 1:
            raise ValueError(f"distill_weight must lie in 0..1, not {self.distill_weight}")


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig(LoopConfig):
    """AdamW with linear warm-up and cosine decay to zero; see `LoopConfig`.

    ``small_epochs`` of the ``epochs`` run on crops of `SMALL_PX`, which cost less; the rest on the
    size that the network works at (its ``inner_px``, else 112). ``muon_lr``: above 0, convolutions
    learn by Muon at this rate, the rest by AdamW at ``lr`` (`mien.training.optimizers.muon`): far
    fewer epochs where much is to be learned. ``weight_decay`` is AdamW's alone; Muon has a decay of
    its own.
    """

    epochs: int = 18
    small_epochs: int = 12
    weight_decay: float = 0.05
    warmup_steps: int = 300
    ema: float = 0.998
    muon_lr: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.small_epochs, self.muon_lr) < 0:
            raise ValueError(
                f"small_epochs and muon_lr must be 0 or more, not {self.small_epochs} and "
                f"{self.muon_lr}"
            )


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
    engine: EngineConfig = field(default_factory=EngineConfig)

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"unknown preset {self.preset!r}: choose one of {sorted(PRESETS)}")
        if self.prior_free and self.class_weight_power:
            raise ValueError(
                "prior_free takes a corpus's shares out of the network, and class_weight_power "
                f"weighs by them a second time: set it to 0, not {self.class_weight_power}"
            )
        names = [one.name for one in fields(CorpusConfig)]
        corpora = {
            name: renamed(names, values, f"corpora.{name}") if isinstance(values, dict) else values
            for name, values in self.corpora.items()
        }
        object.__setattr__(self, "corpora", corpora)
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
            name: from_dict(CorpusConfig, values, f"corpora.{name}")
            for name, values in self.corpora.items()
        }
