"""The eye panel: what is in it, how it is read, how it is scored."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mien.cli import cli
from mien.errors import DataError
from mien.evaluation.eye_panel import (
    area_under_curve,
    cohen_kappa,
    load_eye_panel,
    panel_scores,
)
from mien.labels import ACTION_UNITS

PANEL = Path(__file__).parents[1] / "data" / "eye_panel"


@pytest.fixture(scope="module")
def panel():
    return load_eye_panel(PANEL)


def test_it_has_200_faces_in_two_halves_that_share_no_picture(panel):
    assert panel.crops.shape == (200, 112, 112, 3)
    assert panel.first_half.sum() == 100
    with (PANEL / "codes.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    halves: dict[str, set[str]] = {}
    for row in rows:
        halves.setdefault(row["group"], set()).add(row["half"])
    assert all(len(found) == 1 for found in halves.values())
    digests = [hashlib.sha256((PANEL / "faces" / n).read_bytes()).digest() for n in panel.names]
    assert len(set(digests)) == 200


def test_truth_is_what_both_coders_said(panel):
    one, two = panel.coders
    for unit in range(len(ACTION_UNITS)):
        both_present = (one[:, unit] == 1) & (two[:, unit] == 1)
        both_absent = (one[:, unit] == 0) & (two[:, unit] == 0)
        assert ((panel.truth[:, unit] == 1) == both_present).all()
        assert (np.isnan(panel.truth[:, unit]) == ~(both_present | both_absent)).all()


def test_it_may_be_passed_on():
    assert "MIT License" in (PANEL / "LICENSE").read_text(encoding="utf-8")
    size = sum(file.stat().st_size for file in PANEL.rglob("*") if file.is_file())
    assert size <= 3_000_000


def test_kappa_is_that_of_a_worked_example():
    # Cohen (1960), table of two raters: 45 + 25 agree of 100, expected 0.54.
    one = [1] * 45 + [1] * 15 + [0] * 15 + [0] * 25
    two = [1] * 45 + [0] * 15 + [1] * 15 + [0] * 25
    expected = (0.70 - (0.6 * 0.6 + 0.4 * 0.4)) / (1 - (0.6 * 0.6 + 0.4 * 0.4))
    assert cohen_kappa(one, two) == pytest.approx(expected)
    assert cohen_kappa([np.nan, 1, 0], [np.nan, 1, 0]) == pytest.approx(1)
    assert np.isnan(cohen_kappa([1, 1], [1, 1]))


def test_scores_leave_out_what_is_unknown():
    truth = np.full((5, 17), np.nan, np.float32)
    truth[:4, 0] = 1, 1, 0, 0
    p = np.zeros((5, 17), np.float32)
    p[:, 0] = 0.9, 0.4, 0.3, 0.8, 1.0
    scores = panel_scores(truth, p, np.full(17, 0.5))
    assert scores["positives"][0] == 2
    assert scores["f1"][0] == pytest.approx(2 * 1 / (2 + 2))  # of 0.9 and 0.8 one is right
    assert scores["best_f1"][0] == pytest.approx(2 * 2 / (2 + 3))  # from 0.4 on
    assert scores["auc"][0] == pytest.approx(3 / 4)
    assert np.isnan(scores["f1"][1:]).all()


def test_area_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(1)
    truth, score = rng.random(40) < 0.4, rng.integers(0, 8, 40) / 8
    pairs = [(a > b) + 0.5 * (a == b) for a in score[truth] for b in score[~truth]]
    assert area_under_curve(truth, score) == pytest.approx(np.mean(pairs))


def test_a_code_that_is_no_unit_is_named(tmp_path):
    (tmp_path / "faces").symlink_to(PANEL / "faces")
    text = (PANEL / "codes.csv").read_text(encoding="utf-8")
    header, first, *rest = text.splitlines()
    cells = first.split(",")
    cells[3] = "6 13"
    (tmp_path / "codes.csv").write_text("\n".join([header, ",".join(cells), *rest]), "utf-8")
    with pytest.raises(DataError, match=r"'13' is none of"):
        load_eye_panel(tmp_path)


def test_the_command_prints_every_unit():
    result = CliRunner().invoke(cli, ["evaluate", "panel", "--data", str(PANEL), "--half", "both"])
    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if line.startswith("| ")]
    assert [row.split("|")[1].strip() for row in rows[2:]] == [str(u) for u in ACTION_UNITS]
    assert "AU01, AU02, AU04, AU05, AU06, AU12, AU25, AU26" in result.output
