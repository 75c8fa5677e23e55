"""Companion videos: depth and thermal beside a color video, matched by time, cut as the face is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.faces.align import CROP_SIZE_PX
from mien.types import FloatArray
from mien.video.companions.grey_frames import GreyImage, grey_frames

ABSOLUTE_ZERO_C = -273.15
UNITS_16_BIT = {"depth": (1.0, 0.0), "thermal": (0.01, ABSOLUTE_ZERO_C)}
"""Scale and offset from 16-bit numbers to mm and degrees C: whole mm, hundredths of a kelvin."""

_ROUNDING_S = 0.0006  # Matroska keeps whole milliseconds


@dataclass(frozen=True)
class StreamFile:
    """One stream of a recording.

    Attributes
    ----------
    path
        A video, or a folder of images.
    fps
        Of a folder of images, whose frames have no times: image k is at ``k / fps`` seconds.
    scale, offset
        Stored number times scale plus offset is millimetres or degrees Celsius. None: as in
        `UNITS_16_BIT`, for 16-bit pictures only. Not for color.
    missing
        Stored number that is no measurement; None: there is none.
    homography
        float64 (3, 3), pixels of this stream to pixels of the color stream (x, y, 1; the centre
        of the first pixel is (0, 0)); None: the pictures coincide.
    shift_s
        Added to this stream's times to get the color stream's.
    tolerance_s
        A frame belongs to a color frame at most so far away; None: half a frame of the color
        stream.
    """

    path: Path
    fps: float | None = None
    scale: float | None = None
    offset: float | None = None
    missing: int | None = 0
    homography: npt.NDArray[np.float64] | None = None
    shift_s: float = 0.0
    tolerance_s: float | None = None


class Companion:
    """A depth or thermal stream, asked for the frame at times that increase.

    Two frames are in memory at most; ``frames`` is how many have been read. A frame that is far
    from the time asked for is not used, so a hole in the stream stays a hole; a slower stream has
    its frame only at the color frames near it.

    Parameters
    ----------
    name
        ``"depth"`` or ``"thermal"``.
    stream
        The file and how to read it.
    tolerance_s
        Largest difference in time, where the stream does not say.
    """

    def __init__(self, name: str, stream: StreamFile, tolerance_s: float) -> None:
        self._name, self._stream = name, stream
        given_s = stream.tolerance_s
        self._tolerance_s = (tolerance_s if given_s is None else given_s) + _ROUNDING_S
        self.frames = 0
        self._frames = grey_frames(stream.path)
        self._before: tuple[float, GreyImage] | None = None
        self._after = self._next()

    def at(self, time_s: float) -> FloatArray | None:
        """The nearest frame, float32 (h, w), mm or degrees C, NaN: none; None if none is near.

        Raises
        ------
        InputError
            If the file turns out damaged.
        DataError
            If 8-bit pictures come without a scale.
        """
        while self._after is not None and self._after[0] <= time_s:
            self._before, self._after = self._after, self._next()
        near = [one for one in (self._before, self._after) if one is not None]
        if not near:
            return None
        best = min(near, key=lambda one: abs(one[0] - time_s))
        return self._metric(best[1]) if abs(best[0] - time_s) <= self._tolerance_s else None

    def finish(self) -> None:
        """Read to the end: what is left is counted, and damage in it found.

        Raises
        ------
        InputError
            If the file turns out damaged.
        """
        while self._next() is not None:
            pass
        self._before = self._after = None

    def _next(self) -> tuple[float, GreyImage] | None:
        item = next(self._frames, None)
        self.frames += item is not None
        return None if item is None else (item[0] + self._stream.shift_s, item[1])

    def _metric(self, image: GreyImage) -> FloatArray:
        stream = self._stream
        if image.dtype == np.uint8 and (stream.scale is None or stream.offset is None):
            raise DataError(
                f"{stream.path}: its pictures have 8 bits; say in streams.json what they mean "
                f'("{self._name}": {{"scale": ..., "offset": ...}})'
            )
        usual = UNITS_16_BIT[self._name]
        scale = usual[0] if stream.scale is None else stream.scale
        offset = usual[1] if stream.offset is None else stream.offset
        values = image.astype(np.float64) * scale + offset
        if stream.missing is not None:
            values[image == stream.missing] = np.nan
        return values.astype(np.float32)


def warp(values: FloatArray, to_crop: npt.NDArray[np.float64], blend: bool) -> FloatArray:
    """Measured values cut out as the crop is.

    Parameters
    ----------
    values
        float32 (h, w), NaN where nothing was measured.
    to_crop
        float64 (3, 3), pixels of `values` to pixels of the crop.
    blend
        True: each pixel is the weighted mean of the measured ones around it (temperature). False:
        the nearest one (depth, where a mean over an edge is a place in which nothing is).

    Returns
    -------
    float32 (112, 112), NaN where nothing was measured and beyond the picture.
    """
    size = (CROP_SIZE_PX, CROP_SIZE_PX)
    weights = np.isfinite(values).astype(np.float32)
    filled = np.where(weights > 0, values, np.float32(0))
    flags = cv2.INTER_LINEAR if blend else cv2.INTER_NEAREST
    total, weight = (
        np.asarray(cv2.warpPerspective(one, to_crop, size, flags=flags, borderValue=0.0))
        for one in (filled, weights)
    )
    measured = weight > 0.5
    return np.where(measured, total / np.where(measured, weight, 1), np.nan).astype(np.float32)
