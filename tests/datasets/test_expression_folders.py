"""Faces in folders named after expressions, as they are and prepared."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mien.cli import cli
from mien.datasets.annotated_faces import load_annotated_faces
from mien.datasets.expression_folders import (
    are_expression_folders,
    load_expression_folders,
)
from mien.errors import DataError
from mien.evaluation.corpora import load_labelled
from mien.labels import EXPRESSIONS


def draw(path: Path, seed: int, side: int = 48) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 255, (side, side), np.uint8)
    assert cv2.imwrite(str(path), image)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    root = tmp_path / "CK+48"
    for seed, name in enumerate(("anger", "Happy", "contempt", "surprise/S010")):
        draw(root / name / f"{seed}.png", seed)
    draw(root / "anger" / "more.JPG", 9, 64)
    (root / "anger" / "notes.txt").write_text("not an image")
    (root / ".hidden").mkdir()
    (root / "README.md").write_text("words")
    return root


@pytest.fixture
def split(tmp_path: Path) -> Path:
    root = tmp_path / "split"
    for seed, name in enumerate(("train/sad", "Validation/neutral", "test/fear", "test/disgusted")):
        draw(root / name / "a.png", seed)
    draw(root / "test" / "sad" / "copy.png", 0)  # the training face once more
    return root


def test_without_splits_everything_is_test_and_classes_follow_from_names(flat: Path) -> None:
    assert are_expression_folders(flat)
    corpus = load_expression_folders(flat)
    table = corpus.table
    assert table.column("image").to_pylist() == [
        "Happy/1.png", "anger/0.png", "anger/more.JPG", "contempt/2.png", "surprise/S010/3.png",
    ]  # fmt: skip
    assert [EXPRESSIONS[k] if k >= 0 else None for k in corpus.expressions] == [
        "happiness", "anger", "anger", None, "surprise",
    ]  # fmt: skip
    assert set(table.column("split").to_pylist()) == {"test"}
    assert corpus.notes == ("1 images show none of the seven expressions",)


def test_splits_are_those_of_the_folders_and_copies_of_training_faces_do_not_count(
    split: Path,
) -> None:
    assert are_expression_folders(split)
    faces = load_annotated_faces(split)
    found = dict(zip(faces.names, zip(faces.split, faces.majority, strict=True), strict=True))
    assert found["train/sad/a.png"] == ("train", EXPRESSIONS.index("sadness"))
    assert found["Validation/neutral/a.png"] == ("valid", 0)
    assert found["test/disgusted/a.png"] == ("test", EXPRESSIONS.index("disgust"))
    assert faces.names[~faces.counted].tolist() == ["test/sad/copy.png"]
    assert load_annotated_faces(split, "test").counted.all()  # nothing to be a copy of
    assert len(load_labelled(split, framing="framed").faces) == 1  # valid, where there is one
    assert len(load_labelled(split, "test", framing="framed").faces) == 2


def test_they_are_measured_as_they_are_and_prepared(flat: Path, tmp_path: Path) -> None:
    whole = load_labelled(flat, framing="framed")
    assert (whole.split, whole.truth, len(whole.faces)) == ("all", "annotation", 5)
    assert whole.faces.images.shape == (5, 112, 112)
    arguments = ["datasets", "prepare", "expression-folders", "--root", str(flat)]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    again = load_labelled(tmp_path / "out", "all", framing="framed")
    np.testing.assert_array_equal(again.faces.images, whole.faces.images)
    np.testing.assert_array_equal(again.faces.majority, whole.faces.majority)


@pytest.mark.parametrize("name", ["bored", "1", "train/bored"])
def test_other_names_are_refused_with_what_is_possible(flat: Path, name: str) -> None:
    draw(flat / name / "x.png", 5)
    with pytest.raises(DataError, match=r"named after an expression, one of .*'happy'"):
        load_expression_folders(flat)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        load_expression_folders(tmp_path / "nowhere")
    (tmp_path / "fear").mkdir()
    with pytest.raises(DataError, match="no image in any folder"):
        load_expression_folders(tmp_path)
    (tmp_path / "fear").rmdir()
    assert not are_expression_folders(tmp_path)
    with pytest.raises(DataError):  # neither a synthetic set nor anything else
        load_labelled(tmp_path)


def test_a_broken_image_is_named(flat: Path) -> None:
    (flat / "anger" / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"anger/0\.png: is not a readable image"):
        load_annotated_faces(flat)
