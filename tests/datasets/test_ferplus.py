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
    write_ferplus,
    write_npz,
)
from mien.datasets import load_ferplus
from mien.datasets.ferplus import majority
from mien.datasets.targets import AFFECTIVE_COORDINATES
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


def test_valence_and_arousal_follow_from_the_votes(tmp_path: Path) -> None:
    faces = load_ferplus(write_ferplus(tmp_path))
    np.testing.assert_allclose(
        faces.valence_arousal[0], AFFECTIVE_COORDINATES["happiness"], rtol=1e-6
    )
    sadness = np.array(AFFECTIVE_COORDINATES["sadness"])
    np.testing.assert_allclose(faces.valence_arousal[5], sadness * 3 / 9, rtol=1e-6)
    assert np.isnan(faces.valence_arousal[[2, 3, 4]]).all()


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
    assert np.isnan(faces.action_units).all()


def test_faces_are_framed_and_not_aligned(tmp_path: Path) -> None:
    faces = load_ferplus(write_ferplus(tmp_path))
    assert np.isnan(faces.aligned).all()
    corner, far = (faces.framed[0] @ [x, x, 1] for x in (-0.5, 111.5))
    np.testing.assert_allclose([corner, far], [[-0.5, -0.5], [47.5, 47.5]], atol=1e-4)


def test_teacher_scores_belong_to_their_rows(tmp_path: Path) -> None:
    path = write_ferplus(tmp_path)
    arrays = blendshape_arrays(ferplus_arrays()["name"])
    scores = write_npz(tmp_path / "ferplus_blendshapes.npz", arrays)
    faces = load_ferplus(path, scores)
    column = ACTION_UNITS.index(12)
    smile = [BLENDSHAPES.index(f"mouthSmile{side}") for side in ("Left", "Right")]
    expected = arrays["blendshapes"][:, smile].astype(np.float32).mean(axis=1)
    np.testing.assert_allclose(faces.teacher_scores[:-1, column], expected[:-1], rtol=1e-6)
    assert np.isnan(faces.teacher_scores[-1]).all()  # found with lowered thresholds only
    line = np.interp(expected, [0, 0.05, 0.8, 0.96], [0, 0.1, 0.9, 1])
    np.testing.assert_allclose(faces.action_units[:-1, column], line[:-1], atol=1e-6)
    for unit in (6, 9, 11, 20, 23):
        assert np.isnan(faces.action_units[:, ACTION_UNITS.index(unit)]).all()


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
