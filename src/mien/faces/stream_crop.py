"""Crops of depth and thermal pictures at the place of a color crop: one warp for all sensors.

Pixel coordinates follow OpenCV: the centre of the first pixel is (0, 0). Training data and
analysis cut with the same functions, so that a network sees the same thing in both.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mien.faces.align import CROP_SIZE_PX, TEMPLATE, similarity
from mien.types import FloatArray

Matrix = npt.NDArray[np.float64]

_ENOUGH = 0.5  # share of a crop's pixel that must have been measured


def crop_matrix(landmarks: FloatArray) -> Matrix:
    """float64 (3, 3), from pixels of the color picture to pixels of its aligned crop.

    Parameters
    ----------
    landmarks
        (5, 2), as `mien.faces.align.align` takes them.

    Raises
    ------
    ValueError
        If they do not define a similarity.
    """
    return np.vstack([similarity(landmarks, TEMPLATE), [0.0, 0.0, 1.0]])


def scaling_matrix(size_px: tuple[int, int], target_px: tuple[int, int]) -> Matrix:
    """float64 (3, 3), from a picture of (width, height) onto another of the same view.

    Examples
    --------
    >>> (scaling_matrix((320, 240), (640, 480)) @ [0, 0, 1]).tolist()
    [0.5, 0.5, 1.0]
    """
    across, down = target_px[0] / size_px[0], target_px[1] / size_px[1]
    # Corners of pixels fall on corners, not centres on centres.
    return np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1.0]])


def cut_measured(picture: FloatArray, matrix: Matrix) -> FloatArray:
    """The aligned crop of a picture of measurements.

    Measured pixels are interpolated linearly among themselves; a pixel of the crop of which less
    than half was measured, and what lies beyond the picture, is NaN. A picture that is shrunk to
    less than half is averaged over areas first.

    Parameters
    ----------
    picture
        float32 (height, width), NaN where nothing was measured.
    matrix
        float64 (3, 3), from pixels of the picture to pixels of the crop: a homography.

    Returns
    -------
    float32 (112, 112), NaN where nothing is known.

    Raises
    ------
    ValueError
        If `picture` or `matrix` has another shape.
    """
    if picture.ndim != 2 or matrix.shape != (3, 3):
        raise ValueError(f"need (h, w) and (3, 3), not {picture.shape} and {matrix.shape}")
    known = np.isfinite(picture)
    values = np.where(known, picture, 0).astype(np.float32)
    weight = known.astype(np.float32)
    shrink = 2 * _scale(matrix, picture.shape)
    if shrink < 1:
        height, width = picture.shape
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        values = cv2.resize(values, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        matrix = matrix @ scaling_matrix(size, (width, height))
    cut, share = (_warp(layer, matrix) for layer in (values, weight))
    enough = share >= _ENOUGH
    crop = np.full(cut.shape, np.nan, np.float32)
    crop[enough] = cut[enough] / share[enough]
    return crop


def _warp(layer: FloatArray, matrix: Matrix) -> FloatArray:
    """(112, 112), 0 beyond the picture."""
    warped = cv2.warpPerspective(
        layer,
        matrix,
        (CROP_SIZE_PX, CROP_SIZE_PX),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return warped.astype(np.float32, copy=False)


def _scale(matrix: Matrix, shape: tuple[int, ...]) -> float:
    """Crop pixels per pixel of the picture, at the place of the crop's middle."""
    middle = np.linalg.inv(matrix) @ [CROP_SIZE_PX / 2, CROP_SIZE_PX / 2, 1.0]
    x, y = np.clip(middle[:2] / middle[2], 0, [shape[1] - 1, shape[0] - 1])
    points = np.array([[x, x + 1, x], [y, y, y + 1], [1.0, 1.0, 1.0]])
    mapped = matrix @ points
    mapped = mapped[:2] / mapped[2]
    across, down = mapped[:, 1] - mapped[:, 0], mapped[:, 2] - mapped[:, 0]
    return float(np.sqrt(abs(across[0] * down[1] - across[1] * down[0])))
