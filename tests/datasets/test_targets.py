from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from face_doubles import make_face
from mien.datasets.base import aligned_matrices, framed_matrices
from mien.datasets.landmarks import find_landmarks
from mien.datasets.sequences import SequenceSet
from mien.datasets.targets import (
    AFFECTIVE_COORDINATES,
    TEACHER_SCORES,
    action_unit_targets,
    expression_targets,
    teacher_scores,
    valence_arousal_targets,
)
from mien.faces.align import TEMPLATE, similarity
from mien.labels import ACTION_UNITS, EXPRESSIONS


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_ramps(unit: int) -> None:
    column = ACTION_UNITS.index(unit)
    teacher = TEACHER_SCORES.get(unit)
    low, high, top = (teacher.low, teacher.high, teacher.top) if teacher else (0.1, 0.8, 0.9)
    scores = np.full((7, 17), np.nan, np.float32)
    scores[:6, column] = [0, low, (low + high) / 2, high, top, 1]
    targets = action_unit_targets(scores)
    others = np.delete(targets, column, axis=1)
    assert np.isnan(others).all()
    if teacher is None:
        assert np.isnan(targets).all()  # masked on purpose, whatever its score
        return
    assert 0 < low < high < top <= 1
    np.testing.assert_allclose(targets[:6, column], [0, 0.1, 0.5, 0.9, 1, 1], atol=1e-6)
    assert np.isnan(targets[6, column])


def test_pairs_are_averaged_and_the_largest_group_counts() -> None:
    names = sorted({n for t in TEACHER_SCORES.values() for group in t.names for n in group})
    values = np.zeros((3, len(names)), np.float32)
    values[0, names.index("mouthLowerDownLeft")] = 0.8
    values[0, names.index("jawOpen")] = 0.3
    values[1, names.index("jawOpen")] = 0.7
    values[2] = np.nan
    scores = teacher_scores(values, names)
    assert scores[:2, ACTION_UNITS.index(25)].tolist() == pytest.approx([0.4, 0.7])
    assert scores[:2, ACTION_UNITS.index(26)].tolist() == pytest.approx([0.3, 0.7])
    assert np.isnan(scores[2]).all()
    with pytest.raises(KeyError, match="jawOpen"):
        teacher_scores(values, ["x" if name == "jawOpen" else name for name in names])


def test_order_of_blendshape_names_does_not_matter() -> None:
    names = sorted({n for t in TEACHER_SCORES.values() for group in t.names for n in group})
    values = np.random.default_rng(0).random((5, len(names)))
    order = np.random.default_rng(1).permutation(len(names))
    np.testing.assert_array_equal(
        teacher_scores(values, names), teacher_scores(values[:, order], np.array(names)[order])
    )


def test_weights_are_the_share_of_the_seven_and_zero_at_half() -> None:
    basic = np.array([[10, 0, 0, 0, 0, 0, 0], [6, 0, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0]])
    target, weight = expression_targets(basic, np.array([10, 10, 10]))
    assert weight.tolist() == pytest.approx([1, 0.6, 0])
    assert np.isnan(target[2]).all()
    _, none = expression_targets(np.zeros((1, 7)), np.zeros(1))
    assert none.tolist() == [0]  # a face that nobody voted on


def test_coordinates_stay_in_the_plane() -> None:
    points = valence_arousal_targets(np.eye(7))
    assert points.shape == (7, 2)
    assert points[0].tolist() == [0, 0]
    assert (np.abs(points) <= 1).all()
    for row, name in enumerate(EXPRESSIONS):
        np.testing.assert_allclose(points[row], AFFECTIVE_COORDINATES[name], rtol=1e-6)
    assert np.isnan(valence_arousal_targets(np.full((1, 7), np.nan))).all()


