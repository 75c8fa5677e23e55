"""Decoding of one stream of a container: upright pixels, times, and what is said about damage."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from mien.errors import InputError
from mien.types import Frame
from mien.video.clock import Clock
from mien.video.containers import missing_bytes, track_matrix
from mien.video.input_errors import complaint, too_large
from mien.video.opening import CONVERT, COPY, unreadable
from mien.video.orientation import Orientation, snapped, turned
from mien.video.planes import planes_of
from mien.video.scaling import scaled

# Decoders that paint a text as pictures.
_TEXT_CODECS = frozenset({"ansi", "bintext", "xbin", "idf"})
_COVER = Disposition.attached_pic | Disposition.timed_thumbnails
# Sample aspect ratios this near to 1 are rounding; ones this far from 1 are damage.
_SQUARE_ENOUGH = 0.02
_ASPECT_AT_MOST = 4
# Transfer functions of high dynamic range: SMPTE ST 2084 (PQ) and ARIB STD-B67 (HLG).
_HDR_TRANSFERS = frozenset({16, 18})
_MOST_TIMES = 3  # named in a warning
# What PyAV raises, besides its own errors, where a damaged file misleads it.
_MISLED = (AttributeError, IndexError, UnicodeDecodeError, ValueError, OverflowError)


class Decoding:
    """The frames of one stream, once.

    Parameters
    ----------
    path, container, stream
        What is read; the path stands in messages.
    max_pixels
        Larger frames are refused.
    warnings
        Sentences on what is odd are added to it.
    """

    def __init__(
        self,
        path: Path,
        container: InputContainer,
        stream: VideoStream,
        max_pixels: int,
        warnings: list[str],
    ) -> None:
        self._path, self._container, self._stream = path, container, stream
        self._max_pixels, self._warnings = max_pixels, warnings
        self._said: set[str] = set()
        self._first_size: tuple[int, int] | None = None
        self._rotation: int | None = None
        self._aspect = _sample_aspect(stream)
        self._corrupt = self._whole_packets = self._early_errors = 0
        self._lost: list[float | None] = []  # when packets could not be decoded
        self.orientation = Orientation()
        self._clock = Clock(stream, container.format.name, self._say)
        self.interval = self._clock.interval
        self._check_size(stream.width, stream.height)
        stream.thread_type = "AUTO"
        stream.codec_context.options = {"max_pixels": str(max_pixels)}

    def frames(self) -> Iterator[Frame]:
        """Yield upright frames; raise `InputError` on damage, at its place in the stream."""
        index = 0
        for decoded in self._decoded():
            timestamp = self._clock.time(decoded)
            self._corrupt += decoded.is_corrupt
            yield self._upright(index, float(timestamp), decoded)
            index += 1
        if self._corrupt:
            self._warnings.append(f"{self._corrupt} of {index} frames were damaged and mended")
        if index and self._early_errors:
            self._warnings.append(
                f"{self._early_errors} undecodable packets before the first frame were skipped"
            )
        if self._lost:
            self._warnings.append(
                f"{len(self._lost)} of its packets are damaged and were passed over"
                f"{_when(self._lost)}"
            )
        self._clock.report_holes()
        self._check_complete()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Yield the decoder's frames; what cannot be decoded is passed over and counted."""
        started = False
        for packet in self._packets():
            if not packet.size:  # a dropped frame; PyAV would take it for the end
                continue
            self._whole_packets += not packet.is_corrupt
            try:
                frames = packet.decode()
            except (av.error.InvalidDataError, av.error.EOFError, *_MISLED):
                # A recording that starts in mid-stream has packets whose references are missing.
                if started:
                    at = packet.pts if packet.pts is not None else packet.dts
                    self._lost.append(self._clock.seconds(at))
                else:
                    self._early_errors += 1
                continue
            except av.error.FFmpegError as error:
                raise self._damaged() from error
            for frame in frames:
                started = True
                yield frame
        try:
            yield from self._stream.codec_context.decode(None)
        except (av.error.FFmpegError, *_MISLED):
            self._lost.append(None)

    def _packets(self) -> Iterator[av.Packet[VideoStream]]:
        """Packets of the stream, in the order of the file."""
        while True:
            try:
                yield from self._container.demux(self._stream)
                return
            except IndexError:
                continue  # a stream has appeared after opening: the packet is another's
            except (av.error.FFmpegError, *_MISLED) as error:
                if self._missing_bytes():
                    raise self._cut_short() from error
                raise self._damaged() from error

    def _damaged(self) -> InputError:
        last = self._clock.last
        where = "at its start" if last is None else f"after {float(last):.3f} s"
        return complaint(self._path, f"its video is damaged {where}", COPY)

    def _upright(self, index: int, time_s: float, frame: av.VideoFrame) -> Frame:
        """With square pixels and upright; converted to RGB when that is asked for."""
        if self._rotation != frame.rotation:
            self._rotation = frame.rotation
            self.orientation = self._orientation(frame.rotation)
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
        self._check_size(width_px, height_px)
        planes = planes_of(frame, (width_px, height_px), self.orientation)
        if planes is not None:
            return Frame(index, time_s, planes=planes)
        image = scaled(frame, width_px, height_px, "rgb24").to_ndarray()
        return Frame(index, time_s, self.orientation.apply(np.asarray(image, dtype=np.uint8)))

    def _orientation(self, rotation_deg: int) -> Orientation:
        """As the track's header has it, mirroring included; else by the angle of the frame.

        The header is read here and not by PyAV: listing a frame's side data can crash it.
        """
        by_angle = turned(rotation_deg)
        matrix = track_matrix(self._path, self._stream.id)
        by_matrix = by_angle if matrix is None else snapped(*matrix)
        # FFmpeg gives the angle of the first column; a frame may say otherwise than its track.
        agree = (by_matrix.xx, by_matrix.xy) == (by_angle.xx, by_angle.xy)
        return by_matrix if agree else by_angle

    def _check_size(self, width_px: int, height_px: int) -> None:
        if width_px * height_px > self._max_pixels:
            raise too_large(self._path, width_px, height_px, self._max_pixels)

    def _check_complete(self) -> None:
        """Tell a file that was cut short from one that is merely trimmed by an edit list."""
        missing = self._missing_bytes()
        declared = self._stream.frames
        if not missing:
            # What an edit list hides is still read; a damaged index loses frames without a word.
            # The index of AVI counts frames that were dropped in the recording, too.
            if self._whole_packets < declared and self._container.format.name != "avi":
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
        return complaint(self._path, f"it is cut short{count}", COPY)

    def _missing_bytes(self) -> int:
        try:
            return missing_bytes(self._path)
        except OSError as error:
            raise unreadable(self._path, error) from error

    def _say(self, topic: str, sentence: str) -> None:
        """Warn once per topic."""
        if topic not in self._said:
            self._said.add(topic)
            self._warnings.append(sentence)


