"""Writes RGB or 16-bit grey arrays as a small video with a timestamp for every frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from mien.errors import OutputError
from mien.types import ImageArray

DEFAULT_TIME_BASE = Fraction(1, 90_000)
# codec name: (encoder, pixel format, encoder options); the lossy h264 gets its crf on top.
_ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "h264": ("libx264", "yuv420p", {}),
    "h264-lossless": ("libx264rgb", "rgb24", {"preset": "ultrafast", "crf": "0"}),
    "ffv1": ("ffv1", "bgr0", {}),
    "ffv1-gray16": ("ffv1", "gray16le", {}),
    "mpeg4": ("mpeg4", "yuv420p", {"qscale": "3"}),
}
CODECS: tuple[str, ...] = tuple(_ENCODERS)
# For one machine and one version of FFmpeg: no random identifiers, and slices that do not depend
# on the number of cores.
_BITEXACT_FILE = {"fflags": "+bitexact"}
_BITEXACT_STREAM = {"flags": "+bitexact", "threads": "1"}
Gray16Array = npt.NDArray[np.uint16]
_MPEG4_TICKS_AT_MOST = 65_535  # the codec keeps its clock in 16 bits


class VideoWriter:
    """Writes one video stream, frame by frame; variable frame rates are as good as constant ones.

    The file appears under its name only when the writer is closed without an error; until then
    it is a hidden file beside it, which an error removes. Use it as a context manager.

    Parameters
    ----------
    path
        Its suffix names the container: ``.mp4``, ``.mov``, ``.mkv`` and so on.
    codec
        One of `CODECS`. ``h264`` and ``mpeg4`` are lossy and store even sizes only: an odd
        width or height is padded by repeating the last column or row. ``h264-lossless`` and
        ``ffv1`` (mkv, avi) return the same pixels at any size, as does ``ffv1-gray16`` for
        16-bit pictures with one channel (`mien.video.companions.gray16.read_gray16` reads them).
    time_base
        Tick of the timestamps in seconds; each timestamp is rounded to it. The default,
        1/90000, is exact for 24, 25, 30, 50, 60 and 29.97 fps. Matroska rounds to 1 ms anyway.
    fps
        Nominal rate, for the header only; timestamps decide.
    crf
        Quality of ``h264``, 0 to 51, less is better.
    preset
        How much time ``h264`` takes for small files: a name of x264's.
    reproducible
        The same frames give the same bytes in every run (on one machine, with one version of
        FFmpeg), at the price of encoding with one thread.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        codec: str = "h264",
        time_base: Fraction = DEFAULT_TIME_BASE,
        fps: float | Fraction = 30,
        crf: int = 20,
        preset: str = "veryfast",
        reproducible: bool = False,
    ) -> None:
        if codec not in _ENCODERS:
            raise ValueError(f"codec is {codec!r}; allowed are {', '.join(CODECS)}")
        if time_base <= 0 or (codec == "mpeg4" and time_base.denominator > _MPEG4_TICKS_AT_MOST):
            raise ValueError(f"time_base is {time_base}; mpeg4 allows 1/65535, others any above 0")
        if not 0 <= crf <= 51:
            raise ValueError(f"crf is {crf}; allowed are 0 to 51")
        self._path = Path(path)
        self._partial = self._path.with_name(f".{self._path.stem}.part{self._path.suffix}")
        self._time_base = time_base
        self._codec = codec
        self._quality = {"crf": str(crf), "preset": preset}
        self._reproducible = reproducible
        self._fps = Fraction(fps).limit_denominator(1001)
        self._shape: tuple[int, ...] | None = None
        self._last_tick: int | None = None
        self._stream: VideoStream | None = None
        self.written_frames = 0
        try:
            options = _BITEXACT_FILE if reproducible else {}
            self._container = av.open(
                # The prefix keeps names such as "10:30.mp4" from being taken for protocols.
                f"file:{self._partial}",
                mode="w",
                options=options,
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise self._failure(error) from error
        self._open = True

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def write(self, image: ImageArray | Gray16Array, timestamp_s: float | Fraction) -> None:
        """Append one frame.

        Parameters
        ----------
        image
            uint8 (height, width, 3), RGB; uint16 (height, width) for ``ffv1-gray16``. ``h264`` and
            ``mpeg4`` also take ``yuv420p`` of even sizes, uint8 (height * 3 / 2, width). All of one
            shape.
        timestamp_s
            Presentation time in seconds, at least 0 and at least one tick after the last.

        Raises
        ------
        ValueError
            On an image of another type or shape, or a timestamp that does not increase.
        OutputError
            Where the file cannot be written.
        """
        self._check_kind(image)
        if self._shape is not None and image.shape != self._shape:
            raise ValueError(f"image has shape {image.shape}; the first had {self._shape}")
        tick = round(Fraction(timestamp_s) / self._time_base)
        if tick < 0 or (self._last_tick is not None and tick <= self._last_tick):
            last_s = None if self._last_tick is None else float(self._last_tick * self._time_base)
            raise ValueError(f"timestamp_s is {float(timestamp_s)}; it must exceed {last_s}")
        self._shape = image.shape
        self._last_tick = tick
        try:
            if self._stream is None:
                self._stream = self._add_stream(image)
            flat = _ENCODERS[self._codec][1]
            kind = "rgb24" if image.ndim == 3 else flat
            frame = av.VideoFrame.from_ndarray(self._padded(image), format=kind)
            frame.pts = tick
            frame.time_base = self._time_base
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            self.abort()
            raise self._failure(error) from error
        self.written_frames += 1

    def close(self) -> None:
        """Finish the file and give it its name. Raises `OutputError`; a second call is idle."""
        if not self._open:
            return
        if self._stream is None:
            self.abort()
            raise OutputError(f"{self._path}: no frame was written; a video needs at least one")
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._partial.replace(self._path)
        except (av.error.FFmpegError, OSError) as error:
            self.abort()
            raise self._failure(error) from error
        self._open = False

    def abort(self) -> None:
        """Drop what was written so far."""
        if self._open:
            self._open = False
            self._container.close()
            self._partial.unlink(missing_ok=True)

    def _check_kind(self, image: ImageArray | Gray16Array) -> None:
        stored = _ENCODERS[self._codec][1]
        if stored == "gray16le":
            fits, wanted = image.dtype == np.uint16 and image.ndim == 2, "uint16 (H, W)"
        elif stored == "yuv420p" and image.ndim == 2 and image.dtype == np.uint8:
            fits = image.shape[0] % 3 == image.shape[1] % 2 == 0
            wanted = "uint8 (3 / 2 H, W) with even H and W"
        else:
            fits, wanted = image.dtype == np.uint8 and image.shape[2:] == (3,), "uint8 (H, W, 3)"
        if not fits or image.size == 0:
            raise ValueError(f"image is {image.dtype} {image.shape}; expected {wanted}")

    def _add_stream(self, image: ImageArray | Gray16Array) -> VideoStream:
        encoder, pixel_format, options = _ENCODERS[self._codec]
        if self._reproducible:
            options = {**options, **_BITEXACT_STREAM}
        if self._codec == "h264":
            options = {**options, **self._quality}
            if self._reproducible:
                # With AVX-512, x264's macroblock tree reads memory that nobody has written: some
                # encodings in a hundred came out otherwise.
                options["mbtree"] = "0"
        try:
            stream = self._container.add_stream(encoder, rate=self._fps, options=options)
        except ValueError as error:  # PyAV's way to say that this container takes no such codec
            self.abort()
            raise self._failure(error) from error
        if not isinstance(stream, VideoStream):
            raise TypeError(f"{encoder} is not a video encoder")
        rows, columns = self._padded(image).shape[:2]
        planes = image.ndim == 2 and pixel_format == "yuv420p"
        stream.width, stream.height = columns, rows * 2 // 3 if planes else rows
        stream.pix_fmt = pixel_format
        # Both clocks: the encoder's, and the one that the container is asked to keep.
        stream.codec_context.time_base = self._time_base
        stream.time_base = self._time_base
        return stream

    def _padded(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Repeat the last row and column where 4:2:0 needs even sizes."""
        if _ENCODERS[self._codec][1] == "yuv420p" and image.ndim == 3:
            height, width = image.shape[:2]
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return np.ascontiguousarray(image)

    def _failure(self, error: Exception) -> OutputError:
        reason = getattr(error, "strerror", None) or "the container or codec refuses"
        remedy = "check the folder, the suffix and the free space"
        return OutputError(f"{self._path}: cannot be written ({reason}); {remedy}")


def write_video(
    path: str | Path,
    frames: Iterable[ImageArray],
    *,
    fps: float | Fraction | None = None,
    timestamps_s: Iterable[float | Fraction] | None = None,
    codec: str = "h264",
    time_base: Fraction | None = None,
    crf: int = 20,
) -> int:
    """Write ``frames`` with their ``timestamps_s``, or at a constant ``fps`` from 0 on.

    Parameters
    ----------
    path, codec, crf
        As in `VideoWriter`.
    frames
        uint8 (height, width, 3) RGB arrays of one shape.
    fps
        Frames per second; give 29.97 as ``Fraction(30000, 1001)``. Excludes ``timestamps_s``.
    timestamps_s
        One time in seconds per frame, increasing.
    time_base
        As in `VideoWriter`; by default one that holds a constant ``fps`` exactly.

    Returns
    -------
    Number of frames written.

    Raises
    ------
    ValueError
        Unless exactly one of ``fps`` and ``timestamps_s`` is given, with as many timestamps as
        frames.
    OutputError
        Where the file cannot be written, or ``frames`` is empty.
    """
    if (fps is None) == (timestamps_s is None):
        raise ValueError("give either fps or timestamps_s")
    times: Iterable[float | Fraction]
    if fps is not None:
        rate = Fraction(fps).limit_denominator(1001)
        if rate <= 0:
            raise ValueError(f"fps is {fps}; it must be above 0")
        times = _constant_rate(rate)
        time_base = time_base or Fraction(1, rate.numerator)
        strict = False  # the times go on for ever
    else:
        rate = Fraction(30)
        times = timestamps_s or ()
        time_base = time_base or DEFAULT_TIME_BASE
        strict = True
    with VideoWriter(path, codec=codec, time_base=time_base, fps=rate, crf=crf) as writer:
        for image, time_s in zip(frames, times, strict=strict):
            writer.write(image, time_s)
    return writer.written_frames


def _constant_rate(rate: Fraction) -> Iterator[Fraction]:
    index = 0
    while True:
        yield index / rate
        index += 1
