from __future__ import annotations

import numpy as np
import pytest

from mien.evaluation.noise import rest_noise


def ar1(rng: np.random.Generator, count: int, deviation: float, correlation: float) -> np.ndarray:
    values = np.empty(count)
    values[0] = rng.normal() * deviation
    step = deviation * np.sqrt(1 - correlation**2)
    for i in range(1, count):
        values[i] = correlation * values[i - 1] + rng.normal() * step
    return values


def recording(count: int, correlation: float, fps: float = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    columns = [ar1(rng, count, 0.01 * (1 + c % 3), correlation) for c in range(26)]
    return np.stack(columns, axis=1).astype(np.float32), np.arange(count) / fps


def test_white_noise_is_recovered() -> None:
    affect, times = recording(12_000, 0.0)
    noise = rest_noise(affect, times)
    expected = 0.01 * (1 + np.arange(26) % 3)
    np.testing.assert_allclose(noise.deviation, expected, rtol=0.07)
    assert noise.correlation.max() < 0.08
    assert noise.fps == pytest.approx(30)
    assert noise.frames == pytest.approx(0.3 * 12_000, rel=0.02)


@pytest.mark.parametrize("correlation", [0.3, 0.6])
def test_correlated_noise_is_recovered(correlation: float) -> None:
    affect, times = recording(12_000, correlation)
    noise = rest_noise(affect, times, window_s=3)  # long against the noise's own memory
    expected = 0.01 * (1 + np.arange(26) % 3)
    np.testing.assert_allclose(noise.deviation, expected, rtol=0.15)
    np.testing.assert_allclose(noise.correlation, correlation, atol=0.1)


def test_movement_does_not_count_as_noise() -> None:
    affect, times = recording(6000, 0.0)
    affect[3000:4000] += np.sin(np.arange(1000) / 8)[:, None].astype(np.float32)
    noise = rest_noise(affect, times)
    np.testing.assert_allclose(noise.deviation, 0.01 * (1 + np.arange(26) % 3), rtol=0.1)


def test_a_constant_channel_has_no_noise() -> None:
    affect, times = recording(600, 0.0)
    affect[:, 4] = 0.25
    noise = rest_noise(affect, times)
    assert noise.deviation[4] == pytest.approx(0, abs=1e-9)
    assert 0 <= noise.correlation[4] < 1
    assert np.isfinite(noise.correlation).all()


@pytest.mark.parametrize(("count", "text"), [(59, "need at least 60 frames, got 59"), (1, "two")])
def test_short_recordings_are_refused(count: int, text: str) -> None:
    affect, times = recording(60, 0.0)
    assert rest_noise(affect, times).frames > 0
    with pytest.raises(ValueError, match=text):
        rest_noise(affect[:count], times[:count])
