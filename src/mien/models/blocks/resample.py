"""Resampling of square images by two matrix products, which every runtime computes alike."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def resample_square(x: Tensor, weights: Tensor) -> Tensor:
    """Bring images to another size.

    Parameters
    ----------
    x
        (batch, channels, side, side), square.
    weights
        (target, side), from `resample_weights`.

    Returns
    -------
    (batch, channels, target, target).
    """
    shares = weights.to(x)
    shares = shares / shares.sum(dim=1, keepdim=True)
    return shares @ x @ shares.T


def resample_weights(source_px: int, target_px: int) -> Tensor:
    """Weights (target_px, source_px) of a triangle as wide as a target pixel, in whole numbers.

    Pixel centres lie at half-integers on both sides; where enlarging, neighbours are interpolated.
    Beyond the border nothing is invented: a target pixel is the mean by the weights that remain.
    Whole numbers are exact, and bytes (where they are enough) take a quarter of the room in a file.

    Examples
    --------
    >>> resample_weights(4, 2)
    tensor([[3, 3, 1, 0],
            [0, 1, 3, 3]], dtype=torch.uint8)
    """
    common = math.gcd(source_px, target_px)
    source, target = source_px // common, target_px // common
    # Distances of centres and the triangle's half width, in units of 1 / (2 target) source pixels.
    centers = (2 * torch.arange(target_px) + 1) * source
    sources = (2 * torch.arange(source_px) + 1) * target
    width = 2 * max(source, target)
    weights = (width - (sources[None] - centers[:, None]).abs()).clamp_min(0)
    weights //= math.gcd(*weights.flatten().tolist())
    return weights.to(torch.uint8 if int(weights.max()) < 256 else torch.int32)
