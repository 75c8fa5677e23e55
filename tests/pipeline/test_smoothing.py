from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.labels import EXPRESSION_SLICE
from mien.pipeline.smoothing import LAG_S, SteadyAffect


def follow(values: np.ndarray, fps: float) -> np.ndarray:
    steady = SteadyAffect()
    return np.stack([steady.update(v, k / fps) for k, v in enumerate(values.astype(np.float32))])


def test_trembling_is_more_than_halved() -> None:
    values = 0.4 + np.random.default_rng(0).normal(0, 0.01, (500, 26))
    followed = follow(values, 25)[50:]
    assert (followed.std(axis=0) < 0.55 * 0.01).all()
    np.testing.assert_allclose(followed.mean(axis=0), 0.4, atol=0.003)


def test_nothing_lags_by_more_than_promised() -> None:
    """A slow ramp is delayed the most, by the time constant; a step is there at once."""
    for fps in (12.5, 25, 29.97, 60, 120):
        seconds = np.arange(int(4 * fps)) / fps
        ramp = np.repeat(0.05 * seconds[:, None], 26, axis=1)
        behind_s = (ramp - follow(ramp, fps))[-1] / 0.05
        assert behind_s.max() <= LAG_S + 1e-3 < 0.1
        step = np.repeat((seconds >= 1)[:, None] * 0.8, 26, axis=1)
        followed = follow(step, fps)[:, 0]
        reached_s = seconds[np.flatnonzero(followed >= 0.4)[0]] - 1
        assert reached_s < LAG_S


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([5.0, 25.0, 120.0]))
def test_estimates_stay_estimates(seed: int, fps: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random((30, 26))
    values[:, EXPRESSION_SLICE] = rng.dirichlet(np.full(7, 0.3), 30)
    followed = follow(values, fps)
    np.testing.assert_allclose(followed[:, EXPRESSION_SLICE].sum(axis=1), 1, atol=1e-5)
    assert followed.dtype == np.float32
    tolerance = 1e-6
    assert (followed >= values.min(axis=0) - tolerance).all()
    assert (followed <= values.max(axis=0) + tolerance).all()


def test_the_first_frame_is_as_estimated() -> None:
    first = np.linspace(0, 1, 26).astype(np.float32)
    assert SteadyAffect().update(first, 3.0) is first
