"""Reads a video, or an image as a video of one frame, with the stream's own timestamps."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from mien.errors import InputError
from mien.types import Frame, ImageArray, SourceInfo
from mien.video.containers import has_moov, is_mp4, missing_bytes
from mien.video.images import image_kind, read_image
from mien.video.input_errors import complaint
from mien.video.orientation import Orientation, frame_orientation
from mien.video.rate import RateMeter

_HEADER_BYTES = 32
_DEFAULT_INTERVAL = Fraction(1, 25)  # what FFmpeg itself assumes of raw streams
_COPY = "copy or download it again"
_UNKNOWN = "this is not a video or image that can be read"
_CONVERT = "give a video or image file, or convert it to mp4 (H.264)"
# Demuxers that take a text for a list of other files, and decoders that paint a text as pictures.
_PLAYLISTS = frozenset({"hls", "concat", "dash", "imf"})
_TEXT_CODECS = frozenset({"ansi", "bintext", "xbin", "idf"})
_COVER = Disposition.attached_pic | Disposition.timed_thumbnails
# Sample aspect ratios this near to 1 are rounding; ones this far from 1 are damage.
_SQUARE_ENOUGH = 0.02
_ASPECT_AT_MOST = 4
# Transfer functions of high dynamic range: SMPTE ST 2084 (PQ) and ARIB STD-B67 (HLG).
_HDR_TRANSFERS = frozenset({16, 18})


class VideoReader:
    """Iterates once over the frames of a video or image file, in constant memory.

    Opening decodes the first frame, so that a file which cannot be read fails here and not
    later. Use it as a context manager, or call `close`.

    - **Frames** are uint8 (height, width, 3) RGB and upright: the display matrix of phone
      videos is applied, mirroring included, as is the EXIF orientation of images. Pixels that
      are not square are made square by enlarging the shorter side, since a squashed face would
      be read wrongly. High dynamic range is not tone-mapped (there is a warning).
    - **Timestamps** are ``pts * time_base`` of the frame, correctly rounded to float64, and need
      not start at 0. A frame without a presentation time takes its decoding time or, where that
      is missing too, the previous timestamp plus the nominal interval; a warning says so.
    - **Images** (JPEG, PNG, BMP, WebP, TIFF, judged by content) are one frame at 0.0 s.
    - Of several video streams the default one is read, then the largest; cover art is not video.

    Parameters
    ----------
    path
        A regular file.

    Raises
    ------
    InputError
        On opening or while iterating, on one line: the file, what is wrong, what to do. A file
        that ends before all frames which it declares is an error at the end of the iteration.

    Attributes
    ----------
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

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._given = str(path)
        self.decoded_frames = 0
        self.warnings = []
        self._meter = RateMeter(0.0)
        self._fallback_interval_s: float | None = None
        self._container: InputContainer | None = None
        header = _read_header(self._path)
        kind = image_kind(header)
        if kind == "jpeg" and self._path.suffix.lower() in {".mjpg", ".mjpeg"}:
            kind = None  # a raw Motion JPEG stream starts like a single picture
        try:
            self._frames = self._open_video(header) if kind is None else self._open_image(kind)
        except OSError as error:
            raise _unreadable(self._path, error) from error

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
        frame = next(self._frames)
        self.decoded_frames += 1
        self._meter.add(frame.timestamp_s)
        return frame

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
        image = read_image(self._path, kind)
        height_px, width_px = image.shape[:2]
        self.info = SourceInfo(
            path=self._given,
            width_px=width_px,
            height_px=height_px,
            nominal_fps=None,
            duration_s=None,
            frame_count_hint=1,
            rotation_deg=0,
            codec=kind,
            is_image=True,
        )
        return iter((Frame(0, 0.0, image),))

    def _open_video(self, header: bytes) -> Iterator[Frame]:
        container = _open_container(self._path, header)
        try:
            stream = _pick_stream(self._path, container)
            decoding = _Decoding(self._path, container, stream, self.warnings)
            frames = decoding.frames()
            first = next(frames, None)
        except BaseException:
            # Whatever went wrong, an interrupt included, the file must not stay open.
            container.close()
            raise
        if first is None:
            by_name = container.format.name.startswith("image2")  # chosen by the suffix alone
            container.close()
            fault = _UNKNOWN if by_name else "no frame of its video can be decoded"
            raise complaint(self._path, fault, _CONVERT)
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
            width_px=first.image.shape[1],
            height_px=first.image.shape[0],
            nominal_fps=float(fps) if fps else None,
            duration_s=duration_s,
            frame_count_hint=stream.frames or None,
            rotation_deg=decoding.orientation.rotation_deg,
            codec=stream.codec_context.name,
            is_image=False,
        )
        return _chain(first, frames)


