from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import InputError
from mien.types import ImageArray
from mien.video import VideoReader
from video_helpers import numbered_frames


def save(path: Path, image: np.ndarray, kind: str) -> None:
    """Write an array that is already in OpenCV's channel order."""
    ok, data = cv2.imencode(f".{kind}", image)
    assert ok
    path.write_bytes(data.tobytes())


def read_one(path: Path) -> tuple[VideoReader, ImageArray]:
    with VideoReader(path) as reader:
        frames = list(reader)
    assert len(frames) == 1
    assert frames[0].timestamp_s == 0.0
    assert frames[0].image.dtype == np.uint8
    return reader, frames[0].image


@pytest.mark.parametrize("kind", ["jpg", "png", "bmp", "webp", "tiff"])
def test_kinds_by_content(tmp_path: Path, kind: str) -> None:
    rgb = numbered_frames(1)[0]
    path = tmp_path / "снимок.dat"  # neither an ASCII name nor a telling suffix
    save(path, rgb[..., ::-1], kind)
    reader, image = read_one(path)
    if kind in {"png", "bmp", "tiff"}:
        np.testing.assert_array_equal(image, rgb)
    else:
        # Away from the edges of the four fields, lossy codecs are near.
        np.testing.assert_allclose(image[8, 8].astype(int), (255, 0, 0), atol=12)
        np.testing.assert_allclose(image[8, -8].astype(int), (0, 255, 0), atol=12)
    assert reader.info.is_image
    assert (reader.info.height_px, reader.info.width_px) == rgb.shape[:2]
    assert reader.info.frame_count_hint == reader.decoded_frames == 1
    assert reader.variable_frame_rate is False
    assert reader.duration_s == 0.0


def test_grey_alpha_and_16_bit(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    grey = np.arange(12 * 9, dtype=np.uint8).reshape(12, 9)
    save(path, grey, "png")
    np.testing.assert_array_equal(read_one(path)[1], np.repeat(grey[..., None], 3, axis=2))
    save(path, np.dstack([grey, grey, grey, np.full_like(grey, 7)]), "png")
    np.testing.assert_array_equal(read_one(path)[1], np.repeat(grey[..., None], 3, axis=2))
    deep = grey.astype(np.uint16) * 257
    save(path, deep, "png")
    assert np.abs(read_one(path)[1].astype(int) - grey[..., None]).max() <= 1
    save(path, np.dstack([deep, deep, deep]), "png")
    assert np.abs(read_one(path)[1].astype(int) - grey[..., None]).max() <= 1


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda image: image),
        (2, lambda image: image[:, ::-1]),
        (3, lambda image: np.rot90(image, 2)),
        (4, lambda image: image[::-1]),
        (5, lambda image: image.transpose(1, 0, 2)),
        (6, lambda image: np.rot90(image, -1)),
        (7, lambda image: np.rot90(image, 2).transpose(1, 0, 2)),
        (8, lambda image: np.rot90(image, 1)),
    ],
)
def test_exif_orientation(tmp_path: Path, orientation: int, upright) -> None:
    rgb = numbered_frames(1, 32, 48)[0]
    path = tmp_path / "photo.jpg"
    save(path, rgb[..., ::-1], "jpg")
    plain = read_one(path)[1]
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    data = path.read_bytes()
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path.write_bytes(data[:2] + segment + data[2:])
    reader, image = read_one(path)
    np.testing.assert_array_equal(image, upright(plain))
    assert (reader.info.height_px, reader.info.width_px) == image.shape[:2]


@pytest.mark.parametrize("kind", ["jpg", "png", "bmp", "webp"])
def test_cut_short(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"image.{kind}"
    save(path, numbered_frames(1)[0], kind)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(InputError, match="image is cut short; copy it again"):
        VideoReader(path)


@pytest.mark.parametrize(("kind", "at"), [("png", 12), ("png", 60), ("tiff", 4)])
def test_broken(tmp_path: Path, kind: str, at: int) -> None:
    path = tmp_path / f"image.{kind}"
    save(path, numbered_frames(1)[0], kind)
    data = bytearray(path.read_bytes())
    data[at : at + 4] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"(is damaged|cannot be decoded); export it again"):
        VideoReader(path)


def test_heif_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "phone.heic"
    path.write_bytes(struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(100))
    with pytest.raises(InputError, match=r"HEIF image cannot be decoded.*convert it to JPEG"):
        VideoReader(path)
