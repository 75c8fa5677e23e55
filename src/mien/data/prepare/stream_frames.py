"""Frames of the streams of a recording, and what belongs to which color frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.errors import DataError
from mien.types import Frame
from mien.video import VideoReader
from mien.video.companions.streams import StreamFile

_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
_USUAL_FPS = 25.0  # where a file does not say


def color_frames(stream: StreamFile, fps: float | None) -> Iterator[Frame]:
    """Frames of the color stream, upright, in order of time.

    Parameters
    ----------
    stream
        A video, or a folder of images whose names are frame numbers.
    fps
        Frames per second to keep: the first of each interval ``[k / fps, (k + 1) / fps)``, counted
        from the first frame. None: all.

    Raises
    ------
    InputError
        If a file cannot be read.
    DataError
        If a folder holds no images, or one whose name is no number.
    """
    start_s, before = None, -1
    for frame in _all_frames(stream):
        if start_s is None:
            start_s = frame.timestamp_s
        if fps is not None:
            interval = int((frame.timestamp_s - start_s) * fps + 1e-6)
            if interval == before:
                continue
            before = interval
        yield frame


def color_interval_s(stream: StreamFile) -> float:
    """Time from one frame of the color stream to the next, as the file says.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if stream.fps is not None:
        return 1 / stream.fps
    with VideoReader(stream.path) as reader:
        return 1 / (reader.info.nominal_fps or _USUAL_FPS)


def _all_frames(stream: StreamFile) -> Iterator[Frame]:
    if stream.fps is None:
        before_s = -np.inf
        with VideoReader(stream.path) as reader:
            for frame in reader:
                if frame.timestamp_s > before_s:  # of frames with the same time, the first
                    before_s = frame.timestamp_s
                    yield frame
        return
    for number, path in numbered_images(stream.path):
        with VideoReader(path) as reader:
            yield Frame(number, number / stream.fps, next(reader).image)


def numbered_images(folder: Path) -> list[tuple[int, Path]]:
    """Images of a folder with the frame numbers that are their names, in order.

    Raises
    ------
    DataError
        If there are none, or a name is no number.
    """
    images = [p for p in folder.iterdir() if p.suffix.lower() in _IMAGE_SUFFIXES]
    if not images:
        raise DataError(f"{folder}: holds no images; looked for 00000.png and so on")
    for path in images:
        if not (path.stem.isascii() and path.stem.isdigit()):
            raise DataError(f"{path}: its name is no frame number; expected names like 00000.png")
    return sorted((int(path.stem), path) for path in images)
