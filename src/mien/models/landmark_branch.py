"""The landmark branch: where 26 points of a face lie, and what the face looks like there.

A network that halves its picture four times and then averages is not made to say where a lip ends,
and most of an action unit is that a part moved by a pixel or two. This branch goes from the
backbone's coarsest features up again (the top-down path of Lin et al., CVPR 2017), draws one
heatmap per landmark at a quarter of the side, and takes the mean coordinate under each heatmap
(integral regression; Sun et al., ECCV 2018). Coordinates, local features under the heatmaps and the
pooled backbone make one feature, which all heads read.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.faces.align import CROP_SIZE_PX
from mien.labels import FACE_LANDMARKS
from mien.models.blocks.residual import BasicBlock, conv_bn

FREE_HEATMAPS = 16
"""Heatmaps that no landmark belongs to: they look where it helps."""

LOCAL_CHANNELS = 16


class BranchMaps(NamedTuple):
    """What the convolutions of a `LandmarkBranch` make of a batch of faces.

    Shapes: heatmaps (batch, 42, h, w), logits, one per landmark and some without; local (batch,
    16, h, w), features that are read under the heatmaps; pooled (batch, channels).
    """

    heatmaps: Tensor
    local: Tensor
    pooled: Tensor


class LandmarkBranch(nn.Module):
    """Backbone features of three scales -> `BranchMaps` -> one feature and the landmarks.

    Parameters
    ----------
    quarter, eighth, sixteenth
        Channels of the backbone at these parts of the side.
    widths
        Channels of the branch at an eighth and at a quarter.
    feature
        Width of the feature.
    """

    def __init__(
        self, quarter: int, eighth: int, sixteenth: int, widths: tuple[int, ...], feature: int
    ) -> None:
        super().__init__()
        inner, outer = widths
        heatmaps = len(FACE_LANDMARKS) + FREE_HEATMAPS
        self.up_eighth = conv_bn(sixteenth, inner, 1)
        self.lateral_eighth = conv_bn(eighth, inner, 1)
        self.block_eighth = BasicBlock(inner, inner)
        self.up_quarter = conv_bn(inner, outer, 1)
        self.lateral_quarter = conv_bn(quarter, outer, 1)
        self.block_quarter = BasicBlock(outer, outer)
        self.heatmaps = conv_bn(outer, heatmaps, 1)
        self.local = conv_bn(outer, LOCAL_CHANNELS, 1)
        read = heatmaps * (2 + LOCAL_CHANNELS) + sixteenth
        # Coordinates, local features and pooled ones differ in size: each is normalised first.
        self.input_norm = nn.BatchNorm1d(read)
        self.feature = nn.Linear(read, feature)

    def maps(self, quarter: Tensor, eighth: Tensor, sixteenth: Tensor) -> BranchMaps:
        """The convolutions alone, which may calculate in half precision; `read` should not."""
        up = torch.relu(_twice(self.up_eighth(sixteenth)) + self.lateral_eighth(eighth))
        up = self.block_eighth(up)
        up = torch.relu(_twice(self.up_quarter(up)) + self.lateral_quarter(quarter))
        up = self.block_quarter(up)  # (B, C, h, w)
        return BranchMaps(self.heatmaps(up), torch.relu(self.local(up)), sixteenth.mean(dim=(2, 3)))

    def read(self, maps: BranchMaps) -> tuple[Tensor, Tensor]:
        """Feature (batch, width), 0 or more, and landmarks (batch, 26, 2), px of a 112-px crop."""
        # A tenth of a pixel needs the digits; float64 is kept for reference runs.
        heatmaps, local, pooled = (x if x.dtype == torch.float64 else x.float() for x in maps)
        weights = heatmaps.flatten(2).softmax(-1)  # (B, M, h w)
        coordinates = weights @ _grid(heatmaps.shape[-1], weights)  # (B, M, 2)
        looks = weights @ local.flatten(2).transpose(1, 2)  # (B, M, C)
        landmarks = coordinates[:, : len(FACE_LANDMARKS)]
        # The shape alone: where the crop lies and how large the face is in it says nothing.
        middle = landmarks.mean(dim=1, keepdim=True)
        size = ((landmarks - middle).square().mean(dim=(1, 2), keepdim=True) + 1).sqrt()  # px
        shape = (coordinates - middle) / size
        read = torch.cat([shape.flatten(1), looks.flatten(1), pooled], dim=1)
        return torch.relu(self.feature(self.input_norm(read))), landmarks


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def cell_middles(cells: int, like: Tensor) -> Tensor:
    """Middles of so many cells along a side of a map, in pixels of a 112-px crop: (cells,)."""
    cell = CROP_SIZE_PX / cells
    return (torch.arange(cells, dtype=like.dtype, device=like.device) + 0.5) * cell - 0.5


def _grid(side: int, like: Tensor) -> Tensor:
    """Middles of the cells of a square map, row by row, in pixels of a 112-px crop: (h w, 2)."""
    middles = cell_middles(side, like)
    x, y = middles.repeat(side), middles.repeat_interleave(side)
    return torch.stack([x, y], dim=1)
