"""Spatial encoders: 2-D convolutions on each frame, one network per modality.

Ours: they are the first stages of a compact extractor and can start from its trained weights. What
it learned of faces in grey photographs holds for the relief and the warmth of a face as well.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mien.errors import ModelError
from mien.faces.align import CROP_SIZE_PX
from mien.models.blocks.conv_lstm import split_time
from mien.models.blocks.relief import Relief
from mien.models.blocks.resample import resample_square, resample_weights
from mien.models.blocks.residual import conv_bn
from mien.models.blocks.stems import wide_stem
from mien.models.mma import PRESETS, blocks_by_width, build_mma

_DEPTHS = PRESETS["compact"].depths[:2]


class Features(NamedTuple):
    """Features of a clip, time first; zero where the frame is missing.

    Shapes: volume (time, batch, channels, side / 8, side / 8), the paper's X; bottom (time, batch,
    channels, side / 16, side / 16), what the decoder starts from.
    """

    volume: Tensor
    bottom: Tensor


class ExtractorEncoder(nn.Module):
    """Frames of one modality to `Features`: stem and first two stages of a compact extractor.

    Like the extractor it reads luminance of color, at its inner side, standardized; then comes a
    halving of its own. A missing frame's values never matter: in training only frames that are
    there are encoded (and counted by batch normalisation); otherwise they are cleared before and
    after.

    Parameters
    ----------
    channels
        3 for color, 1 for depth and thermal.
    bottom
        Channels at 1/16 of the inner side.
    shaded
        Whether frames are depth, which is read as a `Relief`.
    """

    VOLUME = PRESETS["compact"].widths[1]
    INNER_PX = PRESETS["compact"].inner_px

    in_bfloat16 = False
    """For training: convolutions calculate in bfloat16. What comes before them does not: the
    contrast of a dark frame would be lost."""

    luma: Tensor
    shrink: Tensor

    def __init__(self, channels: int, bottom: int, shaded: bool = False) -> None:
        super().__init__()
        self.relief = Relief(CROP_SIZE_PX, self.INNER_PX) if shaded else None
        extractor = build_mma("compact", stem="wide")
        self.stem, self.stages = extractor.stem, extractor.stages[: sum(_DEPTHS)]
        self.bottom = nn.Sequential(conv_bn(self.VOLUME, bottom, 3, 2), nn.ReLU())
        luma = extractor.luma if channels == 3 else torch.ones(1, 1, 1, 1)
        self.register_buffer("luma", luma, persistent=False)
        self.register_buffer("shrink", extractor.shrink, persistent=False)
        self._width = bottom

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

    def _prepare(self, frames: Tensor) -> Tensor:
        """What the convolutions read of frames (n, channels, side, side)."""
        if self.relief is not None:
            return standardized(self.relief(frames))
        grey = (frames * self.luma).sum(dim=1, keepdim=True)
        known = grey.shape[-1] == self.shrink.shape[1]
        weights = self.shrink if known else resample_weights(grey.shape[-1], self.INNER_PX)
        return standardized(resample_square(grey, weights))

    def _convolve(self, prepared: Tensor) -> tuple[Tensor, Tensor]:
        """Volume and bottom features."""
        x = self.stem(prepared)
        if not self.training:  # a fifth faster this way; there and back nothing is gained
            x = x.contiguous(memory_format=torch.channels_last)
        volume = self.stages(x).contiguous()
        return volume, self.bottom(volume)

    def _encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        prepared = self._prepare(frames)
        if not self.in_bfloat16:
            return self._convolve(prepared)
        with torch.autocast(prepared.device.type, torch.bfloat16):
            volume, bottom = self._convolve(prepared)
        return volume.float(), bottom.float()

    def _encode_some(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        kept = torch.nonzero(mask > 0)[:, 0]
        if len(kept) == len(frames):
            return self._encode(frames)
        sizes = (self.VOLUME, self.INNER_PX // 8), (self._width, self.INNER_PX // 16)
        empty = [frames.new_zeros(len(frames), width, px, px) for width, px in sizes]
        if len(kept) == 0:
            return empty[0], empty[1]
        found = self._encode(frames[kept])
        volume, bottom = (
            blank.index_copy(0, kept, part) for blank, part in zip(empty, found, strict=True)
        )
        return volume, bottom

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Take over stem and stages of a trained extractor.

        An extractor of stem ``"half"`` starts this one, which is ``"wide"``, without changing what
        it says.

        Raises
        ------
        ModelError
            If these are not the weights of a compact extractor with as many blocks in its first
            two stages.
        """
        weights = wide_stem(weights)
        found = list(blocks_by_width(weights).items())[: len(_DEPTHS)]
        own = list(blocks_by_width(self.state_dict()).items())
        if found != own and [width for width, _ in found] == [width for width, _ in own]:
            raise ModelError(
                f"the extractor's first depths are {[depth for _, depth in found]}, the encoders' "
                f"{list(_DEPTHS)}: start from one of the preset compact"
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
                "there or have another shape; start from a run of a compact extractor"
            )
        self.load_state_dict({**self.state_dict(), **fitting})


def standardized(frames: Tensor) -> Tensor:
    """Each frame (n, channels, side, side) at zero mean and unit deviation."""
    centred = frames - frames.mean(dim=(1, 2, 3), keepdim=True)
    deviation = (centred * centred).mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return centred / (deviation + 0.02)  # the floor keeps a blank frame blank
