"""Tables of countries with a decimal comma, written and read."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from study_builder import write_results

from mien.cli import cli
from mien.errors import ConfigError
from mien.plot import StudyTables
from mien.study.study import StudyOptions, make_study

pytest.importorskip("matplotlib", reason="needs the extra `plot`")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two videos of one person, whose smile has the probabilities 0.25 and 0.75."""
    write_results(tmp_path / "out", "before", np.full(40, 0.25))
    write_results(tmp_path / "out", "after", np.full(40, 0.75))
    return tmp_path


def run(*words: object) -> None:
    done = CliRunner().invoke(cli, [*map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_a_comma_is_written_as_excel_reads_it_there(results: Path) -> None:
    run("study", results / "out", "--out", results / "comma", "--decimal", ",")
    data = (results / "comma" / "summary.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(data.decode("utf-8-sig").splitlines(), delimiter=";"))
    assert {row["video"]: row["au12_mean"] for row in rows} == {"before": "0,25", "after": "0,75"}
    for name in ("episodes.csv", "comparison.csv"):
        header = (results / "comma" / name).read_text(encoding="utf-8-sig").splitlines()[:1]
        assert not any("," in line for line in header)


def test_plots_read_both(results: Path) -> None:
    run("study", results / "out", "--out", results / "comma", "--decimal", ",")
    run("study", results / "out", "--out", results / "point")
    for name in ("comma", "point"):
        summary = StudyTables.read(results / name).summary.set_index("video")
        assert summary["au12_mean"].to_dict() == {"before": 0.25, "after": 0.75}


def test_participants_and_events_may_have_semicolons(results: Path) -> None:
    people, events = results / "people.csv", results / "events.csv"
    people.write_bytes(b"\xef\xbb\xbfvideo;person;note\nbefore;Ana;a, b\nafter;Ana;c\n")
    events.write_text("onset;duration;label\n0,5;1,0;joke\n")
    study = make_study(results / "out", StudyOptions(participants=people, events=events))
    assert {*study.summary["person"]} == {"Ana"} and {*study.summary["note"]} == {"a, b", "c"}
    assert study.summary["event"].tolist() == ["joke"] * 2
    assert study.summary["frames"].tolist() == [10, 10]  # one second of ten frames


def test_another_sign_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"decimal is one of \('\.', ','\), not ';'"):
        StudyOptions(decimal=";")
