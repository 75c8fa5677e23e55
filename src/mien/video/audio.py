"""Putting the sound of one file beside the pictures of another."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from mien.errors import OutputError

# What an mp4 may hold as it is; anything else is encoded anew.
_AS_IT_IS = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus"})


def add_audio(video: Path, source: str | Path, shift_s: Fraction | float = 0) -> bool:
    """Add the sound of `source` to `video`, an mp4 with one video stream, in its place.

    Parameters
    ----------
    video
        Is replaced when everything is written, and is as it was if anything fails.
    source
        Of its sound streams the one that players choose is taken.
    shift_s
        Added to the sound's times.

    Returns
    -------
    Whether there was any sound.

    Raises
    ------
    OutputError
        If the sound cannot be read or the file not be written.
    """
    partial = video.with_name(f".{video.stem}.sound{video.suffix}")
    try:
        with av.open(str(source)) as heard:
            track = heard.streams.best("audio")
            if track is None:
                return False
            with av.open(str(video)) as seen, av.open(str(partial), mode="w") as out:
                _merge(seen, heard, track, out, Fraction(shift_s))
        partial.replace(video)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"{video}: the sound of {source} cannot be added ({reason}); the file is without sound"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return True


def _merge(seen: Any, heard: Any, track: Any, out: Any, shift_s: Fraction) -> None:
    """Packets of both in order of time, as a player wants to find them."""
    pictures = seen.streams.video[0]
    to_pictures = out.add_stream_from_template(pictures)
    copied = track.codec_context.name in _AS_IT_IS
    if copied:
        to_sound = out.add_stream_from_template(track)
        sound = _copied(heard, track, to_sound, shift_s)
    else:
        to_sound = out.add_stream("aac", rate=track.codec_context.sample_rate)
        to_sound.layout = track.codec_context.layout
        sound = _encoded(heard, track, to_sound, shift_s)
    waiting = next(sound, None)
    for packet in seen.demux(pictures):
        if packet.dts is None:
            continue
        while waiting is not None and _time_s(waiting) <= _time_s(packet):
            out.mux(waiting)
            waiting = next(sound, None)
        packet.stream = to_pictures
        out.mux(packet)
    while waiting is not None:
        out.mux(waiting)
        waiting = next(sound, None)


def _copied(heard: Any, track: Any, to: Any, shift_s: Fraction) -> Iterator[Any]:
    for packet in heard.demux(track):
        if packet.dts is None or packet.pts is None:
            continue  # the end of the stream, or a packet without a time
        ticks = round(shift_s / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        packet.stream = to
        yield packet


def _encoded(heard: Any, track: Any, to: Any, shift_s: Fraction) -> Iterator[Any]:
    for frame in heard.decode(track):
        if frame.pts is None:
            continue
        frame.pts += round(shift_s / frame.time_base)
        yield from to.encode(frame)
    yield from to.encode(None)


def _time_s(packet: Any) -> Fraction:
    return Fraction(packet.dts) * packet.time_base if packet.dts is not None else Fraction(0)
