"""Frames of the streams of a recording, and what belongs to which color frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mien.data.recordings import UNITS_16_BIT, StreamFile
from mien.errors import DataError
from mien.faces.align import CROP_SIZE_PX
from mien.types import FloatArray, Frame
from mien.video import VideoReader
from mien.video.grey_frames import GreyImage, grey_frames

_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
_ROUNDING_S = 0.0006  # Matroska keeps whole milliseconds
_USUAL_FPS = 25.0  # where a file does not say


def color_frames(stream: StreamFile, fps: float | None) -> Iterator[Frame]:
    """Frames of the color stream, upright, in order of time.

    Parameters
    ----------
    stream
        A video, or a folder of images whose names are frame numbers.
    fps
        Frames per second to keep: the first of each interval ``[k / fps, (k + 1) / fps)``, counted
        from the first frame. None: all.

    Raises
    ------
    InputError
        If a file cannot be read.
    DataError
        If a folder holds no images, or one whose name is no number.
    """
    start_s, before = None, -1
    for frame in _all_frames(stream):
        if start_s is None:
            start_s = frame.timestamp_s
        if fps is not None:
            interval = int((frame.timestamp_s - start_s) * fps + 1e-6)
            if interval == before:
                continue
            before = interval
        yield frame


def color_interval_s(stream: StreamFile) -> float:
    """Time from one frame of the color stream to the next, as the file says.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if stream.fps is not None:
        return 1 / stream.fps
    with VideoReader(stream.path) as reader:
        return 1 / (reader.info.nominal_fps or _USUAL_FPS)


def _all_frames(stream: StreamFile) -> Iterator[Frame]:
    if stream.fps is None:
        before_s = -np.inf
        with VideoReader(stream.path) as reader:
            for frame in reader:
                if frame.timestamp_s > before_s:  # of frames with the same time, the first
                    before_s = frame.timestamp_s
                    yield frame
        return
    for number, path in numbered_images(stream.path):
        with VideoReader(path) as reader:
            yield replace(next(reader), index=number, timestamp_s=number / stream.fps)


def numbered_images(folder: Path) -> list[tuple[int, Path]]:
    """Images of a folder with the frame numbers that are their names, in order.

    Raises
    ------
    DataError
        If there are none, or a name is no number.
    """
    images = [p for p in folder.iterdir() if p.suffix.lower() in _IMAGE_SUFFIXES]
    if not images:
        raise DataError(f"{folder}: holds no images; looked for 00000.png and so on")
    for path in images:
        if not (path.stem.isascii() and path.stem.isdigit()):
            raise DataError(f"{path}: its name is no frame number; expected names like 00000.png")
    return sorted((int(path.stem), path) for path in images)


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
