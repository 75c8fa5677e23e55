"""Each AU moves what FACS says it moves, in the right direction, and no far region."""

import numpy as np
import pytest

from mien.labels import ACTION_UNITS
from mien.synthetic.faces import action_weights, mean_identity

pytestmark = pytest.mark.slow  # a minute where the head is not cached yet

OUT, UP = 0, 1  # outwards from the middle line; up

# Action unit -> (landmark, direction, sign, at least mm at intensity 1).
MOVES = {
    1: [("brow_inner", UP, +1, 3.0), ("brow_middle", UP, +1, 1.5)],
    2: [("brow_outer", UP, +1, 4.0)],
    4: [("brow_inner", UP, -1, 3.0), ("brow_inner", OUT, -1, 2.0), ("brow_middle", UP, -1, 3.0)],
    5: [("eyelid_upper", UP, +1, 2.5)],
    6: [("cheek", UP, +1, 3.0), ("eyelid_lower", UP, +1, 0.5)],
    7: [("eyelid_lower", UP, +1, 2.0)],
    9: [("ala", UP, +1, 3.0), ("brow_inner", UP, -1, 1.0)],
    10: [("lip_upper_outer", UP, +1, 3.0), ("lip_upper_inner", UP, +1, 3.0)],
    11: [("ala", UP, +1, 0.8), ("cheek", UP, +1, 0.8)],
    12: [("mouth", UP, +1, 5.0), ("mouth", OUT, +1, 3.0), ("cheek", UP, +1, 1.0)],
    15: [("mouth", UP, -1, 4.0)],
    17: [("chin", UP, +1, 1.5), ("lip_lower_inner", UP, +1, 3.0)],
    20: [("mouth", OUT, +1, 3.5)],
    23: [("mouth", OUT, -1, 0.8)],
    24: [("lip_lower_inner", UP, +1, 1.0), ("lip_upper_inner", UP, -1, 0.4)],
    25: [("lip_lower_inner", UP, -1, 2.0)],
    26: [("chin", UP, -1, 3.5)],
}

EYES = ("eyeball_right", "eyeball_left")
UPPER = ("forehead", "brow_right", "brow_left", "eyelids_right", "eyelids_left", *EYES)
LOWER = ("lips", "chin", "mouth_interior", "tongue", "neck")
# Regions that an action unit must leave alone.
FAR = {
    **dict.fromkeys((1, 2, 4, 5), ("upper_lip_skin", *LOWER, *EYES)),
    6: ("lips", "chin", "tongue", "neck", "forehead", "scalp", *EYES),
    7: ("upper_lip_skin", "lips", "chin", "tongue", "neck", "forehead", "scalp", *EYES),
    9: ("chin", "neck", "tongue", "ear_right", "ear_left", "scalp", *EYES),
    11: ("neck", "tongue", *EYES),
    26: (*UPPER, "nose"),
    **dict.fromkeys((10, 12, 15, 17, 20, 23, 24, 25), (*UPPER, "scalp", "neck")),
}
FAR_SHARE = 0.1


def displaced(head, person, units, **controls):
    rest = head.animate(person)
    return head.animate(person, action_weights(units, head.action_labels, **controls)) - rest


def landmark(head, points, name):
    """(sides, 3) with x outwards."""
    if name in head.landmarks:
        return points[[head.landmarks[name]]]
    left, right = (points[head.landmarks[f"{name}_{side}"]] for side in ("left", "right"))
    return np.stack([left, right * [-1, 1, 1]])


