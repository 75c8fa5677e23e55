from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus_builder import (
    BLENDSHAPES,
    VOTES,
    blendshape_arrays,
    ferplus_arrays,
    mesh_arrays,
    write_ferplus,
    write_npz,
)
from mien.data.corpora.ferplus import majority
from mien.datasets import load_ferplus
from mien.errors import DataError
from mien.labels import ACTION_UNITS, EXPRESSIONS


def assert_refused(text: str, path: Path, *others: Path) -> None:
    with pytest.raises(DataError, match=text) as caught:
        load_ferplus(path, *others)
    assert "\n" not in str(caught.value)


def test_votes_become_labels(tmp_path: Path) -> None:
    faces = load_ferplus(write_ferplus(tmp_path))
    index = EXPRESSIONS.index
    assert len(faces) == 8
    assert faces.corpus == "FER+"
    assert faces.majority.tolist() == [
        index("happiness"), -1, -1, -1, -1, index("neutral"), -1, index("anger"),
    ]  # fmt: skip
    assert faces.expression_weight.tolist() == pytest.approx([1, 1, 0, 0, 0, 1, 0.7, 1])
    target = faces.expressions
    assert np.isnan(target[[2, 3, 4]]).all()
    known = [0, 1, 5, 6, 7]
    np.testing.assert_allclose(target[known].sum(axis=1), 1, rtol=1e-6)
    assert target[0, index("happiness")] == 1
    assert target[1, [index("neutral"), index("happiness")]].tolist() == [0.5, 0.5]
    # The single vote for surprise is noise; with nothing but single votes all of them count.
    assert target[5, index("surprise")] == 0
    assert target[5, index("neutral")] == pytest.approx(6 / 9)
    np.testing.assert_allclose(target[6], 1 / 7, rtol=1e-6)
    assert target[7, index("anger")] == 1


def test_valence_and_arousal_follow_from_votes_and_movement(tmp_path: Path) -> None:
    path, names = write_ferplus(tmp_path), ferplus_arrays()["name"]
    assert np.isnan(load_ferplus(path).valence_arousal).all()  # nobody has seen how they move
    smile = {
        f"mouthSmile{side}": np.where(np.arange(8) == 0, 1.0, 0.0) for side in ("Left", "Right")
    }
    still = load_ferplus(path, write_npz(tmp_path / "still.npz", mesh_arrays(names)))
    smiling = load_ferplus(path, write_npz(tmp_path / "smile.npz", mesh_arrays(names, smile)))
    # Happiness lies at (0.85, 0.45); a face that does not move shows half of its valence and 0.35
    # of its way from rest, (0, -0.15).
    np.testing.assert_allclose(still.valence_arousal[0], [0.425, -0.15 + 0.35 * 0.6], atol=1e-5)
    assert (smiling.valence_arousal[0] > still.valence_arousal[0] + 0.05).all()
    assert np.isnan(still.valence_arousal[[2, 3, 4]]).all()  # no votes to place them by
    # Six votes for neutral and three for sadness, (-0.65, -0.30).
    expected = [-0.65 * 0.5 / 3, -0.15 + (-0.30 + 0.15) * 0.35 / 3]
    np.testing.assert_allclose(still.valence_arousal[5], expected, atol=1e-5)


def test_labels_of_fer2013_are_a_second_rater(tmp_path: Path) -> None:
    path, names = write_ferplus(tmp_path), ferplus_arrays()["name"]
    classes = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    label = np.array([3, 6, 4, -1, -1, 4, -1, 0], np.int8)
    arrays = {"label": label, "classes": np.array(classes), "name": names}
    second = write_npz(tmp_path / "labels.npz", arrays)
    alone, both = load_ferplus(path), load_ferplus(path, None, second)

    def place(word: str) -> int:
        return EXPRESSIONS.index(word)

    # Row 0: ten votes for happiness, called happy; a name leaves a tenth to all seven alike.
    assert both.expressions[0, place("happiness")] == pytest.approx((1 + 0.9 + 0.1 / 7) / 2)
    # Row 1: a tie of neutral and happiness, called neutral.
    assert both.expressions[1, place("neutral")] == pytest.approx((0.5 + 0.9 + 0.1 / 7) / 2)
    # Row 2: seven of ten votes for contempt; what FER2013 calls it counts by half.
    assert both.expressions[2, place("sadness")] == pytest.approx(0.9 + 0.1 / 7)
    assert both.expression_weight.tolist() == pytest.approx([1, 1, 0.5, 0, 0, 1, 0.7, 1])
    np.testing.assert_array_equal(both.expressions[6], alone.expressions[6])  # not called anything
    assert np.isnan(both.expressions[3:5]).all()
    assert both.majority.tolist() == alone.majority.tolist()  # scores are by the votes
    assert both.fingerprint() != alone.fingerprint()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": np.array([f"other{i}" for i in range(8)])}, "'name' column is not that of the"),
        ({"classes": np.array(["happy", "grim"])}, "'grim' is not one of the 7 expressions"),
        ({"label": np.full(8, 2)}, "'label' should be 8 indices into 'classes' or -1"),
        ({"label": np.zeros(7, int)}, "'label' should be 8 indices"),
        ({"label": None}, r"looked for arrays \['label'\]"),
    ],
)
def test_second_labels_that_are_wrong(changes: dict[str, Any], text: str, tmp_path: Path) -> None:
    arrays = {"label": np.zeros(8, int), "classes": np.array(["happy", "sad"])}
    arrays |= {"name": ferplus_arrays()["name"]} | changes
    second = write_npz(tmp_path / "labels.npz", arrays)
    with pytest.raises(DataError, match=text):
        load_ferplus(write_ferplus(tmp_path), None, second)


