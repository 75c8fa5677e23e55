"""The head's geometry: landmarks, regions, people, gaze, blinks, pose."""

import numpy as np
import pytest

from mien.labels import LANDMARKS
from mien.synthetic.faces import (
    Blink,
    Gaze,
    HeadModel,
    HeadPose,
    Identity,
    Jaw,
    action_weights,
    draw_identity,
    mean_identity,
)
from mien.synthetic.faces.geometry.action_units import ACTION_TABLE
from mien.synthetic.faces.geometry.identity import LOCAL_SCALES, PHENOTYPE_RANGES
from mien.synthetic.faces.geometry.landmarks import NAMES, eye_opening
from mien.synthetic.faces.geometry.regions import REGIONS

pytestmark = pytest.mark.slow  # a minute where the head is not cached yet

EYES = ("eyeball_right", "eyeball_left")


def at(head, points, name):
    return points[head.landmarks[name]]


def test_mesh(head):
    points = head.neutral(mean_identity())
    assert points.dtype == np.float32
    assert points.shape == (len(head.regions), 3)
    assert head.faces.dtype == np.int32
    assert (head.faces.min(), head.faces.max()) == (0, len(points) - 1)
    size = points.max(axis=0) - points.min(axis=0)
    assert 140 < size[0] < 200  # mm, over the ears
    a, b, c = (points[head.faces[:, k]] for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert volume > 1e6  # triangles face outwards


def test_table_names_actions_of_the_head(head):
    for row in ACTION_TABLE.values():
        for name in row:
            sides = (f"{name[:-1]}Left", f"{name[:-1]}Right") if name.endswith("*") else (name,)
            assert set(sides) <= set(head.action_labels)
    assert len(head.action_labels) == 53


def test_landmarks_are_where_they_belong(head, people):
    assert tuple(head.landmarks) == NAMES
    for person in people:
        v = head.animate(person)
        for side, sign in (("left", 1), ("right", -1)):
            inner, outer = (at(head, v, f"eye_{k}_{side}") for k in ("inner", "outer"))
            upper, lower = (at(head, v, f"eyelid_{k}_{side}") for k in ("upper", "lower"))
            brow = [at(head, v, f"brow_{k}_{side}") for k in ("inner", "middle", "outer")]
            assert 15 < sign * (outer - inner)[0] < 35
            assert 4 < (upper - lower)[1] < 16
            assert sign * inner[0] < sign * upper[0] < sign * outer[0]
            assert sign * brow[0][0] < sign * brow[1][0] < sign * brow[2][0]
            assert all(point[1] > upper[1] + 4 for point in brow)
            cheek, mouth = at(head, v, f"cheek_{side}"), at(head, v, f"mouth_{side}")
            ala = at(head, v, f"ala_{side}")
            assert lower[1] > cheek[1] > mouth[1]
            assert sign * cheek[0] > sign * ala[0] > 8
            assert 15 < sign * mouth[0] < 40
        middle = [
            at(head, v, name)
            for name in (
                "nose_tip",
                "lip_upper_outer",
                "lip_upper_inner",
                "lip_lower_inner",
                "lip_lower_outer",
                "chin",
            )
        ]
        heights = [point[1] for point in middle]
        assert heights == sorted(heights, reverse=True)
        assert middle[0][2] == max(v[head.region_mask("nose", "lips", "chin"), 2])


def test_five_landmarks_in_the_order_of_labels(head):
    v = head.neutral(mean_identity())
    points = dict(zip(LANDMARKS, head.five_landmarks(v), strict=True))
    assert points["right_eye"][0] < 0 < points["left_eye"][0]
    assert points["mouth_right"][0] < 0 < points["mouth_left"][0]
    assert points["mouth_left"][1] < points["nose"][1] < points["left_eye"][1]
    assert 55 < points["left_eye"][0] - points["right_eye"][0] < 72


def test_five_landmarks_do_not_follow_the_gaze(head):
    v = head.vertices(mean_identity(), gaze=Gaze(30, 10))
    rest = head.five_landmarks(head.neutral(mean_identity()))
    np.testing.assert_allclose(head.five_landmarks(v), rest, atol=1.5)


def test_every_region_is_there_and_mirrored(head):
    count = np.bincount(head.regions, minlength=len(REGIONS))
    assert (count > 10).all()
    for name in REGIONS:
        if name.endswith("_left") and name != "eyeball_left":
            mirrored = head.region_mask(name)[head.mirror]
            other = head.region_mask(name.replace("left", "right"))
            assert (mirrored != other).sum() <= 4  # vertices on the middle line
    with pytest.raises(ValueError, match="region 'beard' is none of"):
        head.region_mask("beard")


def test_regions_lie_in_order(head):
    v = head.neutral(mean_identity())
    order = ("forehead", "brow_left", "eyelids_left", "nose", "upper_lip_skin", "lips", "chin")
    heights = [v[head.region_mask(name), 1].mean() for name in order]
    assert heights == sorted(heights, reverse=True)
    assert v[head.region_mask("scalp"), 2].mean() < v[head.region_mask("nose"), 2].mean() - 60


def test_same_seed_same_person(head):
    one, again = (head.neutral(draw_identity(head.basis, 42)) for _ in range(2))
    assert one.tobytes() == again.tobytes()
    assert HeadModel(head.basis).neutral(draw_identity(head.basis, 42)).tobytes() == one.tobytes()


def test_seeds_differ_and_stay_in_range(head):
    people = [draw_identity(head.basis, seed) for seed in range(60)]
    shapes = np.stack([head.neutral(identity) for identity in people])
    front = head.region_mask("nose", "lips", "chin", "cheek_left", "cheek_right")
    apart = np.abs(np.diff(shapes[:, front], axis=0)).max(axis=(1, 2))
    assert (apart > 2).all()  # mm
    for identity in people:
        for name, (low, high) in PHENOTYPE_RANGES.items():
            assert low <= identity.phenotypes[name] <= high
        mixture = [identity.phenotypes[name] for name in ("african", "asian", "caucasian")]
        assert sum(mixture) == pytest.approx(1)
        assert max(map(abs, identity.local_changes.values())) <= 2.5 * max(LOCAL_SCALES.values())
    genders = np.array([identity.phenotypes["gender"] for identity in people])
    assert (genders < 0.3).sum() > 10
    assert (genders > 0.7).sum() > 10


def test_nobody_is_quite_symmetric_but_nearly(head):
    for seed in range(5):
        v = head.neutral(draw_identity(head.basis, seed))
        skin = head.region_mask("cheek_left", "cheek_right", "orbit_left", "orbit_right", "nose")
        off = np.linalg.norm(v - v[head.mirror] * [-1, 1, 1], axis=1)[skin]
        assert 0.05 < off.max() < 8


def test_what_is_refused(head):
    with pytest.raises(ValueError, match="a seed is 0 or greater"):
        draw_identity(head.basis, -1)
    with pytest.raises(ValueError, match="unknown phenotypes"):
        head.neutral(Identity({"beard": 1.0}))
    with pytest.raises(ValueError, match="age is from"):
        head.neutral(Identity({"age": 2.0}))
    with pytest.raises(ValueError, match="positive sum"):
        head.neutral(Identity({"african": 0.0, "asian": 0.0, "caucasian": 0.0}))
    with pytest.raises(ValueError, match="no local change 'horns'"):
        head.neutral(Identity({}, {"horns": 1.0}))
    with pytest.raises(ValueError, match="weights are finite"):
        head.vertices(mean_identity(), np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("control", "match"),
    [
        (lambda: HeadPose(yaw_deg=91), "yaw_deg is a number from -90 to 90, not 91"),
        (lambda: HeadPose(pitch_deg=float("nan")), "pitch_deg"),
        (lambda: Gaze(pitch_deg=26), "gaze pitch_deg is a number from -25 to 25"),
        (lambda: Blink(left=-0.1), "blink left is a number from 0 to 1"),
        (lambda: Jaw(sideways=2), "jaw sideways is a number from -1 to 1"),
    ],
)
def test_controls_out_of_range(control, match):
    with pytest.raises(ValueError, match=match):
        control()


def seen(head, v, eye):
    """Area of an eyeball seen from the front, mm^2."""
    ball = np.flatnonzero(head.region_mask(eye))
    low, high = v[ball].min(axis=0)[:2] - 3, v[ball].max(axis=0)[:2] + 3
    return eye_opening(v, head.faces, ball, low, high, 0.5).sum() * 0.25


def test_blink_shuts_every_eye(head, people):
    for person in people:
        rest = head.animate(person)
        shut = head.animate(person, action_weights({}, head.action_labels, blink=Blink(1, 1)))
        half = head.animate(person, action_weights({}, head.action_labels, blink=Blink(0.5, 0.5)))
        for eye in EYES:
            assert seen(head, rest, eye) > 80
            assert seen(head, half, eye) < 0.75 * seen(head, rest, eye)
            assert seen(head, shut, eye) < 0.05 * seen(head, rest, eye)


def test_blink_of_one_eye(head):
    person = head.person(mean_identity())
    weights = action_weights({}, head.action_labels, blink=Blink(left=1))
    moved = np.linalg.norm(head.animate(person, weights) - head.animate(person), axis=1)
    assert moved[head.region_mask("eyelids_left")].max() > 4
    assert moved[head.region_mask("eyelids_right", *EYES)].max() == 0


def test_gaze_turns_eyeballs_rigidly_and_lids_follow(head, people):
    for person in people:
        rest = head.animate(person)
        for gaze in (Gaze(yaw_deg=25), Gaze(pitch_deg=-20), Gaze(-10, 15, 8)):
            v, eyes = head.animate(person, gaze=gaze), head.eyes(person, gaze=gaze)
            for k, name in enumerate(EYES):
                ball = head.region_mask(name)
                before = np.linalg.norm(rest[ball] - eyes.centres[k], axis=1)
                after = np.linalg.norm(v[ball] - eyes.centres[k], axis=1)
                np.testing.assert_allclose(after, before, atol=1e-3)
            moved = np.linalg.norm(v - rest, axis=1)
            far = head.region_mask("lips", "chin", "forehead", "ear_left", "ear_right", "neck")
            assert moved[far].max() < 0.3


def test_gaze_directions(head, people):
    ahead = head.eyes(people[1])
    np.testing.assert_allclose(ahead.directions, [[0, 0, 1], [0, 0, 1]], atol=1e-6)
    assert ahead.centres[0, 0] < 0 < ahead.centres[1, 0]
    np.testing.assert_allclose(ahead.centres.mean(axis=0), 0, atol=1e-3)
    assert ((ahead.radii > 10) & (ahead.radii < 20)).all()
    assert (head.eyes(people[1], gaze=Gaze(yaw_deg=20)).directions[:, 0] > 0.3).all()
    assert (head.eyes(people[1], gaze=Gaze(pitch_deg=20)).directions[:, 1] > 0.3).all()
    right, left = head.eyes(people[1], gaze=Gaze(vergence_deg=10)).directions
    assert right[0] > 0 > left[0]


def test_lower_gaze_lowers_the_lid(head, people):
    for person in people:
        down, up = (head.animate(person, gaze=Gaze(pitch_deg=p)) for p in (-20, 20))
        assert at(head, down, "eyelid_upper_left")[1] < at(head, up, "eyelid_upper_left")[1] - 1


def test_pose_turns_the_head_and_leaves_the_foot_of_the_neck(head, people):
    person = people[2]
    rest = head.animate(person)
    face = head.region_mask("nose", "brow_left", "eyelids_right", "forehead", "lips")
    for pose in (HeadPose(40), HeadPose(0, -20), HeadPose(0, 0, 25), HeadPose(-70, 15, 10)):
        v = head.animate(person, pose=pose)
        turned = (rest[face] - rest[face].mean(axis=0)) @ pose.matrix().T
        np.testing.assert_allclose(v[face] - v[face].mean(axis=0), turned, atol=0.2)
        foot = head.basis.neck_fraction == 0
        np.testing.assert_allclose(v[foot], rest[foot], atol=1e-3)
        eyes = head.eyes(person, pose)
        for k, name in enumerate(EYES):
            ball = v[head.region_mask(name)]
            np.testing.assert_allclose(
                np.linalg.norm(ball - eyes.centres[k], axis=1), eyes.radii[k], atol=0.8
            )


def test_signs_of_the_pose(head):
    rest = head.neutral(mean_identity())
    yaw, pitch, roll = (
        head.vertices(mean_identity(), pose=pose)
        for pose in (HeadPose(yaw_deg=30), HeadPose(pitch_deg=20), HeadPose(roll_deg=20))
    )
    assert at(head, yaw, "nose_tip")[0] > 20  # towards the person's left
    assert at(head, pitch, "nose_tip")[1] > at(head, rest, "nose_tip")[1] + 10
    assert at(head, roll, "eye_outer_left")[1] > at(head, roll, "eye_outer_right")[1] + 10


def test_jaw_moves_the_chin(head):
    rest = head.neutral(mean_identity())
    for jaw, axis, sign in ((Jaw(1), 0, 1), (Jaw(-1), 0, -1), (Jaw(forward=1), 2, 1)):
        v = head.vertices(mean_identity(), action_weights({}, head.action_labels, jaw=jaw))
        assert sign * (at(head, v, "chin") - at(head, rest, "chin"))[axis] > 3


def test_inputs_are_not_modified(head):
    person = head.person(mean_identity())
    before = person.points.copy()
    weights = action_weights({12: 1.0}, head.action_labels, blink=Blink(0.5, 0.5))
    kept = weights.copy()
    first = head.animate(person, weights, HeadPose(10), Gaze(5, 5))
    assert np.array_equal(person.points, before)
    assert np.array_equal(weights, kept)
    assert np.array_equal(first, head.animate(person, weights, HeadPose(10), Gaze(5, 5)))
    head.neutral(mean_identity())[:] = 0
    assert np.array_equal(person.points, before)
