"""A video's pictures put into an mp4 as they are, where every player can show them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from mien.io import atomic_path
from mien.types import Frame
from mien.video.decoding import pick_stream
from mien.video.opening import open_container
from mien.video.reader import VideoReader

_PROFILES = frozenset({"Baseline", "Constrained Baseline", "Main", "High"})
_PIXELS = frozenset({"yuv420p", "yuvj420p"})
_MOST_BYTES_PER_S = 250_000


def copy_pictures(reader: VideoReader, first: Frame, frames: int, most_px: int, to: Path) -> bool:
    """Copy the video stream of a file, without its sound, if it is small and plain enough.

    Parameters
    ----------
    reader
        Of the file.
    first
        Its first frame.
    frames
        How many frames it has.
    most_px
        Longest shorter side.
    to
        An mp4 that is written; its times begin at 0.

    Returns
    -------
    Whether it was written. It is not where the pictures are larger, stored in another way than
    H.264 of 8 bits, turned or out of square, more than 250 kB a second, not all of the file, or
    where packets are damaged or do not have the times of the frames.
    """
    if not _is_upright(first) or min(first.shape) > most_px or not reader.excerpt.is_whole:
        return False
    with open_container(reader.path) as container:
        stream = pick_stream(reader.path, container, reader.stream, [])
        times = _times(stream, container) if _is_plain(stream) else []
        if len(times) != frames or min(times) != _ticks(stream, first):
            return False
        if stream.codec_context.has_b_frames and times == sorted(times):
            return False  # AVI keeps no times: these are made up, in the order of the file
    in_order = sorted(times)
    # Times of decoding are not known in all containers: as late as those of showing allow.
    early = max(shown - time for shown, time in zip(in_order, times, strict=True))
    with (
        open_container(reader.path) as container,
        atomic_path(to) as partial,
        av.open(f"file:{partial}", "w", format="mp4", options={"fflags": "+bitexact"}) as out,
    ):
        stream = pick_stream(reader.path, container, reader.stream, [])
        target = out.add_stream_from_template(stream)
        packets = (packet for packet in container.demux(stream) if packet.size)
        for packet, time, shown in zip(packets, times, in_order, strict=True):
            packet.pts, packet.dts = time - in_order[0], shown - early - in_order[0]
            packet.stream = target
            out.mux(packet)
    return True


def _is_upright(frame: Frame) -> bool:
    """Whether the frame is shown as it is stored."""
    planes = frame.planes
    return planes is not None and bool(np.array_equal(planes.to_upright, np.eye(2, 3)))


def _is_plain(stream: VideoStream) -> bool:
    codec = stream.codec_context
    return codec.name == "h264" and codec.profile in _PROFILES and codec.pix_fmt in _PIXELS


def _times(stream: VideoStream, container: InputContainer) -> list[int]:
    """When the frame of every packet is shown, in ticks; empty where one is damaged or many."""
    times: list[int] = []
    size = 0
    for packet in container.demux(stream):
        if not packet.size:
            continue
        starts_whole = bool(times) or packet.is_keyframe
        if not starts_whole or packet.is_corrupt or packet.is_discard or packet.pts is None:
            return []
        times.append(packet.pts)
        size += packet.size
    span_s = float((max(times, default=0) - min(times, default=0)) * (stream.time_base or 0))
    few = size <= _MOST_BYTES_PER_S * max(1.0, span_s)
    return times if few and len({*times}) == len(times) else []


def _ticks(stream: VideoStream, frame: Frame) -> int:
    return round(frame.timestamp_s / (stream.time_base or 1))
