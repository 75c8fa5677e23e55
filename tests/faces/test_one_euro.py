from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.faces.align import TEMPLATE
from mien.faces.one_euro import SteadyLandmarks


def follow(places: np.ndarray, fps: float = 25.0) -> np.ndarray:
    steady = SteadyLandmarks()
    return np.stack([steady.update(p, k / fps) for k, p in enumerate(places.astype(np.float32))])


def test_trembling_of_a_resting_face_is_taken_out() -> None:
    noise = np.random.default_rng(0).normal(0, 0.6, (300, 5, 2))
    followed = follow(TEMPLATE + noise)
    assert followed[50:].std(axis=0).mean() < 0.5 * 0.6
    np.testing.assert_allclose(followed[50:].mean(axis=0), TEMPLATE, atol=0.2)


@pytest.mark.parametrize("sizes_per_s", [1.0, 3.0])
def test_a_moving_face_is_followed(sizes_per_s: float) -> None:
    speed = sizes_per_s * 40 / 25  # px a frame, the eyes are 40 px apart
    places = TEMPLATE + np.arange(60)[:, None, None] * np.array([speed, 0])
    behind = places - follow(places)
    assert np.abs(behind[10:]).max() < 0.08 * 40


@settings(deadline=None, max_examples=30)
@given(st.floats(0.1, 20), st.integers(0, 1000))
def test_size_of_the_picture_does_not_matter(factor: float, seed: int) -> None:
    places = TEMPLATE + np.random.default_rng(seed).normal(0, 2, (20, 5, 2))
    np.testing.assert_allclose(
        follow(places * factor), follow(places) * factor, rtol=1e-3, atol=1e-3 * factor
    )


def test_the_first_frame_and_one_out_of_time_are_as_they_come() -> None:
    steady = SteadyLandmarks()
    assert steady.update(TEMPLATE, 5.0) is TEMPLATE
    later = TEMPLATE + 3
    assert steady.update(later, 5.0) is later
