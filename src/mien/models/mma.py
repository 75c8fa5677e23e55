"""The MMA extractor (REC in FaceRNET): one residual CNN, three heads, 26 numbers per face.

Source: FaceRNET, section 3.1 and Fig. 2; MMA-MRNNet renames REC to MMA. The papers fix the input
(112 x 112 x 3 in [-1, 1]), a residual network with batch normalisation, and that all heads read
one pooled feature. Depth and width are ours and sit in `PRESETS`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mien.faces.align import CROP_SIZE_PX, LUMINANCE
from mien.labels import PAPERS_LABELS, VALENCE_AROUSAL, LabelSet
from mien.models.blocks.resample import resample_square, resample_weights
from mien.models.blocks.residual import BasicBlock, Bottleneck, conv_bn
from mien.models.landmark_branch import BranchMaps, LandmarkBranch

_BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {
    "basic": BasicBlock,
    "bottleneck": Bottleneck,
}

_POSE_UNIT_DEG, _GAZE_UNIT_DEG = 20.0, 12.0  # weights are made for outputs of about 1

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
    branch
        Channels of the landmark branch at an eighth and at a quarter of the side
        (`mien.models.landmark_branch`), which reads the stages, three then. All heads read its
        feature, and there are more of them (`FaceOutput`). Empty: the papers' network, whose three
        heads read the pooled last stage.
    feature
        Width of the branch's feature; 0 without a branch.
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
    branch: tuple[int, ...] = ()
    feature: int = 0

    def __post_init__(self) -> None:
        if self.block not in _BLOCKS:
            raise ValueError(f"block is one of {sorted(_BLOCKS)}, not {self.block!r}")
        if self.stem not in ("wide", "half", "resnet"):
            raise ValueError(f"stem is 'wide', 'half' or 'resnet', not {self.stem!r}")
        if len(self.widths) != len(self.depths):
            raise ValueError(f"widths {self.widths} and depths {self.depths} differ in length")
        if self.inner_px < 0 or self.inner_px % 16:
            raise ValueError(f"inner_px is 0 or a multiple of 16, not {self.inner_px}")
        if self.branch and (len(self.branch) != 2 or min(self.branch) < 1):
            raise ValueError(f"branch is empty or two numbers of channels, not {self.branch}")
        if self.branch and (len(self.widths) != 3 or self.block != "basic"):
            raise ValueError("a landmark branch reads three stages of basic blocks")
        if self.branch and self.feature < 1:
            raise ValueError(f"feature is 1 or more with a branch, not {self.feature}")

    @property
    def full_px(self) -> int:
        """Side of the crops that training should show: the smallest of which nothing is lost."""
        return self.inner_px or CROP_SIZE_PX


PRESETS: dict[str, MMAConfig] = {
    "landmarks": MMAConfig(
        widths=(32, 96, 192),
        depths=(2, 3, 2),
        stem="wide",
        stem_width=32,
        branch=(64, 32),
        feature=256,
    ),
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
"""``landmarks`` is what ships; ``compact`` is a small network without the branch, for inference on
a CPU; the others are the usual research backbones."""


class FaceOutput(NamedTuple):
    """What a network with a landmark branch says besides.

    Shapes: intensities (batch, 17), 0 to 5; landmarks (batch, 26, 2), pixels of the 112-px crop;
    pose_deg (batch, 3), yaw, pitch and roll in the crop; eye_open (batch, 2), 0 to 1, the person's
    left and right; gaze_deg (batch, 2), yaw and pitch within the head; quality (batch,), 0 to 1;
    heatmaps (batch, 42, h, w), logits, which training looks at.
    """

    intensities: Tensor
    landmarks: Tensor
    pose_deg: Tensor
    eye_open: Tensor
    gaze_deg: Tensor
    quality: Tensor
    heatmaps: Tensor


class MMAOutput(NamedTuple):
    """Raw outputs of the heads; see `affect` for the readable form.

    Counts are of the papers' labels; a network with others has as many as these.

    Shapes: valence_arousal (batch, 2) in [-1, 1]; expression_logits (batch, 7); au_logits
    (batch, 17); face is None without a landmark branch; feature (batch, width), what the heads
    read.
    """

    valence_arousal: Tensor
    expression_logits: Tensor
    au_logits: Tensor
    face: FaceOutput | None = None
    feature: Tensor | None = None

    def affect(self) -> Tensor:
        """The affect representation (batch, 26), in the order of ``labels.affect_columns``.

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

    def __init__(self, config: MMAConfig, labels: LabelSet = PAPERS_LABELS) -> None:
        super().__init__()
        self.config, self.labels = config, labels
        # ITU-R BT.601, what "grey" means in the training photographs and in OpenCV.
        self.register_buffer("luma", torch.from_numpy(LUMINANCE).view(1, 3, 1, 1).clone())
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
        self._last_of_stage = [sum(config.depths[: k + 1]) - 1 for k in range(len(config.depths))]
        self.dropout = nn.Dropout(config.dropout)
        width = config.widths[-1] * _BLOCKS[config.block].expansion
        if config.branch:
            quarter, eighth, sixteenth = config.widths
            self.branch = LandmarkBranch(quarter, eighth, sixteenth, config.branch, config.feature)
            width = config.feature
            self.intensities = nn.Linear(width, len(labels.action_units))
            self.pose = nn.Linear(width, 3)
            self.eyes = nn.Linear(width, 2)
            self.gaze = nn.Linear(width, 2)
            self.quality = nn.Linear(width, 1)
        self.feature_width = width
        self.valence_arousal = nn.Linear(width, len(VALENCE_AROUSAL))
        self.expressions = nn.Linear(width, len(labels.expressions))
        self.action_units = nn.Linear(width, len(labels.action_units))
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.groups == 1:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, (BasicBlock, Bottleneck)):
                # Start every block as its shortcut (Goyal et al. 2017): steadier first epochs.
                last = module.second if isinstance(module, BasicBlock) else module.third
                nn.init.zeros_(last[1].weight)  # type: ignore[arg-type]

    def prepared(self, x: Tensor) -> Tensor:
        """What the convolutions read: luminance at the inner side, standardised, as configured."""
        if self.config.luminance:
            x = self._luminance(x)
        if 0 < self.config.inner_px < x.shape[-1]:
            known = x.shape[-1] == CROP_SIZE_PX
            weights = self.shrink if known else resample_weights(x.shape[-1], self.config.inner_px)
            x = resample_square(x, weights)
        return self._standardised(x) if self.config.standardize else x

    def _luminance(self, x: Tensor) -> Tensor:
        return (x * self.luma).sum(dim=1, keepdim=True)  # (B, 1, H, W)

    @staticmethod
    def _standardised(x: Tensor) -> Tensor:
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        deviation = ((x - mean) ** 2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
        return (x - mean) / (deviation + 0.02)  # the floor keeps a blank image blank

    def convolved(self, x: Tensor) -> BranchMaps | Tensor:
        """What the convolutions make of what is `prepared`; they may calculate in bfloat16.

        Maps of the landmark branch, or the pooled last stage (batch, width) without one.
        """
        x = self.stem(x)
        if not self.config.branch:
            pooled: Tensor = self.stages(x).mean(dim=(2, 3))  # (B, C)
            return pooled
        scales = []
        for index, block in enumerate(self.stages):
            x = block(x)
            if index in self._last_of_stage:
                scales.append(x)
        return self.branch.maps(*scales)

    def forward(self, x: Tensor) -> MMAOutput:
        """Heads' raw outputs for a batch of aligned crops."""
        return self.read(self.convolved(self.prepared(x)))

    def features(self, x: Tensor) -> Tensor:
        """The feature (batch, width) that all heads read."""
        convolved = self.convolved(self.prepared(x))
        return self.branch.read(convolved)[0] if isinstance(convolved, BranchMaps) else convolved

    def read(self, convolved: BranchMaps | Tensor) -> MMAOutput:
        """What the heads say of what the convolutions made."""
        if not isinstance(convolved, BranchMaps):
            feature = convolved if convolved.dtype == torch.float64 else convolved.float()
            return self._heads(self.dropout(feature), None)
        feature, landmarks = self.branch.read(convolved)
        dropped = self.dropout(feature)
        face = FaceOutput(
            5 * torch.sigmoid(self.intensities(dropped)),
            landmarks,
            _POSE_UNIT_DEG * self.pose(feature),
            torch.sigmoid(self.eyes(feature)),
            _GAZE_UNIT_DEG * self.gaze(feature),
            torch.sigmoid(self.quality(dropped)).squeeze(1),
            convolved.heatmaps,
        )
        return self._heads(dropped, face)

    def _heads(self, feature: Tensor, face: FaceOutput | None) -> MMAOutput:
        return MMAOutput(
            torch.tanh(self.valence_arousal(feature)),
            self.expressions(feature),
            self.action_units(feature),
            face,
            feature,
        )

    @property
    def linear_layers(self) -> tuple[nn.Linear, ...]:
        """The linear layers, in the order in which a face passes them."""
        heads = (self.valence_arousal, self.expressions, self.action_units)
        if not self.config.branch:
            return heads
        besides = (self.intensities, self.pose, self.eyes, self.gaze, self.quality)
        return self.branch.feature, *besides, *heads

    def describe(self) -> dict[str, Any]:
        """Configuration as plain values, for checkpoints and exported metadata."""
        return asdict(self.config)


def without_input_norm(model: MMAExtractor) -> MMAExtractor:
    """The same network with the normalisation before the feature folded into the feature's weights.

    Another network if there is such a normalisation; it is for inference.
    """
    norm = model.branch.input_norm if model.config.branch else None
    if not isinstance(norm, nn.BatchNorm1d):
        return model
    folded = deepcopy(model)
    feature = folded.branch.feature
    assert norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        feature.bias.add_(feature.weight @ (norm.bias - norm.running_mean * gain))
        feature.weight.mul_(gain)
    folded.branch.input_norm = nn.Identity()  # type: ignore[assignment]
    return folded


def blocks_by_width(state: Mapping[str, Tensor]) -> dict[int, int]:
    """Number of blocks of an extractor's stages, by their channels, in the order of the stages."""
    channels = {
        int(found[1]): len(value)
        for name, value in state.items()
        if (found := _FIRST_OF_BLOCK.fullmatch(name))
    }
    return dict(Counter(channels[block] for block in sorted(channels)))


def build_mma(
    preset: str = "compact", labels: LabelSet = PAPERS_LABELS, **changes: Any
) -> MMAExtractor:
    """Build an extractor that says `labels` from a preset, with single settings changed.

    Raises
    ------
    ValueError
        If the preset is unknown or a setting is outside what `MMAConfig` allows.
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}: choose one of {sorted(PRESETS)}")
    return MMAExtractor(MMAConfig(**{**asdict(PRESETS[preset]), **changes}), labels)
