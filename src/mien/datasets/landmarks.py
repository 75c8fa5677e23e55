"""Landmarks for corpora of tight face crops that come without any."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from mien.faces.detect import FaceDetector
from mien.types import FloatArray, ImageArray

# The detector wants a face of some 100 px with room around it.
_ENLARGED_PX = 192
_BORDER_PX = 64


def find_landmarks(
    images: npt.NDArray[np.uint8],
    detector: FaceDetector,
    progress: Callable[[int], object] | None = None,
) -> FloatArray:
    """Five landmarks in each tight grey crop.

    Parameters
    ----------
    images
        uint8 (n, side, side).
    detector
        Any detector; give it a low threshold, every image is known to hold a face.
    progress
        Called with 1 after every image.

    Returns
    -------
    float32 (n, 5, 2) in pixels of `images`; NaN where nothing was found. Of several faces the
    largest counts.
    """
    found = np.full((len(images), 5, 2), np.nan, np.float32)
    for i, image in enumerate(images):
        faces = detector.detect(_enlarge(image))
        if faces:
            largest = max(faces, key=lambda face: float(face.box[2] * face.box[3]))
            factor = _ENLARGED_PX / image.shape[0]
            found[i] = (largest.landmarks - _BORDER_PX + 0.5) / factor - 0.5
        if progress is not None:
            progress(1)
    return found


def _enlarge(image: npt.NDArray[np.uint8]) -> ImageArray:
    side = (_ENLARGED_PX, _ENLARGED_PX)
    large = cv2.resize(image, side, interpolation=cv2.INTER_CUBIC)
    padded = np.pad(large, _BORDER_PX, mode="edge")
    return np.repeat(padded[..., None], 3, axis=2).astype(np.uint8, copy=False)
