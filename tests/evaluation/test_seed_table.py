from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")
from corpus_builder import write_ferplus, write_muxspace
from mien.cli import cli
from mien.datasets import load_muxspace
from mien.evaluation.contact_sheets import write_sheets
from mien.evaluation.models.extractor import evaluate_mma
from mien.evaluation.seed_table import spread_table
from mien.labels import ACTION_UNIT_COLUMNS
from tiny_models import tiny_affect


def test_mean_and_deviation_over_models(tmp_path: Path) -> None:
    report = evaluate_mma(
        write_ferplus(tmp_path), "all", model=tiny_affect(tmp_path / "m.onnx"), framing="framed"
    )
    reports = [[{**report, "accuracy": accuracy} for accuracy in (0.8, 0.9, 0.85)]]
    head, _, row = spread_table(reports).splitlines()
    cells = dict(zip(head.split(" | "), row.split(" | "), strict=True))
    assert cells["accuracy"] == "0.850 ± 0.050"
    assert cells["n"] == str(report["n"])
    assert cells["AU r"] == "-"


def test_several_corpora_and_models_are_one_command(tmp_path: Path) -> None:
    model, other = tiny_affect(tmp_path / "a.onnx"), tiny_affect(tmp_path / "b.onnx")
    ferplus, muxspace = write_ferplus(tmp_path), write_muxspace(tmp_path)
    command = ["evaluate", "extractor", "--data", f"{ferplus}@all", "--data", str(muxspace)]
    command += ["--model", str(model), "--model", str(other), "--framing", "framed"]
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    lines = result.stdout.splitlines()
    assert lines[2].startswith("| ferplus_trainval.npz | all, framed | 3 |")
    assert lines[3].startswith("| muxspace_faces.zip | all, framed |")
    assert "±" in lines[2]


def test_sheets_show_the_highest_first(tmp_path: Path) -> None:
    faces = load_muxspace(write_muxspace(tmp_path))
    predicted = np.zeros((len(faces), 26), np.float32)
    predicted[:, 9] = np.linspace(0, 1, len(faces))
    files = write_sheets(faces, predicted, tmp_path / "sheets", count=2)
    assert [file.stem for file in files] == list(ACTION_UNIT_COLUMNS)
    sheet = cv2.imread(str(files[0]), cv2.IMREAD_GRAYSCALE)
    best = write_sheets(faces.select(np.array([-1])), predicted[-1:], tmp_path / "one", count=1)
    first = cv2.imread(str(best[0]), cv2.IMREAD_GRAYSCALE)
    assert sheet.shape[1] == 6 * 112
    np.testing.assert_array_equal(sheet[18:130, :112], first[18:130, :112])
