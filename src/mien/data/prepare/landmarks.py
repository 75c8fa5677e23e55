"""Landmarks for corpora of tight face crops that come without any."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from mien.faces.detectors import FaceDetector
from mien.types import FloatArray, ImageArray

# The detector wants a face of some 100 px with room around it.
_BORDER_PX = 64
# Side in pixels, turn in degrees, mirrored: tried in this order until a face is found.
_VIEWS = (
    (192, 0.0, False),
    (192, 0.0, True),
    (256, 0.0, False),
    (128, 0.0, False),
    (192, 30.0, False),
    (192, -30.0, False),
)
_MIRRORED = [1, 0, 2, 4, 3]  # left and right of eyes and of mouth corners change places


LANDMARK_THRESHOLD = 0.5
"""The detector's, for pictures that are known to hold a face."""

LANDMARK_SEARCH = f"{_VIEWS} {_BORDER_PX} {LANDMARK_THRESHOLD}"
"""What decides where landmarks are found, besides the images; kept beside them."""


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
    largest counts. Where nothing is found the picture is looked at mirrored, larger, smaller and
    turned by 30 degrees.
    """
    found = np.full((len(images), 5, 2), np.nan, np.float32)
    for i, image in enumerate(images):
        for side_px, turn_deg, mirrored in _VIEWS:
            to_view = _to_view(image.shape[0], side_px, turn_deg, mirrored)
            faces = detector.detect(_view(image, to_view, side_px))
            if faces:
                largest = max(faces, key=lambda face: float(face.box[2] * face.box[3]))
                order = _MIRRORED if mirrored else slice(None)
                found[i] = _undone(largest.landmarks[order], to_view)
                break
        if progress is not None:
            progress(1)
    return found


def _to_view(side: int, side_px: int, turn_deg: float, mirrored: bool) -> FloatArray:
    """The (2, 3) map from pixels of a square image to those of a view with a border around it."""
    scale = side_px / side
    angle = np.radians(turn_deg)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        linear[:, 0] *= -1
    shift = (side_px - 1) / 2 + _BORDER_PX - linear @ np.full(2, (side - 1) / 2)
    return np.column_stack([linear, shift]).astype(np.float32)


def _view(image: npt.NDArray[np.uint8], to_view: FloatArray, side_px: int) -> ImageArray:
    side = side_px + 2 * _BORDER_PX
    grey = cv2.warpAffine(
        image, to_view, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8, copy=False)


def _undone(points: FloatArray, to_view: FloatArray) -> FloatArray:
    found: FloatArray = np.linalg.solve(to_view[:, :2], (points - to_view[:, 2]).T).T
    return found.astype(np.float32)
