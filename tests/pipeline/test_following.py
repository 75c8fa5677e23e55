"""Faces that are found once and then followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from face_doubles import CHANNELS, MeanAffect, double_analyzer, run_made
from mien.faces.align import TEMPLATE
from mien.labels import FACE_LANDMARKS
from mien.pipeline.finding.following import DETECT_EVERY_S, begin, five_points, go_on
from mien.types import Face, FaceDetails, FaceEstimates, FloatArray, ImageArray, no_details

FPS = 25
SIZE = 60.0  # of the drawn face's box
SPOT = TEMPLATE[2]  # the nose, where the drawn face is bright


def landmarks_at(shift: np.ndarray) -> FloatArray:
    """26 landmarks whose five points lie at the template plus `shift`, and half a pixel lower."""
    points = np.tile(np.float32([56, 60]), (26, 1))
    for part, (x, y) in zip(
        (("eye_inner_right", "eye_outer_right"), ("eye_inner_left", "eye_outer_left")),
        TEMPLATE[:2],
        strict=True,
    ):
        for name, side in zip(part, (-5, 5), strict=True):
            points[FACE_LANDMARKS.index(name)] = (x + side, y)
    for name, place in zip(("nose_tip", "mouth_right", "mouth_left"), TEMPLATE[2:], strict=True):
        points[FACE_LANDMARKS.index(name)] = place
    return (points + shift + (0, 0.5)).astype(np.float32)


class SpotAffect(MeanAffect):
    """Places landmarks by the bright spot of a crop; without one the quality is 0."""

    details = ("quality", "pose", "landmarks")

    def estimate(self, crops: ImageArray) -> FaceEstimates:
        self.batches.append(len(crops))
        details = no_details(len(crops))
        details.pose_deg[:] = 0
        details.quality[:] = 0
        details.landmarks[:] = landmarks_at(np.zeros(2))
        for k, crop in enumerate(crops[..., 0].astype(float)):
            bright = np.argwhere(crop > 128)
            if len(bright) > 20:
                details.quality[k] = 0.9
                details.landmarks[k] = landmarks_at(bright.mean(axis=0)[::-1] - SPOT)
        return FaceEstimates(np.full((len(crops), CHANNELS), 0.1, np.float32), details)


def drawn(*places: tuple[float, float]) -> ImageArray:
    """A frame with a bright spot where the nose of each face is."""
    image = np.zeros((240, 320, 3), np.uint8)
    y, x = np.mgrid[:240, :320]
    for left, top in places:
        nose = SPOT / 112 * SIZE + (left, top)
        image[np.hypot(x - nose[0], y - nose[1]) < 5] = 255
    return image


def face_at(left: float, top: float) -> Face:
    return Face(
        0.97, np.float32([left, top, SIZE, SIZE]), np.float32(TEMPLATE / 112 * SIZE + (left, top))
    )


def run(path: Callable[[int], list[tuple[float, float]]], frames: int, **settings: Any):
    """Rows, and the frames in which the detector was asked."""
    asked: list[int] = []
    shown = [0]
    analyzer = double_analyzer(lambda _: [], SpotAffect(), **settings)

    def detect(image: ImageArray) -> list[Face]:
        asked.append(shown[0])
        return [face_at(*place) for place in path(shown[0])]

    analyzer.detector.detect = detect

    def picture(index: int) -> ImageArray:
        shown[0] = index
        return drawn(*path(index))

    rows, _ = run_made(analyzer, [k / FPS for k in range(frames)], picture)
    return rows, asked


def moving(index: int) -> list[tuple[float, float]]:
    return [(60 + 1.5 * index, 80 + 0.3 * index)]


def test_a_moving_face_is_followed_to_the_pixel_with_few_detections() -> None:
    rows, asked = run(moving, 75)
    assert [row.face_id for row in rows] == [0] * 75
    assert len(asked) <= 3 / DETECT_EVERY_S + 2
    for row in rows:
        assert row.face is not None
        truth = face_at(*moving(row.frame)[0])
        assert np.abs(row.face.landmarks - truth.landmarks).max() < 1.0
        assert np.abs(row.face.box - truth.box).max() < 1.5
        assert row.face.score == pytest.approx(0.97)


def test_every_asks_in_every_frame() -> None:
    _, asked = run(moving, 20, detect="every")
    assert asked == list(range(20))
    with pytest.raises(ValueError, match="detect is one of"):
        run(moving, 1, detect="never")


def test_a_face_that_leaves_is_gone_in_the_same_frame() -> None:
    rows, asked = run(lambda k: moving(k) if k < 33 else [], 60)
    assert [row.face_id for row in rows] == [0] * 33 + [None] * 27
    assert 33 in asked
    assert len([k for k in asked if k > 33]) <= 27 / FPS / DETECT_EVERY_S + 2


def test_a_new_face_is_found_soon_and_the_first_goes_on() -> None:
    both = [(200.0, 60.0)]
    rows, _ = run(lambda k: moving(0) + (both if k >= 31 else []), 60)
    first = [row.frame for row in rows if row.face_id == 1]
    assert 31 <= first[0] <= 31 + FPS * 0.3 and first == list(range(first[0], 60))
    assert [row.frame for row in rows if row.face_id == 0] == list(range(60))


def test_a_face_that_jumps_is_looked_for_at_once() -> None:
    rows, asked = run(lambda k: [(60.0 + 12 * (k >= 30), 80.0)], 40)
    assert 30 in asked
    for row in rows:
        truth = face_at(60.0 + 12 * (row.frame >= 30), 80.0)
        assert row.face is not None
        assert np.abs(row.face.landmarks - truth.landmarks).max() < 1.0


def test_an_extractor_without_landmarks_is_not_followed() -> None:
    asked = [0]
    analyzer = double_analyzer(lambda _: [face_at(60, 80)], MeanAffect())
    rows, _ = run_made(analyzer, [k / FPS for k in range(20)], lambda _: drawn((60, 80)))
    asked[0] = analyzer.detector.calls
    assert asked[0] == 20 and len(rows) == 20


def test_a_frame_is_read_once_unless_in_doubt() -> None:
    analyzer = double_analyzer(lambda _: [face_at(60, 80)], SpotAffect())
    run_made(analyzer, [k / FPS for k in range(50)], lambda _: drawn((60, 80)))
    assert analyzer.affect.batches == [1] * 50


def details(landmarks: FloatArray, quality: float = 0.9, yaw: float = 0.0) -> FaceDetails:
    found = no_details()
    found.landmarks[:] = landmarks
    found.pose_deg[:] = (yaw, 0, 0)
    return FaceDetails(
        np.float32(quality), found.pose_deg, found.eye_open, found.gaze_deg, found.au_intensity,
        found.landmarks,
    )  # fmt: skip


@given(
    angle=st.floats(-0.6, 0.6), scale=st.floats(0.5, 3), shift=st.floats(-8, 8)
)  # a moving, turning, growing face
def test_the_difference_to_the_detector_turns_and_grows_with_the_face(
    angle: float, scale: float, shift: float
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def moved(points: np.ndarray) -> FloatArray:
        return ((points - 56) @ turn.T + 200 + shift).astype(np.float32)

    own = landmarks_at(np.zeros(2))
    found = Face(0.9, np.float32([10, 10, 90, 90]), np.float32(TEMPLATE + [[0, 2]] * 5))
    one = begin(found, details(own), None)
    assert one is not None
    expected = moved(found.landmarks)
    then = go_on(one, details(moved(own)), expected)
    assert then is not None
    np.testing.assert_allclose(then.face.landmarks, expected, atol=0.02 * scale)
    np.testing.assert_allclose(then.face.box[2:], 90 * scale, rtol=1e-3)


def test_doubt() -> None:
    own = landmarks_at(np.zeros(2))
    found = Face(0.9, np.float32([10, 10, 90, 90]), TEMPLATE.copy())
    one = begin(found, details(own), None)
    assert one is not None and go_on(one, details(own), TEMPLATE) is not None
    assert begin(found, details(own, quality=0.3), None) is None
    assert begin(found, details(np.full_like(own, np.nan)), None) is None
    assert go_on(one, details(own, quality=0.3), TEMPLATE) is None
    assert go_on(one, details(own, yaw=70), TEMPLATE) is None
    assert go_on(one, details(own), TEMPLATE + 20) is None  # the crop missed it
    bent = own.copy()
    bent[FACE_LANDMARKS.index("mouth_right")] += 40
    assert go_on(one, details(bent), TEMPLATE) is None
    assert go_on(one, details(np.full_like(own, 5.0)), TEMPLATE) is None  # all points coincide


def test_the_five_points_are_those_of_the_face() -> None:
    np.testing.assert_allclose(
        five_points(landmarks_at(np.zeros(2))), TEMPLATE + np.float32([0, 0.5])
    )


@pytest.mark.parametrize("step_s", [2.0, 3.0, 60.0])
def test_where_frames_are_rare_faces_are_not_lost_in_between(step_s: float) -> None:
    analyzer = double_analyzer(lambda _: [face_at(60, 80)], SpotAffect())
    times_s = [k * step_s for k in range(12)]
    rows, summary = run_made(analyzer, times_s, lambda _: drawn((60, 80)), fps=1 / step_s)
    assert [row.face_id for row in rows] == [0] * 12
    assert [face.usable_frames for face in summary.faces] == [12]
