from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from mien.evaluation.calibration.affect_scale import fit_affect_scale, scaled_affect


def ccc(x: np.ndarray, y: np.ndarray) -> float:
    spread = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    return float(2 * np.mean((x - x.mean()) * (y - y.mean())) / spread)


def noisy(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.tanh(rng.normal(0, 0.5, (count, 2)))
    return (np.arctanh(truth) + rng.normal(0, 0.05, (count, 2))), truth


def test_a_known_reach_is_found_again() -> None:
    inner, truth = noisy(5000, 0)
    estimates = np.tanh((inner - [0.1, -0.05]) / [0.8, 1.3]).astype(np.float32)
    gains, offsets = fit_affect_scale(estimates, truth.astype(np.float32), np.zeros(5000, int))
    np.testing.assert_allclose(gains, [0.8, 1.3], rtol=0.02)
    np.testing.assert_allclose(offsets, [0.1, -0.05], atol=0.01)
    assert ccc(scaled_affect(estimates, gains, offsets)[:, 0], truth[:, 0]) > 0.99


def test_every_corpus_counts_alike_and_nothing_better_is_left() -> None:
    """Against an independent search over both numbers at once."""
    small, large = noisy(300, 1), noisy(6000, 2)
    estimates = np.tanh(np.concatenate([small[0] * 1.6 + 0.1, large[0] * 1.1 - 0.05]))
    truth = np.concatenate([small[1], large[1]])
    truth[5:9] = np.nan
    corpus = np.repeat([0, 1], [300, 6000])
    gains, offsets = fit_affect_scale(
        estimates.astype(np.float32), truth.astype(np.float32), corpus
    )
    for k in range(2):

        def loss(pair: np.ndarray, k: int = k) -> float:
            said = np.tanh(np.arctanh(estimates[:, k]) * pair[0] + pair[1])
            known = np.isfinite(truth[:, k])
            parts = [known & (corpus == name) for name in (0, 1)]
            return -float(np.mean([ccc(said[part], truth[part, k]) for part in parts]))

        best = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-6})
        assert loss(np.array([gains[k], offsets[k]])) == pytest.approx(best.fun, abs=2e-5)
        np.testing.assert_allclose([gains[k], offsets[k]], best.x, atol=0.01)


@pytest.mark.parametrize("known", [0, 1])
def test_without_targets_or_variation_nothing_is_changed(known: int) -> None:
    targets = np.full((10, 2), np.nan, np.float32)
    targets[: known * 10] = 0.3
    said = np.random.default_rng(0).uniform(-0.5, 0.5, (10, 2)).astype(np.float32)
    assert fit_affect_scale(said, targets, np.zeros(10, int)) == ((1.0, 1.0), (0.0, 0.0))
    assert fit_affect_scale(np.zeros_like(said), said, np.zeros(10, int))[0] == (1.0, 1.0)
    np.testing.assert_allclose(scaled_affect(said, (1.0, 1.0), (0.0, 0.0)), said, atol=1e-7)
