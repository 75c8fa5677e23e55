"""Spatial encoders: 2-D convolutions on each frame, one network per stream."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mien.models.blocks.conv_lstm import split_time
from mien.models.blocks.residual import BasicBlock, conv_bn


class Features(NamedTuple):
    """Features of a clip, time first; zero where the frame is missing.

    Shapes: volume (time, batch, channels, side / 8, side / 8), the paper's X; bottom (time, batch,
    channels, side / 16, side / 16), what the decoder starts from.
    """

    volume: Tensor
    bottom: Tensor


class SpatialEncoder(nn.Module):
    """Frames of one stream to `Features`.

    A missing frame's values never matter: in training only frames that are there are encoded (and
    counted by batch normalisation); otherwise they are cleared before and after.

    Parameters
    ----------
    channels
        3 for color, 1 for depth and thermal.
    widths
        Channels at 1/2, 1/4, 1/8 and 1/16 of the side.
    standardize
        Bring each frame to zero mean and unit deviation first.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], standardize: bool = False) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = widths
        self.standardize = standardize
        self.widths = widths
        self.stem = nn.Sequential(conv_bn(channels, half, 3, 2), nn.ReLU())
        self.stages = nn.Sequential(BasicBlock(half, quarter, 2), BasicBlock(quarter, eighth, 2))
        self.bottom = nn.Sequential(conv_bn(eighth, sixteenth, 3, 2), nn.ReLU())
        # Not channels last, faster as it is: torch 2.13 then corrupts its heap on the way back
        # through encoders of a few channels.

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

    def _encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        if self.standardize:
            mean = frames.mean(dim=(1, 2, 3), keepdim=True)
            centred = frames - mean
            deviation = (centred * centred).mean(dim=(1, 2, 3), keepdim=True).sqrt()
            frames = centred / (deviation + 0.02)  # the floor keeps a blank frame blank
        volume = self.stages(self.stem(frames))
        return volume, self.bottom(volume)

    def _encode_some(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        kept = torch.nonzero(mask > 0)[:, 0]
        if len(kept) == len(frames):
            return self._encode(frames)
        side = frames.shape[-1]
        sizes = (self.widths[2], side // 8), (self.widths[3], side // 16)
        empty = [frames.new_zeros(len(frames), width, px, px) for width, px in sizes]
        if len(kept) == 0:
            return empty[0], empty[1]
        found = self._encode(frames[kept])
        volume, bottom = (
            blank.index_copy(0, kept, part) for blank, part in zip(empty, found, strict=True)
        )
        return volume, bottom
