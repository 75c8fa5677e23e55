from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")
from corpus_builder import (
    blendshape_arrays,
    ferplus_arrays,
    muxspace_rows,
    write_ferplus,
    write_muxspace,
    write_npz,
)
from corpus_replicas import write_aff_wild
from mien.cli import cli
from mien.cli.evaluate_extractor import path_and_split
from mien.data.formats.annotated_faces import load_annotated_faces
from mien.data.formats.annotations import write_annotations
from mien.datasets import load_aff_wild2, load_ferplus, load_muxspace
from mien.errors import DataError, ModelError
from mien.evaluation.models.extractor import evaluate_mma, evaluation_crops
from mien.faces.align import align
from tiny_models import tiny_affect


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_affect(tmp_path / "tiny.onnx")


def call(*arguments: Any) -> str:
    result = CliRunner().invoke(
        cli, ["evaluate", "extractor", *map(str, arguments)], catch_exceptions=False
    )
    assert result.exit_code == 0
    return result.stdout


def no_nan(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_text_names_what_was_measured(model: Path, tmp_path: Path) -> None:
    text = call("--data", write_ferplus(tmp_path), "--model", model)
    assert text.startswith("ferplus_trainval.npz, split valid, faces aligned; model tiny 1\n")
    # Of the valid rows 4 to 7, row 6 copies a training face, 4 has no majority: neutral and anger.
    assert "n 2   accuracy 0.5000   macro-F1 0.3333" in text
    assert "note: 3 faces without usable landmarks are taken as cropped" in text
    assert "nan" not in text


def test_annotations_of_people_are_measured_as_such(model: Path, tmp_path: Path) -> None:
    corpus = load_aff_wild2(write_aff_wild(tmp_path / "wild"))
    write_annotations(corpus, tmp_path / "prepared")
    text = call("--data", tmp_path / "prepared", "--model", model)
    assert "split valid" in text and "CCC with the annotation (n 2)" in text
    assert "nan" not in text
    arrays = load_annotated_faces(tmp_path / "prepared", "train")
    assert np.isfinite(arrays.action_units).any()
    text = call("--data", f"{tmp_path / 'prepared'}@train", "--model", model)
    assert (
        "F1 with the annotated action units, at 0.5 and at the model's decisions:" in text
        and "Pearson" not in text
    )


def test_json_has_no_nan(model: Path, tmp_path: Path) -> None:
    text = call("--data", write_ferplus(tmp_path), "--model", model, "--json")
    report = json.loads(text, parse_constant=no_nan)
    assert (report["data"], report["split"], report["faces"]) == (
        "ferplus_trainval.npz",
        "valid",
        3,
    )
    assert (report["n"], report["accuracy"]) == (2, 0.5)
    assert report["f1"]["fear"] is None
    assert report["au_mean_correlation"] is None
    assert report["support"]["anger"] == 1


def test_default_splits(model: Path, tmp_path: Path) -> None:
    declared = evaluate_mma(write_ferplus(tmp_path), model=model, framing="framed")
    assert (declared["split"], declared["faces"], declared["notes"]) == ("valid", 3, [])
    only_test = write_npz(
        tmp_path / "other.npz", ferplus_arrays() | {"split": np.full(8, 2), "dup_group": None}
    )
    report = evaluate_mma(only_test, model=model, framing="framed")
    assert (report["split"], report["faces"]) == ("all", 8)
    zipped = evaluate_mma(write_muxspace(tmp_path), model=model)
    assert (zipped["split"], zipped["faces"]) == ("all", 6)


@pytest.mark.parametrize(("split", "count"), [("train", 4), ("valid", 3), ("all", 7)])
def test_splits_by_name_leave_copies_out(
    split: str, count: int, model: Path, tmp_path: Path
) -> None:
    report = evaluate_mma(write_ferplus(tmp_path), split, model=model, framing="framed")
    assert report["faces"] == count


def test_a_misspelt_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'tset' is no split; splits are "):
        path_and_split(f"{tmp_path}@tset")
    (tmp_path / "a@b").mkdir()
    assert path_and_split(f"{tmp_path}/a@b") == (tmp_path / "a@b", None)


def test_an_empty_split_is_an_error(model: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"ferplus_trainval\.npz: no faces in split 'test'"):
        evaluate_mma(write_ferplus(tmp_path), "test", model=model)


def test_teacher_scores_beside_the_data_are_found(model: Path, tmp_path: Path) -> None:
    path = write_ferplus(tmp_path)
    scores = blendshape_arrays(ferplus_arrays()["name"])
    write_npz(tmp_path / "ferplus_blendshapes.npz", scores)
    report = evaluate_mma(path, "all", model=model, framing="framed")
    assert report["au_n"] == 6  # 7 faces count, in the last one the teacher found nothing
    assert np.isfinite(report["au_correlation"]["au12"])
    assert np.isnan(report["au_correlation"]["au09"])
    text = call("--data", path, "--split", "all", "--model", model, "--framing", "framed")
    assert (
        "Pearson with the teacher's blendshapes (n up to 6), F1 at 0.5 and at the model's" in text
    )


def test_teacher_scores_of_other_rows(model: Path, tmp_path: Path) -> None:
    path = write_ferplus(tmp_path)
    names = ferplus_arrays()["name"][::-1]
    other = write_npz(tmp_path / "ferplus_blendshapes.npz", blendshape_arrays(names))
    report = evaluate_mma(path, model=model, framing="framed")  # merely lies beside: a note
    assert report["au_n"] == 0
    assert "teacher scores not used: " in report["notes"][0]
    with pytest.raises(DataError, match="'name' column is not that of the images"):
        evaluate_mma(path, blendshapes=other, model=model)  # asked for: an error


def test_errors_of_data_and_model(model: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        evaluate_mma(tmp_path / "none.npz", model=model)
    with pytest.raises(DataError, match="no such file"):
        evaluate_mma(tmp_path / "none.zip", model=model)
    with pytest.raises(ModelError, match="no such model file"):
        evaluate_mma(write_ferplus(tmp_path), model=tmp_path / "none.onnx")


def test_crops_of_the_evaluation_are_those_of_the_pipeline(tmp_path: Path) -> None:
    """What is measured must be what users get: the same alignment of the same landmarks."""
    rows = muxspace_rows()
    faces = load_muxspace(write_muxspace(tmp_path, rows))
    crops = np.concatenate(list(evaluation_crops(faces, batch=4)))
    assert crops.shape == (6, 112, 112, 3)
    for row, image, crop in zip(rows, faces.images, crops, strict=True):
        points = [[float(row[f"l{axis}{i}"]) for axis in "xy"] for i in range(5)]
        rgb = np.repeat(image[..., None], 3, axis=2)
        expected = align(rgb, np.array(points, np.float32))
        # Least squares from crop to image and back differ by the residual's share.
        assert np.abs(crop.astype(int) - expected).mean() < 12


def test_framed_crops_stretch_the_whole_image(tmp_path: Path) -> None:
    faces = load_ferplus(write_ferplus(tmp_path))
    [crops] = list(evaluation_crops(faces))
    assert crops.shape == (8, 112, 112, 3)
    for image, crop in zip(faces.images, crops, strict=True):
        assert abs(float(image.mean()) - float(crop.mean())) < 3
        assert abs(int(crop[0, 0, 0]) - int(image[0, 0])) <= 1  # borders repeated, not black
