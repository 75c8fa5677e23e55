"""Measurements land where the color crop has the same thing, and holes stay holes."""

from __future__ import annotations

import numpy as np
import pytest

from mien.faces.align import TEMPLATE, align
from mien.faces.stream_crop import crop_matrix, cut_measured, scaling_matrix


def landmarks(scale: float, shift: tuple[float, float], angle: float = 0.0) -> np.ndarray:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return ((TEMPLATE - 56) @ turn.T * scale + 56 * scale + shift).astype(np.float32)


def scene(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (125 + 50 * np.sin(x / width * 9) + 50 * np.cos(y / height * 7)).astype(np.float32)


@pytest.mark.parametrize("scale", [0.4, 1.0, 1.7, 3.5])
def test_crops_agree_with_color(scale: float) -> None:
    picture = scene(480, 640)
    points = landmarks(scale, (120, 30), 0.2)
    color = align(np.repeat(picture[:, :, None], 3, 2).astype(np.uint8), points)[:, :, 0]
    crop = cut_measured(picture, crop_matrix(points))
    inside = np.isfinite(crop)
    assert inside.mean() > 0.9 and crop.dtype == np.float32
    assert np.abs(crop[inside] - color[inside]).max() < 3


def test_another_size_of_the_same_view_gives_the_same_crop() -> None:
    points = landmarks(2.0, (200, 100))
    large, small = scene(480, 640), scene(240, 320)
    whole = cut_measured(large, crop_matrix(points))
    other = cut_measured(small, crop_matrix(points) @ scaling_matrix((320, 240), (640, 480)))
    assert np.abs(whole - other).max() < 3


def test_a_homography_is_followed() -> None:
    """A picture moved by 40 px and one that is told so are the same."""
    points = landmarks(1.5, (150, 90))
    picture = scene(480, 640)
    moved = np.full_like(picture, np.nan)
    moved[:, :-40] = picture[:, 40:]
    told = np.array([[1, 0, 40.0], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(
        cut_measured(moved, crop_matrix(points) @ told),
        cut_measured(picture, crop_matrix(points)),
        atol=1e-3,
    )


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_holes_stay_holes_and_do_not_bleed(scale: float) -> None:
    picture = np.full((480, 640), 800, np.float32)
    points = landmarks(scale, (20, 10))
    left = int(points[:, 0].min())
    picture[:, :left] = np.nan
    crop = cut_measured(picture, crop_matrix(points))
    known = crop[np.isfinite(crop)]
    np.testing.assert_allclose(known, 800, rtol=1e-5)
    assert np.isnan(crop[:, :30]).all() and np.isfinite(crop[10:100, 45:105]).all()
    beyond = cut_measured(picture, crop_matrix(points + np.float32(2000)))
    assert np.isnan(beyond).all()


def test_shapes_that_are_wrong() -> None:
    with pytest.raises(ValueError, match=r"need \(h, w\) and \(3, 3\)"):
        cut_measured(np.zeros((3, 4, 1), np.float32), np.eye(3))
