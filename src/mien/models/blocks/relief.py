"""Depth as a shaded relief: what a lamp above the camera would show of the surface alone.

A smile moves cheeks by two or three millimetres, on a face that is 80 deep. In a map of distances
that is a few shades of grey; the slope of the surface shows it as a photograph does, and an encoder
that has learned from photographs can read it. The surface is taken to be white everywhere and lit
from one direction (Lambert), smoothed before its slope is taken, since sensors tell whole
millimetres, more or less.

Two matrix products per slope, over rows and over columns, smooth, differentiate and change the size
at once, and every runtime computes them alike.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.faces.modalities import DEPTH_RANGE_MM
from mien.models.blocks.resample import resample_weights

PIXEL_MM = 1.6
"""A pixel of a crop on the face: eyes stand 40 px apart (`mien.faces.align`), some 63 mm."""

SMOOTHING_PX = 1.5
"""Deviation of the Gaussian that the surface is smoothed with."""

LIGHT = (0.0, -0.5, 3**0.5 / 2)
"""Direction to the lamp, of length 1: x to the right, y down, z to the camera; 30 degrees above."""


class Relief(nn.Module):
    """Relative depth to the light that its surface returns.

    Shapes: (n, 1, source, source) as `mien.faces.modalities.depth_to_network` gives it, larger is
    farther -> (n, 1, target, target) in [-1, 1]; a surface that faces the camera has `LIGHT[2]`.

    Parameters
    ----------
    source_px, target_px
        Sides of what is read and of the result.
    """

    smooth: Tensor
    slope: Tensor

    def __init__(self, source_px: int, target_px: int) -> None:
        super().__init__()
        smooth, slope = relief_weights(source_px, target_px)
        self.register_buffer("smooth", smooth, persistent=False)
        self.register_buffer("slope", slope, persistent=False)

    def forward(self, depth: Tensor) -> Tensor:
        """Shade depth maps."""
        smooth, slope = self.smooth.to(depth), self.slope.to(depth)
        across = smooth @ depth @ slope.T * (DEPTH_RANGE_MM / PIXEL_MM)  # mm of depth per mm
        down = slope @ depth @ smooth.T * (DEPTH_RANGE_MM / PIXEL_MM)
        # The normal that looks to the camera is (across, down, 1): what goes back looks up or down.
        lit = LIGHT[0] * across + LIGHT[1] * down + LIGHT[2]
        return lit / (across * across + down * down + 1).sqrt()


def relief_weights(source_px: int, target_px: int) -> tuple[Tensor, Tensor]:
    """Matrices (target_px, source_px), float32, along one side of a square map.

    Returns
    -------
    One that smooths, and one that gives the smoothed map's rise per source pixel; both bring it to
    the target's size. Beyond the border the map goes on as it ends there.

    Examples
    --------
    >>> smooth, slope = relief_weights(24, 24)
    >>> round((slope @ torch.arange(24.0))[12].item(), 4), round(smooth[0].sum().item(), 4)
    (1.0, 1.0)
    """
    reach = int(4 * SMOOTHING_PX + 0.5)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float64)
    bell = torch.exp(-0.5 * (offsets / SMOOTHING_PX) ** 2)
    bell = bell / bell.sum()
    rise = bell * offsets
    rise = rise / (rise * offsets).sum()  # exact on a slanted plane
    size = resample_weights(source_px, target_px).double()
    size = size / size.sum(1, keepdim=True)
    smooth, slope = (size @ _banded(kernel, source_px) for kernel in (bell, rise))
    return smooth.float(), slope.float()


def _banded(kernel: Tensor, side: int) -> Tensor:
    """Matrix (side, side) of a correlation along a line whose ends are repeated."""
    reach = len(kernel) // 2
    matrix = torch.zeros(side, side, dtype=kernel.dtype)
    rows = torch.arange(side)
    for offset, weight in zip(range(-reach, reach + 1), kernel, strict=True):
        columns = (rows + offset).clamp(0, side - 1)
        matrix.index_put_((rows, columns), weight.expand(side), accumulate=True)
    return matrix
