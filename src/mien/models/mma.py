"""The MMA extractor (REC in FaceRNET): one residual CNN, three heads, 26 numbers per face.

Source: FaceRNET, section 3.1 and Fig. 2; MMA-MRNNet renames REC to MMA. The papers fix the input
(112 x 112 x 3 in [-1, 1]), a residual network with batch normalisation, and that all heads read
one pooled feature. Depth and width are ours and sit in `PRESETS`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mien.faces.align import CROP_SIZE_PX
from mien.labels import ACTION_UNITS, EXPRESSIONS, VALENCE_AROUSAL
from mien.models.blocks.resample import resample_square, resample_weights
from mien.models.blocks.residual import BasicBlock, Bottleneck, conv_bn
from mien.models.fine import FEATURE, Drawn, FineReader

_BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {
    "basic": BasicBlock,
    "bottleneck": Bottleneck,
}

_FIRST_OF_BLOCK = re.compile(r"stages\.(\d+)\.first\.0\.weight")


@dataclass(frozen=True)
class MMAConfig:
    """Shape of the extractor.

    Attributes
    ----------
    block
        ``"basic"`` or ``"bottleneck"``.
    widths
        Channels of each stage; every stage after the first block halves the resolution.
    depths
        Blocks of each stage.
    stem
        ``"half"``: average-pool by 2, then one 3 x 3 convolution. ``"wide"``: one 6 x 6 convolution
        of stride 2, of which ``"half"`` is the case of weights alike in fours, blind to detail of
        one pixel. ``"resnet"``: 7 x 7 stride 2, then max-pool.
    stem_width
        Channels after the stem.
    luminance
        True: the network reads luminance only, so colour cannot change its answer. The real
        training faces are grey, and in the few coloured ones colour gives the label away.
    standardize
        True: each image is brought to zero mean and unit deviation first, which takes exposure
        and contrast out of the problem.
    dropout
        Rate before the heads.
    inner_px
        Side to which the network brings a larger input before anything else; 0: the input is
        taken as it comes. Training samples its crops at this size directly. The faces of the
        training photographs hold no more than some 48 to 100 pixels.
    apart
        Last stages that valence-arousal and action units have a second time, for themselves, beside
        those of the expressions; 0: one feature for all heads (the papers'). They read both
        features, expressions theirs alone. What is learned in these stages
        (`MMAExtractor.learn_apart`) cannot change what the network says of expressions.
    fine
        Channels of a second network, of its stem and its three stages, that valence-arousal and
        action units read besides (`mien.models.fine`): it sees every pixel of the crop and says
        where landmarks are. Empty: none (the papers').
    fine_expressions
        True: what a `fine` network sees is added to what expressions read, by a head of its own;
        without it they read nothing of that network.
    """

    block: str = "basic"
    widths: tuple[int, ...] = (32, 64, 128, 256)
    depths: tuple[int, ...] = (1, 2, 2, 1)
    stem: str = "half"
    stem_width: int = 16
    luminance: bool = True
    standardize: bool = True
    dropout: float = 0.2
    inner_px: int = 0
    apart: int = 0
    fine: tuple[int, ...] = ()
    fine_expressions: bool = False

    def __post_init__(self) -> None:
        if self.block not in _BLOCKS:
            raise ValueError(f"block is one of {sorted(_BLOCKS)}, not {self.block!r}")
        if self.stem not in ("wide", "half", "resnet"):
            raise ValueError(f"stem is 'wide', 'half' or 'resnet', not {self.stem!r}")
        if len(self.widths) != len(self.depths):
            raise ValueError(f"widths {self.widths} and depths {self.depths} differ in length")
        if self.inner_px < 0 or self.inner_px % 16:
            raise ValueError(f"inner_px is 0 or a multiple of 16, not {self.inner_px}")
        if not 0 <= self.apart < len(self.widths):
            raise ValueError(f"apart lies in 0 to {len(self.widths) - 1}, not {self.apart}")
        if self.fine and (len(self.fine) != 4 or min(self.fine) < 1):
            raise ValueError(f"fine is empty or four numbers of channels, not {self.fine}")
        if self.fine_expressions and not self.fine:
            raise ValueError("fine_expressions is true, but there is no fine network: set fine")

    @property
    def full_px(self) -> int:
        """Side of the crops that training should show: the smallest of which nothing is lost."""
        return CROP_SIZE_PX if self.fine else self.inner_px or CROP_SIZE_PX

    @property
    def parting(self) -> int:
        """Blocks before the stages that there are twice."""
        return sum(self.depths[: len(self.depths) - self.apart])


PRESETS: dict[str, MMAConfig] = {
    "compact": MMAConfig(depths=(2, 3, 3, 1), inner_px=96),
    "resnet18": MMAConfig(
        "basic", (64, 128, 256, 512), (2, 2, 2, 2), "resnet", 64, luminance=False, standardize=False
    ),
    "resnet50": MMAConfig(
        "bottleneck",
        (64, 128, 256, 512),
        (3, 4, 6, 3),
        "resnet",
        64,
        luminance=False,
        standardize=False,
    ),
}
"""``compact`` is for inference on a CPU; the others are the usual research backbones."""


class MMAOutput(NamedTuple):
    """Raw outputs of the three heads; see `affect` for the readable form.

    Shapes: valence_arousal (batch, 2) in [-1, 1]; expression_logits (batch, 7); au_logits
    (batch, 17).
    """

    valence_arousal: Tensor
    expression_logits: Tensor
    au_logits: Tensor

    def affect(self) -> Tensor:
        """The affect representation (batch, 26), in the order of `mien.labels.AFFECT_COLUMNS`.

        Valence and arousal in [-1, 1], expressions that sum to 1, AU probabilities in [0, 1].
        """
        return torch.cat(
            [
                self.valence_arousal,
                self.expression_logits.softmax(dim=1),
                self.au_logits.sigmoid(),
            ],
            dim=1,
        )  # (B, 26)


def _stages(config: MMAConfig) -> list[nn.Module]:
    """All blocks, freshly drawn, in order."""
    block = _BLOCKS[config.block]
    width = config.stem_width
    stages: list[nn.Module] = []
    for stage, (channels, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
        for index in range(depth):
            # The resnet stem has already halved twice, so its first stage keeps the size.
            halve = index == 0 and not (stage == 0 and config.stem == "resnet")
            stages.append(block(width, channels, 2 if halve else 1))
            width = channels * block.expansion
    return stages


class MMAExtractor(nn.Module):
    """Residual CNN with valence-arousal, expression and action-unit heads.

    Shapes: (batch, 3, 112, 112) float in [-1, 1], RGB -> `MMAOutput`. Other sizes that are a
    multiple of 16 work as well (training shrinks images early on to save time).

    Examples
    --------
    >>> model = build_mma("compact").eval()
    >>> model(torch.zeros(2, 3, 112, 112)).affect().shape
    torch.Size([2, 26])
    """

    luma: Tensor
    shrink: Tensor

    def __init__(self, config: MMAConfig) -> None:
        super().__init__()
        self.config = config
        # ITU-R BT.601, what "grey" means in the training photographs and in OpenCV.
        self.register_buffer("luma", torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1))
        # Kept, so that an exported graph holds it and does not compute it for every batch.
        shrink = resample_weights(CROP_SIZE_PX, config.inner_px or CROP_SIZE_PX)
        self.register_buffer("shrink", shrink, persistent=False)
        channels = 1 if config.luminance else 3
        if config.stem == "wide":
            self.stem = nn.Sequential(
                nn.Conv2d(channels, config.stem_width, 6, 2, 2, bias=False),
                nn.BatchNorm2d(config.stem_width),
                nn.ReLU(),
            )
        elif config.stem == "half":
            self.stem = nn.Sequential(
                nn.AvgPool2d(2), conv_bn(channels, config.stem_width), nn.ReLU()
            )
        else:
            self.stem = nn.Sequential(
                conv_bn(channels, config.stem_width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
            )
        self.stages = nn.Sequential(*_stages(config))
        self.apart = nn.Sequential(*_stages(config)[config.parting :]) if config.apart else None
        self.fine = FineReader(config.fine) if config.fine else None
        self.dropout = nn.Dropout(config.dropout)
        width = config.widths[-1] * _BLOCKS[config.block].expansion
        both = width * (2 if config.apart else 1) + (FEATURE if config.fine else 0)
        self.valence_arousal = nn.Linear(both, len(VALENCE_AROUSAL))
        self.expressions = nn.Linear(width, len(EXPRESSIONS))
        self.fine_expressions = (
            nn.Linear(FEATURE, len(EXPRESSIONS)) if config.fine_expressions else None
        )
        self.action_units = nn.Linear(both, len(ACTION_UNITS))
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.groups == 1:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, (BasicBlock, Bottleneck)):
                # Start every block as its shortcut (Goyal et al. 2017): steadier first epochs.
                last = module.second if isinstance(module, BasicBlock) else module.third
                nn.init.zeros_(last[1].weight)  # type: ignore[arg-type]

    def learn_apart(self) -> None:
        """From now on only what valence-arousal and action units have for themselves learns.

        Raises
        ------
        ValueError
            If they have nothing (`MMAConfig.apart`), or expressions read it too.
        """
        if self.fine_expressions is not None:
            raise ValueError("expressions read the fine network: nothing learns apart from them")
        if self.apart is None and self.fine is None:
            raise ValueError("there is nothing apart that could learn: set model.apart or .fine")
        for part in self._shared():
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> MMAExtractor:
        """As of any module; statistics of what does not learn stay as they are."""
        super().train(mode)
        for part in self._shared():
            if not any(weight.requires_grad for weight in part.parameters()):
                part.train(False)
        return self

    def _shared(self) -> tuple[nn.Module, ...]:
        """What expressions depend on."""
        return self.stem, self.stages, self.expressions

    def features(self, x: Tensor) -> Tensor:
        """Pooled feature (batch, width) that the heads read; `x` as for the module itself.

        With stages `apart` or a `fine` network there are several side by side, the expressions'
        first.
        """
        return self.joined(self.convolved(self.prepared(x)), self.drawn(self.detail(x)))[0]

    def prepared(self, x: Tensor) -> Tensor:
        """What the convolutions read: luminance at the inner side, standardised, as configured."""
        if self.config.luminance:
            x = self._luminance(x)
        if 0 < self.config.inner_px < x.shape[-1]:
            known = x.shape[-1] == CROP_SIZE_PX
            weights = self.shrink if known else resample_weights(x.shape[-1], self.config.inner_px)
            x = resample_square(x, weights)
        return self._standardised(x) if self.config.standardize else x

    def detail(self, x: Tensor) -> Tensor | None:
        """What a `fine` network reads: luminance at the side of the crop, standardised."""
        return None if self.fine is None else self._standardised(self._luminance(x))

    def _luminance(self, x: Tensor) -> Tensor:
        return (x * self.luma).sum(dim=1, keepdim=True)  # (B, 1, H, W)

    @staticmethod
    def _standardised(x: Tensor) -> Tensor:
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        deviation = ((x - mean) ** 2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
        return (x - mean) / (deviation + 0.02)  # the floor keeps a blank image blank

    def convolved(self, x: Tensor) -> Tensor:
        """Pooled feature of what is `prepared`, without that of a `fine` network."""
        x = self.stages[: self.config.parting](self.stem(x))  # (B, C, h, w)
        pooled: Tensor = self.stages[self.config.parting :](x).mean(dim=(2, 3))  # (B, C)
        if self.apart is not None:
            pooled = torch.cat([pooled, self.apart(x).mean(dim=(2, 3))], dim=1)
        return pooled

    def drawn(self, detail: Tensor | None) -> Drawn | None:
        """What the convolutions of a `fine` network make of its `detail`; None without one."""
        return None if self.fine is None or detail is None else self.fine.drawn(detail)

    def joined(self, pooled: Tensor, drawn: Drawn | None) -> tuple[Tensor, Tensor | None]:
        """All that the heads read, and the landmarks (batch, 26, 2) that a `fine` network finds."""
        if self.fine is None or drawn is None:
            return pooled, None
        found = self.fine.read(drawn)
        return torch.cat([pooled, found.feature], dim=1), found.places

    def forward(self, x: Tensor) -> MMAOutput:
        """Heads' raw outputs for a batch of aligned crops."""
        return self.heads(self.features(x))

    def heads(self, pooled: Tensor) -> MMAOutput:
        """What the heads say of a pooled feature (batch, width)."""
        return self.read(self.dropout(pooled))

    def read(self, pooled: Tensor) -> MMAOutput:
        """The same, nothing dropped in training either."""
        affect = torch.tanh(self.valence_arousal(pooled))
        expressions = self.first_said(pooled)
        if self.fine_expressions is not None:
            expressions = expressions + self.fine_expressions(pooled[:, -FEATURE:])
        return MMAOutput(affect, expressions, self.action_units(pooled))

    def first_said(self, pooled: Tensor) -> Tensor:
        """Expression logits (batch, 7) without what they read of a fine network."""
        said: Tensor = self.expressions(pooled[:, : self.expressions.in_features])
        return said

    @property
    def linear_heads(self) -> tuple[nn.Linear, ...]:
        """The linear heads, in the order in which a face passes them."""
        more = () if self.fine_expressions is None else (self.fine_expressions,)
        return self.valence_arousal, self.expressions, *more, self.action_units

    def describe(self) -> dict[str, Any]:
        """Configuration as plain values, for checkpoints and exported metadata."""
        return asdict(self.config)


def blocks_by_width(state: Mapping[str, Tensor]) -> dict[int, int]:
    """Number of blocks of an extractor's stages, by their channels, in the order of the stages.

    Stages that it has `apart` do not count.
    """
    channels = {
        int(found[1]): len(value)
        for name, value in state.items()
        if (found := _FIRST_OF_BLOCK.fullmatch(name))
    }
    return dict(Counter(channels[block] for block in sorted(channels)))


def build_mma(preset: str = "compact", **changes: Any) -> MMAExtractor:
    """Build an extractor from a preset, with single settings changed.

    Raises
    ------
    ValueError
        If the preset is unknown or a setting is outside what `MMAConfig` allows.
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}: choose one of {sorted(PRESETS)}")
    return MMAExtractor(MMAConfig(**{**asdict(PRESETS[preset]), **changes}))
