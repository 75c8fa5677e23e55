"""Frames of one number per pixel, 8 or 16 bits: depth, temperature, and the like."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from mien.video.containers import missing_bytes
from mien.video.input_errors import complaint

_WIDE = {"gray16le", "gray16be", "gray9le", "gray10le", "gray12le", "gray14le"}
_NARROW = {"gray", "nv12", "nv21", *(f"yuv{j}{n}p" for j in ("", "j") for n in (420, 422, 444))}
_COPY = "copy or make it again"

GreyImage = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def grey_frames(path: str | Path) -> Iterator[tuple[float, GreyImage]]:
    """Frames of a grey video in the order of the file, one in memory at a time.

    Pictures of 9 to 16 bits come as they are stored. 8-bit ones come as the grey level that a
    player shows, 0 to 255, also where they are stored as brightness and (neutral) color.

    Parameters
    ----------
    path
        The file; its first video stream is read.

    Yields
    ------
    Presentation time in seconds, and uint16 or uint8 (height, width).

    Raises
    ------
    InputError
        If the file cannot be read, is cut short, or holds pictures in color.
    """
    file = Path(path)
    if not file.is_file():
        raise complaint(file, "there is no such file", "check the path")
    try:
        if missing_bytes(file) > 0:
            raise complaint(file, "it is cut short", _COPY)
        yield from _decode(file)
    except av.error.FFmpegError as error:
        raise complaint(file, "this is not a video that can be read", _COPY) from error
    except OSError as error:
        reason = error.strerror or "the system refuses"
        raise complaint(file, f"it cannot be read ({reason})", "check its permissions") from error


def _decode(file: Path) -> Iterator[tuple[float, GreyImage]]:
    with av.open(f"file:{file}") as container:
        if not container.streams.video:
            raise complaint(file, "it holds no video", "give a file with a video stream")
        stream = container.streams.video[0]
        kind = stream.codec_context.pix_fmt or "unknown"
        if kind not in _WIDE | _NARROW:
            fault = f"its pictures are {kind}; expected grey ones of 8 to 16 bits"
            raise complaint(file, fault, "store one number per pixel, for example as gray16le")
        count, before = 0, -float("inf")
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                raise complaint(file, f"frame {count} has no time", _COPY)
            time_s = float(frame.pts * frame.time_base)
            if time_s <= before:
                raise complaint(file, f"the time of frame {count} does not increase", _COPY)
            if kind in _WIDE:
                yield time_s, np.asarray(frame.to_ndarray(), np.uint16)
            else:
                yield time_s, np.asarray(frame.to_ndarray(format="gray"), np.uint8)
            count, before = count + 1, time_s
        if not count:
            raise complaint(file, "it holds no frame", _COPY)
