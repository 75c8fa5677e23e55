"""Reads a video, or an image as a video of one frame, with the stream's own timestamps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.container import InputContainer

from mien.types import Frame, SourceInfo
from mien.video.clock import NO_TIMES
from mien.video.decoding import Decoding, pick_stream
from mien.video.excerpt import EXCERPT, Choice, Excerpt
from mien.video.images import image_kind, read_images
from mien.video.input_errors import complaint
from mien.video.opening import (
    CONVERT,
    MAX_PIXELS,
    UNKNOWN,
    open_container,
    read_header,
    unreadable,
)
from mien.video.rate import RateMeter


class VideoReader:
    """Iterates once over the frames of a video or image file, in constant memory.

    Opening decodes the first frame, so that a file which cannot be read fails here and not
    later. Use it as a context manager, or call `close`.

    - **Frames** are uint8 (height, width, 3) RGB and upright: the display matrix of phone
      videos is applied, mirroring included, as is the EXIF orientation of images. Pixels that
      are not square are made square by enlarging the shorter side, since a squashed face would
      be read wrongly. High dynamic range is not tone-mapped (there is a warning).
    - **Timestamps** are ``pts * time_base`` of the frame, correctly rounded to float64, and need
      not start at 0 (`mien.video.clock` says what stands in where a container holds none).
      Damaged packets are passed over, and a warning says how many and when; so it does of times
      without frames.
    - **Images** (JPEG, PNG, BMP, WebP, TIFF, AVIF, JPEG 2000, PPM, TGA, PCX, ICO, GIF and others
      that FFmpeg knows and, with the extra ``heic``, HEIC; judged by content) are one frame at
      0.0 s; animations and TIFF pages are videos.
    - Of several video streams the default one is read, then the largest, and a warning names
      the others; cover art is not video.

    Parameters
    ----------
    path
        A regular file.
    stream
        Number of the video stream, from 0; None chooses.
    max_pixels
        Larger pictures are refused before they are decoded.
    excerpt
        Which frames are handed out; None: all. Those before it are decoded and passed over, so that
        times are exact; what comes after it is not looked at.

    Raises
    ------
    InputError
        On opening or while iterating, on one line: the file, what is wrong, what to do. A file
        that ends before all frames which it declares is an error at the end of the iteration.

    Attributes
    ----------
    path, stream, excerpt
        As given.
    info
        What the file says of itself, with the size of the upright frame.
    decoded_frames
        Frames handed out so far.
    warnings
        Sentences on what is odd but readable. Complete once the iteration has ended.
    """

    info: SourceInfo
    decoded_frames: int
    warnings: list[str]

    def __init__(
        self,
        path: str | Path,
        stream: int | None = None,
        max_pixels: int = MAX_PIXELS,
        excerpt: Excerpt | None = None,
    ) -> None:
        self.path = Path(path)
        self.excerpt = excerpt or Excerpt()
        self._choice = Choice(self.excerpt)
        self.stream, self._max_pixels = stream, max_pixels
        self._given = str(path)
        self.decoded_frames = 0
        self.warnings = []
        self._meter = RateMeter(0.0)
        self._fallback_interval_s: float | None = None
        self._container: InputContainer | None = None
        header = read_header(self.path)
        kind = image_kind(header)
        if kind == "jpeg" and self.path.suffix.lower() in {".mjpg", ".mjpeg"}:
            kind = None  # a raw Motion JPEG stream starts like a single picture
        try:
            self._frames = self._open_video() if kind is None else self._open_image(kind)
        except OSError as error:
            raise unreadable(self.path, error) from error
        if self.info.is_image:
            self._choice = Choice(Excerpt())  # a still picture has no time
        else:
            self.info = self.excerpt.of(self.info)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        for frame in self._frames:
            if self._choice.is_over(frame.timestamp_s):
                self._frames = iter(())  # what comes after it may be damaged
                break
            if self._choice.takes(frame.timestamp_s):
                frame.index = self.decoded_frames
                self.decoded_frames += 1
                self._meter.add(frame.timestamp_s)
                return frame
        if not self.decoded_frames and self._container is not None:
            raise complaint(self.path, f"it has no frame {self.excerpt}", "give other times")
        raise StopIteration

    def close(self) -> None:
        """Release the file; iterating further ends at once."""
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    @property
    def variable_frame_rate(self) -> bool:
        """Whether the timestamps seen so far fit no constant rate (up to 1 ms or one tick)."""
        return self._meter.variable

    @property
    def duration_s(self) -> float:
        """Measured so far: last timestamp minus first plus one typical interval, in seconds.

        For a single frame the interval is the nominal one; 0.0 for an image and before the
        first frame.
        """
        if self.decoded_frames == 0:
            return 0.0
        interval_s = self._meter.typical_interval_s
        if interval_s is None:
            interval_s = self._fallback_interval_s or 0.0
        return self._meter.span_s + interval_s

    def _open_image(self, kind: str) -> Iterator[Frame]:
        pictures = read_images(self.path, kind, self._max_pixels)
        first_s, image = next(pictures)
        second = next(pictures, None)
        height_px, width_px = image.shape[:2]
        self.info = SourceInfo(
            path=self._given,
            width_px=width_px,
            height_px=height_px,
            nominal_fps=None if second is None else 1 / (second[0] - first_s),
            duration_s=None,
            frame_count_hint=1 if second is None else None,
            rotation_deg=0,
            codec=kind,
            is_image=second is None,
        )
        if second is None:
            return iter((Frame(0, 0.0, image),))
        if kind == "tiff":
            self.warnings.append("its pages have no times: one a second is assumed")
        waiting = chain(((first_s, image), second), pictures)
        return (Frame(k, time_s, picture) for k, (time_s, picture) in enumerate(waiting))

    def _open_video(self) -> Iterator[Frame]:
        container = open_container(self.path, self._max_pixels)
        try:
            stream = pick_stream(self.path, container, self.stream, self.warnings)
            decoding = Decoding(self.path, container, stream, self._max_pixels, self.warnings)
            frames = decoding.frames()
            first = next(frames, None)
        except BaseException:
            # Whatever went wrong, an interrupt included, the file must not stay open.
            container.close()
            raise
        if first is None:
            by_name = container.format.name.startswith("image2")  # chosen by the suffix alone
            container.close()
            most = f"{self._max_pixels / 1e6:g} million pixels"
            fault = f"no frame of its video can be decoded, or all have more than {most}"
            raise complaint(self.path, UNKNOWN if by_name else fault, CONVERT)
        self._container = container
        self._meter = RateMeter(float(stream.time_base or 0))
        self._fallback_interval_s = float(decoding.interval)
        fps = stream.guessed_rate or stream.average_rate
        duration_s: float | None = None
        if stream.duration is not None and stream.time_base is not None:
            duration_s = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            duration_s = container.duration / av.time_base
        self.info = SourceInfo(
            path=self._given,
            width_px=first.shape[1],
            height_px=first.shape[0],
            nominal_fps=float(fps) if fps else None,
            duration_s=duration_s,
            frame_count_hint=stream.frames or None,
            rotation_deg=decoding.orientation.rotation_deg,
            codec=stream.codec_context.name,
            is_image=False,
        )
        if not _may_be_picture(container.format.name):
            return _chain(first, frames)
        second = next(frames, None)
        if second is not None:
            return _chain(first, _chain(second, frames))
        self._fallback_interval_s = None
        self.warnings[:] = [text for text in self.warnings if NO_TIMES not in text]
        self.info = replace(
            self.info, nominal_fps=None, duration_s=None, frame_count_hint=1, is_image=True
        )
        return iter((first,))


def _may_be_picture(container: str) -> bool:
    """Whether FFmpeg reads files of pictures by this: JPEG 2000, PPM, TGA, PCX, ICO, GIF, ..."""
    return container.endswith("_pipe") or container in ("image2", "ico", "gif")


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    del first  # an open reader should not hold a frame for its whole life
    yield from rest


def opening_of(settings: Mapping[str, Any]) -> Callable[[str | Path], VideoReader]:
    """What opens a source as it was opened for an analysis with these ``settings``."""
    return partial(
        VideoReader,
        stream=settings.get("stream"),
        max_pixels=settings.get("max_pixels", MAX_PIXELS),
        excerpt=Excerpt(**{name: settings[name] for name in EXCERPT if name in settings}),
    )
