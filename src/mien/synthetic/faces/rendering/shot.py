"""`Shot`: the pictures of one moment and where the face is in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.types import FloatArray, ImageArray

MODALITIES: tuple[str, ...] = ("color", "depth", "thermal")


@dataclass(frozen=True, slots=True)
class Shot:
    """One rendered frame. Pictures not asked for are None; all have the same pixels.

    Attributes
    ----------
    color
        uint8 (size, size, 3), RGB.
    depth_mm
        uint16 (size, size), distance along the camera's axis in millimetres; 0: nothing measured.
    thermal_ck
        uint16 (size, size), apparent temperature in hundredths of a kelvin (degrees Celsius are
        value / 100 - 273.15).
    landmarks
        float32 (26, 2), x, y in pixels, named by `geometry.landmarks.NAMES`; the centre of the
        first pixel is (0, 0). Points may lie outside the picture.
    five_landmarks
        float32 (5, 2), those of `mien.labels.LANDMARKS`.
    box
        float32 (4,), x, y, width, height of the face in pixels: from above the brows to under
        the chin, as face detectors draw it.
    """

    color: ImageArray | None
    depth_mm: npt.NDArray[np.uint16] | None
    thermal_ck: npt.NDArray[np.uint16] | None
    landmarks: FloatArray
    five_landmarks: FloatArray
    box: FloatArray
