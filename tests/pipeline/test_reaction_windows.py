from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.pipeline.reaction_windows import ReactionWindows
from mien.types import FloatArray


class Recorder:
    """Predicts two numbers from a window and remembers which positions it held."""

    def __init__(self) -> None:
        self.windows: list[list[int]] = []

    def __call__(self, affect: FloatArray) -> FloatArray:
        self.windows.append(affect[:, 0].astype(int).tolist())
        return np.array([affect[:, 0].mean(), len(affect)], np.float32)


def run(count: int, positions: int, hop: int | None = None) -> tuple[Recorder, ReactionWindows]:
    recorder = Recorder()
    windows = ReactionWindows(recorder, positions, 25.0, hop)
    for i in range(count):
        windows.push(i / 25, np.array([i], np.float32))
    return recorder, windows


@settings(deadline=None, max_examples=100)
@given(data=st.data(), positions=st.integers(1, 12), count=st.integers(1, 60))
def test_every_position_is_read(data: st.DataObject, positions: int, count: int) -> None:
    hop = data.draw(st.one_of(st.none(), st.integers(1, positions)))
    recorder, windows = run(count, positions, hop)
    combined = windows.finish()
    assert sorted({i for window in recorder.windows for i in window}) == list(range(count))
    step = hop or max(1, positions // 2)
    for k, window in enumerate(recorder.windows):
        assert 1 <= len(window) <= positions
        assert window == list(range(k * step, k * step + len(window)))
    assert all(len(w) == positions for w in recorder.windows[:-1])
    # No window that another one holds wholly: that would weigh its positions twice for nothing.
    tails = [window[-1] for window in recorder.windows]
    assert tails == sorted(set(tails))
    assert [w.routed for w in windows.windows] == [len(w) for w in recorder.windows]
    weights = np.array([len(w) for w in recorder.windows], float)
    table = np.array([[np.mean(w), len(w)] for w in recorder.windows])
    assert combined is not None
    assert combined.dtype == np.float32
    np.testing.assert_allclose(combined, weights @ table / weights.sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("count", "lengths"),
    [
        (1, [1]),
        (479, [479]),
        (480, [480]),
        (481, [480, 241]),
        (720, [480, 480]),
        (960, [480, 480, 480]),
        (1000, [480, 480, 480, 280]),
    ],
)
def test_lengths_of_windows_of_480(count: int, lengths: list[int]) -> None:
    recorder, windows = run(count, 480)
    windows.finish()
    assert [len(w) for w in recorder.windows] == lengths


def test_times_are_half_open() -> None:
    _, windows = run(6, 4)
    windows.finish()
    assert [(w.start_s, pytest.approx(w.end_s)) for w in windows.windows] == [
        (0.0, 4 / 25),
        (2 / 25, 6 / 25),
    ]


def test_a_window_that_fits_is_given_as_it_is() -> None:
    _, windows = run(5, 8)
    combined = windows.finish()
    np.testing.assert_array_equal(combined, windows.windows[0].intensities)


def test_no_positions_are_no_result() -> None:
    recorder, windows = run(0, 8)
    assert windows.finish() is None
    assert recorder.windows == []


@pytest.mark.parametrize("hop", [0, -1, 9])
def test_a_hop_that_would_lose_positions_is_refused(hop: int) -> None:
    with pytest.raises(ValueError, match=rf"hop must lie in 1\.\.8, not {hop}"):
        ReactionWindows(Recorder(), 8, 25, hop)


def test_memory_is_one_window() -> None:
    windows = ReactionWindows(lambda affect: affect[0, :1], 8, 25)
    for i in range(5000):
        windows.push(i / 25, np.zeros(26, np.float32))
        assert len(windows._values) < 8
