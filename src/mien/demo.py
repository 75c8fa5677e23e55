"""The samples that ship with mien, and the clips that the demo makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import cv2
import numpy as np

from mien.types import ImageArray
from mien.video.writer import write_video

STREAM_FILES = {
    "color": "dark-color.mp4",
    "depth": "dark-depth.mkv",
    "thermal": "dark-thermal.mkv",
    "streams": "dark-streams.json",
}

_FPS = 25
_SIZE_PX = (640, 480)  # width, height of the clip


def sample_image() -> ImageArray:
    """The portrait that ships with mien, uint8 (512, 512, 3), RGB; see assets/astronaut.md."""
    data = resources.files("mien.assets").joinpath("astronaut.jpg").read_bytes()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(image, np.uint8)[:, :, ::-1])


def demo_frames(seconds: float) -> Iterator[ImageArray]:
    """Frames of a camera that moves over the portrait, uint8 (480, 640, 3), at 25 fps."""
    image = sample_image()
    width, height = _SIZE_PX
    count = max(1, round(seconds * _FPS))
    for i in range(count):
        phase = 2 * math.pi * i / count
        zoom = 1.75 + 0.2 * math.sin(phase)
        angle = 4 * math.sin(phase + 1.0)
        center = (230 + 12 * math.cos(phase), 185 + 8 * math.sin(2 * phase))
        matrix = cv2.getRotationMatrix2D(center, angle, zoom)
        matrix[:, 2] += np.array([width / 2 - center[0], height / 2 - center[1]])
        frame = cv2.warpAffine(
            image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        yield frame.astype(np.uint8, copy=False)


def write_demo_streams(folder: Path) -> dict[str, Path]:
    """Write a SYNTHETIC clip in near dark; the files of color, depth, thermal and streams."""
    assets = resources.files("mien.assets")
    folder.mkdir(parents=True, exist_ok=True)
    for name in STREAM_FILES.values():
        (folder / name).write_bytes(assets.joinpath(name).read_bytes())
    return {stream: folder / name for stream, name in STREAM_FILES.items()}


def write_demo_clip(path: Path, seconds: float = 4.0) -> Path:
    """Write the clip as H.264 and return its path."""
    write_video(path, demo_frames(seconds), fps=_FPS)
    return path