def test_aligned_matrices_invert_the_alignment_of_the_pipeline() -> None:
    rng = np.random.default_rng(0)
    framed = framed_matrices(1, 160)
    for spread in (0, 2, 12):  # the last fit the template no better than a profile does
        points = (TEMPLATE / 112 * 120 + 20 + rng.normal(0, spread, (5, 2))).astype(np.float32)
        [to_image] = aligned_matrices(points[None], framed)
        assert to_image.dtype == np.float32
        to_crop = similarity(points, TEMPLATE)
        both = np.vstack([to_image, [0, 0, 1]]) @ np.vstack([to_crop, [0, 0, 1]])
        np.testing.assert_allclose(both, np.eye(3), atol=1e-4)


@pytest.mark.parametrize(
    "points",
    [
        np.full((5, 2), np.nan),
        np.full((5, 2), 50.0),
        TEMPLATE / 112 * 160 * 0.25,  # far too small for this crop
        TEMPLATE / 112 * 160 * 2.7,  # far too large
        np.where(np.arange(10).reshape(5, 2) == 3, np.nan, TEMPLATE),
    ],
)
def test_absurd_landmarks_give_no_alignment(points: np.ndarray) -> None:
    matrices = aligned_matrices(points[None].astype(np.float32), framed_matrices(1, 160))
    assert np.isnan(matrices).all()


def test_found_landmarks_are_in_pixels_of_the_small_image() -> None:
    asked: list[tuple[int, ...]] = []

    class Detector:
        def detect(self, image):
            asked.append(image.shape)
            large, small = make_face(64, 64, 192), make_face(0, 0, 30)
            return [small, large] if len(asked) == 1 else []

        def describe(self):
            return {}

    done: list[int] = []
    found = find_landmarks(np.zeros((2, 48, 48), np.uint8), Detector(), done.append)
    # Where nothing is found: mirrored, larger, smaller, turned to both sides.
    sides = [320, 320, 320, 384, 256, 320, 320]
    assert asked == [(side, side, 3) for side in sides]
    # The enlarged picture lies at (64, 64) and is 192 wide: the face fills it.
    expected = (TEMPLATE / 112 * 192 + 0.5) / 4 - 0.5
    np.testing.assert_allclose(found[0], expected, atol=1e-4)
    assert np.isnan(found[1]).all()
    assert sum(done) == 2


@pytest.mark.parametrize("view", range(6))
def test_landmarks_of_every_view_are_where_they_are(view: int) -> None:
    """A picture with a blob at each landmark; the detector sees the blobs of one view only."""
    image = np.zeros((96, 96), np.uint8)
    points = np.array([[30, 35], [62, 38], [45, 52], [34, 70], [59, 72]], np.float32)
    for number, point in enumerate(points):
        cv2.circle(image, [int(v) for v in point], 3, 100 + 30 * number, -1)
    asked: list[int] = []

    class Detector:
        def detect(self, seen):
            asked.append(1)
            if len(asked) <= view:
                return []
            found = []
            for number in range(5):
                y, x = np.nonzero(np.abs(seen[..., 0].astype(int) - (100 + 30 * number)) < 5)
                found.append([np.median(x), np.median(y)])
            # The detector names what it sees: in a mirrored face the right eye is the other one.
            order = np.argsort([p[0] for p in found[:2]]).tolist()
            mouth = (3 + np.argsort([p[0] for p in found[3:]])).tolist()
            named = np.array(found, np.float32)[[*order, 2, *mouth]]
            return [replace(make_face(0, 0, 50), landmarks=named)]

        def describe(self):
            return {}

    [found] = find_landmarks(image[None], Detector())
    np.testing.assert_allclose(found, points, atol=1.5)


def test_sequences_are_slices_of_one_array() -> None:
    values = np.arange(6 * 26, dtype=np.float32).reshape(6, 26)
    offsets = np.array([0, 2, 2, 6])
    labels = np.zeros((3, 7), np.float32)
    sequences = SequenceSet(values, offsets, labels, tuple("abcdefg"), 25.0)
    assert len(sequences) == 3
    assert sequences.lengths.tolist() == [2, 0, 4]
    np.testing.assert_array_equal(sequences.sequence(2), values[2:])
    other = SequenceSet(values, np.array([0, 1, 2, 6]), labels, tuple("abcdefg"), 25.0)
    assert other.fingerprint() != sequences.fingerprint()
