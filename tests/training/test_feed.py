"""Batches: which faces, how they are shown, and labels as the crop shows them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from striped import CALM, recipe, striped_faces, with_details, with_mesh

from mien.data.targets.blendshapes import BLENDSHAPES
from mien.errors import ConfigError
from mien.labels import FACE_LANDMARKS
from mien.training.extractor import CorpusConfig, CorpusFeed, join, make_feeds
from mien.training.extractor.augment import AugmentConfig, similarities
from mien.training.extractor.feed import class_weights, mirrored_eyes, mirrored_yaw, seen_pose
from mien.training.extractor.landmarks import MIRRORED_LANDMARKS, crop_landmarks, other_sides

pytestmark = pytest.mark.usefixtures("unmirrored")


def feed_of(faces, per_batch=16, **changes):
    return CorpusFeed(
        faces, CorpusConfig("ferplus", "unused", per_batch=per_batch, **changes), torch.ones(7)
    )


def half_bright(faces):
    """The half of the image where the person's left is, is bright."""
    images = faces.images.copy()
    images[:, :, :24] //= 4
    return replace(faces, images=images)


def is_mirrored(crops):
    side = crops.shape[-1] // 2
    return crops[:, 0, :, side:].mean((1, 2)) < crops[:, 0, :, :side].mean((1, 2))


def test_every_face_is_seen_once_per_pass_and_steps_are_stateless():
    faces = striped_faces(count=50)
    config = CorpusConfig("ferplus", "unused", per_batch=16)
    feed = CorpusFeed(faces, config, torch.ones(7))
    laps = torch.cat([feed.indices(3, step) for step in range(25)])  # 400 = 8 x 50
    for lap in range(8):
        assert sorted(laps[lap * 50 : lap * 50 + 50].tolist()) == list(range(50))
    assert torch.equal(feed.indices(3, 7), laps[7 * 16 : 8 * 16])


def test_rare_classes_are_drawn_more_often_where_asked():
    faces = striped_faces(count=60)
    majority = np.zeros(60, np.int64)
    majority[:6] = 4
    faces = replace(faces, majority=majority)
    config = CorpusConfig("faces", "unused", per_batch=600, class_balance=1.0)
    rows = CorpusFeed(faces, config, torch.ones(7)).indices(0, 0)
    assert 240 < int((rows < 6).sum()) < 360  # half of the draws for a tenth of the faces


def test_class_weights_have_mean_one_and_favour_the_rare():
    faces = striped_faces(count=60)
    expressions = np.zeros((60, 7), np.float32)
    expressions[:54, 0] = 1
    expressions[54:, 4] = 1
    weights = class_weights(replace(faces, expressions=expressions), 0.5)
    assert weights[4] / weights[0] == pytest.approx(3.0, rel=1e-5)
    assert (0.9 * weights[0] + 0.1 * weights[4]).item() == pytest.approx(1, rel=1e-3)


def test_a_corpus_without_expressions_weighs_none():
    faces = striped_faces(count=60)
    none = replace(faces, expression_weight=np.zeros(60, np.float32))
    assert torch.equal(class_weights(none, 0.5), torch.ones(7))


@pytest.mark.usefixtures("mirrored")
def test_a_mirrored_face_has_mirrored_scores():
    faces = half_bright(with_mesh(striped_faces(count=40)))
    feed = feed_of(faces, 400)
    generator = torch.Generator().manual_seed(0)
    crops, targets = feed.batch(0, 0, CALM, 48, generator)
    left = targets.blendshapes[:, BLENDSHAPES.index("mouthSmileLeft")]
    right = targets.blendshapes[:, BLENDSHAPES.index("mouthSmileRight")]
    happy = left + right > 0.5
    torch.testing.assert_close(left[happy] + right[happy], torch.ones(int(happy.sum())))
    brighter_right = crops[:, 0, :, 24:].mean((1, 2)) > crops[:, 0, :, :24].mean((1, 2))
    assert 0.3 < brighter_right[happy].float().mean() < 0.7
    # The side of the image that is bright is the side whose score is high, whichever way round.
    assert torch.equal(brighter_right[happy], (left > right)[happy])


