"""Looks of the detector: when, ahead of their frames, in order, and ended early."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from face_doubles import make_face
from mien.pipeline.finding.following import DETECT_EVERY_S
from mien.pipeline.finding.looking import LOOKERS, looked_at, timed
from mien.runtime.stopwatch import Stopwatch
from mien.types import Face, Frame, ImageArray


def frame(index: int, time_s: float | None = None) -> Frame:
    shown_s = index / 25 if time_s is None else time_s
    return Frame(index, shown_s, np.full((8, 8, 3), index, np.uint8))


class Slow:
    """Sees one face a picture, where its brightness says; the more so the later it is asked."""

    def __init__(self, fails_at: int = -1) -> None:
        self.fails_at, self.most, self._now = fails_at, 0, 0
        self.asked: list[int] = []
        self._lock = threading.Lock()

    def detect(self, image: ImageArray) -> list[Face]:
        number = int(image[0, 0, 0])
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.asked.append(number)
        time.sleep(0.004 if number % 2 else 0.0)
        with self._lock:
            self._now -= 1
        if number == self.fails_at:
            raise ValueError("no")
        return [make_face(number, 0)]

    def describe(self) -> dict[str, object]:
        return {}


@given(st.lists(st.tuples(st.floats(-1, 3, width=32), st.booleans()), min_size=1, max_size=30))
def test_no_more_than_the_clock_passes_between_two_looks(
    shots: list[tuple[float, bool]],
) -> None:
    frames = [(frame(k, time_s), cut) for k, (time_s, cut) in enumerate(shots)]
    seen = list(timed(iter(frames), every=False))
    assert [one.frame for one in seen] == [one for one, _ in frames]
    assert seen[0].due and all(one.due for one in seen if one.cut)
    last_s = None
    for one in seen:
        if one.due:
            last_s = one.frame.timestamp_s
        assert last_s is not None and 0 <= one.frame.timestamp_s - last_s < DETECT_EVERY_S
    assert all(one.due for one in timed(iter(frames), every=True))


@pytest.mark.parametrize("every", [True, False])
def test_frames_come_in_order_with_what_was_seen_of_each(every: bool) -> None:
    detector = Slow()
    frames = timed(((frame(k), False) for k in range(40)), every)
    seen = list(looked_at(frames, detector, Stopwatch()))
    assert [one.frame.index for one in seen] == list(range(40))
    for one in seen:
        assert (one.faces is not None) == one.due
        if one.faces is not None:
            assert float(one.faces[0].box[0]) == one.frame.index
    assert sorted(detector.asked) == [one.frame.index for one in seen if one.due]
    assert detector.most <= LOOKERS


def test_a_look_that_fails_is_told_at_its_frame() -> None:
    frames = timed(((frame(k), False) for k in range(20)), every=True)
    seen = looked_at(frames, Slow(fails_at=7), Stopwatch())
    assert [next(seen).frame.index for _ in range(7)] == list(range(7))
    with pytest.raises(ValueError, match="no"):
        next(seen)


def test_ending_early_leaves_no_looks_behind() -> None:
    before = threading.active_count()
    detector = Slow()
    seen = looked_at(timed(((frame(k), False) for k in range(99)), True), detector, Stopwatch())
    next(seen)
    seen.close()
    asked = len(detector.asked)
    time.sleep(0.02)
    assert threading.active_count() == before and len(detector.asked) == asked <= 12
