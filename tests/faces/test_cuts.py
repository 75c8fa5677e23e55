from __future__ import annotations

from pathlib import Path

import cv2
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


def mixed(one: list[ImageArray], other: list[ImageArray], start: int, length: int) -> list[int]:
    """Where cuts are found in a dissolve of moving shots."""
    shown = []
    for k, (a, b) in enumerate(zip(one, other, strict=True)):
        share = np.clip((k - start) / length, 0, 1)
        shown.append(np.round((1 - share) * a + share * b.astype(float)).astype(np.uint8))
    return cuts(shown)


@pytest.mark.parametrize("length", [8, 12, 20, 30])
@pytest.mark.parametrize("seed", range(4))
def test_a_dissolve_is_one_cut(length: int, seed: int) -> None:
    one = [scene(seed, round(3 * np.sin(k / 9))) for k in range(80)]
    found = mixed(one, [scene(seed + 50)] * 80, 25, length)
    assert len(found) == 1 and 25 + length // 4 <= found[0] <= 29 + length


@pytest.mark.parametrize("length", [10, 25])
def test_a_dissolve_of_real_shots_is_one_cut(shared_data: Path, length: int) -> None:
    shots = []
    for name in ("pexels_portrait.mp4", "single_face.mp4"):
        with VideoReader(shared_data / "videos" / name) as reader:
            shots.append([cv2.resize(next(reader).image, (320, 180)) for _ in range(70)])
    assert len(mixed(*shots, 20, length)) == 1


def test_a_shot_that_fades_grows_or_turns_is_no_dissolve() -> None:
    base = scene(7)
    fades = [np.round(base * (1 - k / 45)).astype(np.uint8) for k in range(40)]
    grows = [cv2.resize(base[k : 120 - k, k : 160 - k], (160, 120)) for k in range(40)]
    turn = [cv2.getRotationMatrix2D((80, 60), k, 1) for k in range(60)]
    turns = [cv2.warpAffine(base, one, (160, 120), borderMode=cv2.BORDER_REFLECT) for one in turn]
    assert cuts(fades) == cuts(grows) == cuts(turns) == []


def test_size_may_change_at_a_cut() -> None:
    assert cuts([scene(0)] * 5 + [scene(1)[:60, :90]] * 5) == [5]


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        SceneCutDetector().update(np.zeros((4, 4, 3)), 0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be finite"):
        SceneCutDetector().update(scene(0), float("nan"))