def euler(rotation):
    """Yaw, pitch and roll: x right, y up, z to the camera; a negative turn about x looks up."""
    return rotation.as_euler("YXZ", degrees=True) * [1, -1, 1]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [0.0, 25.0, -140.0])
def test_pose_is_that_of_the_head_in_the_crop(angle, mirrored):
    poses = np.array([[20.0, -10, 5], [-35, 15, -20], [0, 0, 0]])
    # The crop's content is the image's, mirrored or not, then turned clockwise by the angle: what
    # a crop-to-image matrix maps is the way back.
    mirror = torch.tensor([-1.0 if mirrored else 1.0])
    to_image = similarities(torch.ones(1), mirror, torch.deg2rad(torch.tensor([angle])))
    to_image = to_image.expand(3, 2, 3)
    found = seen_pose(
        torch.tensor(poses, dtype=torch.float32), to_image, torch.full((3,), mirrored)
    )
    linear = np.linalg.inv(to_image[0, :, :2].numpy().astype(float))  # image to crop, y down
    flip = np.diag([1.0, -1.0])
    about = np.eye(3)
    about[:2, :2] = flip @ linear @ flip  # y up
    for pose, seen in zip(poses, found.numpy(), strict=True):
        head = Rotation.from_euler("YXZ", pose * [1, -1, 1], degrees=True).as_matrix()
        shown = about @ head
        if mirrored:  # a mirrored head is one whose own left and right are exchanged
            shown = shown @ np.diag([-1.0, 1.0, 1.0])
        assert np.linalg.det(shown) == pytest.approx(1)
        np.testing.assert_allclose(seen, euler(Rotation.from_matrix(shown)), atol=1e-3)


def test_an_unknown_pose_stays_unknown():
    to_image = torch.eye(2, 3).expand(2, 2, 3)
    pose = torch.tensor([[torch.nan] * 3, [1.0, 2.0, 3.0]])
    found = seen_pose(pose, to_image, torch.tensor([True, False]))
    assert found[0].isnan().all()
    torch.testing.assert_close(found[1], pose[1], atol=1e-4, rtol=0)


def test_in_a_mirror_left_is_right():
    mirrored = torch.tensor([True, False])
    eyes = torch.tensor([[0.2, 0.9], [0.2, 0.9]])
    expected = torch.tensor([[0.9, 0.2], [0.2, 0.9]])
    assert torch.equal(mirrored_eyes(eyes, mirrored), expected)
    gaze = torch.tensor([[8.0, -3.0], [8.0, -3.0]])
    assert mirrored_yaw(gaze, mirrored).tolist() == [[-8.0, -3.0], [8.0, -3.0]]
    names = [FACE_LANDMARKS[k] for k in MIRRORED_LANDMARKS]
    there = dict(zip(FACE_LANDMARKS, names, strict=True))
    assert there["mouth_left"] == "mouth_right" and there["eye_outer_right"] == "eye_outer_left"
    assert there["chin"] == "chin" and sorted(names) == sorted(FACE_LANDMARKS)
    points = torch.rand(2, 26, 2)
    found = other_sides(points, mirrored)
    left, right = (FACE_LANDMARKS.index(f"mouth_{side}") for side in ("left", "right"))
    assert torch.equal(found[0, left], points[0, right]) and torch.equal(found[1], points[1])


@pytest.mark.usefixtures("mirrored")
def test_a_mirrored_face_looks_the_other_way_and_winks_with_the_other_eye():
    faces = half_bright(with_details(striped_faces(count=40)))
    moving = replace(CALM, rotation_deg=0)
    crops, targets = feed_of(faces, 200).batch(0, 0, moving, 48, torch.Generator().manual_seed(0))
    mirrored = is_mirrored(crops)
    assert 0.3 < mirrored.float().mean() < 0.7
    # Happy faces look to their left and have the left eye open; the others look to their right.
    happy = targets.expressions[:, 4] == 1
    left_open = targets.eye_open[:, 0] > 0.5
    assert torch.equal(left_open, happy != mirrored)
    assert torch.equal(targets.pose_deg[:, 0] > 0, happy != mirrored)
    assert torch.equal(targets.gaze_deg[happy, 0] > 0, ~mirrored[happy])
    assert torch.equal(targets.pose_deg[:, 1] < 0, happy)  # up and down stay
    assert (targets.intensities[happy, 9] == 4).all() and targets.intensities[:, 0].isnan().all()


