"""A person's own marks: the table beside a result, and in its report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mien
from mien.demo import demo_frames
from mien.errors import DataError
from mien.output.kept.marks import read_marks, write_marks
from mien.report import exchange_marks
from mien.types import Mark

LABELS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
TIMES = st.integers(-(10**7), 10**7)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = list(demo_frames(4))[:10]
    return mien.analyze_frames(frames, fps=25).save(tmp_path_factory.mktemp("saved") / "a")


def embedded(report: Path) -> list[object]:
    text = report.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="marks">(.*?)</script>', text)
    return list(json.loads(found))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TIMES, st.integers(0, 10**7), LABELS), max_size=6))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, given_ms: list[tuple[int, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("marks")
    marks = [Mark(onset / 1000, lasts / 1000, label) for onset, lasts, label in given_ms]
    write_marks(folder, marks)
    assert read_marks(folder) == tuple(sorted(marks, key=lambda mark: mark.onset_s))
    assert (folder / "events.csv").is_file() == bool(marks)


def test_the_columns_are_those_of_bids(tmp_path: Path) -> None:
    write_marks(tmp_path, [Mark(2, 0, "look"), Mark(0.5, 1.25, 'he said "no", twice')])
    assert (tmp_path / "events.csv").read_text(encoding="utf-8").splitlines() == [
        "onset,duration,label",
        '0.500,1.250,"he said ""no"", twice"',
        "2.000,0.000,look",
    ]
    write_marks(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("onset,label\n1,a\n", "lacks the column 'duration'"),
        ("onset,duration,label\n1,1,a\nsoon,1,b\n", "line 3: onset is 'soon'"),
        ("onset,duration,label\n1,-1,a\n", "line 2: duration is '-1'"),
        ("onset,duration,label\n1\n", "line 2: duration is None"),
        ("onset,duration,label\nnan,1,a\n", "line 2: onset is 'nan'"),
    ],
)
def test_a_table_that_is_wrong_says_where(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "events.csv").write_text(text)
    with pytest.raises(DataError, match=re.escape(said)):
        read_marks(tmp_path)


def test_a_report_that_is_written_again_has_them(result: Path) -> None:
    report = result / "report.html"
    before = report.read_text(encoding="utf-8")
    assert embedded(report) == []
    marks = [Mark(0.1, 0.2, "</script><b>\u2028")]
    write_marks(result, marks)
    told = [{"onset": 0.1, "duration": 0.2, "label": "</script><b>\u2028"}]
    exchange_marks(report, marks)
    assert embedded(report) == told
    exchange_marks(report, [])
    assert report.read_text(encoding="utf-8") == before  # nothing else was touched
    mien.read(result).write_report(report)
    assert embedded(report) == told


def test_a_report_of_before_is_left_alone(tmp_path: Path) -> None:
    old = tmp_path / "report.html"
    old.write_text("<!DOCTYPE html><title>of an earlier version</title>")
    exchange_marks(old, [Mark(1, 1, "a")])
    assert old.read_text() == "<!DOCTYPE html><title>of an earlier version</title>"


def test_a_result_that_is_saved_again_takes_its_marks_along(tmp_path: Path) -> None:
    result = mien.analyze_frames(list(demo_frames(4))[:4], fps=25).save(tmp_path / "original")
    first = mien.read(result).save(tmp_path / "first")
    assert not (first / "events.csv").exists()
    marks = [Mark(0.1, 0.2, "smile")]
    write_marks(first, marks)
    again = mien.read(first)
    second = again.save(tmp_path / "second")
    assert read_marks(second) == tuple(marks)
    newer = [Mark(0.3, 0.0, "look")]
    write_marks(second, newer)
    again.save(second)  # what lies there already is nobody's to replace
    assert read_marks(second) == tuple(newer)
    assert embedded(second / "report.html") == [{"onset": 0.3, "duration": 0.0, "label": "look"}]
