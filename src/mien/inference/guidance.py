"""Depth and thermal videos beside a color video: matched by time, cut at the face's place.

Units by default are those of `mien synthesize videos`: depth in millimetres, thermal in hundredths
of a kelvin, 0 where nothing was measured. A calibration (`StreamGeometry`) says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import InputError
from mien.faces.stream_crop import Matrix, crop_matrix, cut_measured, scaling_matrix
from mien.inference.mran import MranFrame
from mien.types import FloatArray, ImageArray
from mien.video.gray16 import Gray16Array, Gray16Reader

ABSOLUTE_ZERO_C = -273.15

_ROUNDING_S = 1e-3  # Matroska keeps whole milliseconds


@dataclass(frozen=True)
class GuidanceFiles:
    """Videos that guide a color video; None where there is none.

    Attributes
    ----------
    depth, thermal
        16-bit grey videos of the same recording, with the same clock.
    homographies
        By stream, float64 (3, 3) from its pixels to pixels of the upright color frame. A stream
        that is not named shows the same view: of the same size as color it is aligned, otherwise
        it is scaled to it.
    """

    depth: Path | None = None
    thermal: Path | None = None
    homographies: dict[str, Matrix] | None = None

    def paths(self) -> dict[str, Path]:
        """Files by stream."""
        named = {"depth": self.depth, "thermal": self.thermal}
        return {name: path for name, path in named.items() if path is not None}


class Guidance:
    """Reads the guiding videos along with the color video; a frame of each is held.

    Parameters
    ----------
    files
        What to read.
    size_px
        Width and height of the upright color frames.
    nominal_fps
        Rate of the color video; None where it is not known (25 is taken).

    Raises
    ------
    InputError
        If a file cannot be read or is of another kind.
    """

    def __init__(
        self, files: GuidanceFiles, size_px: tuple[int, int], nominal_fps: float | None
    ) -> None:
        within_s = 0.5 / (nominal_fps or 25.0) + _ROUNDING_S
        given = files.homographies or {}
        self._streams: dict[str, _Stream] = {}
        with ExitStack() as stack:
            for name, path in files.paths().items():
                reader = stack.enter_context(Gray16Reader(path))
                matrix = given.get(name)
                if matrix is None:
                    matrix = scaling_matrix(reader.size_px, size_px)
                self._streams[name] = _Stream(path, reader, matrix, within_s)
            self._stack = stack.pop_all()
        self._color_frames = 0

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the guiding streams."""
        return tuple(self._streams)

    def advance(self, time_s: float) -> None:
        """Go to a frame of the color video; its times must not step back.

        Raises
        ------
        InputError
            If a file turns out damaged.
        """
        self._color_frames += 1
        for stream in self._streams.values():
            stream.advance(time_s)

    def cut(self, color: ImageArray, landmarks: FloatArray) -> MranFrame:
        """The crops of a face in the frame that was gone to.

        Parameters
        ----------
        color
            uint8 (112, 112, 3), the aligned crop.
        landmarks
            (5, 2), those that it was cut by.
        """
        to_crop = crop_matrix(landmarks) if self._streams else None
        cut: dict[str, FloatArray] = {}
        for name, stream in self._streams.items():
            if stream.now is not None and to_crop is not None:
                metric = to_mm(stream.now) if name == "depth" else to_celsius(stream.now)
                cut[name] = cut_measured(metric, to_crop @ stream.matrix)
        return MranFrame(color, cut.get("depth"), cut.get("thermal"))

    def describe(self) -> dict[str, dict[str, Any]]:
        """Per stream: its file, frames read, and color frames that found a frame in it."""
        return {
            name: {
                "path": str(stream.path),
                "frames": stream.frames,
                "matched_frames": stream.matched,
            }
            for name, stream in self._streams.items()
        }

    def warnings(self) -> list[str]:
        """What is worth knowing about how the streams fit, one sentence each.

        Raises
        ------
        InputError
            If a stream has no frame at the time of any color frame.
        """
        said = []
        for name, stream in self._streams.items():
            stream.exhaust()
            if self._color_frames and not stream.matched:
                raise InputError(
                    f"{stream.path}: none of its {stream.frames} frames is at the time of a frame "
                    "of the color video; give a file of the same recording and clock"
                )
            if missing := self._color_frames - stream.matched:
                said.append(
                    f"{missing} of {self._color_frames} frames have no {name} frame within half a "
                    f"frame ({stream.path.name} holds {stream.frames}); they count as missing"
                )
            elif stream.frames > self._color_frames:
                said.append(
                    f"{stream.path.name} holds {stream.frames} frames, the video "
                    f"{self._color_frames}; what has no counterpart is not used"
                )
        return said

    def close(self) -> None:
        """Release the files."""
        self._stack.close()


class _Stream:
    """One guiding video, read as far as the color video is."""

    def __init__(self, path: Path, reader: Gray16Reader, matrix: Matrix, within_s: float) -> None:
        self.path, self.matrix = path, matrix
        self.now: Gray16Array | None = None
        self.frames = 0
        self.matched = 0
        self._within_s = within_s
        self._frames: Iterator[tuple[float, Gray16Array]] = iter(reader)
        self._last: tuple[float, Gray16Array] | None = None  # not after the color frame
        self._next: tuple[float, Gray16Array] | None = None  # after it
        self._ended = False

    def advance(self, time_s: float) -> None:
        """Find the frame nearest in time, if it is near enough."""
        while not self._ended and (self._next is None or self._next[0] <= time_s):
            if self._next is not None:
                self._last = self._next
            self._next = self._read()
        around = [found for found in (self._last, self._next) if found is not None]
        nearest = min(around, key=lambda found: abs(found[0] - time_s), default=None)
        near = nearest is not None and abs(nearest[0] - time_s) <= self._within_s
        self.now = nearest[1] if near and nearest is not None else None
        self.matched += near

    def exhaust(self) -> None:
        """Count what is left, and find damage in it."""
        self._last = self._next = self.now = None
        while not self._ended:
            self._read()

    def _read(self) -> tuple[float, Gray16Array] | None:
        found = next(self._frames, None)
        self._ended = found is None
        self.frames += found is not None
        return found


def to_mm(raw: Gray16Array) -> FloatArray:
    """Depth in mm, float32, NaN where nothing was measured (0), from uint16 in mm."""
    return np.where(raw == 0, np.nan, raw).astype(np.float32)


def to_celsius(raw: Gray16Array) -> FloatArray:
    """Degrees C, float32, NaN where nothing was measured (0), from hundredths of a kelvin."""
    return np.where(raw == 0, np.nan, raw / 100 + ABSOLUTE_ZERO_C).astype(np.float32)
