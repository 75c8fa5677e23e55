from __future__ import annotations

import time

import pytest

from mien.runtime.stopwatch import Stopwatch


def test_what_is_measured_inside_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    watch = Stopwatch()
    with watch("find"):
        now[0] += 1
        with watch("warp"):
            now[0] += 2
            with watch("extract"):
                now[0] += 4
        now[0] += 8
    assert (watch.seconds["find"], watch.seconds["warp"], watch.seconds["extract"]) == (9, 2, 4)


def test_waiting_for_items_is_measured_and_errors_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def slow():
        for k in range(3):
            now[0] += 2
            yield k
        raise ValueError("end")

    watch, got = Stopwatch(), []
    with pytest.raises(ValueError, match="end"):
        for item in watch.each(slow(), "decode"):
            now[0] += 10  # what is done with it is not decoding
            got.append(item)
    assert got == [0, 1, 2] and watch.seconds["decode"] == 6
