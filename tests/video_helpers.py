"""Small synthetic pictures and the byte surgery that the tests do on files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from mien.types import ImageArray


def numbered_frames(count: int, height: int = 36, width: int = 52) -> list[ImageArray]:
    """Frames that all differ, with four different corners so that any turn shows."""
    frames = []
    for index in range(count):
        image = np.zeros((height, width, 3), dtype=np.uint8)
        image[: height // 2, : width // 2] = (255, 0, 0)  # upper left: red
        image[: height // 2, width // 2 :] = (0, 255, 0)  # upper right: green
        image[height // 2 :, : width // 2] = (0, 0, 255)  # lower left: blue
        image[..., index % 3] ^= np.uint8(index % 251)
        image[height // 2, width // 2] = index % 256
        frames.append(image)
    return frames


def noise_frames(count: int, height: int = 48, width: int = 64, seed: int = 0) -> list[ImageArray]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Overwrite the matrix of an mp4's only track header: x' = a x + c y, y' = b x + d y.

    y points down, so (0, 1, -1, 0) sends the right to the bottom: a clockwise quarter turn.
    """
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    version = data[at]
    at += 4 + (32 if version == 1 else 20) + 16
    one = 1 << 16
    values = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    assert struct.unpack_from(">9i", data, at)[8] == 1 << 30, "this is not the matrix"
    struct.pack_into(">9i", data, at, *values)
    path.write_bytes(data)


def boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    """Outermost mp4 boxes as (type, start, end)."""
    found, position = [], 0
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        found.append((data[position + 4 : position + 8], position, position + length))
        position += length
    return found
