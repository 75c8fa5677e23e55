"""Similarity alignment of a face to the 112 x 112 crop that the models read.

Pixel coordinates here follow the OpenCV convention: the centre of the first pixel is (0, 0).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from mien.types import AnyArray, FloatArray, ImageArray

CROP_SIZE_PX = 112

TEMPLATE: FloatArray = np.array(
    [[36.0, 43.0], [76.0, 43.0], [56.0, 67.0], [40.0, 85.0], [72.0, 85.0]], np.float32
)
"""Where the five landmarks land in the crop, (5, 2) x, y in pixels.

It is the median position of RetinaFace's landmarks in the FER+ training faces, rounded and made
symmetric. It shows brow and chin in full, which the template of face recognition (38 px lower
lip to border, eyes 35 px apart) cuts, and brow and chin carry action units 1, 2, 17 and 26.
"""


def similarity(source: npt.ArrayLike, target: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Least-squares similarity (rotation, one scale, shift; no mirroring) from points to points.

    Closed form of Umeyama, IEEE TPAMI 13(4), 1991, in two dimensions, where the best rotation
    without reflection is an angle and needs no singular value decomposition.

    Parameters
    ----------
    source, target
        (n, 2) x, y, n >= 2, `source` not all the same point.

    Returns
    -------
    float64 (2, 3) matrix ``M`` with ``target ~ M[:, :2] @ source + M[:, 2]``.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite, or all source points coincide.

    Examples
    --------
    >>> similarity([[0, 0], [1, 0]], [[2, 3], [2, 5]]).round(6).tolist()
    [[0.0, -2.0, 2.0], [2.0, 0.0, 3.0]]
    """
    src = np.ascontiguousarray(source, np.float64)
    dst = np.ascontiguousarray(target, np.float64)
    if src.shape != dst.shape or src.ndim != 2 or src.shape[1] != 2 or len(src) < 2:
        raise ValueError(
            f"need two (n, 2) point sets of equal length, not {src.shape}, {dst.shape}"
        )
    # As complex numbers: turning and scaling is one multiplication.
    a, b = src.view(np.complex128)[:, 0], dst.view(np.complex128)[:, 0]
    from_sum, to_sum = a.sum(), b.sum()
    if not (np.isfinite(from_sum) and np.isfinite(to_sum)):
        raise ValueError("landmarks must be finite")
    from_mean, to_mean = from_sum / len(a), to_sum / len(b)
    a = a - from_mean
    spread = np.vdot(a, a).real
    turn = np.vdot(a, b - to_mean)
    if spread <= 1e-12:
        raise ValueError("all source points coincide: no similarity is defined")
    turn /= spread
    shift = to_mean - turn * from_mean
    return np.array(
        [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], np.float64
    )