def test_a_turned_crop_turns_the_head_with_it():
    faces = with_details(striped_faces(count=8))
    still = np.zeros((8, 3), np.float32)
    feed = feed_of(replace(faces, pose_deg=still), 64)
    turning = replace(CALM, rotation_deg=15)
    _, targets = feed.batch(0, 0, turning, 48, torch.Generator().manual_seed(0))
    right, left = (FACE_LANDMARKS.index(f"eye_outer_{side}") for side in ("right", "left"))
    line = targets.landmarks[:, left] - targets.landmarks[:, right]
    own = faces.face_landmarks[:, left] - faces.face_landmarks[:, right]
    before = np.degrees(np.arctan2(-own[0, 1], own[0, 0]))  # the same line in every face
    turned = torch.rad2deg(torch.atan2(-line[:, 1], line[:, 0])) - before
    turned = (turned + 180) % 360 - 180
    torch.testing.assert_close(targets.pose_deg[:, 2], turned, atol=1e-2, rtol=0)
    assert turned.std() > 8 and targets.pose_deg[:, :2].abs().max() < 1e-3


@pytest.mark.usefixtures("mirrored")
@pytest.mark.parametrize("seed", range(3))
def test_landmarks_are_where_the_crop_that_is_shown_has_them(seed):
    rng = np.random.default_rng(seed)
    plain = striped_faces(count=6)
    places = rng.uniform(16, 32, (6, 26, 2)).astype(np.float32)
    left, right = FACE_LANDMARKS.index("mouth_left"), FACE_LANDMARKS.index("mouth_right")
    y, x = np.mgrid[:48, :48]
    at = places[:, left, :, None, None]
    dots = 250 * np.exp(-((x - at[:, 0]) ** 2 + (y - at[:, 1]) ** 2) / 4)
    faces = replace(
        plain, images=dots.astype(np.uint8), aligned=plain.framed, face_landmarks=places,
        split=np.full(6, "train"),
    )  # fmt: skip
    moving = replace(CALM, rotation_deg=10, shift_px=4, log_scale=0.1, noise=0.0)
    generator = torch.Generator().manual_seed(seed)
    crops, targets = feed_of(faces, 60).batch(0, 0, moving, 112, generator)
    y, x = torch.meshgrid(torch.arange(112.0), torch.arange(112.0), indexing="ij")
    light = (crops[:, 0] - crops[:, 0].amin((1, 2), keepdim=True)) ** 2
    seen = torch.stack([(light * x).sum((1, 2)), (light * y).sum((1, 2))], 1)
    seen = seen / light.sum((1, 2))[:, None]
    away = [(targets.landmarks[:, k] - seen).norm(dim=1) for k in (left, right)]
    # In a mirror the left corner of a mouth is called the right one.
    assert torch.minimum(*away).max() < 0.7
    assert 0.2 < (away[1] < away[0]).float().mean() < 0.8


def test_landmarks_go_back_through_the_matrix_that_cut_the_crop():
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(4, 2, 3, generator=generator)
    crop = torch.rand(4, 26, 2, generator=generator) * 112
    image = crop @ matrices[:, :, :2].transpose(1, 2) + matrices[:, None, :, 2]
    torch.testing.assert_close(crop_landmarks(image, matrices), crop, atol=1e-2, rtol=1e-3)


SPOILED = replace(CALM, spoiled_rate=0.5)