class _Decoding:
    """The decoding of one stream: pixels, timestamps, and what they say about damage."""

    def __init__(
        self, path: Path, container: InputContainer, stream: VideoStream, warnings: list[str]
    ) -> None:
        self._path = path
        self._container = container
        self._stream = stream
        self._warnings = warnings
        self._said: set[str] = set()
        self._last: Fraction | None = None
        self._first_size: tuple[int, int] | None = None
        self._rotation: int | None = None
        self._aspect = _sample_aspect(stream)
        self._corrupt = 0
        self._whole_packets = 0
        self._early_errors = 0
        self.orientation = Orientation()
        rate = stream.guessed_rate or stream.average_rate
        self.interval = 1 / rate if rate else _DEFAULT_INTERVAL
        stream.thread_type = "AUTO"

    def frames(self) -> Iterator[Frame]:
        """Yield upright frames; raise `InputError` on damage, at its place in the stream."""
        index = 0
        for decoded in self._decoded():
            timestamp = self._timestamp(decoded)
            if self._last is not None and timestamp <= self._last:
                self._say("time", "its timestamps do not always increase")
            self._last = timestamp
            if decoded.is_corrupt:
                self._corrupt += 1
            yield Frame(index, float(timestamp), self._upright(decoded))
            index += 1
        if self._corrupt:
            self._warnings.append(f"{self._corrupt} of {index} frames were damaged and mended")
        self._check_complete()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Yield the decoder's frames, with PyAV's errors turned into ours."""
        started = False
        try:
            for packet in self._container.demux(self._stream):
                if packet.size and not packet.is_corrupt:
                    self._whole_packets += 1
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    # A recording that starts in mid-stream has packets whose references are
                    # missing: they are passed over. Later ones would leave a silent hole.
                    if started:
                        raise
                    self._early_errors += 1
                    continue
                for frame in frames:
                    started = True
                    yield frame
        except av.error.FFmpegError as error:
            if self._missing_bytes():
                raise self._cut_short() from error
            where = "at its start" if self._last is None else f"after {float(self._last):.3f} s"
            raise complaint(self._path, f"its video is damaged {where}", _COPY) from error
        if started and self._early_errors:
            self._warnings.append(
                f"{self._early_errors} undecodable packets before the first frame were skipped"
            )

    def _timestamp(self, frame: av.VideoFrame) -> Fraction:
        """Time of ``frame`` in seconds, exact."""
        time_base = frame.time_base or self._stream.time_base
        if frame.pts is not None and time_base:
            return frame.pts * Fraction(time_base)
        if frame.dts is not None and time_base:
            self._say("pts", "some frames have no presentation time: decoding times are used")
            return frame.dts * Fraction(time_base)
        self._say("pts", "some frames have no presentation time: the nominal rate is used")
        return Fraction(0) if self._last is None else self._last + self.interval

    def _upright(self, frame: av.VideoFrame) -> ImageArray:
        """Convert to RGB uint8 with square pixels and turn upright: (height, width, 3)."""
        if self._rotation != frame.rotation:
            self._rotation = frame.rotation
            self.orientation = frame_orientation(frame)
        if self._first_size is None:
            self._first_size = (frame.width, frame.height)
        elif self._first_size != (frame.width, frame.height):
            self._say("size", "the size of its frames changes on the way")
        if self._stream.codec_context.color_trc in _HDR_TRANSFERS:
            self._say("hdr", "it is of high dynamic range, which is read without tone mapping")
        width_px, height_px = frame.width, frame.height
        if self._aspect > 1:
            width_px = round(width_px * self._aspect)
        elif self._aspect < 1:
            height_px = round(height_px / self._aspect)
        image = frame.to_ndarray(format="rgb24", width=width_px, height=height_px)
        return self.orientation.apply(np.asarray(image, dtype=np.uint8))

    def _check_complete(self) -> None:
        """Tell a file that was cut short from one that is merely trimmed by an edit list."""
        missing = self._missing_bytes()
        declared = self._stream.frames
        if not missing:
            # What an edit list hides is still read; a damaged index loses frames without a word.
            if self._whole_packets < declared:
                self._warnings.append(
                    f"its index is damaged: {self._whole_packets} of {declared} frames are there"
                )
            return
        if declared and self._whole_packets >= declared:
            # All of the video came before the cut: sound, an index or a trailer is missing.
            self._warnings.append(f"its last {missing} bytes are missing, but no video frame is")
            return
        raise self._cut_short()

    def _cut_short(self) -> InputError:
        declared = self._stream.frames
        count = f": {self._whole_packets} of {declared} frames are there" if declared else ""
        return complaint(self._path, f"it is cut short{count}", _COPY)

    def _missing_bytes(self) -> int:
        try:
            return missing_bytes(self._path)
        except OSError as error:
            raise _unreadable(self._path, error) from error

    def _say(self, topic: str, sentence: str) -> None:
        """Warn once per topic."""
        if topic not in self._said:
            self._said.add(topic)
            self._warnings.append(sentence)


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    del first  # an open reader should not hold a frame for its whole life
    yield from rest


def _read_header(path: Path) -> bytes:
    """First bytes of a regular, non-empty file; `InputError` on anything else."""
    try:
        if path.is_dir():
            raise complaint(path, "this is a folder", "name the video files in it")
        if not path.exists():
            raise complaint(path, "there is no such file", "check the path")
        if not path.is_file():
            raise complaint(path, "this is not a regular file", "save the video to a file first")
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not header:
        raise complaint(path, "the file is empty", _COPY)
    return header


def _unreadable(path: Path, error: OSError) -> InputError:
    reason = error.strerror or "the system refuses"
    return complaint(path, f"it cannot be read ({reason})", "check its permissions and the disk")


def _open_container(path: Path, header: bytes) -> InputContainer:
    try:
        # The prefix keeps names such as "concat:a" or "take 1: smile.mp4" from being taken for
        # protocols. Damaged metadata must not stop the reading of frames.
        container = av.open(f"file:{path}", mode="r", metadata_errors="replace")
    except av.error.FFmpegError as error:
        if is_mp4(header) and not has_moov(path):
            fault = "it is cut short: its index (moov) is missing"
            raise complaint(path, fault, _COPY) from error
        if is_mp4(header) and missing_bytes(path):
            raise complaint(path, "it is cut short", _COPY) from error
        if isinstance(error, PermissionError):
            raise _unreadable(path, error) from error
        raise complaint(path, _UNKNOWN, _CONVERT) from error
    names = set(container.format.name.split(","))
    if names & _PLAYLISTS:
        container.close()
        raise complaint(path, "this is a playlist, not a video", "name the video files themselves")
    return container


def _pick_stream(path: Path, container: InputContainer) -> VideoStream:
    """Choose the default or else the largest real video stream."""
    candidates = [s for s in container.streams.video if not s.disposition & _COVER]
    codecs = {s.codec_context.name for s in candidates if s.codec_context is not None}
    if codecs & _TEXT_CODECS:
        raise complaint(path, "this is text, not a video", _CONVERT)
    if not candidates:
        sound = any(True for _ in container.streams.audio)
        fault = "it holds sound but no video" if sound else "it holds no video"
        raise complaint(path, fault, "give a file with a video stream")
    readable = [s for s in candidates if s.codec_context is not None]
    if not readable:
        raise complaint(path, "its video codec is unknown", "convert it to mp4 (H.264)")

    def rank(stream: VideoStream) -> tuple[bool, int]:
        return bool(stream.disposition & Disposition.default), stream.width * stream.height

    return max(readable, key=rank)  # the first of equals


def _sample_aspect(stream: VideoStream) -> Fraction:
    """Width of a pixel over its height; 1 where it is unset, rounding or nonsense."""
    aspect = stream.sample_aspect_ratio
    if not aspect or aspect < 0:
        return Fraction(1)
    if abs(aspect - 1) <= _SQUARE_ENOUGH or max(aspect, 1 / aspect) > _ASPECT_AT_MOST:
        return Fraction(1)
    return Fraction(aspect)
