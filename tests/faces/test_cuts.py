from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.faces.cuts import SceneCutDetector
from mien.types import ImageArray
from mien.video import VideoReader


def scene(seed: int, shift: int = 0) -> ImageArray:
    """A smooth random picture, moved sideways by ``shift`` pixels."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 12, 3)).astype(np.float64)
    large = np.kron(coarse, np.ones((20, 20, 1)))  # (120, 240, 3)
    return np.ascontiguousarray(large[:, 40 + shift : 200 + shift]).astype(np.uint8)


def cuts(images: list[ImageArray], fps: float = 30) -> list[int]:
    detector = SceneCutDetector()
    return [k for k, image in enumerate(images) if detector.update(image, k / fps)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pexels_portrait.mp4", 0),
        ("single_face.mp4", 0),
        ("no_face.mp4", 0),
        ("face_then_none.mov", 1),  # itself two clips, one after the other
    ],
)
@pytest.mark.parametrize("every", [1, 5])
def test_real_videos(shared_data: Path, name: str, expected: int, every: int) -> None:
    detector, found = SceneCutDetector(), 0
    with VideoReader(shared_data / "videos" / name) as reader:
        for frame in reader:
            if frame.index % every == 0:
                found += detector.update(frame.image, frame.timestamp_s)
    assert found == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("pexels_portrait.mp4", "single_face.mp4"),
        ("single_face.mp4", "pexels_portrait.mp4"),
        ("no_face.mp4", "pexels_portrait.mp4"),
        ("single_face.mp4", "no_face.mp4"),
    ],
)
def test_spliced_clips(shared_data: Path, first: str, second: str) -> None:
    images = []
    for name in (first, second):
        with VideoReader(shared_data / "videos" / name) as reader:
            images += [next(reader).image for _ in range(40)]
    assert cuts(images) == [40]


def test_synthetic_splice() -> None:
    assert cuts([scene(0)] * 10 + [scene(1)] * 10 + [scene(2)] * 10) == [10, 20]


@pytest.mark.parametrize("flash", [0, 255])
def test_a_blank_flash_is_no_cut(flash: int) -> None:
    blank = np.full_like(scene(0), flash)
    assert cuts([scene(0)] * 10 + [blank] + [scene(0)] * 10) == []
    assert cuts([scene(0)] * 10 + [blank] * 5 + [scene(1)] * 10) == [15]


def test_flicker_and_exposure_are_no_cuts() -> None:
    base = scene(3).astype(np.float64)
    images = [
        np.clip(base * (0.5 + 0.3 * (k % 2)) + 20 * (k % 3), 0, 255).astype(np.uint8)
        for k in range(40)
    ]
    assert cuts(images) == []


def test_a_fast_pan_is_no_cut() -> None:
    assert cuts([scene(4, shift) for shift in range(-36, 36, 6)]) == []


def test_noise_in_the_dark_is_no_cut() -> None:
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 40, (120, 160, 3), dtype=np.uint8) for _ in range(40)]
    assert cuts(images) == []


def test_size_may_change_at_a_cut() -> None:
    assert cuts([scene(0)] * 5 + [scene(1)[:60, :90]] * 5) == [5]


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        SceneCutDetector().update(np.zeros((4, 4, 3)), 0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be finite"):
        SceneCutDetector().update(scene(0), float("nan"))