def gap(head, points, upper, lower):
    return (landmark(head, points, upper) - landmark(head, points, lower))[:, UP]


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_moves_its_landmarks(head, people, unit):
    for person in people:
        moved = displaced(head, person, {unit: 1.0})
        for name, axis, sign, least in MOVES[unit]:
            assert (sign * landmark(head, moved, name)[:, axis] >= least).all(), name


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_leaves_far_regions_alone(head, people, unit):
    for person in people:
        length = np.linalg.norm(displaced(head, person, {unit: 1.0}), axis=1)
        for region in FAR[unit]:
            assert length[head.region_mask(region)].max() <= FAR_SHARE * length.max(), region


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_stays_within_a_face(head, people, unit):
    """No unit moves any vertex by more than 2 cm or less than 1.5 mm."""
    for person in people:
        farthest = np.linalg.norm(displaced(head, person, {unit: 1.0}), axis=1).max()
        assert 1.5 < farthest < 20


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_monotone_in_intensity(head, people, unit):
    steps = [displaced(head, people[1], {unit: a}) for a in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert not steps[0].any()
    farthest = np.linalg.norm(steps[-1], axis=1).argmax()
    path = [np.linalg.norm(step[farthest]) for step in steps]
    assert (np.diff(path) > 0.1).all()
    for name, axis, sign, _ in MOVES[unit]:
        along = [sign * landmark(head, step, name)[0, axis] for step in steps]
        assert (np.diff(along) > 0).all()


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_symmetric_on_a_symmetric_head(head, unit):
    person = head.person(mean_identity())
    flip = np.array([-1, 1, 1], np.float32)
    same = ~head.region_mask(*EYES)  # the source's eyeballs differ behind the lids
    both = displaced(head, person, {unit: 1.0})
    np.testing.assert_allclose(both[same], (both[head.mirror] * flip)[same], atol=0.01)
    left = displaced(head, person, {unit: 1.0}, asymmetry={unit: 1.0})
    right = displaced(head, person, {unit: 1.0}, asymmetry={unit: -1.0})
    np.testing.assert_allclose(left[same], (right[head.mirror] * flip)[same], atol=0.01)


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        (1, "brow_inner"),
        (2, "brow_outer"),
        (4, "brow_middle"),
        (5, "eyelid_upper"),
        (6, "cheek"),
        (7, "eyelid_lower"),
        (9, "ala"),
        (12, "mouth"),
        (15, "mouth"),
        (20, "mouth"),
    ],
)
def test_one_side_alone(head, people, unit, name):
    for person in people:
        moved = displaced(head, person, {unit: 1.0}, asymmetry={unit: 1.0})
        left, right = np.linalg.norm(landmark(head, moved, name), axis=1)
        assert right < 0.2 * left


def test_inner_and_outer_brow_are_told_apart(head, people):
    for person in people:
        inner, outer = (
            landmark(head, displaced(head, person, {1: 1.0}), f"brow_{part}")[:, UP]
            for part in ("inner", "outer")
        )
        assert (inner > 3 * np.abs(outer)).all()
        inner, outer = (
            landmark(head, displaced(head, person, {2: 1.0}), f"brow_{part}")[:, UP]
            for part in ("inner", "outer")
        )
        assert (outer > 3 * np.abs(inner)).all()


def test_lids_open_and_close(head, people):
    for person in people:
        rest = head.animate(person)
        lids = {0: gap(head, rest, "eyelid_upper", "eyelid_lower")}
        for unit in (5, 6, 7):
            points = rest + displaced(head, person, {unit: 1.0})
            lids[unit] = gap(head, points, "eyelid_upper", "eyelid_lower")
        assert (lids[7] < lids[6]).all()
        assert (lids[6] < lids[0]).all()
        assert (lids[0] < lids[5]).all()


def test_cheeks_and_lids_are_told_apart(head, people):
    """6 lifts the cheek more than the lower lid, 7 the lid more than the cheek."""
    for person in people:
        for unit, more, less in ((6, "cheek", "eyelid_lower"), (7, "eyelid_lower", "cheek")):
            moved = displaced(head, person, {unit: 1.0})
            assert (landmark(head, moved, more)[:, UP] > landmark(head, moved, less)[:, UP]).all()


def test_upper_lip_and_corners_are_told_apart(head, people):
    """10 lifts the middle of the upper lip more than the corners, 12 the corners more."""
    for person in people:
        for unit, sign in ((10, 1), (12, -1)):
            moved = displaced(head, person, {unit: 1.0})
            middle, corners = (
                landmark(head, moved, "lip_upper_outer"),
                landmark(head, moved, "mouth"),
            )
            assert (sign * (middle[:, UP] - corners[:, UP]) > 1).all()


def test_20_pulls_sideways_more_than_up_or_down(head, people):
    for person in people:
        corner = landmark(head, displaced(head, person, {20: 1.0}), "mouth")
        assert (np.abs(corner[:, UP]) < 0.5 * corner[:, OUT]).all()


@pytest.mark.parametrize("unit", [23, 24])
def test_lips_get_thinner_and_the_mouth_no_wider(head, people, unit):
    for person in people:
        moved = displaced(head, person, {unit: 1.0})
        red = gap(head, moved, "lip_upper_outer", "lip_upper_inner") + gap(
            head, moved, "lip_lower_inner", "lip_lower_outer"
        )
        assert red < -0.5
        assert landmark(head, moved, "mouth")[:, OUT].max() < 0.6


def test_lips_part_with_25_and_not_with_26_alone(head, people):
    for person in people:
        opened = {
            units: gap(
                head,
                displaced(head, person, dict.fromkeys(units, 1.0)),
                "lip_upper_inner",
                "lip_lower_inner",
            )[0]
            for units in ((25,), (26,), (25, 26))
        }
        assert opened[25,] > 2.5
        assert abs(opened[26,]) < 1
        assert opened[25, 26] > opened[25,] + 4


def test_neutral_is_exact(head, people):
    for person in people:
        none = head.animate(
            person, action_weights(dict.fromkeys(ACTION_UNITS, 0.0), head.action_labels)
        )
        assert np.array_equal(none, head.animate(person))
