"""Crops that are no whole, upright, sharp face of a person, from which quality is learned.

No corpus of such crops is at hand, so they are made of the training faces: crops that look beside
the face, faces upside down, a handful of pixels, faces mostly covered, pictures of tiles in the
wrong order, negatives and line drawings (what statues, toys and drawings share is that shading or
contour is not that of skin), and faces squeezed to a third, as one that is turned away shows. All
other labels of a spoiled crop are unknown.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from mien.faces.align import CROP_SIZE_PX
from mien.training.extractor.augment import compose

KINDS = ("beside", "turned", "squeezed", "coarse", "covered", "tiles", "negative", "drawing")
"""The first three are moved views, the others changed pictures."""

_MOVED = 3


def draw_kinds(count: int, rate: float, generator: torch.Generator) -> Tensor:
    """Number of the kind of each crop in `KINDS`, -1 for those that stay whole; int64 (count,)."""
    spoiled = torch.rand(count, generator=generator) < rate
    kinds = torch.randint(len(KINDS), (count,), generator=generator)
    return torch.where(spoiled, kinds, -1)


def moved_views(to_image: Tensor, kinds: Tensor, generator: torch.Generator) -> Tensor:
    """Crop-to-image matrices (n, 2, 3) of which those of the first three kinds look elsewhere."""
    count = len(kinds)
    draw = torch.rand(count, 4, generator=generator)
    middle = torch.full((2,), (CROP_SIZE_PX - 1) / 2)
    angle = torch.where(kinds == 1, math.pi * (0.5 + draw[:, 0]), 0.0)  # 90 to 270 degrees
    far = torch.where(kinds == 0, 62 + 50 * draw[:, 1], 0.0)  # px
    toward = 2 * math.pi * draw[:, 2]
    across = torch.where(kinds == 2, 2.4 + 1.6 * draw[:, 3], 1.0)
    cosine, sine = angle.cos(), angle.sin()
    linear = torch.stack(
        [torch.stack([cosine * across, -sine], 1), torch.stack([sine * across, cosine], 1)], 1
    )
    shift = middle - linear @ middle + far[:, None] * torch.stack([toward.cos(), toward.sin()], 1)
    return compose(to_image, torch.cat([linear, shift[:, :, None]], dim=2))


def changed_pictures(crops: Tensor, kinds: Tensor, generator: torch.Generator) -> Tensor:
    """Crops (n, 1, s, s) in [0, 1] of which those of the other kinds are changed."""
    result = crops.clone()
    side = crops.shape[-1]
    for row in torch.nonzero(kinds >= _MOVED).flatten().tolist():
        crop, kind = crops[row : row + 1], KINDS[int(kinds[row])]
        draw = torch.rand(6, generator=generator)
        if kind == "coarse":
            cells = 4 + int(6 * draw[0])
            small = functional.interpolate(crop, (cells, cells), mode="area")
            crop = functional.interpolate(small, (side, side), mode="bicubic").clamp(0, 1)
        elif kind == "covered":
            crop = crop.clone()
            edge = int(side * (0.62 + 0.25 * float(draw[0])))
            top, left = (int(float(d) * (side - edge)) for d in draw[1:3])
            cover = draw[3] + 0.1 * torch.randn(1, 1, 1, edge, generator=generator)
            crop[:, :, top : top + edge, left : left + edge] = cover.clamp(0, 1)
        elif kind == "tiles":
            tiles = 3 + int(4 * draw[0])
            cell = side // tiles
            part = crop[:, :, : cell * tiles, : cell * tiles]
            split = part.reshape(tiles, cell, tiles, cell).permute(0, 2, 1, 3).flatten(0, 1)
            split = split[torch.randperm(tiles * tiles, generator=generator)]
            whole = split.view(tiles, tiles, cell, cell).permute(0, 2, 1, 3)
            crop = whole.reshape(1, 1, cell * tiles, cell * tiles)
            crop = functional.interpolate(crop, (side, side), mode="nearest")
        elif kind == "negative":
            crop = 1 - crop
        else:
            padded = functional.pad(crop, (1, 1, 1, 1), mode="replicate")
            edges = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]).abs()
            edges = edges + (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]).abs()
            crop = (1 - (4 + 6 * draw[0]) * edges).clamp(0, 1)
        result[row] = crop[0]
    return result