def test_of_a_spoiled_crop_nothing_is_known_but_that_it_is_bad():
    feed = feed_of(with_details(striped_faces(count=40)), 200)
    _, targets = feed.batch(0, 0, SPOILED, 48, torch.Generator().manual_seed(0))
    bad = targets.quality == 0
    assert 0.35 < bad.float().mean() < 0.65 and (targets.quality[~bad] == 1).all()
    for name in ("pose_deg", "eye_open", "gaze_deg", "landmarks"):
        values = getattr(targets, name).flatten(1)
        assert values[bad].isnan().all() and values[~bad].isfinite().all(), name
    for name in ("valence_arousal", "action_units", "intensities", "blendshapes"):
        assert getattr(targets, name)[bad].isnan().all(), name
    assert torch.equal(targets.expression_weight == 0, bad)
    assert not targets.action_unit_mask[bad].any() and not targets.valence_arousal_mask[bad].any()
    assert targets.action_unit_mask[~bad].any()


def test_quality_falls_with_what_is_covered(monkeypatch):
    monkeypatch.setattr("mien.training.extractor.augment._OCCLUSION_MAX", 0.9)
    feed = feed_of(striped_faces(count=40), 200)
    covering = replace(CALM, occlusion_rate=1.0, noise=0.0)
    crops, targets = feed.batch(0, 0, covering, 48, torch.Generator().manual_seed(0))
    covered = [np.unique(crop, return_counts=True)[1].max() / 48**2 for crop in crops.numpy()]
    expected = 1 - 2 * np.clip(covered, 0, 0.5)
    np.testing.assert_allclose(targets.quality, expected, atol=0.02)
    assert targets.quality.min() < 0.4 and targets.quality.max() > 0.95


def test_shares_of_the_expressions_follow_what_is_shown():
    faces = striped_faces(count=60)
    expressions = np.zeros((60, 7), np.float32)
    expressions[:48, 0] = expressions[48:, 4] = 1
    majority = expressions.argmax(1)
    faces = replace(faces, expressions=expressions, majority=majority)

    def shares(faces, power):
        feed = feed_of(faces, 8, class_balance=power)
        _, targets = feed.batch(0, 0, CALM, 48, torch.Generator().manual_seed(0))
        assert torch.equal(targets.log_shares, targets.log_shares[:1].expand(8, 7))
        return targets.log_shares[0].exp()

    plain, even = shares(faces, 0.0), shares(faces, 1.0)
    assert plain[0].item() == pytest.approx(0.8) and plain[4].item() == pytest.approx(0.2)
    assert even[0].item() == pytest.approx(0.5) and even[4].item() == pytest.approx(0.5)
    assert 0 < plain[1] < 0.001  # of what never occurs a logarithm is left
    weight = np.where(majority == 4, 0.5, 1).astype(np.float32)
    lighter = shares(replace(faces, expression_weight=weight), 0.0)
    assert lighter[4].item() == pytest.approx(6 / 54)
    unlabelled = shares(replace(faces, expression_weight=np.zeros(60, np.float32)), 0.0)
    torch.testing.assert_close(unlabelled, torch.full((7,), 1 / 7))


def test_a_batch_is_the_same_whenever_it_is_asked_for_and_joins_others():
    feed, other = feed_of(with_details(striped_faces())), feed_of(striped_faces(seed=2), 8)
    config = AugmentConfig(spoiled_rate=0.2, jpeg_rate=0.5, dark_rate=0.2)
    parts = [
        [
            f.batch(1, 7, config, 48, torch.Generator().manual_seed(k))
            for k, f in enumerate((feed, other))
        ]
        for _ in range(2)
    ]
    (crops, targets), (again, others) = map(join, parts)
    assert crops.shape == (24, 3, 48, 48) and crops.min() >= -1 and crops.max() <= 1
    assert torch.equal(crops, again)
    for name, values in vars(targets).items():
        torch.testing.assert_close(values, getattr(others, name), equal_nan=True, msg=name)
        assert len(values) == 24
    assert targets.landmarks[16:].isnan().all()  # which the other corpus does not come with


def test_a_corpus_without_training_faces_is_refused():
    faces = striped_faces()
    none = replace(faces, split=np.full(len(faces), "valid"))
    with pytest.raises(ConfigError, match=r"corpora\.stripes: no face is in the split train"):
        make_feeds(recipe(), {"stripes": none})
