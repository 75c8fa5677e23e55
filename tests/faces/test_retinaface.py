from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.demo import demo_frames, sample_image
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.labels import LANDMARKS
from mien.types import Face


@pytest.fixture(scope="module")
def detector() -> RetinaFaceDetector:
    return RetinaFaceDetector(threads=1)


@pytest.fixture(scope="module")
def face(detector: RetinaFaceDetector) -> Face:
    [face] = detector.detect(sample_image())
    return face


def test_the_sample_has_one_face_with_its_landmarks_in_order(face: Face) -> None:
    assert face.score > 0.9
    assert face.box.dtype == face.landmarks.dtype == np.float32
    points = dict(zip(LANDMARKS, face.landmarks, strict=True))
    x, y, width, height = face.box
    for point in points.values():
        assert x < point[0] < x + width
        assert y < point[1] < y + height
    # Right and left are the person's own: the right eye is on the left of the image.
    assert points["right_eye"][0] < points["nose"][0] < points["left_eye"][0]
    assert points["mouth_right"][0] < points["mouth_left"][0]
    assert points["right_eye"][1] < points["nose"][1] < points["mouth_right"][1]


def test_it_agrees_with_the_package_that_the_weights_are_from(face: Face) -> None:
    retinaface = pytest.importorskip("retinaface")
    [other] = retinaface.detect_faces(np.ascontiguousarray(sample_image()))
    points = np.array([(point.x, point.y) for point in other.landmarks], float)
    np.testing.assert_allclose(face.landmarks, points, atol=1.5)
    box = np.array([other.x, other.y, other.width, other.height], float)
    np.testing.assert_allclose(face.box, box, atol=1.5)
    assert face.score == pytest.approx(other.score, abs=1e-3)


def test_nothing_is_found_where_nothing_is(detector: RetinaFaceDetector) -> None:
    assert detector.detect(np.full((480, 640, 3), 128, np.uint8)) == []


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 2), (1, 2000), (2000, 1), (3, 33), (31, 17), (641, 7)]
)
def test_images_of_any_size_are_looked_at(
    shape: tuple[int, int], detector: RetinaFaceDetector
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector.detect(noise) == []


@pytest.mark.parametrize("factor", [(2, 2), (2.5, 2.5), (0.5, 0.5)])
def test_results_are_in_pixels_of_the_given_image(
    factor: tuple[float, float], face: Face, detector: RetinaFaceDetector
) -> None:
    size = (round(512 * factor[0]), round(512 * factor[1]))
    [other] = detector.detect(cv2.resize(sample_image(), size).astype(np.uint8))
    tolerance = 5 * max(1, factor[0] / 2)
    np.testing.assert_allclose(other.landmarks, face.landmarks * factor, atol=tolerance)
    np.testing.assert_allclose(other.box, face.box * np.tile(factor, 2), atol=2 * tolerance)


def test_each_side_has_its_own_factor() -> None:
    """A strip is shrunk to 256 x 77.06 pixels, which become 77 rows."""
    small = RetinaFaceDetector(max_side_px=256, threads=1)
    image = np.zeros((301, 1000, 3), np.uint8)
    face_part = cv2.resize(sample_image()[20:220, 130:330], (300, 300))
    image[:300, 350:650] = face_part
    [face] = small.detect(image)
    [exact] = RetinaFaceDetector(max_side_px=1000, threads=1).detect(image)
    np.testing.assert_allclose(face.landmarks, exact.landmarks, atol=8)


def test_faces_below_the_least_size_and_score_are_dropped(face: Face) -> None:
    longest = float(face.box[2:].max())
    assert len(RetinaFaceDetector(min_face_px=longest - 1).detect(sample_image())) == 1
    assert RetinaFaceDetector(min_face_px=longest + 1).detect(sample_image()) == []
    assert RetinaFaceDetector(score_threshold=1.0).detect(sample_image()) == []


def test_anchors_are_kept_for_a_few_sizes_only(detector: RetinaFaceDetector) -> None:
    for width in range(40, 60):
        detector.detect(np.zeros((40, width, 3), np.uint8))
    assert len(detector._anchors) <= 8


def test_it_says_what_it_is(detector: RetinaFaceDetector) -> None:
    said = detector.describe()
    assert said["role"] == "detector"
    assert all(said[key] for key in ("name", "version", "license", "trained_on", "caveat"))


def test_every_frame_of_the_demo_has_its_face(detector: RetinaFaceDetector) -> None:
    frames = list(demo_frames(0.4))
    assert [frame.shape for frame in frames] == [(480, 640, 3)] * 10
    assert [len(detector.detect(frame)) for frame in frames] == [1] * 10