def test_copies_of_training_faces_do_not_count_elsewhere(tmp_path: Path) -> None:
    faces = load_ferplus(write_ferplus(tmp_path))
    assert faces.split.tolist() == ["train"] * 4 + ["valid"] * 4
    # Row 6 copies a training face; rows 5 and 7 only copy each other.
    assert faces.counted.tolist() == [True] * 6 + [False, True]
    valid = faces.select((faces.split == "valid") & faces.counted)
    assert valid.names.tolist() == ["fer0000004.png", "fer0000005.png", "fer0000007.png"]
    assert valid.images.shape == (3, 48, 48)


def test_split_groups_and_names_may_be_absent(tmp_path: Path) -> None:
    faces = load_ferplus(write_ferplus(tmp_path, split=None, dup_group=None, name=None))
    assert set(faces.split.tolist()) == {"train"}
    assert faces.counted.all()
    assert faces.names[3] == "row3"
    assert np.isnan(faces.teacher_scores).all()
    # Units that no mesh sees are what votes expect; of all others nothing is known.
    voted = [ACTION_UNITS.index(unit) for unit in (9, 11)]
    assert np.isnan(np.delete(faces.action_units, voted, axis=1)).all()


def test_faces_are_framed_and_not_aligned(tmp_path: Path) -> None:
    faces = load_ferplus(write_ferplus(tmp_path))
    assert np.isnan(faces.aligned).all()
    corner, far = (faces.framed[0] @ [x, x, 1] for x in (-0.5, 111.5))
    np.testing.assert_allclose([corner, far], [[-0.5, -0.5], [47.5, 47.5]], atol=1e-4)


def test_what_a_mesh_saw_belongs_to_its_rows(tmp_path: Path) -> None:
    path, names = write_ferplus(tmp_path), ferplus_arrays()["name"]
    arrays = mesh_arrays(names, {"jawOpen": np.linspace(0, 0.7, 8)}, pose_deg=[0.0, 0.0, 12.0])
    arrays["detected"][-1] = False
    faces = load_ferplus(path, write_npz(tmp_path / "mesh.npz", arrays))
    jaw = ACTION_UNITS.index(26)
    np.testing.assert_allclose(faces.teacher_scores[:7, jaw], np.linspace(0, 0.6, 7), atol=1e-6)
    # A jaw at 0.08 begins to count, at 0.40 it has dropped for sure; votes say nothing of it.
    line = np.interp(np.linspace(0, 0.6, 7), [0.08, 0.40], [0, 1])
    np.testing.assert_allclose(faces.action_units[:7, jaw], line, atol=1e-5)
    for seen in (faces.blendshapes, faces.intensities, faces.pose_deg, faces.eye_open):
        assert seen is not None and np.isfinite(seen[0]).any()
        assert np.isnan(seen[-1]).all()  # found with lowered thresholds only
    assert np.isnan(faces.face_landmarks[-1]).all() and np.isnan(faces.gaze_deg[-1]).all()
    np.testing.assert_allclose(faces.pose_deg[:7, 2], 12, atol=1e-4)
    # What no mesh can see is what the votes expect of it: all of anger, nothing of neutral.
    nose = ACTION_UNITS.index(9)
    assert np.isfinite(faces.action_units[[0, 1, 5, 6, 7], nose]).all()
    assert np.isnan(faces.action_units[[2, 3, 4], nose]).all()


