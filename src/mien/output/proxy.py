"""``player.mp4``: a small copy of the video for the report, 480p, H.264, without sound."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np

from mien.output.copying import copy_pictures
from mien.video.reader import VideoReader
from mien.video.writer import VideoWriter

PLAYER_FILE = "player.mp4"
_SIDE_PX, _LONGEST_PX = 480, 1920  # of the shorter and the longer side
_SHORTEST_STEP_S = 1e-4
_CRF = 30


def write_player(
    source: str | Path,
    folder: Path,
    frames: int,
    opening: Callable[[str | Path], VideoReader] = VideoReader,
    progress: Callable[[int], object] | None = None,
) -> float | None:
    """Read the source once more and write the small copy, its pictures as they are if they can be.

    Parameters
    ----------
    source
        The video or image.
    folder
        Where ``player.mp4`` is written.
    frames
        How many frames were read of it.
    opening
        Opens the source as it was opened when it was analysed.
    progress
        Called with the number of frames done since the last call.

    Returns
    -------
    Time in the source, in seconds, of the copy's first moment; None, and no file, for an image.

    Raises
    ------
    InputError
        If the source cannot be read any more.
    OutputError
        If the file cannot be written.
    """
    path = folder / PLAYER_FILE
    with opening(source) as reader:
        if reader.info.is_image:
            return None
        first = next(reader)
        start_s = first.timestamp_s
        if copy_pictures(reader, first, frames, _SIDE_PX, path):
            return start_s
        last_s, size = -np.inf, _size(*first.shape)
        fps = reader.info.nominal_fps or 25
        with VideoWriter(path, fps=fps, crf=_CRF, preset="superfast", reproducible=True) as out:
            for frame in chain([first], reader):
                time_s = frame.timestamp_s - start_s
                if time_s > last_s + _SHORTEST_STEP_S:
                    out.write(frame.shrunk(size), time_s)
                    last_s = time_s
                if progress is not None:
                    progress(1)
    return start_s


def _size(height: int, width: int) -> tuple[int, int]:
    """Width and height, even, of at most 480 lines; damaged files claim the strangest sizes."""
    scale = min(1.0, _SIDE_PX / min(height, width), _LONGEST_PX / max(height, width))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
