"""A killed run goes on inside of a long video, and ends as if nothing had happened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("onnx")
from fault_detector import picture
from killed_runs import kill_and_go_on
from mien.demo import write_demo_clip
from mien.errors import InputError, OutputError
from mien.jobs import Batch, run_all
from mien.pipeline.analyzer import Analysis
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.parts import PartStore
from tiny_models import full_affect


@pytest.mark.slow
def test_runs_that_are_killed_end_like_one_that_is_not() -> None:
    faults, inside = kill_and_go_on(3, seed=1)
    assert faults == [] and inside


@pytest.fixture
def options(tmp_path: Path) -> AnalysisOptions:
    model = full_affect(tmp_path / "a.onnx")
    return AnalysisOptions(affect_model=model, part_s=0.4, max_lost_s=0.1, threads=1)


class Killed(BaseException):
    pass


@pytest.fixture
def begun(options: AnalysisOptions, tmp_path: Path, monkeypatch) -> Path:
    """A folder in which a run was killed inside of a video."""
    write_demo_clip(tmp_path / "clip.mp4", 2.0)
    rows = Analysis.rows

    def until_killed(self, progress=None):
        for found in rows(self, progress):
            yield found
            if found[-1].timestamp_s > 1.3:
                raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Analysis, "rows", until_killed)
        with pytest.raises(Killed):
            run(tmp_path / "clip.mp4", tmp_path / "out", options)
    assert parts(tmp_path / "out") == ["0.arrow", "1.arrow", "2.arrow", "3.arrow"]
    return tmp_path / "out"


def run(source: Path, out: Path, options: AnalysisOptions, **others):
    return run_all([str(source)], out, Batch(options), lambda _: None, print, **others)


def parts(out: Path) -> list[str]:
    return sorted(file.name for file in out.glob(".mien-parts-*/*"))


def read_parts(monkeypatch) -> list[int]:
    """Numbers of the parts that are not read again."""
    known: list[int] = []
    finished = PartStore.finished

    def noted(self: PartStore) -> list[int]:
        known.extend(found := finished(self))
        return found

    monkeypatch.setattr(PartStore, "finished", noted)
    return known


def test_what_is_there_is_gone_on_from_and_then_removed(
    begun: Path, options: AnalysisOptions, tmp_path: Path, monkeypatch
) -> None:
    known = read_parts(monkeypatch)
    assert not run(tmp_path / "clip.mp4", begun, options).failed
    assert known == [0, 1, 2, 3]
    assert {path.name for path in begun.iterdir()} == {"clip", "summary.json"}
    run(tmp_path / "clip.mp4", tmp_path / "anew", options)
    for name in ("frames.parquet", "video.json", "report.html"):
        expected = (tmp_path / "anew" / "clip" / name).read_bytes()
        assert (begun / "clip" / name).read_bytes() == expected
    told = json.loads((begun / "clip" / "video.json").read_text())
    assert told["settings"]["part_s"] == 0.4


@pytest.mark.parametrize(
    "changed", [{"min_score": 0.8}, {"part_s": 0.5}, {"redo": True}, "source", "model"]
)
def test_what_is_of_something_else_is_not(
    changed, begun: Path, options: AnalysisOptions, tmp_path: Path, monkeypatch
) -> None:
    source = tmp_path / "clip.mp4"
    settings = {**vars(options)}
    if changed == "source":
        source.write_bytes(source.read_bytes() + bytes(8))
    elif changed == "model":
        full_affect(tmp_path / "b.onnx").replace(tmp_path / "a.onnx")
    elif "redo" not in changed:
        settings |= changed
    known = read_parts(monkeypatch)
    redo = isinstance(changed, dict) and changed.pop("redo", False)
    run(source, begun, AnalysisOptions(**settings), redo=redo)
    assert known == []
    assert {path.name for path in begun.iterdir()} == {"clip", "summary.json"}


def test_a_run_of_other_inputs_removes_it(
    begun: Path, options: AnalysisOptions, tmp_path: Path
) -> None:
    run(picture(tmp_path / "face.png"), begun, options)
    assert {path.name for path in begun.iterdir()} == {"face", "summary.json"}


@pytest.mark.parametrize(("error", "left"), [(InputError, 0), (ValueError, 0), (OutputError, 3)])
def test_a_failure_forgets_parts_but_for_want_of_space(
    error: type[Exception], left: int, begun: Path, options, tmp_path: Path, monkeypatch
) -> None:
    def fail(*_: object) -> None:
        raise error("no")

    monkeypatch.setattr(Analysis, "summary", fail)
    assert run(tmp_path / "clip.mp4", begun, options).failed
    assert len(parts(begun)) == (5 if left else 0)


def test_a_full_disk_ends_the_notes_and_not_the_run(
    options: AnalysisOptions, tmp_path: Path, monkeypatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_demo_clip(tmp_path / "clip.mp4", 2.0)
    monkeypatch.setattr("mien.pipeline.parts.record.PeakPictures.encoded", full)
    assert not run(tmp_path / "clip.mp4", tmp_path / "out", options).failed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"clip", "summary.json"}
