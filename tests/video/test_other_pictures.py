"""Pictures that are no JPEG, PNG, BMP, WebP or TIFF are pictures, too, not videos of one frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.demo import sample_image
from mien.types import ImageArray
from mien.video.reader import VideoReader

PIL = pytest.importorskip("PIL.Image")
SIZE = (96, 64)  # columns, rows


def small() -> ImageArray:
    return cv2.resize(sample_image(), SIZE, interpolation=cv2.INTER_AREA).astype(np.uint8)


@pytest.mark.parametrize(
    ("suffix", "kind", "tolerance"),
    [
        ("jp2", "JPEG2000", 0),
        ("j2k", "JPEG2000", 0),
        ("ppm", "PPM", 0),
        ("pnm", "PPM", 0),
        ("tga", "TGA", 0),
        ("pcx", "PCX", 0),
        ("sgi", "SGI", 0),
        ("gif", "GIF", 8),
        ("jfif", "JPEG", 8),
    ],
)
def test_a_picture_is_a_picture(tmp_path: Path, suffix: str, kind: str, tolerance: float) -> None:
    path = tmp_path / f"face.{suffix}"
    PIL.fromarray(small()).save(path, kind)
    with VideoReader(path) as reader:
        [frame] = list(reader)
        info, duration_s = reader.info, reader.duration_s
    assert info.is_image and info.nominal_fps is None and info.frame_count_hint == 1
    assert (frame.index, frame.timestamp_s, duration_s) == (0, 0.0, 0.0)
    assert np.abs(frame.image.astype(int) - small()).mean() <= tolerance


def test_an_icon_is_its_largest_picture(tmp_path: Path) -> None:
    path = tmp_path / "face.ico"
    PIL.fromarray(sample_image()).save(path, sizes=[(16, 16), (128, 128), (64, 64)])
    with VideoReader(path) as reader:
        [frame] = list(reader)
    assert reader.info.is_image and frame.image.shape == (128, 128, 3)
    assert reader.warnings == []


@pytest.mark.parametrize("pictures", [1, 3])
def test_a_gif_is_a_video_if_it_moves(tmp_path: Path, pictures: int) -> None:
    path = tmp_path / "face.gif"
    first, *others = [PIL.fromarray(np.roll(small(), 9 * k, axis=1)) for k in range(pictures)]
    first.save(path, save_all=True, append_images=others, duration=100)
    with VideoReader(path) as reader:
        frames = list(reader)
    assert len(frames) == pictures and reader.info.is_image == (pictures == 1)
