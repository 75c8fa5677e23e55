"""Frames in other sizes and formats, by FFmpeg's scaler, without its threads.

PyAV makes a scaler for every frame, with threads of its own: that takes many times as long as the
scaling of one frame.
"""

from __future__ import annotations

import threading
from typing import Any

import av
from av.video.reformatter import VideoReformatter

_MOST_SCALERS = 8

_of_thread = threading.local()


def _one_thread() -> dict[str, int]:
    """The argument that newer versions of PyAV take; older ones have no threads here."""
    try:
        VideoReformatter().reformat(av.VideoFrame(2, 2, "rgb24"), format="gray", threads=1)
    except TypeError:
        return {}
    return {"threads": 1}


_ONE_THREAD = _one_thread()


def scaled(frame: av.VideoFrame, width: int, height: int, kind: str, **how: Any) -> av.VideoFrame:
    """A frame in another size or pixel format.

    Parameters
    ----------
    frame
        The frame.
    width, height
        New size in pixels.
    kind
        FFmpeg's name of the pixel format.
    how
        As of PyAV's ``VideoReformatter.reformat``.
    """
    scalers: dict[Any, VideoReformatter] = _of_thread.__dict__.setdefault("scalers", {})
    key = (frame.width, frame.height, frame.format.name, width, height, kind, *how.items())
    if key not in scalers:
        if len(scalers) >= _MOST_SCALERS:
            scalers.clear()
        scalers[key] = VideoReformatter()
    return scalers[key].reformat(frame, width, height, kind, **how, **_ONE_THREAD)
