from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.pipeline.resample import Resampler, resample_track
from mien.types import FloatArray

RATES = (Fraction(30000, 1001), Fraction(60), Fraction(12), Fraction(25), Fraction(24000, 1001))


def run(
    resampler: Resampler, times: list[float], values: FloatArray
) -> tuple[np.ndarray, FloatArray]:
    points = [p for t, v in zip(times, values, strict=True) for p in resampler.push(t, v)]
    return np.array([t for t, _ in points]), np.array([v for _, v in points], np.float32)


def offline(times: list[float], values: FloatArray, fps: float, max_gap_s: float) -> tuple:
    """Float64 reference: a grid per unbroken stretch, read with np.interp."""
    edges = [0, *(np.flatnonzero(np.diff(times) > max_gap_s) + 1), len(times)]
    grids, rows = [], []
    for start, stop in pairwise(edges):
        t, v = np.array(times[start:stop]), values[start:stop].astype(float)
        grid = t[0] + np.arange(int((t[-1] - t[0]) * fps + 1e-6) + 1) / fps
        grids.append(grid)
        rows.append(np.stack([np.interp(grid, t, v[:, c]) for c in range(v.shape[1])], axis=1))
    return np.concatenate(grids), np.concatenate(rows)


@settings(deadline=None, max_examples=50)
@given(
    rate=st.sampled_from(RATES),
    count=st.integers(1, 200),
    start=st.floats(0, 1000),
    slope=st.floats(-2, 2),
    level=st.floats(-1, 1),
)
def test_lines_are_reproduced(
    rate: Fraction, count: int, start: float, slope: float, level: float
) -> None:
    times = [start + float(i / rate) for i in range(count)]
    line = np.array([[level + slope * (t - start), level] for t in times], np.float32)
    grid, rows = run(Resampler(25.0, 0.25), times, line)
    span = times[-1] - times[0]
    assert len(grid) == int(span * 25 + 1e-5) + 1
    np.testing.assert_allclose(grid, start + np.arange(len(grid)) / 25, atol=1e-9)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[:, 1], np.float32(level))  # constants exactly
    scale = abs(level) + abs(slope) * (span + 1)
    np.testing.assert_allclose(rows[:, 0], level + slope * (grid - start), atol=1e-6 * scale + 1e-6)


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(st.floats(0.004, 0.9), min_size=1, max_size=80),
    seed=st.integers(0, 999),
    fps=st.sampled_from([25.0, 12.5, 29.97]),
)
def test_a_stream_of_variable_rate_equals_the_offline_reference(
    steps: list[float], seed: int, fps: float
) -> None:
    times = [7.0, *(7.0 + np.cumsum(steps)).tolist()]
    values = np.random.default_rng(seed).uniform(-1, 1, (len(times), 3)).astype(np.float32)
    grid, rows = run(Resampler(fps, 0.25), times, values)
    expected_grid, expected = offline(times, values, fps, 0.25)
    assert len(grid) == len(expected_grid)
    np.testing.assert_allclose(grid, expected_grid, atol=1e-9)
    np.testing.assert_allclose(rows, expected, atol=3e-6)


def test_skip_leaves_a_gap_out_and_starts_the_grid_anew() -> None:
    times = [0.0, 0.1, 0.2, 1.03, 1.13]
    grid, rows = run(Resampler(10, 0.25), times, np.arange(5, dtype=np.float32)[:, None])
    np.testing.assert_allclose(grid, [0, 0.1, 0.2, 1.03, 1.13], atol=1e-9)
    np.testing.assert_allclose(rows[:, 0], [0, 1, 2, 3, 4], atol=1e-5)


def test_interpolate_bridges_a_gap_on_the_same_grid() -> None:
    times = [0.0, 0.1, 0.2, 1.0]
    values = np.array([0, 0, 0, 8], np.float32)[:, None]
    grid, rows = run(Resampler(10, 0.25, "interpolate"), times, values)
    np.testing.assert_allclose(grid, np.arange(11) / 10, atol=1e-9)
    np.testing.assert_allclose(rows[2:, 0], np.arange(9), atol=1e-5)


