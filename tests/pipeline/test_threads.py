"""Reading a file in several threads: the same rows, and no thread stays."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from face_doubles import MeanAffect, double_analyzer, make_face
from mien.errors import InputError
from mien.output.schema import to_table
from mien.pipeline.analyzer import Analyzer
from mien.video.writer import VideoWriter


def moving(call: int):
    """One face that is lost now and then."""
    return [] if call % 11 == 5 else [make_face(20 + call % 30, 20 + call % 7, 60)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 200, (60, 4, 4, 3)).astype(np.uint8)
    with VideoWriter(path, fps=25) as out:
        for k, image in enumerate(coarse):
            out.write(np.kron(image, np.ones((32, 32, 1), np.uint8)), k / 25)
    return path


def analyzer(threads: int, **settings) -> Analyzer:
    made = double_analyzer(moving, MeanAffect(), **settings)
    made._threads = threads
    return made


@pytest.mark.parametrize("settings", [{}, {"batch": 1}, {"batch": 5, "faces": "largest"}])
def test_rows_and_summary_are_the_same_whatever_the_threads(clip: Path, settings: dict) -> None:
    found = []
    for threads in (1, 2, 4):
        with analyzer(threads, **settings).open(clip) as analysis:
            batches = list(analysis.rows())
            found.append(([to_table(rows) for rows in batches], analysis.summary()))
    for tables, summary in found[1:]:
        assert len(tables) == len(found[0][0])
        for table, expected in zip(tables, found[0][0], strict=True):
            for name in table.column_names:
                one, two = (t.column(name).to_numpy() for t in (table, expected))
                np.testing.assert_array_equal(one, two)
        assert summary.document == found[0][1].document
        assert [f.thumbnails for f in summary.faces] == [f.thumbnails for f in found[0][1].faces]


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_leaving_early_leaves_no_thread(clip: Path, taken: int) -> None:
    before = threading.active_count()
    with analyzer(4, batch=2).open(clip) as analysis:
        rows = analysis.rows()
        for _ in range(taken):
            next(rows)
    assert threading.active_count() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError])
def test_what_is_raised_in_a_thread_reaches_the_caller(clip: Path, error: type) -> None:
    made = analyzer(4, batch=2)

    def fail(_: object) -> list:
        raise error("enough")

    made.detector.detect = fail  # type: ignore[method-assign]
    before = threading.active_count()
    with pytest.raises(error, match="enough"), made.open(clip) as analysis:
        list(analysis.rows())
    assert threading.active_count() == before


def test_a_program_that_stops_in_the_middle_is_not_held_up(clip: Path) -> None:
    with pytest.raises(ValueError, match="mine"), analyzer(4, batch=2).open(clip) as analysis:
        for _ in analysis.rows():
            raise ValueError("mine")
    assert not [t for t in threading.enumerate() if t.name.endswith("(_fetch)")]


def test_the_time_of_every_stage_is_told(clip: Path) -> None:
    with analyzer(2).open(clip) as analysis:
        list(analysis.rows())
    assert analysis.watch.seconds["decode"] > 0 and analysis.watch.seconds["warp"] > 0


def test_parts_of_memory_are_refused() -> None:
    made = double_analyzer(moving, start_s=1.0)
    with pytest.raises(ValueError, match="start_s, end_s, every and fps are for files"):
        made.open_frames([(0.0, np.zeros((8, 8, 3), np.uint8))])
