"""Resampling of square images by two matrix products, which every runtime computes alike."""

from __future__ import annotations

import torch
from torch import Tensor


def resample_square(x: Tensor, matrix: Tensor) -> Tensor:
    """Bring images to another size.

    Parameters
    ----------
    x
        (batch, channels, side, side), square.
    matrix
        (target, side), from `resample_matrix`.

    Returns
    -------
    (batch, channels, target, target).
    """
    weights = matrix.to(x)
    return weights @ x @ weights.T


def resample_matrix(source_px: int, target_px: int) -> Tensor:
    """Weights (target_px, source_px) of a triangle as wide as a target pixel, rows summing to 1.

    Pixel centres lie at half-integers on both sides. Beyond the border nothing is invented: the
    weights that remain are normalised.

    Examples
    --------
    >>> resample_matrix(4, 2)
    tensor([[0.4286, 0.4286, 0.1429, 0.0000],
            [0.0000, 0.1429, 0.4286, 0.4286]])
    """
    scale = source_px / target_px
    centers = (torch.arange(target_px, dtype=torch.float64) + 0.5) * scale
    sources = torch.arange(source_px, dtype=torch.float64) + 0.5
    width = max(scale, 1.0)  # enlarging interpolates between neighbours
    weights = (1 - (sources[None] - centers[:, None]).abs() / width).clamp_min(0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()