@pytest.mark.parametrize("rate", RATES)
def test_ten_minutes_do_not_drift(rate: Fraction) -> None:
    count = int(600 * rate)
    times = [float(i / rate) for i in range(count)]
    grid, _ = run(Resampler(25, 0.25), times, np.zeros((count, 1), np.float32))
    assert len(grid) == int((count - 1) / rate * 25) + 1
    assert grid[-1] == pytest.approx((len(grid) - 1) / 25, abs=1e-9)


def test_a_repeated_time_completes_nothing() -> None:
    resampler = Resampler(10, 0.25)
    one = np.ones(1, np.float32)
    assert len(list(resampler.push(0.0, one))) == 1
    assert list(resampler.push(0.0, one * 5)) == []
    [(time_s, value)] = resampler.push(0.1, one)
    assert time_s == pytest.approx(0.1)
    assert value == 1  # the repeated value left no trace


def test_times_that_step_back_start_the_grid_anew() -> None:
    """Two joined recordings of 1 s each give as many positions as 2 s, not as 1 s."""
    resampler = Resampler(10, 0.25)
    one = np.ones(1, np.float32)
    times = [k / 20 for k in range(20)] * 2
    grid = [time_s for t in times for time_s, _ in resampler.push(t, one)]
    np.testing.assert_allclose(grid, [k / 10 for k in range(10)] * 2, atol=1e-9)


def test_frames_in_a_row_are_no_gap_however_slow_the_video_is() -> None:
    one = np.ones(1, np.float32)
    counts = {}
    for contiguous in (False, True):
        resampler = Resampler(10, 0.25)
        counts[contiguous] = sum(
            len(list(resampler.push(k * 0.5, one, contiguous and k > 0))) for k in range(9)
        )
    assert counts == {False: 9, True: 41}  # 4 s at 10 per second, and the first


@pytest.mark.parametrize("gaps", ["skip", "interpolate"])
def test_damaged_times_are_not_bridged(gaps: str) -> None:
    """Months between two frames that follow each other would be a grid without end."""
    resampler, value = Resampler(25, 0.25, gaps), np.zeros(1, np.float32)
    times_s = [0.0, 0.04, 4e9, 4e9 + 0.04]
    points = [p for t in times_s for p in resampler.push(t, value, contiguous=True)]
    assert [t for t, _ in points] == pytest.approx(times_s)
    values, joined = np.zeros((4, 1), np.float32), np.ones(4, bool)
    track = resample_track(np.array(times_s), values, 25, 0.25, joined)
    assert len(track) == 4


def test_inputs_are_not_modified() -> None:
    resampler, first, second = Resampler(10, 1), np.zeros(2, np.float32), np.ones(2, np.float32)
    for time_s, value in ((0.0, first), (0.5, second)):
        for _, mixed in resampler.push(time_s, value):
            if time_s > 0:
                mixed += 100
    assert first.tolist() == [0, 0]
    assert second.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 1), "fps and max_gap_s must be positive, not 0, 1"),
        ((25, -1), "must be positive"),
        ((25, 1, "fill"), "gaps is one of .*not 'fill'"),
    ],
)
def test_wrong_settings(arguments: tuple, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Resampler(*arguments)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([-0.3, 0.0, 1e-9, 0.01, 0.04, 0.04, 0.04, 0.2, 0.7]), max_size=40),
    st.floats(0, 1e5),
    st.sampled_from([5.0, 24.0, 25.0, 29.97, 480.0]),
    st.integers(0, 2**32 - 1),
)
def test_a_whole_track_is_the_stream_bit_for_bit(
    steps: list[float], start_s: float, fps: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    times = start_s + np.cumsum([0.0, *steps])
    values = rng.random((len(times), 3)).astype(np.float32)
    joined = rng.random(len(times)) < 0.3
    resampler = Resampler(fps, 0.25)
    stream = [
        value
        for t, v, follows in zip(times, values, joined, strict=True)
        for _, value in resampler.push(float(t), v, bool(follows))
    ]
    found = resample_track(times, values, fps, 0.25, joined)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.stack(stream))


def test_a_track_of_nothing_is_nothing() -> None:
    assert resample_track(np.empty(0), np.empty((0, 26), np.float32), 25, 0.25).shape == (0, 26)
