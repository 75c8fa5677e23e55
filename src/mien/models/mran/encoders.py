"""Spatial encoders: 2-D convolutions on each frame, one network per stream.

Two kinds, both ours: small ones of their own, and the first stages of the MMA extractor, which can
start from its trained weights: what it learned of faces in grey photographs holds for the relief
and the warmth of a face as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mien.errors import ModelError
from mien.models.blocks.conv_lstm import split_time
from mien.models.blocks.relief import Relief
from mien.models.blocks.resample import resample_square, resample_weights
from mien.models.blocks.residual import BasicBlock, conv_bn
from mien.models.blocks.stems import is_wide, wide_stem
from mien.models.mma import PRESETS, blocks_by_width, build_mma


class Features(NamedTuple):
    """Features of a clip, time first; zero where the frame is missing.

    Shapes: volume (time, batch, channels, side / 8, side / 8), the paper's X; bottom (time, batch,
    channels, side / 16, side / 16), what the decoder starts from.
    """

    volume: Tensor
    bottom: Tensor


class SpatialEncoder(nn.Module, ABC):
    """Frames of one stream to `Features`.

    A missing frame's values never matter: in training only frames that are there are encoded (and
    counted by batch normalisation); otherwise they are cleared before and after.
    """

    in_bfloat16 = False
    """For training: convolutions calculate in bfloat16. What comes before them does not: the
    contrast of a dark frame would be lost."""

    @abstractmethod
    def _prepare(self, frames: Tensor) -> Tensor:
        """What the convolutions read of frames (n, channels, side, side)."""

    @abstractmethod
    def _convolve(self, prepared: Tensor) -> tuple[Tensor, Tensor]:
        """Volume and bottom features."""

    def _encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        prepared = self._prepare(frames)
        if not self.in_bfloat16:
            return self._convolve(prepared)
        with torch.autocast(prepared.device.type, torch.bfloat16):
            volume, bottom = self._convolve(prepared)
        return volume.float(), bottom.float()

    @abstractmethod
    def _sizes(self, side: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Channels and side of volume and bottom for frames of this side."""

    def forward(self, frames: Tensor, present: Tensor) -> Features:
        """Encode frames (batch, time, channels, side, side), present (batch, time) of 0 and 1."""
        time = frames.shape[1]
        mask = present.T.flatten()  # (T B,), time first as everything behind the encoders
        ordered = frames.transpose(0, 1).flatten(0, 1)  # (T B, C, side, side)
        if self.training:
            volume, bottom = self._encode_some(ordered, mask)
        else:
            there = mask[:, None, None, None]
            volume, bottom = self._encode(torch.where(there > 0, ordered, 0.0))
            volume, bottom = volume * there, bottom * there
        return Features(split_time(volume, time), split_time(bottom, time))

    def _encode_some(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        kept = torch.nonzero(mask > 0)[:, 0]
        if len(kept) == len(frames):
            return self._encode(frames)
        sizes = self._sizes(frames.shape[-1])
        empty = [frames.new_zeros(len(frames), width, px, px) for width, px in sizes]
        if len(kept) == 0:
            return empty[0], empty[1]
        found = self._encode(frames[kept])
        volume, bottom = (
            blank.index_copy(0, kept, part) for blank, part in zip(empty, found, strict=True)
        )
        return volume, bottom


class SmallEncoder(SpatialEncoder):
    """Four halvings.

    Parameters
    ----------
    channels
        3 for color, 1 for depth and thermal.
    widths
        Channels at 1/2, 1/4, 1/8 and 1/16 of the side.
    standardize
        Bring each frame to zero mean and unit deviation first.
    relief_px
        Side of depth frames that are to be read as a `Relief`; 0: read as they are.
    """

    def __init__(
        self,
        channels: int,
        widths: tuple[int, ...],
        standardize: bool = False,
        relief_px: int = 0,
    ) -> None:
        super().__init__()
        self.relief = Relief(relief_px, relief_px) if relief_px else None
        half, quarter, eighth, sixteenth = widths
        self.standardize = standardize
        self.widths = widths
        self.stem = nn.Sequential(conv_bn(channels, half, 3, 2), nn.ReLU())
        self.stages = nn.Sequential(BasicBlock(half, quarter, 2), BasicBlock(quarter, eighth, 2))
        self.bottom = nn.Sequential(conv_bn(eighth, sixteenth, 3, 2), nn.ReLU())
        # Not channels last, faster as it is: see mien.models.blocks.layout.

    def _prepare(self, frames: Tensor) -> Tensor:
        if self.relief is not None:
            frames = self.relief(frames)
        return standardized(frames) if self.standardize else frames

    def _convolve(self, prepared: Tensor) -> tuple[Tensor, Tensor]:
        volume = self.stages(self.stem(prepared))
        return volume, self.bottom(volume)

    def _sizes(self, side: int) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.widths[2], side // 8), (self.widths[3], side // 16)


class ExtractorEncoder(SpatialEncoder):
    """Stem and first two stages of the compact MMA extractor, then a halving of its own.

    Like the extractor it reads luminance of color, at its inner side, standardized.

    Parameters
    ----------
    channels
        3 for color, 1 for depth and thermal.
    bottom
        Channels at 1/16 of the inner side.
    stem
        The extractor's, ``"half"`` or ``"wide"``.
    relief_px
        Side of depth frames that are to be read as a `Relief`; 0: read as they are.
    depths
        The extractor's blocks in its first two stages.
    """

    VOLUME = PRESETS["compact"].widths[1]
    INNER_PX = PRESETS["compact"].inner_px

    luma: Tensor
    shrink: Tensor

    def __init__(
        self,
        channels: int,
        bottom: int,
        stem: str = "half",
        relief_px: int = 0,
        depths: tuple[int, ...] = PRESETS["compact"].depths[:2],
    ) -> None:
        super().__init__()
        self.relief = Relief(relief_px, self.INNER_PX) if relief_px else None
        extractor = build_mma("compact", stem=stem, depths=(*depths, 1, 1))
        self.stem, self.stages = extractor.stem, extractor.stages[: sum(depths)]
        self.bottom = nn.Sequential(conv_bn(self.VOLUME, bottom, 3, 2), nn.ReLU())
        luma = extractor.luma if channels == 3 else torch.ones(1, 1, 1, 1)
        self.register_buffer("luma", luma, persistent=False)
        self.register_buffer("shrink", extractor.shrink, persistent=False)
        self._width = bottom

    def _prepare(self, frames: Tensor) -> Tensor:
        if self.relief is not None:
            return standardized(self.relief(frames))
        grey = (frames * self.luma).sum(dim=1, keepdim=True)
        known = grey.shape[-1] == self.shrink.shape[1]
        weights = self.shrink if known else resample_weights(grey.shape[-1], self.INNER_PX)
        return standardized(resample_square(grey, weights))

    def _convolve(self, prepared: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(prepared)
        if not self.training:  # a fifth faster this way; there and back nothing is gained
            x = x.contiguous(memory_format=torch.channels_last)
        volume = self.stages(x).contiguous()
        return volume, self.bottom(volume)

    def _sizes(self, side: int) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.VOLUME, self.INNER_PX // 8), (self._width, self.INNER_PX // 16)

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Take over stem and stages of a trained extractor.

        A ``"wide"`` stem starts from a ``"half"`` one as well, without changing what it says.

        Raises
        ------
        ModelError
            If these are not the weights of a compact extractor with such a stem and as many blocks
            in its first two stages.
        """
        if is_wide(self.state_dict()):
            weights = wide_stem(weights)
        elif is_wide(weights):
            raise ModelError(
                "these weights are of an extractor whose stem is 'wide': set model.stem=wide"
            )
        found, own = blocks_by_width(weights), blocks_by_width(self.state_dict())
        first = dict(list(found.items())[: len(own)])
        if first != own and list(first) == list(own):
            raise ModelError(
                f"the extractor's first depths are {list(first.values())}, the encoders' "
                f"{list(own.values())}: set model.encoder_depths"
            )
        wanted = {k: v for k, v in self.state_dict().items() if k.startswith(("stem.", "stages."))}
        fitting = {
            name: weights[name]
            for name, value in wanted.items()
            if name in weights and weights[name].shape == value.shape
        }
        if len(fitting) < len(wanted):
            raise ModelError(
                f"{len(wanted) - len(fitting)} of {len(wanted)} weights of the encoders are not "
                "there or have another shape; start from a run of the compact MMA extractor"
            )
        self.load_state_dict({**self.state_dict(), **fitting})


def standardized(frames: Tensor) -> Tensor:
    """Each frame (n, channels, side, side) at zero mean and unit deviation."""
    centred = frames - frames.mean(dim=(1, 2, 3), keepdim=True)
    deviation = (centred * centred).mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return centred / (deviation + 0.02)  # the floor keeps a blank frame blank