def test_majority_is_unique_and_among_the_seven() -> None:
    assert majority(VOTES).tolist() == [4, -1, -1, -1, -1, 0, -1, 1]
    for column in range(10):
        label = majority(np.eye(10)[[column]])[0]
        assert (label == -1) == (column >= 7)
    assert sorted(majority(np.eye(10)[:7]).tolist()) == list(range(7))


def test_fingerprints_follow_images_and_labels(tmp_path: Path) -> None:
    first = load_ferplus(write_ferplus(tmp_path)).fingerprint()
    assert load_ferplus(write_ferplus(tmp_path)).fingerprint() == first
    assert load_ferplus(write_ferplus(tmp_path, votes=VOTES[::-1])).fingerprint() != first
    images = ferplus_arrays()["images"].copy()
    images[3, 3, 3] ^= 1
    assert load_ferplus(write_ferplus(tmp_path, images=images)).fingerprint() != first


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"images": None}, r"looked for arrays \['images'\], found \['dup_group', 'name'"),
        ({"votes": None}, r"looked for arrays \['votes'\]"),
        ({"images": np.zeros((8, 48, 40), np.uint8)}, r"'images' should be uint8 \(n, side, side"),
        ({"images": np.zeros((8, 48, 48, 3), np.uint8)}, "'images' should be uint8"),
        ({"images": np.zeros((8, 48, 48), np.float32)}, "'images' should be uint8.*found float32"),
        ({"images": np.zeros((), np.uint8)}, "'images' should be uint8"),
        (
            {"images": np.zeros((7, 48, 48), np.uint8)},
            r"'votes' should be \(7, 10\), found \(8, 10",
        ),
        ({"votes": VOTES[:, :8]}, r"'votes' should be \(8, 10\), found \(8, 8\)"),
        ({"votes": VOTES.astype(str)}, "'votes' should be numbers"),
        ({"split": np.full(8, 3)}, r"'split' should hold 8 indices into \('train'"),
        ({"split": np.full(8, -1)}, "'split' should hold 8 indices"),
        ({"split": np.zeros(7, int)}, r"'split' should be \(8,\), found \(7,\)"),
        ({"dup_group": np.zeros(3, int)}, r"'dup_group' should be \(8,\), found \(3,\)"),
        ({"name": np.array(["a"])}, r"'name' should be \(8,\), found \(1,\)"),
        ({"votes": np.array([{}] * 8, object)}, "not a readable npz file.*allow_pickle=False"),
    ],
)
def test_broken_files_say_what_was_looked_for(
    changes: dict[str, Any], text: str, tmp_path: Path
) -> None:
    path = write_ferplus(tmp_path, **changes)
    assert_refused(f"ferplus_trainval.npz: {text}", path)


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    assert_refused("no such file", tmp_path / "none.npz")
    whole = write_ferplus(tmp_path).read_bytes()
    damaged = bytearray(whole)
    damaged[200:4000:7] = bytes(len(damaged[200:4000:7]))
    for name, data in {
        "text": b"not arrays",
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "damaged": bytes(damaged),
        "only a header": b"PK\x03\x04rubbish",
    }.items():
        file = tmp_path / f"{name}.npz"
        file.write_bytes(data)
        assert_refused("not a readable npz file", file)
    np.save(tmp_path / "single.npy", np.zeros(3))
    assert_refused("not a readable npz file.*single array", tmp_path / "single.npy")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"blendshapes": None}, r"looked for arrays \['blendshapes'\]"),
        ({"names": None}, r"looked for arrays \['names'\]"),
        ({"blendshapes": np.zeros((7, len(BLENDSHAPES)))}, "7 rows for 8 images: not the same"),
        ({"blendshapes": np.zeros((8, 3))}, r"'blendshapes' should be \(n, \d+\), found \(8, 3\)"),
        ({"blendshapes": np.zeros(8)}, r"'blendshapes' should be"),
        ({"detected": np.ones(3, bool)}, r"'detected' should be \(8,\), found \(3,\)"),
        ({"name": np.array(list("abcdefgh"))}, "'name' column is not that of the images"),
        ({"names": np.array([f"x{i}" for i in range(len(BLENDSHAPES))])}, "is not among its"),
    ],
)
def test_teacher_files_of_something_else(
    changes: dict[str, Any], text: str, tmp_path: Path
) -> None:
    arrays = blendshape_arrays(ferplus_arrays()["name"]) | changes
    scores = write_npz(tmp_path / "teacher.npz", arrays)
    assert_refused(f"teacher.npz: .*{text}", write_ferplus(tmp_path), scores)
