"""Frames that somebody hands in are read as a camera's are, one at a time, and kept nowhere."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from mien.demo import demo_frames
from mien.errors import InputError
from mien.live.pushed import PushedSession
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(AnalysisOptions(batch=1, threads=1))


def test_the_numbers_are_the_pipelines(analyzer: Analyzer) -> None:
    frames = list(demo_frames(4))[:12]
    expected = []
    with analyzer.open_frames(((k / 25, f) for k, f in enumerate(frames)), "x", None) as analysis:
        for rows in analysis:
            expected += rows
    session = PushedSession(analyzer)
    for k, image in enumerate(frames):
        moment = session.read(k / 25, image)
        [row] = moment.rows
        assert moment.time_s == k / 25 and row.frame == k
        assert row.affect is not None and np.array_equal(row.affect, expected[k].affect)
    session.close()
    session.wait()
    assert not session.is_open
    with pytest.raises(InputError, match="it has ended"):
        session.read(1.0, frames[0])


def test_times_go_forward(analyzer: Analyzer) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    session = PushedSession(analyzer)
    session.read(1.0, image)
    for wrong_s in (1.0, 0.5, float("nan")):
        with pytest.raises(InputError, match="came after"):
            session.read(wrong_s, image)
    assert session.read(1.1, image).time_s == 1.1
    session.close()
    session.wait()


def test_without_frames_it_ends_by_itself(analyzer: Analyzer) -> None:
    for session in (PushedSession(analyzer, 0.1), PushedSession(analyzer, 0.3)):
        began_s = time.monotonic()
        session.wait()
        assert time.monotonic() - began_s < 5
        with pytest.raises(InputError):
            session.read(0.0, np.zeros((48, 64, 3), np.uint8))


def test_who_comes_at_the_same_time_waits(analyzer: Analyzer) -> None:
    """Answers are never exchanged: each call has the moment of its own frame."""
    session, said = PushedSession(analyzer), []
    session.read(0.0, np.zeros((48, 64, 3), np.uint8))

    def push(time_s: float) -> None:
        try:
            found = session.read(time_s, np.zeros((48, 64, 3), np.uint8)).time_s
            said.append(found == time_s)
        except InputError:  # a later one was there first
            said.append(True)

    threads = [threading.Thread(target=push, args=(k,)) for k in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [True] * 8
    session.close()
    session.wait()


def test_a_fault_of_the_pipeline_is_said(analyzer: Analyzer) -> None:
    session = PushedSession(analyzer)
    with pytest.raises(InputError):
        session.read(0.0, np.zeros((48, 64), np.uint8))  # no color
    session.wait()
