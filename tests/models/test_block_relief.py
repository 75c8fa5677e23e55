"""Depth as a shaded relief, against float64 arithmetic that is written another way."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.faces.modalities import DEPTH_RANGE_MM
from mien.models.blocks.relief import LIGHT, PIXEL_MM, SMOOTHING_PX, Relief
from mien.models.blocks.resample import resample_weights


def reference(depth, target):
    """Correlate padded maps pixel by pixel, shade, all in float64."""
    reach = int(4 * SMOOTHING_PX + 0.5)
    offsets = np.arange(-reach, reach + 1.0)
    bell = np.exp(-(offsets**2) / (2 * SMOOTHING_PX**2))
    bell /= bell.sum()
    rise = offsets * bell / (offsets**2 * bell).sum()

    def along(values, kernel, axis):
        pad = [(0, 0), (0, 0)]
        pad[axis] = reach, reach
        return np.apply_along_axis(np.correlate, axis, np.pad(values, pad, "edge"), kernel)

    size = resample_weights(len(depth), target).numpy().astype(np.float64)
    size /= size.sum(1, keepdims=True)
    mm = depth * DEPTH_RANGE_MM / PIXEL_MM
    across = size @ along(along(mm, bell, 0), rise, 1) @ size.T
    down = size @ along(along(mm, rise, 0), bell, 1) @ size.T
    normal = np.stack([across, down, np.ones_like(down)])
    return np.einsum("c,cyx->yx", LIGHT, normal / np.linalg.norm(normal, axis=0))


@given(seed=st.integers(0, 10_000), sides=st.sampled_from([(112, 96), (32, 32), (24, 16)]))
@settings(max_examples=12, deadline=None)
def test_relief_is_lambert_shading_of_the_smoothed_surface(seed, sides):
    source, target = sides
    depth = np.random.default_rng(seed).uniform(-1, 1, (source, source)).cumsum(0).clip(-1, 1)
    relief = Relief(source, target)(torch.tensor(depth, dtype=torch.float32)[None, None])
    assert relief.shape == (1, 1, target, target)
    assert np.abs(relief[0, 0].numpy() - reference(depth, target)).max() < 1e-4


@pytest.mark.parametrize(("across", "down"), [(0.0, 0.0), (0.4, 0.0), (0.0, -0.7), (-0.3, 0.5)])
def test_a_slanted_plane_is_equally_bright_and_brighter_when_it_looks_up(across, down):
    x, y = np.meshgrid(np.arange(112.0), np.arange(112.0))
    depth = (across * x + down * y - 30) * PIXEL_MM / DEPTH_RANGE_MM
    inside = Relief(112, 96)(torch.tensor(depth, dtype=torch.float32)[None, None])[0, 0, 8:-8, 8:-8]
    expected = (LIGHT[0] * across + LIGHT[1] * down + LIGHT[2]) / np.sqrt(across**2 + down**2 + 1)
    assert inside.numpy() == pytest.approx(expected, abs=1e-3)
    assert (expected > LIGHT[2]) == (down < 0)  # depth that grows upwards is a brow, not a chin


def test_the_lamp_stands_in_the_middle_and_has_length_one():
    depth = torch.rand(2, 1, 48, 48)
    relief = Relief(48, 48)
    torch.testing.assert_close(relief(depth.flip(3)), relief(depth).flip(3), atol=1e-4, rtol=0)
    assert np.linalg.norm(LIGHT) == pytest.approx(1)


def test_how_far_the_face_is_does_not_matter():
    depth = torch.rand(1, 1, 48, 48) * 0.1
    relief = Relief(48, 32)
    torch.testing.assert_close(relief(depth + 0.5), relief(depth), atol=2e-4, rtol=0)