def pick_stream(
    path: Path, container: InputContainer, number: int | None, warnings: list[str]
) -> VideoStream:
    """Choose the video stream of that number, else the default one, else the largest.

    Raises
    ------
    InputError
        If there is none that can be read, or not that many.
    """
    candidates = [s for s in container.streams.video if not s.disposition & _COVER]
    codecs = {s.codec_context.name for s in candidates if s.codec_context is not None}
    if codecs & _TEXT_CODECS:
        raise complaint(path, "this is text, not a video", CONVERT)
    if not candidates:
        sound = any(True for _ in container.streams.audio)
        fault = "it holds sound but no video" if sound else "it holds no video"
        raise complaint(path, fault, "give a file with a video stream")
    if number is not None:
        if not 0 <= number < len(candidates):
            fault = f"it has no video stream {number}"
            raise complaint(path, fault, f"give one of 0 to {len(candidates) - 1}")
        candidates = candidates[number : number + 1]
    readable = [s for s in candidates if s.codec_context is not None]
    if not readable:
        raise complaint(path, "its video codec is unknown", "convert it to mp4 (H.264)")

    def rank(stream: VideoStream) -> tuple[bool, int]:
        return bool(stream.disposition & Disposition.default), stream.width * stream.height

    chosen = max(readable, key=rank)  # the first of equals
    if len(readable) > 1 and container.format.name != "ico":  # an icon in several sizes
        sizes = [f"{k} ({s.width} x {s.height})" for k, s in enumerate(candidates) if s in readable]
        warnings.append(
            f"it has {len(readable)} video streams: {', '.join(sizes)}; "
            f"{candidates.index(chosen)} is read, --stream chooses another"
        )
    return chosen


def _when(times_s: list[float | None]) -> str:
    known = [f"{time_s:.2f}" for time_s in times_s if time_s is not None]
    more = " and later" if len(known) > _MOST_TIMES else ""
    return f", at {', '.join(known[:_MOST_TIMES])} s{more}" if known else ""


def _sample_aspect(stream: VideoStream) -> Fraction:
    """Width of a pixel over its height; 1 where it is unset, rounding or nonsense."""
    aspect = stream.sample_aspect_ratio
    if not aspect or aspect < 0:
        return Fraction(1)
    if abs(aspect - 1) <= _SQUARE_ENOUGH or max(aspect, 1 / aspect) > _ASPECT_AT_MOST:
        return Fraction(1)
    return Fraction(aspect)
