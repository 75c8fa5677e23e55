from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.pipeline.timeline import TimelineBuilder
from mien.types import Timeline


def build(times: np.ndarray, values: np.ndarray, capacity: int = 1000) -> Timeline:
    builder = TimelineBuilder(0.25, capacity)
    for time_s, value in zip(times.tolist(), values, strict=True):
        builder.push(time_s, np.full(26, value, np.float32))
    return builder.finish()


def test_short_videos_keep_every_frame() -> None:
    times = np.arange(1000) / 29.97
    curve = build(times, np.arange(1000))
    assert curve.bin_s == 0
    np.testing.assert_array_equal(curve.time_s, times)
    np.testing.assert_array_equal(curve.values[:, 3], np.arange(1000, dtype=np.float32))


def test_long_videos_are_bounded_and_keep_the_mean() -> None:
    count = 100_000
    times = np.arange(count) / 29.97
    values = np.sin(np.arange(count) / 5000).astype(np.float32)
    builder = TimelineBuilder(0.25)
    rows_at_most = 0
    for time_s, value in zip(times.tolist(), values, strict=True):
        builder.push(time_s, np.full(26, value))
        rows_at_most = max(rows_at_most, len(builder._times))
    curve = builder.finish()
    assert rows_at_most <= 1001
    assert 400 <= len(curve.time_s) <= 1000
    assert np.isfinite(curve.values).all()  # no gap was there, none is drawn
    assert (np.diff(curve.time_s) > 0).all()
    # Bins of one length weigh alike, but for the first and the last.
    assert curve.values[1:-1, 0].mean() == pytest.approx(values.mean(), abs=5e-3)
    expected = np.interp(curve.time_s, times, values)
    np.testing.assert_allclose(curve.values[:, 0], expected, atol=2e-3)


def test_the_sum_over_bins_loses_no_frame() -> None:
    rng = np.random.default_rng(0)
    times, values = np.cumsum(rng.uniform(0.001, 0.2, 5000)), rng.uniform(-1, 1, 5000)
    builder = TimelineBuilder(0.25, 100)
    for time_s, value in zip(times.tolist(), values, strict=True):
        builder.push(time_s, np.full(26, value, np.float32))
    assert sum(builder._counts) == 5000
    total = np.sum(builder._sums, axis=0)[0]
    assert total == pytest.approx(values.astype(np.float32).astype(float).sum(), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(st.sampled_from([0.01, 0.04, 0.2, 0.25, 0.3, 2.0, 9.0]), max_size=200),
    capacity=st.integers(4, 50),
)
def test_nan_rows_stand_exactly_at_gaps(steps: list[float], capacity: int) -> None:
    # Sums of steps on a grid of 10 ms, exact to well below the threshold's distance.
    times = np.round(np.concatenate([[0.0], np.cumsum(steps)]), 6)
    curve = build(times, np.zeros(len(times)), capacity)
    limit = max(0.25, curve.bin_s)
    distances = np.diff(times)
    expected = (distances > limit + 1e-9).sum()
    uncertain = (np.abs(distances - limit) <= 1e-6).sum()
    broken = np.isnan(curve.values).all(axis=1)
    assert expected <= broken.sum() <= expected + uncertain
    assert np.isnan(curve.values).any(axis=1).sum() == broken.sum()
    assert (np.diff(curve.time_s) > 0).all()
    assert not broken[0]
    assert not broken[-1]
    assert not (broken[1:] & broken[:-1]).any()
    assert (~broken).sum() <= capacity + 1
    starts, ends = times[1:], times[:-1]
    for time_s in curve.time_s[broken]:
        gaps = (ends < time_s) & (time_s < starts) & (distances > limit - 1e-6)
        assert gaps.sum() == 1  # each stands within a real gap


def test_times_that_step_back_neither_break_the_order_nor_the_bound() -> None:
    builder = TimelineBuilder(0.25, 50)
    for i in range(5000):
        builder.push(float(i % 7), np.ones(26, np.float32))
        assert len(builder._times) <= 51
    curve = builder.finish()
    assert (np.diff(curve.time_s) > 0).all()
    assert sum(builder._counts) == 5000


def test_equal_times_are_one_point() -> None:
    curve = build(np.array([1.0, 1.0, 1.04]), np.array([0.0, 1.0, 1.0]))
    assert curve.time_s.tolist() == [1.0, 1.04]
    assert curve.values[:, 0].tolist() == [0.5, 1.0]


def test_one_frame_and_none() -> None:
    assert build(np.array([3.5]), np.array([0.25])).time_s.tolist() == [3.5]
    assert TimelineBuilder(0.25).finish().values.shape == (0, 26)
