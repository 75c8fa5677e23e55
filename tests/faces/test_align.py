from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.faces.align import CROP_SIZE_PX, TEMPLATE, align, similarity
from mien.types import FloatArray, ImageArray


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Umeyama 1991, equations 38 to 43, by singular values, in float64."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.diag([1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(d) @ sign) / a.var(0).sum()
    return np.column_stack([scale * rotation, target.mean(0) - scale * rotation @ source.mean(0)])


def placed(scale: float, degrees: float, x: float, y: float) -> FloatArray:
    """The template's points scaled, turned about their mean and moved to a centre (x, y)."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centred = TEMPLATE - TEMPLATE.mean(0)
    return (scale * centred @ turn.T + (x, y)).astype(np.float32)


def smooth(height: int, width: int) -> ImageArray:
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 41 + k) + np.cos(y / 53 - k) for k in range(3)]
    return (127 + 50 * np.stack(waves, axis=-1)).astype(np.uint8)


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**20),
    count=st.integers(2, 9),
    spread=st.floats(0.1, 500),
    shift=st.floats(-1e4, 1e4),
)
def test_similarity_is_umeyamas(seed: int, count: int, spread: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(count, 2)) * spread + shift
    target = source @ rng.normal(size=(2, 2)) + rng.normal(size=(count, 2))
    matrix = similarity(source, target)
    expected = umeyama(source, target)
    np.testing.assert_allclose(matrix[:, :2], expected[:, :2], rtol=1e-6, atol=1e-7)
    mapped, reference = (m[:, :2] @ source.T + m[:, 2:] for m in (matrix, expected))
    np.testing.assert_allclose(mapped, reference, rtol=1e-6, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(scale=st.floats(0.1, 20), degrees=st.floats(-180, 180), x=st.floats(-500, 500))
def test_a_similarity_is_recovered(scale: float, degrees: float, x: float) -> None:
    points = placed(scale, degrees, x, 70).astype(float)
    matrix = similarity(points, TEMPLATE)
    np.testing.assert_allclose((matrix[:, :2] @ points.T).T + matrix[:, 2], TEMPLATE, atol=1e-3)
    assert np.hypot(matrix[0, 0], matrix[1, 0]) == pytest.approx(1 / scale, rel=1e-3)


def test_there_is_no_mirroring() -> None:
    mirrored = TEMPLATE * np.float32([-1, 1])
    assert np.linalg.det(similarity(mirrored, TEMPLATE)[:, :2]) > 0


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        (np.zeros((5, 2)), TEMPLATE, "all source points coincide"),
        (np.zeros((4, 2)), TEMPLATE, r"need two \(n, 2\) point sets"),
        (np.zeros((5, 3)), np.zeros((5, 3)), r"need two \(n, 2\) point sets"),
        (np.zeros((1, 2)), np.zeros((1, 2)), r"need two \(n, 2\) point sets"),
        (np.full((5, 2), np.nan), TEMPLATE, "landmarks must be finite"),
        (TEMPLATE, np.full((5, 2), np.inf), "landmarks must be finite"),
    ],
)
def test_points_without_a_similarity(source: np.ndarray, target: np.ndarray, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        similarity(source, target)


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.7, 3.0, 6.5])
@pytest.mark.parametrize("degrees", [0, 25, -70])
def test_landmarks_land_on_the_template(scale: float, degrees: float) -> None:
    """Both paths, the plain one and the one that shrinks large faces first."""
    side = int(260 * max(1, scale))
    landmarks = placed(scale, degrees, side / 2 + 0.3, side / 2 - 0.4)
    for point, expected in zip(landmarks, TEMPLATE, strict=True):
        y, x = np.mgrid[0:side, 0:side]
        dot = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * (2.5 * scale) ** 2))
        image = np.repeat((255 * dot).astype(np.uint8)[..., None], 3, axis=2)
        crop = align(image, landmarks)[..., 1].astype(float)
        assert crop.max() > 150
        rows, columns = np.mgrid[0:CROP_SIZE_PX, 0:CROP_SIZE_PX]
        centre = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
        np.testing.assert_allclose(centre, expected, atol=0.3)


@pytest.mark.parametrize("degrees", [0, 35, 170])
@pytest.mark.parametrize("centre", [(500, 420), (120, 150), (870, 750)])
@pytest.mark.parametrize("scale", [2.2, 4.0])
def test_large_faces_agree_with_the_plain_path(
    degrees: float, centre: tuple[int, int], scale: float
) -> None:
    """Also where the crop reaches beyond the image."""
    image = smooth(800, 950)
    landmarks = placed(scale, degrees, *centre)
    plain = cv2.warpAffine(
        image,
        similarity(landmarks, TEMPLATE),
        (CROP_SIZE_PX, CROP_SIZE_PX),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    difference = np.abs(align(image, landmarks).astype(int) - plain.astype(int))
    assert difference.max() <= 6
    assert difference.mean() < 1.2


def test_large_faces_do_not_alias() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (900, 900, 3), dtype=np.uint8)
    crop = align(noise, placed(6.0, 10, 450, 450))
    assert crop.std() < 25  # the noise itself has 74, bilinear samples of it about 50


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_borders_are_repeated(scale: float) -> None:
    image = np.full((400, 400, 3), 90, np.uint8)
    image[:, 0] = (200, 10, 10)
    crop = align(image, placed(scale, 0, 5, 200))
    assert crop.min() > 0  # no black edge
    left = crop[:, :10].reshape(-1, 3).astype(int)
    assert (abs(left - left[0]) <= 1).all()
    assert left[0, 0] > left[0, 1]  # the colour of the rim


@pytest.mark.parametrize("where", [(-900, -900), (5000, 20), (20, 5000)])
@pytest.mark.parametrize("scale", [0.5, 5.0])
def test_faces_beyond_the_image_do_not_fail(where: tuple[int, int], scale: float) -> None:
    crop = align(np.full((50, 60, 3), 33, np.uint8), placed(scale, 0, *where))
    assert crop.shape == (112, 112, 3)
    assert (crop == 33).all()


def test_the_image_and_the_landmarks_stay_as_they_were() -> None:
    image, landmarks = smooth(300, 300), placed(2.6, 5, 150, 150)
    copies = image.copy(), landmarks.copy()
    align(image, landmarks)
    np.testing.assert_array_equal(image, copies[0])
    np.testing.assert_array_equal(landmarks, copies[1])
