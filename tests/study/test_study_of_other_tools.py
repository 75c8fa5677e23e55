"""A study on tables of other tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from study_builder import write_results

from mien.cli import cli
from mien.errors import DataError
from mien.study.study import StudyOptions, make_study
from other_tables import write_openface, write_pyfeat


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Four persons, each in two conditions, as OpenFace writes them."""
    (tmp_path / "csv").mkdir()
    rng = np.random.default_rng(1)
    for person in range(4):
        for condition, level in (("rest", 0.5), ("joke", 2.0)):
            smile = np.clip(level + 0.1 * person + 0.3 * rng.standard_normal(40), 0, 5)
            write_openface(tmp_path / "csv" / f"p{person}_{condition}.csv", smile)
    rows = [f"p{p}_{c}.csv,p{p},{c}" for p in range(4) for c in ("rest", "joke")]
    (tmp_path / "people.csv").write_text("video,person,condition\n" + "\n".join(rows) + "\n")
    return tmp_path


def test_means_are_those_of_the_tables(tables: Path) -> None:
    study = make_study(tables / "csv", StudyOptions(participants=tables / "people.csv"))
    for row in study.summary.to_dict("records"):
        told = pd.read_csv(tables / "csv" / f"{row['video']}.csv", skipinitialspace=True)
        assert row["au12_intensity_mean"] == pytest.approx(told["AU12_r"].mean(), rel=1e-6)
        assert row["au12_active_share"] == pytest.approx(told["AU12_c"].mean())
        assert row["frames"] == 40
    assert "valence_mean" not in study.summary
    measures = {*study.comparison["measure"]}
    assert "au12_intensity_mean" in measures and "au12_mean" not in measures
    assert "read by OpenFace, whose tables mien" in study.methods
    assert "foreign: " in study.methods


def test_the_command_takes_files_and_folders(tables: Path) -> None:
    pyfeat = write_pyfeat(tables / "py.csv", np.full(30, 0.5))
    words = ["study", str(pyfeat), "--fps", "25", "--out", str(tables / "one")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    [row] = pd.read_csv(tables / "one" / "summary.csv").to_dict("records")
    assert row["au12_mean"] == pytest.approx(0.5) and row["seconds"] == pytest.approx(1.2)
    words = ["study", str(tables / "csv"), str(pyfeat), "--fps", "25", "--out", str(tables / "two")]
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, DataError)
    assert "extractor is py-feat, that of p0_joke is OpenFace" in str(done.exception)
    done = CliRunner().invoke(cli, [*words, "--mixed"])
    assert done.exit_code == 0, done.output
    assert len(pd.read_csv(tables / "two" / "summary.csv")) == 9


def test_tables_beside_results_are_the_results_own(tmp_path: Path) -> None:
    folder = write_results(tmp_path, "a", np.full(20, 0.7))
    write_openface(folder / "openface.csv", np.full(20, 2.0))
    (tmp_path / "notes.csv").write_text("who,what\nx,y\n")
    assert make_study(tmp_path, StudyOptions()).summary["video"].tolist() == ["a"]
