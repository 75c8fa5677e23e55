from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from face_doubles import make_face
from mien.data.faces import aligned_matrices, framed_matrices
from mien.data.prepare.landmarks import find_landmarks
from mien.data.sequences import SequenceSet
from mien.data.targets.votes import (
    FACE_COORDINATES,
    RESTING_AROUSAL,
    expression_targets,
    movement,
    two_raters,
    valence_arousal_targets,
)
from mien.faces.align import TEMPLATE, similarity
from mien.labels import ACTION_UNITS, EXPRESSIONS


def test_weights_are_the_share_of_the_seven_and_zero_at_half() -> None:
    basic = np.array([[10, 0, 0, 0, 0, 0, 0], [6, 0, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0]])
    target, weight = expression_targets(basic, np.array([10, 10, 10]))
    assert weight.tolist() == pytest.approx([1, 0.6, 0])
    assert np.isnan(target[2]).all()
    _, none = expression_targets(np.zeros((1, 7)), np.zeros(1))
    assert none.tolist() == [0]  # a face that nobody voted on


def test_two_raters_are_a_mean_and_one_stands_in_for_the_other() -> None:
    nan = float("nan")
    votes = np.array([[0.8, 0, 0, 0, 0.2, 0, 0], [0, 0, 1, 0, 0, 0, 0], [nan] * 7, [nan] * 7])
    weight = np.array([1.0, 0.6, 0.0, 0.0])
    target, weights = two_raters(votes, weight, np.array([4, -1, 1, -1]))
    rest = 0.1 / 7  # of a name, a tenth goes to all seven alike
    mean = [(0.8 + rest) / 2, *[rest / 2] * 3, (0.2 + 0.9 + rest) / 2, *[rest / 2] * 2]
    np.testing.assert_allclose(target[0], mean, rtol=1e-5)
    np.testing.assert_allclose(target[1], votes[1], rtol=1e-6)
    np.testing.assert_allclose(target[2], [rest, 0.9 + rest, *[rest] * 5], rtol=1e-5)
    assert np.isnan(target[3]).all()
    np.testing.assert_allclose(weights, [1.0, 0.6, 0.5, 0.0], rtol=1e-6)
    assert target.dtype == weights.dtype == np.float32


def units(**active: float) -> np.ndarray:
    """`units(au12=1.0)`: that unit alone."""
    found = np.zeros(17)
    for name, value in active.items():
        found[ACTION_UNITS.index(int(name.removeprefix("au")))] = value
    return found


def test_movement_is_that_of_the_strongest_three_of_an_expressions_units() -> None:
    faces = np.stack([units(), units(au12=0.5), units(au12=1.0, au25=1.0, au6=1.0)])
    found = movement(faces)
    happy, neutral = EXPRESSIONS.index("happiness"), EXPRESSIONS.index("neutral")
    assert found.shape == (3, 7) and (found[0] == 0).all()
    # Only one unit of three moves, by half.
    assert found[1, happy] == pytest.approx(0.5 / 3, abs=1e-6)
    assert found[1, happy] < found[2, happy] <= 1 and (found[:, neutral] == 0).all()
    assert (found[1, [EXPRESSIONS.index(name) for name in ("anger", "surprise")]] == 0).all()
    unknown = np.where(faces[2] == 0, np.nan, faces[2])
    np.testing.assert_array_equal(movement(unknown[None])[0], found[2])
    assert (movement(np.full((1, 17), np.nan)) == 0).all()


def test_a_faint_smile_is_not_a_broad_one_and_rest_lies_below_the_middle() -> None:
    shares = np.eye(7)
    still = valence_arousal_targets(shares, np.zeros((7, 17)))
    for row, name in enumerate(EXPRESSIONS):
        valence, arousal = FACE_COORDINATES[name]
        expected = [0.5 * valence, RESTING_AROUSAL + 0.35 * (arousal - RESTING_AROUSAL)]
        np.testing.assert_allclose(still[row], expected, atol=1e-6)
    np.testing.assert_allclose(still[EXPRESSIONS.index("neutral")], [0, -0.15], atol=1e-6)
    happy = np.repeat(shares[[EXPRESSIONS.index("happiness")]], 4, axis=0)
    smiles = np.stack([units(au12=s, au6=s, au25=s) for s in (0, 0.3, 0.6, 1)])
    found = valence_arousal_targets(happy, smiles)
    assert (np.diff(found, axis=0) > 0.02).all() and (np.abs(found) <= 1).all()
    # Half neutral, half happy lies half way, whatever moves.
    half = 0.5 * happy[:1] + 0.5 * shares[[EXPRESSIONS.index("neutral")]]
    mixed = valence_arousal_targets(half, smiles[-1:])
    np.testing.assert_allclose(mixed[0], (found[-1] + [0, -0.15]) / 2, atol=1e-6)


def test_where_nobody_has_voted_or_nothing_was_seen_no_point_is_invented() -> None:
    nothing = np.full((1, 7), np.nan)
    assert np.isnan(valence_arousal_targets(nothing, np.zeros((1, 17)))).all()
    assert np.isnan(valence_arousal_targets(np.eye(7), np.full((7, 17), np.nan))).all()
    some = np.full((1, 17), np.nan)
    some[0, 0] = 0.0
    assert np.isfinite(valence_arousal_targets(np.eye(7)[:1], some)).all()


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
