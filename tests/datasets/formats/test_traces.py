from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.data.formats.traces import Traces, read_trace_table
from mien.data.targets.raters import merge_raters
from mien.errors import DataError
from mien.labels import ACTION_UNIT_COLUMNS


def ramp(rate_hz: float, samples: int, start_s: float = 0.0) -> Traces:
    """Valence is time / 10, arousal is minus that."""
    time_s = start_s + np.arange(samples) / rate_hz
    return Traces(time_s, np.stack([time_s / 10, -time_s / 10], 1).astype(np.float32))


@pytest.mark.parametrize("rate_hz", [10.0, 25.0])
@pytest.mark.parametrize("fps", [12.5, 25.0, 29.97, 50.0])
def test_frames_get_the_value_of_their_time(rate_hz: float, fps: float) -> None:
    traces = ramp(rate_hz, 41, start_s=0.3)
    end_s = float(traces.time_s[-1])
    times_s = np.arange(int((end_s + 1) * fps)) / fps
    found = traces.at(times_s)
    inside = (times_s >= 0.3 - 1e-6) & (times_s <= end_s + 1e-6)
    assert found.dtype == np.float32 and found.shape == (len(times_s), 2)
    np.testing.assert_allclose(found[inside, 0], times_s[inside] / 10, atol=1e-6)
    np.testing.assert_allclose(found[inside, 1], -times_s[inside] / 10, atol=1e-6)
    assert np.isnan(found[~inside]).all() and (~inside).sum() > 2


def test_nothing_is_known_before_after_and_in_holes() -> None:
    time_s = np.array([0.0, 0.1, 0.2, 0.6, 0.7])
    traces = Traces(time_s, np.tile(time_s[:, None], 2).astype(np.float32))
    asked = np.array([-0.001, 0.0, 0.2, 0.2001, 0.4, 0.5999, 0.6, 0.7, 0.7001])
    known = ~np.isnan(traces.at(asked)[:, 0])
    assert known.tolist() == [False, True, True, False, False, False, True, True, False]


def test_rounded_times_are_the_same_time() -> None:
    traces = ramp(25, 3)
    found = traces.at(np.array([-4e-7, 0.08 + 4e-7]))
    np.testing.assert_allclose(found[:, 0], [0, 0.008], atol=1e-6)


def test_a_sample_that_is_not_annotated_takes_its_surroundings_with_it() -> None:
    affect = np.array([[0, 0], [np.nan, 0.2], [0.4, 0.4], [0.6, 0.6]], np.float32)
    found = Traces(np.arange(4) / 10, affect).at(np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.25]))
    np.testing.assert_allclose(found[:, 0], [0, np.nan, np.nan, np.nan, 0.4, 0.5], atol=1e-6)
    np.testing.assert_allclose(found[:, 1], [0, 0.1, 0.2, 0.3, 0.4, 0.5], atol=1e-6)


def test_one_sample_is_known_at_its_own_time() -> None:
    traces = Traces(np.array([0.5]), np.array([[0.1, 0.2]], np.float32))
    found = traces.at(np.array([0.4, 0.5, 0.6]))
    assert np.isnan(found[[0, 2]]).all() and found[1].tolist() == pytest.approx([0.1, 0.2])


