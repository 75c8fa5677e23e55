"""Image sets as a corpus: labels, matrices, splits, and what is refused."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.spatial.transform import Rotation

from mien.data.corpora.synthetic import ACTIVE, INACTIVE, PRESENT, _exact_matrices, _seen_pose
from mien.data.targets.votes import valence_arousal_targets
from mien.datasets import load_synthetic, load_synthetic_images
from mien.errors import ConfigError, DataError
from mien.faces.align import TEMPLATE, similarity
from mien.labels import (
    ACTION_UNIT_COLUMNS,
    EXPRESSION_COLUMNS,
    EXPRESSIONS,
    FACE_LANDMARKS,
    LANDMARKS,
)
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.generation import synthesize_images
from mien.synthetic.faces.geometry.controls import Blink, Gaze, HeadPose
from mien.synthetic.faces.geometry.landmarks import NAMES
from mien.synthetic.faces.rendering.shot import Shot


class DrawnThing:
    attributes = {"kind": "plain"}  # noqa: RUF012


class PlainStage:
    """Colour noise with known labels; faces of half the template's size."""

    def actor(self, seed):
        return DrawnThing()

    def scene(self, seed, framing, size_px, light):
        return DrawnThing()

    def moment(self, seed, frontal, speech):
        rng = np.random.default_rng(seed)
        mixture = rng.dirichlet(np.full(7, 0.3)).astype(np.float32)
        units = rng.random(17).astype(np.float32)
        return Moment(
            units, expressions=mixture, valence=-0.25, arousal=0.5, blink=Blink(0.25, 0.75),
            gaze=Gaze(6.0, -4.0), pose=HeadPose(20.0, -10.0, 5.0),
        )  # fmt: skip

    def render(self, actor, scene, moment, modalities, time_s, seed):
        rng = np.random.default_rng(seed)
        return Shot(
            rng.integers(0, 256, (48, 48, 3), dtype=np.uint8) if "color" in modalities else None,
            rng.integers(0, 1000, (48, 48), dtype=np.uint16) if "depth" in modalities else None,
            None,
            np.arange(2.0 * len(NAMES), dtype=np.float32).reshape(-1, 2),
            (TEMPLATE * 0.2 + 3).astype(np.float32),
            np.array([0, 0, 48, 48], np.float32),
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus") / "set"
    settings = {"size_px": 48, "modalities": ["color", "depth"], "images_per_person": 1}
    synthesize_images(out, 60, 3, jobs=1, factory=PlainStage, **settings)
    return out


def test_crops_are_cut_as_in_video_where_the_template_fits_badly():
    """A profile's five points are no similarity of the template, and the fit has a direction."""
    points = (TEMPLATE * [0.2, 0.5] + [[30, 4], [0, 0], [9, 3], [5, 1], [1, 2]]).astype(np.float32)
    [found] = _exact_matrices(points[None])
    to_crop = np.vstack([similarity(points, TEMPLATE), [0, 0, 1]])
    np.testing.assert_allclose(found, np.linalg.inv(to_crop)[:2], atol=1e-4)
    assert np.abs(found - similarity(TEMPLATE, points)).max() > 0.05


def test_labels_are_the_truth(folder):
    faces = load_synthetic(folder)
    rows = pq.read_table(folder / "manifest.parquet").to_pylist()
    assert len(faces) == 60 and faces.corpus == "synthetic" and faces.counted.all()
    mixture = np.array([[row[name] for name in EXPRESSION_COLUMNS] for row in rows], np.float32)
    np.testing.assert_array_equal(faces.expressions, mixture)
    assert (faces.expression_weight == 1).all()
    places = np.arange(52).reshape(26, 2)  # as drawn, in the order of the names
    np.testing.assert_array_equal(faces.face_landmarks, np.tile(places, (60, 1, 1)))
    named = [name for name in rows[0] if name.startswith("lm_")]
    assert named == [f"lm_{name}_{axis}" for name in FACE_LANDMARKS for axis in "xy"]
    clear = mixture.max(axis=1) > 0.5
    assert clear.any() and not clear.all()
    np.testing.assert_array_equal(faces.majority, np.where(clear, mixture.argmax(axis=1), -1))
    assert faces.majority.dtype == np.int64
    drawn = np.array([[row[name] for name in ACTION_UNIT_COLUMNS] for row in rows], np.float32)
    np.testing.assert_array_equal(faces.teacher_scores, drawn)
    np.testing.assert_allclose(faces.intensities, 5 * drawn, rtol=1e-6)
    np.testing.assert_array_equal(faces.eye_open, np.tile([0.75, 0.25], (60, 1)))
    np.testing.assert_array_equal(faces.gaze_deg, np.tile([6.0, -4.0], (60, 1)))
    assert (faces.action_units[drawn <= INACTIVE] == 0).all()
    assert (faces.action_units[drawn >= ACTIVE] == 1).all()
    np.testing.assert_array_equal(faces.action_units >= 0.5 - 1e-6, drawn >= PRESENT - 1e-6)


def test_valence_and_arousal_are_those_of_photographs_that_show_the_same(folder):
    faces = load_synthetic(folder)
    expected = valence_arousal_targets(faces.expressions, faces.action_units)
    np.testing.assert_array_equal(faces.valence_arousal, expected)
    happy = faces.expressions[:, EXPRESSIONS.index("happiness")] > 0.6
    assert happy.any() and (faces.valence_arousal[happy, 0] > 0.1).all()


@pytest.mark.parametrize("turn", [0.0, 30.0, -75.0])
def test_pose_is_what_the_picture_shows(turn):
    """A head before the camera, in a picture that was turned by some degrees afterwards."""
    yaw, pitch, roll = 20.0, -10.0, 5.0
    axes = Rotation.from_euler("YXZ", [yaw, -pitch, roll], degrees=True)
    # Corners of the eyes in the head's own axes: x to the person's left, y up, z to the camera.
    corners = {"eye_outer_right": -5.0, "eye_inner_right": -2.0}
    corners |= {"eye_inner_left": 2.0, "eye_outer_left": 5.0}
    turned = Rotation.from_euler("Z", turn, degrees=True) * axes
    points = np.zeros((1, len(FACE_LANDMARKS), 2), np.float32)
    for name, x in corners.items():
        seen = turned.apply([x, 0.0, 0.0])
        points[0, FACE_LANDMARKS.index(name)] = 24 + seen[0], 24 - seen[1]
    row = {"pose_yaw_deg": [yaw], "pose_pitch_deg": [pitch], "pose_roll_deg": [roll]}
    found = _seen_pose(pa.table(row), points)[0]
    angles = turned.as_euler("YXZ", degrees=True) * [1, -1, 1]
    np.testing.assert_allclose(found, angles, atol=1e-3)


def test_pictures_are_grey_and_aligned_by_exact_landmarks(folder):
    faces = load_synthetic(folder)
    color = load_synthetic_images(folder)
    assert color.shape == (60, 48, 48, 3) and color.dtype == np.uint8
    luma = color @ np.array([0.299, 0.587, 0.114])
    assert faces.images.dtype == np.uint8 and np.abs(faces.images - luma).max() <= 1
    assert load_synthetic_images(folder, "depth").dtype == np.uint16
    # A fifth of the crop's size: too small for landmarks that a detector guessed, fine for truth.
    wanted = np.hstack([np.eye(2) * 0.2, [[3], [3]]])
    np.testing.assert_allclose(faces.aligned, np.tile(wanted, (60, 1, 1)), atol=1e-4)
    np.testing.assert_allclose(faces.framed[0, 0, 0], 48 / 112)
    assert LANDMARKS[0] == "right_eye"


def test_splits_can_be_asked_for(folder):
    faces = load_synthetic(folder)
    parts = {split: load_synthetic(folder, split) for split in ("train", "valid", "test")}
    assert sum(map(len, parts.values())) == 60
    for split, part in parts.items():
        assert set(part.split) == {split}
        np.testing.assert_array_equal(part.images, faces.images[faces.split == split])
        assert len(load_synthetic_images(folder, "depth", split)) == len(part)
    assert faces.fingerprint() != parts["train"].fingerprint()
    with pytest.raises(DataError, match="no image is in the split 'dev'"):
        load_synthetic(folder, "dev")


def test_a_recipe_can_name_a_set(folder):
    pytest.importorskip("torch")
    from mien.training.extractor import MMATrainConfig
    from mien.training.extractor.corpora import load_corpora

    for path in (folder.name, str(folder)):
        recipe = MMATrainConfig("tiny", {"drawn": {"kind": "synthetic", "path": path}})
        corpora = load_corpora(recipe, folder.parent, folder.parent / "cache")
        assert list(corpora) == ["drawn"] and len(corpora["drawn"]) == 60
    both = {"kind": "synthetic", "path": "x", "mesh": "x.npz"}
    with pytest.raises(ConfigError, match="mesh is for photographs"):
        MMATrainConfig("tiny", {"drawn": both})


def test_what_is_refused(folder, tmp_path):
    with pytest.raises(DataError, match=r"there is no dataset\.json"):
        load_synthetic(tmp_path)
    with pytest.raises(DataError, match="the set has no thermal pictures"):
        load_synthetic_images(folder, "thermal")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    cv2.imwrite(str(copy / "color/00/00000003.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError, match=r"00000003\.png: is uint8 \(8, 8, 3\)"):
        load_synthetic(copy)
    (copy / "color/00/00000003.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"00000003\.png: is not a readable image"):
        load_synthetic(copy)
    (copy / "color/00/00000003.png").unlink()
    with pytest.raises(DataError, match=r"00000003\.png: cannot be read"):
        load_synthetic(copy)
    document = json.loads((copy / "dataset.json").read_text())
    document["arguments"]["count"] = 64
    (copy / "dataset.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match="60 of 64 images are there; run the same"):
        load_synthetic(copy)
    (copy / "manifest.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"manifest\.parquet: cannot be read"):
        load_synthetic(copy)
    (copy / "manifest.parquet").unlink()
    with pytest.raises(DataError, match="the set is not finished"):
        load_synthetic(copy)
    document["format"] = "mien synthetic videos"
    (copy / "dataset.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match="holds 'mien synthetic videos'"):
        load_synthetic(copy)
    (copy / "dataset.json").write_text("[]")
    with pytest.raises(DataError, match=r"dataset\.json: cannot be read as that of a set"):
        load_synthetic(copy)
