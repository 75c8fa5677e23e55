"""Action units that people coded, from a corpus's own files to the table that is printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")
from corpus_replicas import DISFA_UNITS, write, write_bp4d, write_disfa, write_disfa_plus
from face_doubles import ScriptedDetector, make_face
from mien.cli import cli
from mien.data.formats.annotations import BOX_COLUMNS, LANDMARK_COLUMNS
from mien.data.prepare.whole_pictures import with_faces
from mien.data.registry import load_corpus
from mien.evaluation.affect import affect_report
from mien.evaluation.unit_sets import UNIT_SETS, set_means
from mien.io import read_json
from tiny_models import full_affect


def call(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def write_brighter(root: Path) -> Path:
    """DISFA with pictures of one grey each; unit 12 grows with it, unit 4 falls, others rest."""
    import cv2

    write_disfa(root)
    for frame in range(1, 6):
        grey = np.full((48, 48, 3), 110 + 24 * frame, np.uint8)
        for place in sorted((root / "Images").iterdir()):
            assert cv2.imwrite(str(place / f"{frame:05d}.jpg"), grey)
    for person in ("SN001", "SN010"):
        for unit in DISFA_UNITS:
            value = {12: lambda k: k, 4: lambda k: 5 - k}.get(unit, lambda k: 0)
            lines = [f"{frame},{value(frame)}" for frame in range(1, 6)]
            write(root / "ActionUnit_Labels" / person / f"{person}_au{unit}.txt", lines)
    return root


def test_f1_area_and_icc_of_disfa(tmp_path: Path) -> None:
    model = full_affect(tmp_path / "full.onnx")
    call("datasets", "prepare", "disfa", "--root", write_brighter(tmp_path / "disfa"),
         "--out", tmp_path / "prepared", "--cropped")  # fmt: skip
    data = f"{tmp_path / 'prepared'}@all"
    text = call("evaluate", "extractor", "--data", data, "--model", model)
    assert "model's decisions: columns 1, 2; AUC: 3; ICC(3,1) of intensities: 4\n" in text
    report = json.loads(call("evaluate", "extractor", "--data", data, "--model", model, "--json"))
    # the model says of every unit how bright a picture is: in order for 12, the other way for 4
    assert report["au_auc"]["au12"] == 1 and report["au_auc"]["au04"] == 0
    assert report["au_auc"]["au01"] is None  # nobody shows it
    assert report["au_icc"]["au12"] > 0.7 and report["au_icc"]["au04"] < -0.7
    eight = report["au_sets"]["8 units of DISFA"]
    assert (eight["units"], eight["of"]) == (2, 8) and eight["auc"] == 0.5
    assert "  8 units of DISFA (2 of 8 measured): F1 at the decisions " in text
    assert "  12 units of DISFA (2 of 12 measured)" in text and "nan" not in text


def test_icc_by_hand(tmp_path: Path) -> None:
    from test_affect_report import face_set

    faces = face_set([-1, -1, -1, -1])
    coded = np.full((4, 17), np.nan, np.float32)
    coded[:, 9] = [0, 1, 3, np.nan]
    object.__setattr__(faces, "intensities", coded)
    predicted = np.zeros((4, 17), np.float32)
    predicted[:, 9] = [1, 1, 4, 5]
    report = affect_report(np.zeros((4, 26), np.float32), faces, None, predicted)
    # sums of squares about the means 4/3 and 2: 14/3 and 6; of products: 5
    assert report["au_icc"]["au12"] == pytest.approx(2 * 5 / (14 / 3 + 6))
    assert report["au_mean_icc"] == report["au_icc"]["au12"]
    assert np.isnan(report["au_icc"]["au01"])
    without = affect_report(np.zeros((4, 26), np.float32), faces)
    assert np.isnan(without["au_mean_icc"])


def test_a_corpus_without_intensities_has_no_icc(tmp_path: Path) -> None:
    call("datasets", "prepare", "bp4d", "--root", write_bp4d(tmp_path / "bp4d"),
         "--out", tmp_path / "prepared", "--cropped", "--quiet")  # fmt: skip
    model = full_affect(tmp_path / "full.onnx")
    text = call("evaluate", "extractor", "--data", f"{tmp_path / 'prepared'}@all", "--model", model)
    assert "; AUC: 3\n" in text and "ICC" not in text
    assert "12 units of BP4D (2 of 12 measured)" in text  # two are shown; AU14 is no output


def test_usual_sets_are_those_of_the_field() -> None:
    """As the papers on each corpus list them."""
    assert UNIT_SETS["bp4d"]["12 units of BP4D"] == (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
    for name in ("disfa", "disfa-plus"):
        assert UNIT_SETS[name]["8 units of DISFA"] == (1, 2, 4, 6, 9, 12, 25, 26)
        assert UNIT_SETS[name]["12 units of DISFA"] == (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
    for name in ("aff-wild2", "s-aff-wild2"):
        expected = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)
        assert UNIT_SETS[name]["12 units of Aff-Wild2"] == expected
    expected = (1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26)
    assert UNIT_SETS["emotionet"]["11 units of EmotioNet 2017"] == expected


def test_a_set_without_any_score_is_undefined() -> None:
    nothing = set_means("bp4d", (1, 2), {"f1": np.full(2, np.nan), "auc": np.array([0.5, 0.7])})
    row = nothing["12 units of BP4D"]
    assert row["units"] == 0 and np.isnan(row["f1"]) and row["auc"] == pytest.approx(0.6)
    assert set_means("another", (1,), {"f1": np.ones(1)}) == {}


def test_the_largest_face_of_a_whole_picture_counts(tmp_path: Path) -> None:
    corpus = load_corpus("disfa-plus", write_disfa_plus(tmp_path))
    script = {0: [make_face(2, 3, 10), make_face(4, 5, 20)], 1: []}
    ticks: list[int] = []
    found = with_faces(
        corpus, ScriptedDetector(lambda k: script.get(k, [make_face(1, 1, 8)])), ticks.append
    )
    table = found.table.to_pydict()
    assert [table[name][0] for name in BOX_COLUMNS] == [4, 5, 20, 20]
    expected = make_face(4, 5, 20).landmarks.ravel()
    np.testing.assert_allclose([table[name][0] for name in LANDMARK_COLUMNS], expected)
    assert table["image"][1] is None and np.isnan(table["box_x"][1])
    assert table["box_w"][2] == 8 and len(ticks) == 6
    assert found.notes[-1] == "in 1 images no face is found; they are left out"
    assert found.table.schema.equals(corpus.table.schema)
    again = with_faces(found, ScriptedDetector(lambda k: []))
    assert again.table.column("image").equals(found.table.column("image"))
    boxes = [one.table.column("box_w").to_numpy() for one in (again, found)]
    np.testing.assert_array_equal(*boxes)  # what has a box keeps it


def test_prepare_looks_for_faces_in_whole_pictures(tmp_path: Path) -> None:
    root = write_disfa_plus(tmp_path / "posed")
    text = call("datasets", "prepare", "disfa-plus", "--root", root, "--out", tmp_path / "out")
    assert "note: in 6 images no face is found; they are left out" in text  # they show noise
    assert read_json(tmp_path / "out/dataset.json")["counts"]["image files"] == 0
    result = CliRunner().invoke(cli, ["datasets", "prepare", "raf-db", "--root", str(root), "--out",
                                      str(tmp_path / "x"), "--cropped"])  # fmt: skip
    assert result.exit_code == 2 and "--cropped is for corpora of whole pictures" in result.stderr