def test_action_units_are_between_samples_as_valence_is() -> None:
    time_s = np.array([0.0, 0.1, 0.2, 0.8])
    units = np.linspace(0, 1, 4 * 17, dtype=np.float32).reshape(4, 17)
    traces = Traces(time_s, np.zeros((4, 2), np.float32), units)
    found = traces.units_at(np.array([-0.1, 0.0, 0.025, 0.2, 0.5, 0.8]))
    assert found is not None and found.shape == (6, 17) and found.dtype == np.float32
    expected = 0.75 * units[0] + 0.25 * units[1]
    np.testing.assert_allclose(found[[1, 2, 3, 5]], [units[0], expected, *units[2:]], atol=1e-6)
    assert np.isnan(found[[0, 4]]).all()
    assert ramp(25, 3).units_at(np.array([0.0])) is None


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "annotation.csv"
    path.write_text("time_s, arousal ,valence,note\n0.0,0.5,-0.5,x\n0.1,,nan,\n\n0.2,1,-1,\n")
    traces = read_trace_table(path)
    np.testing.assert_array_equal(traces.time_s, [0, 0.1, 0.2])
    np.testing.assert_array_equal(traces.affect, np.float32([[-0.5, 0.5], [np.nan] * 2, [-1, 1]]))
    for text, message in (
        ("time_s,arousal\n0,0\n", r"line 1: looked for columns \['valence'\]"),
        ("time_s,arousal,valence\n", "has a header and no rows"),
        ("time_s,arousal,valence\n0,0,0\n0,0,0\n", r"line 3: the time 0 s does not come after 0 s"),
        ("time_s,arousal,valence\n0,0,1.5\n", r"line 2: 'valence' is '1.5'; expected .* -1 to 1"),
        ("time_s,arousal,valence\n0,x,0\n", r"line 2: 'arousal' is 'x'; expected a number"),
        ("time_s,arousal,valence\n,0,0\n", r"line 2: 'time_s' is ''; expected a number"),
        ("time_s,arousal,valence\n0,0\n", r"line 2: has 2 cells; expected 3"),
        ("time_s,arousal,valence,au04\n0,0,0,-0.1\n", r"line 2: 'au04' is '-0.1'; .* 0 to 1"),
        ("", r"line 1: is empty"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message) as caught:
            read_trace_table(path)
        assert str(path) in str(caught.value)
    with pytest.raises(DataError, match="no such file"):
        read_trace_table(tmp_path / "none.csv")


def test_tables_can_say_action_units(tmp_path: Path) -> None:
    path = tmp_path / "annotation.csv"
    path.write_text("time_s,arousal,valence,au12,au01,au99\n0,0,0,1,0.25,x\n1,0,0,,nan,\n")
    units = read_trace_table(path).units
    assert units is not None and units.shape == (2, 17)
    assert units[0, ACTION_UNIT_COLUMNS.index("au12")] == 1 and units[0, 0] == 0.25
    assert np.isfinite(units).sum() == 2  # what is empty or has no column is not annotated
    path.write_text("time_s,arousal,valence,au99\n0,0,0,1\n")
    assert read_trace_table(path).units is None


def test_raters_against_the_formula_in_words() -> None:
    rng = np.random.default_rng(0)
    truth = np.sin(np.linspace(0, 9, 200)) * 0.4
    noise = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])[:, None]
    ratings = truth + noise * rng.standard_normal((6, 200)) + rng.uniform(-0.3, 0.3, (6, 1))
    expected_weights = []
    for k in range(6):
        others = [ratings[j] - ratings[j].mean() for j in range(6) if j != k]
        expected_weights.append(max(0, np.corrcoef(ratings[k], np.mean(others, axis=0))[0, 1]))
    expected_weights = np.array(expected_weights) / np.sum(expected_weights)
    trace, weights = merge_raters(ratings)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-12)
    centred = ratings - ratings.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(trace, weights @ centred + ratings.mean(), atol=1e-12)
    assert weights[0] > weights[-1]
    plain = np.corrcoef(ratings.mean(axis=0), truth)[0, 1]
    assert np.corrcoef(trace, truth)[0, 1] > plain
    order = [3, 1, 5, 0, 2, 4]
    np.testing.assert_allclose(merge_raters(ratings[order])[0], trace, atol=1e-12)
    # a rater who puts neutral elsewhere changes the level, not the shape
    moved = ratings.copy()
    moved[0] += 0.3
    np.testing.assert_allclose(merge_raters(moved)[0] - trace, 0.05, atol=1e-12)


def test_raters_who_do_not_agree_or_do_not_move() -> None:
    ramp_ = np.linspace(-0.5, 0.5, 9)
    trace, weights = merge_raters(np.stack([ramp_, -ramp_]))
    np.testing.assert_allclose(weights, 0.5)
    np.testing.assert_allclose(trace, 0, atol=1e-12)
    still, weights = merge_raters(np.full((3, 4), 0.25))
    np.testing.assert_allclose(still, 0.25)
    np.testing.assert_allclose(weights, 1 / 3)
    alone, _ = merge_raters(ramp_[None])
    np.testing.assert_allclose(alone, ramp_)
    high, _ = merge_raters(np.stack([ramp_ + 0.8, ramp_ + 0.8]))
    assert high.max() == 1
    for wrong in (np.zeros(3), np.zeros((0, 3)), np.array([[np.nan]])):
        with pytest.raises(ValueError, match="ratings are finite"):
            merge_raters(wrong)
