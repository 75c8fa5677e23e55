"""Putting the sound of one file beside the pictures of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from mien.io import atomic_path

# What an mp4 may hold as it is; anything else is encoded anew.
_AS_IT_IS = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus"})
_LEAST_MP3_HZ = 16_000  # the mp4 muxer takes no slower mp3
_AAC_RATES_HZ = (
    *(7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200),
    96000,
)
_MOST_CHANNELS = 6


def add_audio(video: Path, source: str | Path, shift_s: Fraction | float = 0) -> str | None:
    """Add the sound of `source` to `video`, an mp4 with one video stream, in its place.

    Sound is worth less than what was found in the pictures, so nothing that is wrong with it is an
    error: `video` then stays as it was.

    Parameters
    ----------
    video
        Is replaced when everything is written.
    source
        Of its sound streams the one that players choose is taken. Parts of it that cannot be
        decoded, or whose time goes back, are left out.
    shift_s
        Added to the sound's times.

    Returns
    -------
    Why there is no sound although `source` has some; None where all is well, or there is none.
    """
    reason = "it cannot be decoded"
    for write in (_copied, _encoded):  # what cannot be copied may still be encoded anew
        try:
            return _rewrite(video, source, Fraction(shift_s), write)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
    return " ".join(reason.split())


_Writer = Callable[[Any, Any, Any, Fraction], Iterator[Any]]


def _rewrite(video: Path, source: str | Path, shift_s: Fraction, write: _Writer) -> str | None:
    # The prefix keeps names such as "10:30.mp4" from being taken for protocols.
    with av.open(f"file:{source}", metadata_errors="replace") as heard:
        if not heard.streams.audio:
            return None
        track = _pick_track(heard)
        if track is None:
            return "its codec is unknown"
        with (
            atomic_path(video) as partial,
            av.open(f"file:{video}") as seen,
            av.open(f"file:{partial}", mode="w", format="mp4") as out,
        ):
            pictures = seen.streams.video[0]
            to_pictures = out.add_stream_from_template(pictures)
            _merge(seen.demux(pictures), to_pictures, write(heard, track, out, shift_s), out)
    return None


def _pick_track(heard: Any) -> Any:
    """The track that players choose, or the first that can be decoded; None if none can."""
    readable = [track for track in heard.streams.audio if track.codec_context is not None]
    best = heard.streams.best("audio")
    chosen = [track for track in readable if best is not None and track.index == best.index]
    return (chosen or readable or [None])[0]


def _merge(pictures: Iterator[Any], to_pictures: Any, sound: Iterator[Any], out: Any) -> None:
    """Packets of both in order of time, as a player wants to find them."""
    waiting = next(sound, None)
    for packet in pictures:
        if packet.dts is None:
            continue  # the end of the stream
        while waiting is not None and _time_s(waiting) <= _time_s(packet):
            out.mux(waiting)
            waiting = next(sound, None)
        packet.stream = to_pictures
        out.mux(packet)
    while waiting is not None:
        out.mux(waiting)
        waiting = next(sound, None)


def _copied(heard: Any, track: Any, out: Any, shift_s: Fraction) -> Iterator[Any]:
    """Packets as they are."""
    name = track.codec_context.codec.canonical_name
    if name not in _AS_IT_IS or (name == "mp3" and track.codec_context.rate < _LEAST_MP3_HZ):
        raise ValueError(f"an mp4 holds no {name}")
    to = out.add_stream_from_template(track)
    last: int | None = None
    for packet in heard.demux(track):
        if packet.dts is None or packet.pts is None or (last is not None and packet.dts <= last):
            continue  # the end of the stream, a packet without a time, or a clock set back
        last = packet.dts
        ticks = round(shift_s / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        packet.stream = to
        yield packet


def _encoded(heard: Any, track: Any, out: Any, shift_s: Fraction) -> Iterator[Any]:
    """Packets of AAC, at the next rate that it knows."""
    have = track.codec_context
    rate = next((one for one in _AAC_RATES_HZ if one >= have.rate), _AAC_RATES_HZ[-1])
    layout = {1: "mono", 2: "stereo"}.get(have.layout.nb_channels, have.layout.name)
    # An order of channels without a name, or of too many of them, cannot be kept.
    if layout.endswith("channels") or have.layout.nb_channels > _MOST_CHANNELS:
        layout = "stereo"
    to = out.add_stream("aac", rate=rate)
    to.layout = layout
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    last_s: Fraction | None = None
    for packet in heard.demux(track):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue  # a damaged stretch is a gap
        for frame in frames:
            if frame.pts is None or frame.time_base is None:
                continue
            time_s = Fraction(frame.pts) * frame.time_base + shift_s
            if last_s is not None and time_s <= last_s:
                continue
            last_s = time_s
            frame.pts = round(time_s / frame.time_base)
            for part in resampler.resample(frame):
                yield from to.encode(part)
    for part in resampler.resample(None):
        yield from to.encode(part)
    yield from to.encode(None)


def _time_s(packet: Any) -> Fraction:
    return Fraction(packet.dts) * packet.time_base if packet.dts is not None else Fraction(0)
