"""Luma and chroma of a decoded frame, as they are stored: no pixel is copied or converted.

Most of an analysis reads luma alone, in the part of the frame that shows a face. RGB is made of
what is looked at in color.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from mien.types import AnyArray, ImageArray
from mien.video.orientation import Orientation
from mien.video.scaling import scaled

_BT709 = 1  # of ITU-T H.273's matrix coefficients; all others are read as BT.601, as by FFmpeg
_FULL_RANGE = 2
# (bits, bits that the values are shifted up by, chroma interleaved)
_FORMATS = {
    **dict.fromkeys(("yuv420p", "yuv422p", "yuv444p"), (8, 0, False)),
    **dict.fromkeys(("yuvj420p", "yuvj422p", "yuvj444p"), (8, 0, False)),
    **dict.fromkeys(("yuv420p10le", "yuv422p10le", "yuv444p10le"), (10, 0, False)),
    "nv12": (8, 0, True),
    "p010le": (10, 6, True),
}


_FULL_RANGE_OF = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class YCbCr:
    """How luma and chroma are stored.

    Attributes
    ----------
    one
        Stored difference of two values that differ by one step of 8 bits.
    full
        Whether black is 0 and white 255, in steps of 8 bits; else 16 and 235.
    bt709
        Whether luma weighs colors by BT.709, else by BT.601.
    """

    one: int
    full: bool
    bt709: bool

    def full_luma(self, luma: AnyArray, chroma: tuple[AnyArray, AnyArray]) -> ImageArray:
        """Luminance by BT.601, uint8 in full range."""
        if self.one == 1 and not self.bt709:
            return luma if self.full else np.asarray(cv2.LUT(luma, _FULL_RANGE_OF), np.uint8)
        gain, black = (1.0, 0.0) if self.full else (255 / 219, 16.0)
        value = luma.astype(np.float32)
        off = np.full_like(value, -black * gain)
        if self.bt709:
            blue, red = self._differences(chroma, luma.shape)
            off += 0.10162 * blue + 0.19607 * red
        whole = cv2.addWeighted(value, gain / self.one, off, 1, 0, dtype=cv2.CV_8U)
        return np.asarray(whole, np.uint8)

    def colors(self, luma: AnyArray, chroma: tuple[AnyArray, AnyArray]) -> ImageArray:
        """RGB, uint8 (rows, columns, 3)."""
        gain, black = (1.0, 0.0) if self.full else (255 / 219, 16.0)
        value = _steps(luma, self.one, black) * gain
        blue, red = self._differences(chroma, luma.shape)
        if self.bt709:
            parts = 1.5748 * red, -0.18732 * blue - 0.46812 * red, 1.8556 * blue
        else:
            parts = 1.402 * red, -0.34414 * blue - 0.71414 * red, 1.772 * blue
        return _rounded(np.stack([value + part for part in parts], axis=-1))

    def _differences(
        self, chroma: tuple[AnyArray, AnyArray], shape: tuple[int, ...]
    ) -> list[npt.NDArray[np.float32]]:
        """Blue and red difference in full range around 0, of the size of luma."""
        gain = 1.0 if self.full else 255 / 224
        size = (shape[1], shape[0])
        return [
            np.asarray(cv2.resize(_steps(plane, self.one, 128) * gain, size), np.float32)
            for plane in chroma
        ]


class DecodedPlanes:
    """A `mien.types.Planes` of a decoder's frame, which is kept for as long as this is.

    Parameters
    ----------
    frame
        Of a format that `planes_of` takes.
    size_px
        Width and height with square pixels, before the frame is turned upright.
    orientation
        How it is turned upright.
    """

    def __init__(
        self, frame: av.VideoFrame, size_px: tuple[int, int], orientation: Orientation
    ) -> None:
        self._frame, self._size_px, self._orientation = frame, size_px, orientation
        width, height = size_px
        self.shape = (width, height) if orientation.swaps_sides else (height, width)
        name = frame.format.name
        bits, shift, self._interleaved = _FORMATS[name]
        full = name.startswith("yuvj") or int(frame.color_range) == _FULL_RANGE
        one = 1 << (bits - 8 + shift)
        self.coding = YCbCr(one, full, int(frame.colorspace) == _BT709)
        self._kind = np.dtype(np.uint8 if bits == 8 else "<u2")
        self.to_upright = _to_upright(frame.width, frame.height, size_px, orientation)

    @cached_property
    def luma(self) -> AnyArray:
        """(rows, columns), in the range of the file."""
        return self._plane(0)

    @cached_property
    def chroma(self) -> tuple[AnyArray, AnyArray]:
        """Blue and red difference."""
        if not self._interleaved:
            return self._plane(1), self._plane(2)
        both = self._plane(1)
        return np.ascontiguousarray(both[:, ::2]), np.ascontiguousarray(both[:, 1::2])

    def rgb(self) -> ImageArray:
        """The upright picture, uint8 (height, width, 3)."""
        width, height = self._size_px
        image = scaled(self._frame, width, height, "rgb24").to_ndarray()
        return self._orientation.apply(np.asarray(image, np.uint8))

    def shrunk(self, size_px: tuple[int, int]) -> ImageArray:
        """It upright in ``yuv420p`` of BT.601, of this even width and height.

        uint8 (height * 3 / 2, width): luma, and below it both chroma planes, end to end.
        """
        swapped = self._orientation.swaps_sides
        width, height = size_px[::-1] if swapped else size_px
        small = scaled(
            self._frame,
            width,
            height,
            "yuv420p",
            dst_colorspace=Colorspace.ITU601,
            interpolation=Interpolation.AREA,
            dst_color_range=ColorRange.MPEG,
        ).to_ndarray()
        if self._orientation == Orientation():
            return np.asarray(small, np.uint8)
        parts = [(0, height, width), (height, height // 2, width // 2)]
        parts += [(height + height // 4, height // 2, width // 2)]
        flat = np.asarray(small, np.uint8).reshape(-1)
        turned = [
            self._orientation.apply(flat[at * width :][: rows * columns].reshape(rows, columns))
            for at, rows, columns in parts
        ]
        return np.concatenate([one.reshape(-1) for one in turned]).reshape(-1, size_px[0])

    def thumbnail(self, side_px: int) -> ImageArray:
        """It upright, shrunk to a square: uint8 (side_px, side_px, 3), RGB."""
        small = scaled(self._frame, side_px, side_px, "rgb24", interpolation=Interpolation.AREA)
        return self._orientation.apply(np.asarray(small.to_ndarray(), np.uint8))

    def _plane(self, number: int) -> AnyArray:
        """One plane without the decoder's padding; a view of its memory."""
        plane = self._frame.planes[number]
        wide = 2 * plane.width if number and self._interleaved else plane.width
        rows: AnyArray = np.frombuffer(memoryview(plane), self._kind)
        return rows.reshape(-1, plane.line_size // self._kind.itemsize)[: plane.height, :wide]


def planes_of(
    frame: av.VideoFrame, size_px: tuple[int, int], orientation: Orientation
) -> DecodedPlanes | None:
    """The planes of a frame; None where it is of a format that is not read apart."""
    if frame.format.name not in _FORMATS or any(plane.line_size <= 0 for plane in frame.planes):
        return None
    return DecodedPlanes(frame, size_px, orientation)


@lru_cache(maxsize=8)
def _to_upright(
    columns: int, rows: int, size_px: tuple[int, int], orientation: Orientation
) -> npt.NDArray[np.float64]:
    """(2, 3), from stored pixels to upright ones."""
    width, height = size_px
    across, down = width / columns, height / rows
    square = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]])
    turn = np.array([[orientation.xx, orientation.yx], [orientation.xy, orientation.yy]], float)
    corners = turn @ np.array([[0, width - 1], [0, height - 1]], float)  # of two pixels, turned
    shift = -corners.min(axis=1)
    matrix: npt.NDArray[np.float64] = turn @ square
    matrix[:, 2] += shift
    matrix.setflags(write=False)
    return matrix


def _steps(plane: AnyArray, one: int, zero: float) -> npt.NDArray[np.float32]:
    """Stored values in steps of 8 bits, from `zero` on."""
    return plane.astype(np.float32) * np.float32(1 / one) - np.float32(zero)


def _rounded(values: npt.NDArray[np.float32]) -> ImageArray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
