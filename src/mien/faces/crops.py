"""The crop of one face: luminance at once where a decoder gives it, color when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mien.faces.align import CROP_SIZE_PX, TEMPLATE, align, compose, cut, similarity
from mien.types import AnyArray, Coding, FloatArray, Frame, ImageArray


class Crop:
    """One face's aligned crop; it holds on to no frame.

    Attributes
    ----------
    luma
        uint8 (112, 112), luminance in full range; None where the frame was RGB.

    Parameters
    ----------
    frame
        The frame.
    landmarks
        (5, 2), pixels of the frame, by which it is cut.
    """

    __slots__ = ("_coding", "_color", "_stored", "luma")

    def __init__(self, frame: Frame, landmarks: FloatArray) -> None:
        self._color: ImageArray | None = None
        self.luma: ImageArray | None = None
        planes = frame.planes
        if planes is None:
            self._color = align(frame.image, landmarks)
            return
        self._coding: Coding = planes.coding
        to_crop = compose(similarity(landmarks, TEMPLATE), planes.to_upright)
        luma = cut(planes.luma, to_crop, CROP_SIZE_PX)
        chroma = _cut_chroma(planes.luma.shape, planes.chroma, to_crop)
        self._stored = luma, chroma
        self.luma = self._coding.full_luma(luma, chroma)

    @property
    def color(self) -> ImageArray:
        """uint8 (112, 112, 3), RGB."""
        if self._color is None:
            self._color = self._coding.colors(*self._stored)
        return self._color


def stack(crops: Sequence[Crop], luma: bool) -> ImageArray:
    """What an extractor reads: (n, 112, 112) if it reads `luma` and the crops have it, else RGB.

    RGB is uint8 (n, 112, 112, 3).
    """
    if luma and all(crop.luma is not None for crop in crops):
        return np.stack([crop.luma for crop in crops if crop.luma is not None])
    return np.stack([crop.color for crop in crops])


def _cut_chroma(
    shape: tuple[int, ...], chroma: tuple[AnyArray, AnyArray], to_crop: npt.NDArray[np.float64]
) -> tuple[AnyArray, AnyArray]:
    """Crops of chroma at half the size, of planes that may have fewer pixels than luma."""
    rows, columns = chroma[0].shape
    across, down = shape[1] / columns, shape[0] / rows
    to_luma = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]])
    half = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]])
    matrix = compose(half, compose(to_crop, to_luma))
    blue, red = (cut(plane, matrix, CROP_SIZE_PX // 2, smooth=False) for plane in chroma)
    return blue, red
