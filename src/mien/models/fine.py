"""A network that places the parts of a face to a fraction of a pixel, and reads faces from there.

A network that halves its picture five times and then averages is not made to say where a lip ends,
and most of an action unit is that a part moved by a pixel or two. This one goes down and up again
(the top-down path of Lin et al., CVPR 2017), draws one map per landmark at a quarter of the side,
and takes the mean place under each map (integral regression; Sun et al., ECCV 2018). What it says
of a face is read from these places, from what the picture looks like around them, and from the
whole.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.faces.align import CROP_SIZE_PX
from mien.labels import FACE_LANDMARKS
from mien.models.blocks.residual import BasicBlock, conv_bn

FEATURE = 256
"""Width of the feature."""

_FREE = 16  # maps that no landmark belongs to: they look where it helps
_AROUND = 16  # channels that are looked at around a place
_STRETCH = 10.0  # well above what normalisation takes for no deviation at all


class Drawn(NamedTuple):
    """What the convolutions of a `FineReader` make of a batch of faces.

    Shapes: maps (batch, 42, h, w), one per landmark and some without; around (batch, 16, h, w);
    whole (batch, channels, h / 4, w / 4).
    """

    maps: Tensor
    around: Tensor
    whole: Tensor


class FineFeature(NamedTuple):
    """What a `FineReader` makes of a batch of faces.

    Shapes: feature (batch, `FEATURE`), 0 or more; places (batch, 26, 2), x and y of the landmarks
    of `mien.labels.FACE_LANDMARKS` in pixels of a 112-px crop.
    """

    feature: Tensor
    places: Tensor


class FineReader(nn.Module):
    """(batch, 1, side, side) luminance, standardised -> `FineFeature`; the side a multiple of 16.

    Parameters
    ----------
    channels
        Of the stem, at half the side, and of the stages at a quarter, an eighth and a sixteenth.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        stem, quarter, eighth, sixteenth = channels
        maps = len(FACE_LANDMARKS) + _FREE
        self.stem = nn.Sequential(
            nn.Conv2d(1, stem, 6, 2, 2, bias=False), nn.BatchNorm2d(stem), nn.ReLU()
        )
        self.quarter = nn.Sequential(BasicBlock(stem, quarter, 2), BasicBlock(quarter, quarter))
        self.eighth = nn.Sequential(BasicBlock(quarter, eighth, 2), BasicBlock(eighth, eighth))
        self.sixteenth = BasicBlock(eighth, sixteenth, 2)
        # In the order in which they are passed, as an exported graph has them.
        self.up_eighth = conv_bn(sixteenth, eighth, 1)
        self.beside_eighth = conv_bn(eighth, eighth, 1)
        self.join_eighth = BasicBlock(eighth, eighth)
        self.up_quarter = conv_bn(eighth, quarter, 1)
        self.beside_quarter = conv_bn(quarter, quarter, 1)
        self.join_quarter = BasicBlock(quarter, quarter)
        self.maps = conv_bn(quarter, maps, 1)
        self.around = conv_bn(quarter, _AROUND, 1)
        read = maps * (2 + _AROUND) + sixteenth
        # Places, what is around them and the whole are numbers of different size: each is brought
        # to a deviation of 1 before they are read together.
        self.even = nn.Sequential(
            nn.Conv2d(read, read, 1, groups=read, bias=False), nn.BatchNorm2d(read)
        )
        nn.init.ones_(self.even[0].weight)  # type: ignore[arg-type]
        self.feature = nn.Sequential(conv_bn(read, FEATURE, 1), nn.ReLU())

    def forward(self, x: Tensor) -> FineFeature:
        """Places and feature of a batch of faces."""
        return self.read(self.drawn(x))

    def drawn(self, x: Tensor) -> Drawn:
        """The convolutions alone, which may calculate in half precision; `read` should not."""
        stem = self.stem(x)
        quarter = self.quarter(stem)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        joined = torch.relu(_twice(self.up_eighth(sixteenth)) + self.beside_eighth(eighth))
        joined = self.join_eighth(joined)
        joined = torch.relu(_twice(self.up_quarter(joined)) + self.beside_quarter(quarter))
        joined = self.join_quarter(joined)  # (B, C, h, w)
        return Drawn(self.maps(joined), torch.relu(self.around(joined)), sixteenth)

    def read(self, drawn: Drawn) -> FineFeature:
        """Places and feature from what the convolutions made."""
        # A tenth of a pixel needs the digits; float64 is kept for reference runs.
        maps, around, whole = (x if x.dtype == torch.float64 else x.float() for x in drawn)
        weights = maps.flatten(2).softmax(-1)  # (B, M, h w)
        places = weights @ _grid(maps.shape[-1], weights)  # (B, M, 2)
        looks = weights @ around.flatten(2).transpose(1, 2)  # (B, M, C)
        landmarks = places[:, : len(FACE_LANDMARKS)]
        # The shape alone: where the crop lies and how large the face is in it says nothing.
        middle = landmarks.mean(dim=1, keepdim=True)
        size = ((landmarks - middle).square().mean(dim=(1, 2), keepdim=True) + 1).sqrt()  # px
        shape = (places - middle) / size
        read = torch.cat([shape.flatten(1), looks.flatten(1), whole.mean(dim=(2, 3))], dim=1)
        feature: Tensor = self.feature(self.even(_STRETCH * read[:, :, None, None]))
        return FineFeature(feature.flatten(1), landmarks)


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
