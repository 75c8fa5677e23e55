"""Live reading: the newest frame, the pipeline's numbers, the screen, keys, what is recorded."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import mien
from mien.cli import cli
from mien.demo import demo_frames, write_demo_clip
from mien.errors import ConfigError, InputError
from mien.labels import PAPERS_LABELS
from mien.live.screen import balance, bar, line, screen, shown_face
from mien.live.session import Marks, Moment, Pace, run_live
from mien.live.sources import Newest, Playback
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.rows import FrameRow
from mien.types import Face, ImageArray

IMAGE = np.zeros((4, 4, 3), np.uint8)


class Given:
    """A source of frames at times; each waits until the one before was handed out, if asked."""

    name, fps = "given", 25.0

    def __init__(self, frames: list[tuple[float, ImageArray]], waits: bool = False) -> None:
        self.given, self.waits, self.closed = frames, waits, False
        self.next = threading.Semaphore(1)

    def frames(self) -> Iterator[tuple[float, ImageArray]]:
        for frame in self.given:
            if self.waits:
                assert self.next.acquire(timeout=60)
            yield frame

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_clip(tmp_path_factory.mktemp("clip") / "portrait.mp4", 1.0)


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(AnalysisOptions(batch=1, threads=1))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 30), st.integers(0, 3))
def test_frames_are_handed_out_in_order_or_passed_over(count: int, slow_ms: int) -> None:
    source = Given([(k / 25, IMAGE) for k in range(count)])
    with closing(Newest(source)) as newest:
        times = []
        for time_s, _ in newest:
            times.append(time_s)
            time.sleep(slow_ms / 1000)
        assert len(times) + newest.passed_over == count
    assert times == sorted({*times})
    assert not count or times[-1] == (count - 1) / 25  # the last one is never passed over
    assert source.closed


def test_what_goes_wrong_in_a_source_is_said_where_frames_are_taken() -> None:
    class Broken(Given):
        def frames(self) -> Iterator[tuple[float, ImageArray]]:
            yield 0.0, IMAGE
            raise InputError("camera 0: was pulled out")

    with (
        closing(Newest(Broken([]))) as newest,
        pytest.raises(InputError, match="was pulled out"),
    ):
        for _ in newest:
            pass


def test_a_stopped_source_gives_no_more() -> None:
    with closing(Newest(Given([(k, IMAGE) for k in range(9)], waits=True))) as newest:
        next(newest)
        newest.stop()
        assert list(newest) == []


def test_a_file_takes_as_long_as_it_lasts(clip: Path) -> None:
    source = Playback(clip)
    began_s = time.monotonic()
    times = [(time_s, time.monotonic() - began_s) for time_s, _ in source.frames()]
    source.close()
    assert len(times) == 25 and source.fps == 25
    assert all(at_s >= time_s - times[0][0] - 0.005 for time_s, at_s in times)
    assert times[-1][1] < 5


def test_a_picture_is_no_live_video(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "x.png"), IMAGE)
    with pytest.raises(InputError, match="is a picture"):
        Playback(tmp_path / "x.png")


def test_the_numbers_are_the_pipelines(analyzer: Analyzer, tmp_path: Path) -> None:
    frames = [(k / 25, image) for k, image in enumerate(list(demo_frames(4))[:12])]
    source = Given(frames, waits=True)
    moments: list[Moment] = []

    def show(moment: Moment) -> None:
        moments.append(moment)
        source.next.release()

    marks = Marks([0.2])
    with closing(Newest(source)) as newest:
        summary = run_live(analyzer, newest, "given", 25, show, tmp_path / "out", marks)
    expected = mien.analyze_frames(
        [image for _, image in frames], fps=25, name="given", analyzer=analyzer
    )
    table = pyarrow.parquet.read_table(tmp_path / "out" / "frames.parquet")
    assert table.equals(expected.table)
    assert [moment.time_s for moment in moments] == [time_s for time_s, _ in frames]
    assert all(moment.latency_ms > 0 for moment in moments)
    assert moments[0].fps is None and (moments[-1].fps or 0) > 0
    assert summary.document["faces"] == expected.document["faces"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("frames.parquet", "video.json", "report.html", "events.csv")
    }
    with (tmp_path / "out" / "events.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [
            {"onset": "0.200", "duration": "0.240", "label": "mark 1"}
        ]
    assert '"label":"mark 1"' in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    with closing(Newest(Given(frames))) as newest:  # once more into the same folder
        run_live(analyzer, newest, "given", 25, lambda _: None, tmp_path / "out", Marks())
    assert not (tmp_path / "out" / "events.csv").exists()


def test_marks_are_events_of_a_study(tmp_path: Path) -> None:
    events = pytest.importorskip("mien.study.events", reason="the extra `study` is not installed")
    Marks([1.5, 2.25, 4.0]).write(tmp_path, 4.0)
    video = type("Video", (), {"name": "camera"})()
    found = events.read_events(tmp_path / "events.csv", [video])["camera"]
    assert [(one.start_s, one.end_s, one.label) for one in found] == [
        (1.5, 2.25, "mark 1"), (2.25, 4.0, "mark 2"), (4.0, 4.001, "mark 3")
    ]  # fmt: skip


def test_rate_and_latency_are_of_lately() -> None:
    pace = Pace()
    assert pace.fps is None and pace.latency_ms == 0
    for k in range(200):
        pace.add(k / 10, k / 10 + (0.5 if k < 100 else 0.02))
    assert pace.fps == pytest.approx(10) and pace.latency_ms == pytest.approx(20)


def row(face_id: int, side: float, seed: int = 0, undefined: bool = False) -> FrameRow:
    affect = np.random.default_rng(seed).uniform(-1, 1, 26).astype(np.float32)
    if undefined:
        affect[:] = np.nan
    box = np.float32([0, 0, side, side])
    return FrameRow(0, 0.0, face_id, Face(1.0, box, np.zeros((5, 2), np.float32)), affect)


def test_the_largest_face_is_shown_and_stays_while_it_is_there() -> None:
    small, large = row(0, 10), row(1, 20)
    assert shown_face([small, large], None) is large
    assert shown_face([small, large], 0) is small
    assert shown_face([large], 0) is large
    assert shown_face([FrameRow(0, 0.0)], 1) is None


@settings(deadline=None)
@given(st.integers(40, 200), st.integers(2, 60), st.integers(0, 99), st.booleans(), st.booleans())
def test_the_screen_fits_any_terminal(
    columns: int, height: int, seed: int, plain: bool, undefined: bool
) -> None:
    one = row(0, 10, seed, undefined)
    moment = Moment(12.3, [one], 24.9, 17.0)
    levels = np.full(17, 0.5)
    status = "q: end " + "x" * 300
    lines = screen(moment, one, PAPERS_LABELS, levels, (columns, height), status, plain)
    shown = [re.sub(r"\x1b\[\d*m", "", text) for text in lines]
    assert 2 <= len(lines) <= max(height, 2)
    assert all(len(text) <= columns for text in shown)
    assert shown[-1].startswith("q: end")
    if plain:
        assert "".join(shown).isascii()
    empty = screen(moment, None, PAPERS_LABELS, levels, (columns, height), status, plain)
    assert height < 5 or "no face in sight" in empty


@given(st.floats(-2, 2), st.integers(1, 60), st.booleans())
def test_bars_are_as_long_as_asked(value: float, letters: int, plain: bool) -> None:
    assert len(bar(value, letters, plain)) == letters
    assert len(balance(value, letters, plain)) == 2 * (letters // 2) + 1


def test_a_line_says_who_and_what() -> None:
    moment = Moment(1.0, [row(3, 10)], None, 12.0)
    assert "face 3: valence" in line(moment, moment.rows[0], PAPERS_LABELS)
    assert line(moment, None, PAPERS_LABELS).endswith("no face")


def test_the_verb_reads_a_file(clip: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["live", str(clip), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "frames read" in result.output and "1 face(s)" in result.output
    assert "happiness" in result.output
    document = mien.read(tmp_path / "out", pictures=False).document
    assert document["source"]["path"] == str(clip)
    assert document["settings"]["batch"] == 1


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (["x.mp4", "--camera", "1"], ConfigError, "not both"),
        (["nothing.mp4"], InputError, "there is no such file"),
        (["--camera", "77"], InputError, "camera 77: cannot be opened"),
    ],
)
def test_the_verb_says_what_is_wrong(arguments: list[str], error: type, said: str) -> None:
    result = CliRunner().invoke(cli, ["live", *arguments])
    assert isinstance(result.exception, error) and said in str(result.exception)


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals on Windows")
def test_keys_mark_and_end(tmp_path: Path) -> None:
    import pty

    clip = write_demo_clip(tmp_path / "long.mp4", 20.0)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mien", "live", str(clip), "--out", str(tmp_path / "out")]
    environment = {**os.environ, "COLUMNS": "100", "LINES": "30", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = until(ours, b"m: mark (0)")
        os.write(ours, b"m")
        shown += until(ours, b"m: mark (1)")
        os.write(ours, b" q")
        shown += until(ours, None)
        assert process.wait(timeout=60) == 0
    os.close(ours)
    text = shown.decode("utf-8")
    assert "\x1b[?1049h" in text and text.index("\x1b[?1049l") < text.index("2 marks")
    assert "AU12 lip corner puller" in text and "recorded to" in text
    marks = (tmp_path / "out" / "events.csv").read_text(encoding="utf-8").splitlines()
    assert len(marks) == 3 and all(0 < float(one.split(",")[0]) < 20 for one in marks[1:])


@pytest.mark.skipif(os.name == "nt", reason="signals are otherwise on Windows")
def test_ctrl_c_ends_it_and_keeps_what_was_recorded(tmp_path: Path) -> None:
    clip = write_demo_clip(tmp_path / "long.mp4", 20.0)
    command = [sys.executable, "-m", "mien", "live", str(clip), "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "face 0" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait(timeout=60) == 0
    assert "frames read" in said
    result = mien.read(tmp_path / "out", pictures=False)
    assert 0 < len(result.table) < 500
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"frames.parquet", "video.json", "report.html"}  # nothing was marked


def until(terminal: int, wanted: bytes | None, seconds: float = 60) -> bytes:
    """What is written until something is there; None: until the end."""
    found, deadline = b"", time.monotonic() + seconds
    while wanted is None or wanted not in found:
        assert time.monotonic() < deadline, found[-500:]
        try:
            piece: Any = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            piece = b""
        if not piece:
            assert wanted is None, found[-500:]
            break
        found += piece
    return found
