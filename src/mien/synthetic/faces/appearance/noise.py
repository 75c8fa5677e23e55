"""Seeded noise pictures, the raw material of skin, hair, cloth and walls."""

from __future__ import annotations

import cv2
import numpy as np

from mien.types import FloatArray


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], cell: tuple[float, float]
) -> FloatArray:
    """Noise whose features are about `cell` = (rows, columns) pixels large.

    Returns
    -------
    float32 `shape`, mean about 0, standard deviation about 1.
    """
    grid = [max(2, int(np.ceil(n / c)) + 1) for n, c in zip(shape, cell, strict=True)]
    coarse = rng.standard_normal(grid, dtype=np.float32)
    if tuple(grid) == shape:
        return coarse
    fine = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    # between its knots cubic interpolation averages: about three quarters of the deviation is left
    result: FloatArray = np.asarray(fine, np.float32) * np.float32(1.3)
    return result


def cloud_noise(
    rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 4
) -> FloatArray:
    """Several `smooth_noise` of halved size and strength, float32 `shape`, deviation about 1."""
    total = np.zeros(shape, np.float32)
    for k in range(octaves):
        size = max(cell / 2**k, 1.0)
        total += smooth_noise(rng, shape, (size, size)) * np.float32(0.5**k)
    # independent parts: their variances add up
    total *= np.float32(1 / np.sqrt(sum(0.25**k for k in range(octaves))))
    return total
