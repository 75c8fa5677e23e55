"""``player.mp4``: a small copy of the video for the report, 480p, H.264, without sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mien.types import ImageArray
from mien.video.reader import VideoReader
from mien.video.writer import VideoWriter

PLAYER_FILE = "player.mp4"
_HEIGHT_PX = 480
_SHORTEST_STEP_S = 1e-4
_CRF = 30


def write_player(
    source: str | Path,
    folder: Path,
    opening: Callable[[str | Path], VideoReader] = VideoReader,
) -> float | None:
    """Read the source once more and write the small copy.

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
    with opening(source) as reader:
        if reader.info.is_image:
            return None
        start_s, last_s, size = 0.0, -np.inf, None
        fps = reader.info.nominal_fps or 25
        with VideoWriter(folder / PLAYER_FILE, fps=fps, crf=_CRF, reproducible=True) as out:
            for frame in reader:
                if size is None:
                    start_s, size = frame.timestamp_s, _size(frame.image)
                time_s = frame.timestamp_s - start_s
                if time_s > last_s + _SHORTEST_STEP_S:
                    small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
                    out.write(small.astype(np.uint8, copy=False), time_s)
                    last_s = time_s
    return start_s


def _size(image: ImageArray) -> tuple[int, int]:
    """Width and height, even, of at most 480 lines."""
    height, width = image.shape[:2]
    scale = min(1.0, _HEIGHT_PX / min(height, width))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
