"""Faces in folders named after expressions, as they are and prepared."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mien.cli import cli
from mien.data.corpora.expression_folders import (
    are_expression_folders,
    load_expression_folders,
)
from mien.data.formats.annotated_faces import load_annotated_faces
from mien.errors import ConfigError, DataError
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
    (root / "__MACOSX" / "anger").mkdir(parents=True)
    (root / "anger" / "._0.png").write_bytes(b"what a Mac leaves")
    draw(root / "anger" / ".ipynb_checkpoints" / "0.png", 0)
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
    assert (whole.split, whole.truth, len(whole.faces)) == ("test", "annotation", 5)
    assert whole.faces.images.shape == (5, 112, 112)
    arguments = ["datasets", "prepare", "expression-folders", "--root", str(flat)]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    again = load_labelled(tmp_path / "out", framing="framed")
    assert again.split == "test"
    np.testing.assert_array_equal(again.faces.images, whole.faces.images)
    np.testing.assert_array_equal(again.faces.majority, whole.faces.majority)


def test_faces_to_train_on_are_never_measured_by_default(split: Path) -> None:
    for path in (split / "Validation").rglob("*.png"):
        path.unlink()
    assert load_labelled(split, framing="framed").split == "test"
    with pytest.raises(DataError, match="no faces in split 'valid'"):
        load_labelled(split, "valid", framing="framed")


@pytest.mark.parametrize("name", ["bored", "1", "train/bored"])
def test_other_names_are_refused_with_what_is_possible(
    flat: Path, tmp_path: Path, name: str
) -> None:
    for root in (flat, tmp_path / "alone"):  # beside folders that are named well, and by itself
        draw(root / name / "x.png", 5)
        for read in (load_expression_folders, load_annotated_faces, load_labelled):
            with pytest.raises(DataError, match=r"named after an expression, one of .*'happy'"):
                read(root)


def test_splits_within_expressions_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "happy" / "train" / "x.png", 5)
    with pytest.raises(DataError, match=r"splits stand outside, .*: train/happy/\.\.\."):
        load_expression_folders(tmp_path)


def test_links_are_followed_once(flat: Path, tmp_path: Path) -> None:
    draw(tmp_path / "elsewhere" / "y.png", 6)
    (flat / "fear").mkdir()
    (flat / "fear" / "S010").symlink_to(tmp_path / "elsewhere")
    (flat / "fear" / "back").symlink_to(flat / "fear")
    (flat / "sadness").mkdir()
    corpus = load_expression_folders(flat)
    names = corpus.table.column("image").to_pylist()
    assert [n for n in names if n.startswith("fear")] == ["fear/S010/y.png"]
    assert "sadness holds no image" in corpus.notes


def test_what_cannot_be_read_or_named_is_said(flat: Path, monkeypatch) -> None:
    odd = flat / "anger" / "\udce9.png"
    draw(flat / "anger" / "e.png", 7)
    (flat / "anger" / "e.png").rename(odd)
    with pytest.raises(DataError, match="is not UTF-8; rename it"):
        load_expression_folders(flat)
    odd.unlink()
    real = os.scandir

    def refuse(path=None):
        if path is not None and str(path).endswith("surprise"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path) if path is not None else real()

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"surprise: cannot be read \(Permission denied\)"):
        load_expression_folders(flat)


def test_training_on_folders_without_a_training_split_says_so(flat: Path) -> None:
    from mien.training.extractor import MMATrainConfig, make_feeds

    corpus = {"kind": "images", "path": "CK+48", "per_batch": 2}
    config = MMATrainConfig("folders", {"own": corpus})
    with pytest.raises(
        ConfigError, match=r"corpora\.own: no face is in the split train \(.*test\)"
    ):
        make_feeds(config, {"own": load_annotated_faces(flat)})


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
