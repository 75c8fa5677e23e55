from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from corpus_replicas import (
    affectnet_row,
    write_aff_wild,
    write_affectnet,
    write_image,
)
from mien.data.formats.annotated_faces import SIDE_PX, load_annotated_faces
from mien.data.formats.annotations import write_annotations
from mien.datasets import load_aff_wild2, load_affectnet
from mien.errors import ConfigError, DataError
from mien.faces.align import TEMPLATE
from mien.labels import ACTION_UNITS, EXPRESSIONS


@pytest.fixture
def wild(tmp_path: Path) -> Path:
    corpus = load_aff_wild2(write_aff_wild(tmp_path / "wild"))
    write_annotations(corpus, tmp_path / "prepared")
    return tmp_path / "prepared"


def test_frames_become_faces_with_partial_labels(wild: Path) -> None:
    faces = load_annotated_faces(wild)
    assert faces.corpus == "aff-wild2" and len(faces) == 6
    assert faces.images.shape == (6, SIDE_PX, SIDE_PX) and faces.images.dtype == np.uint8
    assert faces.split.tolist() == ["train"] * 3 + ["valid"] * 3
    assert faces.majority.tolist() == [0, -1, -1, 6, 1, 5]
    assert faces.expression_weight.tolist() == [1, 0, 0, 1, 1, 1]
    known = faces.expression_weight > 0
    np.testing.assert_allclose(faces.expressions[known].sum(axis=1), 1, rtol=1e-6)
    assert np.isnan(faces.expressions[~known]).all()
    assert np.isnan(faces.valence_arousal[3]).all() and np.isfinite(faces.valence_arousal[4]).all()
    assert faces.action_units[0, ACTION_UNITS.index(12)] == 1
    assert np.isnan(faces.aligned).all() and faces.counted.all()
    assert set(load_annotated_faces(wild, "valid").split) == {"valid"}


def test_whole_images_are_enlarged_in_place(wild: Path) -> None:
    faces = load_annotated_faces(wild)
    path = wild.parent / "wild" / faces.names[0]
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    expected = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
    assert np.abs(faces.images[0].astype(int) - expected).max() <= 2


def test_boxes_and_landmarks_place_the_face(tmp_path: Path) -> None:
    """A bright square drawn around every landmark is found again through the matrices."""
    root = write_affectnet(tmp_path / "net", [affectnet_row("1/a.jpg", 1, 0.5, 0.5)])
    scale, offset = 3.0, (150.0, 40.0)
    landmarks = TEMPLATE * scale + offset
    image = np.zeros((500, 700, 3), np.uint8)
    for x, y in landmarks:
        cv2.circle(image, (round(x), round(y)), 8, (255, 255, 255), -1)
    cv2.imwrite(str(root / "Manually_Annotated_Images/1/a.jpg"), image)
    marks = np.zeros((68, 2))
    marks[36:42], marks[42:48], marks[[30, 48, 54]] = landmarks[0], landmarks[1], landmarks[2:]
    text = ";".join(f"{value:.2f}" for value in marks.ravel())
    box = f"1/a.jpg,{offset[0]},{offset[1]},{112 * scale},{112 * scale},{text},1,0.5,0.5"
    write_affectnet(tmp_path / "net", [box])
    cv2.imwrite(str(root / "Manually_Annotated_Images/1/a.jpg"), image)
    write_annotations(load_affectnet(root), tmp_path / "out")
    faces = load_annotated_faces(tmp_path / "out", "train")
    assert faces.majority.tolist() == [EXPRESSIONS.index("happiness")]
    found = faces.aligned[0] @ np.vstack([TEMPLATE.T, np.ones(5)])
    for x, y in found.T:
        assert faces.images[0, round(y), round(x)] > 200
    assert (faces.images[0] > 200).sum() < 0.1 * SIDE_PX**2
    outside = faces.images[0].copy()
    for x, y in found.T:
        cv2.circle(outside, (round(x), round(y)), 5, 0, -1)
    assert outside.max() < 100


def test_photographs_that_are_not_square_keep_their_shape(tmp_path: Path) -> None:
    root = write_affectnet(tmp_path / "net", ["1/a.jpg,,,,,,0,0,0"])
    path = write_image(root / "Manually_Annotated_Images/1/a.jpg")
    image = np.zeros((100, 300, 3), np.uint8)
    image[:, 100:200] = 255  # a square in the middle
    cv2.imwrite(str(path), image)
    write_annotations(load_affectnet(root), tmp_path / "out")
    seen = load_annotated_faces(tmp_path / "out", "train").images[0]
    middle = SIDE_PX // 2
    assert seen[middle, middle] > 250 and seen[middle, 5] < 5
    assert 35 <= (seen[middle] > 128).sum() <= 40  # a third of the width


def test_a_recipe_can_name_prepared_annotations(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from mien.training.extractor import MMATrainConfig
    from mien.training.extractor.corpora import load_corpora

    rows = [affectnet_row("1/a.jpg", 1, 0.5, 0.5)]
    write_annotations(load_affectnet(write_affectnet(tmp_path / "net", rows)), tmp_path / "out")
    recipe = MMATrainConfig("tiny", {"net": {"kind": "images", "path": "out"}})
    assert len(load_corpora(recipe, tmp_path, tmp_path / "cache")["net"]) == 2
    both = {"kind": "images", "path": "out", "mesh": "x.npz"}
    with pytest.raises(ConfigError, match="mesh is for other kinds"):
        MMATrainConfig("tiny", {"net": both})


def test_what_is_refused(wild: Path) -> None:
    with pytest.raises(DataError, match="no image is in the split 'test'"):
        load_annotated_faces(wild, "test")
    path = wild.parent / "wild/cropped_aligned/1-30/00003.jpg"
    path.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"00003\.jpg: is not a readable image"):
        load_annotated_faces(wild)
    path.unlink()
    with pytest.raises(DataError, match=r"00003\.jpg: cannot be read \(No such file"):
        load_annotated_faces(wild)