def crop_to_image(landmarks: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The (2, 3) map from pixels of the aligned crop to those of the image: undoes `align`'s.

    Fitting the template to the landmarks instead would be another map. Least squares is not
    symmetric: where the five points fit the template badly, as in profiles, it zooms further in.

    Parameters
    ----------
    landmarks
        (5, 2), pixels of the image.

    Raises
    ------
    ValueError
        If all points coincide.

    Examples
    --------
    >>> crop_to_image(TEMPLATE * 2 + 5).round(6).tolist()
    [[2.0, 0.0, 5.0], [0.0, 2.0, 5.0]]
    """
    (a, b, x), (c, d, y) = similarity(landmarks, TEMPLATE).tolist()
    size = a * d - b * c
    inverse = [[d, 0.0 - b, b * y - d * x], [0.0 - c, a, c * x - a * y]]
    return np.array(inverse, np.float64) / np.float64(size)


def align(image: ImageArray, landmarks: FloatArray) -> ImageArray:
    """Cut the aligned crop of one face out of an image.

    Parameters
    ----------
    image
        uint8 (height, width, 3), RGB, upright.
    landmarks
        float32 (5, 2), pixels of `image`, in the order of `mien.labels.LANDMARKS`.

    Returns
    -------
    uint8 (112, 112, 3), RGB. Beyond the image its border is repeated: a black edge would be a
    contour that no training face has.
    """
    matrix = similarity(landmarks, TEMPLATE)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        # Bilinear sampling reads 2 x 2 pixels, so a large face would alias; shrink it first.
        shrink = 2 * scale
        image, landmarks = _crop_around(image, landmarks)
        size = (max(1, round(image.shape[1] * shrink)), max(1, round(image.shape[0] * shrink)))
        factor = np.array([size[0] / image.shape[1], size[1] / image.shape[0]])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        matrix = similarity((landmarks + 0.5) * factor - 0.5, TEMPLATE)
    crop = cv2.warpAffine(
        image,
        matrix,
        (CROP_SIZE_PX, CROP_SIZE_PX),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return crop.astype(np.uint8, copy=False)


def cut(
    plane: AnyArray, to_crop: npt.NDArray[np.float64], side_px: int, smooth: bool = True
) -> AnyArray:
    """A square crop of one plane of a picture, as `align` makes it of all three colors.

    Parameters
    ----------
    plane
        uint8 or uint16 (rows, columns).
    to_crop
        (2, 3), from pixels of the plane to pixels of the crop; it may turn and mirror.
    side_px
        Side of the crop.
    smooth
        Whether a large face is shrunk first, so that no pixel of it is left out.

    Returns
    -------
    The crop, of the plane's kind; beyond the plane its border is repeated.
    """
    (a, b, _), (c, d, _) = to_crop
    scale = math.sqrt(abs(a * d - b * c))
    if smooth and scale < 0.5:  # as in `align`
        plane, to_crop = _shrunk(plane, to_crop, 2 * scale, side_px)
    return cv2.warpAffine(
        plane,
        to_crop,
        (side_px, side_px),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _shrunk(
    plane: AnyArray, to_crop: npt.NDArray[np.float64], shrink: float, side_px: int
) -> tuple[AnyArray, npt.NDArray[np.float64]]:
    """The part of a plane that a crop shows, shrunk, and the matrix from there to the crop."""
    corners = np.array([[0, 0, side_px, side_px], [0, side_px, 0, side_px]]) - to_crop[:, 2:]
    (a, b), (c, d) = to_crop[:, :2].tolist()
    back = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
    reach = back @ corners  # (2, 4), pixels of the plane
    margin = 2 / shrink + 1
    most = np.array(plane.shape[::-1])
    start = np.clip(np.floor(reach.min(axis=1) - margin), 0, most - 1).astype(int)
    end = np.clip(np.ceil(reach.max(axis=1) + margin) + 1, start + 1, most).astype(int)
    part = plane[start[1] : end[1], start[0] : end[0]]
    size = np.maximum(1, np.round(shrink * (end - start))).astype(int)
    factor = size / (end - start)
    small = cv2.resize(part, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    # Corners of pixels fall on corners, not centres on centres.
    to_part = np.column_stack([np.diag(1 / factor), 0.5 / factor - 0.5 + start])
    return small, compose(to_crop, to_part)


def compose(
    second: npt.NDArray[np.float64], first: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The (2, 3) map that does `first` and then `second`.

    Examples
    --------
    >>> compose(np.array([[2.0, 0, 0], [0, 2, 0]]), np.array([[1.0, 0, 3], [0, 1, 4]])).tolist()
    [[2.0, 0.0, 6.0], [0.0, 2.0, 8.0]]
    """
    linear = second[:, :2]
    return np.column_stack([linear @ first[:, :2], linear @ first[:, 2] + second[:, 2]])


def _crop_around(image: ImageArray, landmarks: FloatArray) -> tuple[ImageArray, FloatArray]:
    """The part of the image that an aligned crop can reach, so that shrinking it costs little."""
    center = landmarks.mean(0)
    reach = 4.0 * float(np.abs(landmarks - center).max())
    x0, y0 = np.maximum(np.floor(center - reach), 0).astype(int)
    x1, y1 = np.ceil(center + reach).astype(int) + 1
    part = image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    if part.size == 0:  # landmarks wholly outside the image
        return image, landmarks
    return part, (landmarks - np.array([x0, y0])).astype(np.float32)


LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue (ITU-R BT.601)."""


def to_network(crops: ImageArray) -> FloatArray:
    """uint8 crops (n, 112, 112, 3), or luminance (n, 112, 112), to float32 (n, 3, 112, 112).

    Values lie in [-1, 1].
    """
    if crops.ndim == 3:
        return np.repeat(to_luminance(crops), 3, axis=1)
    scaled = crops.astype(np.float32) * np.float32(2 / 255) - np.float32(1)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))  # (n, 3, 112, 112)


def to_luminance(crops: ImageArray) -> FloatArray:
    """uint8 crops (n, 112, 112, 3), or luminance (n, 112, 112), to float32 (n, 1, 112, 112).

    Values lie in [-1, 1].
    """
    luminance = crops @ LUMINANCE if crops.ndim == 4 else crops.astype(np.float32)
    return np.asarray(luminance[:, None] * np.float32(2 / 255) - np.float32(1), np.float32)
