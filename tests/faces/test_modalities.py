from __future__ import annotations

import numpy as np
import pytest

from mien.faces.modalities import (
    STREAMS,
    color_to_network,
    depth_to_network,
    normalisation,
    thermal_to_network,
)


def test_color_is_scaled_and_turned() -> None:
    color = np.zeros((2, 4, 6, 3), np.uint8)
    color[1, 2, 5] = (255, 0, 51)
    out = color_to_network(color)
    assert out.shape == (2, 3, 4, 6) and out.dtype == np.float32
    np.testing.assert_allclose(out[1, :, 2, 5], [1, -1, -0.6], atol=1e-6)
    assert (out[0] == -1).all()


def test_depth_is_relative_to_the_middle_of_the_clip() -> None:
    depth = np.full((3, 8, 8), 2000, np.float32)  # a wall
    depth[:, 1:7, 1:7] = 600  # a face
    depth[2, 3, 3] = 560  # the nose
    depth[2, 4, 4] = 680
    depth[0, 0, 0] = np.nan
    depth[1, 3, 3] = np.nan
    before = depth.copy()
    out = depth_to_network(depth)
    assert out.shape == (3, 1, 8, 8) and out.dtype == np.float32
    np.testing.assert_array_equal(depth, before)
    assert out[2, 0, 3, 3] == -0.5 and out[2, 0, 4, 4] == 1
    assert out[0, 0, 0, 0] == 1 and out[1, 0, 3, 3] == 1  # not measured: far
    assert (out[:, 0, 0, 1:] == 1).all() and out[0, 0, 2, 2] == 0
    # the same face at another distance is the same
    np.testing.assert_allclose(depth_to_network(depth + np.float32(137)), out, atol=1e-6)
    # a head that comes closer within the clip does so in the result
    closer = np.full((2, 8, 8), 600, np.float32)
    closer[1] -= 40
    np.testing.assert_allclose(depth_to_network(closer)[:, 0, 4, 4], [0.25, -0.25])


def test_nothing_measured_is_far_and_cold() -> None:
    nothing = np.full((2, 4, 4), np.nan, np.float32)
    assert (depth_to_network(nothing) == 1).all()
    assert (thermal_to_network(nothing) == -1).all()


def test_thermal_is_absolute() -> None:
    thermal = np.array([[[32.0, 35.0, 50.0], [26.0, 10.0, np.nan]]], np.float32)
    out = thermal_to_network(thermal)
    np.testing.assert_allclose(out, [[[[0, 0.5, 1], [-1, -1, -1]]]])
    assert out.dtype == np.float32


def test_wrong_shapes_and_types_are_refused() -> None:
    with pytest.raises(ValueError, match="color is float32"):
        color_to_network(np.zeros((1, 2, 2, 3), np.float32))
    with pytest.raises(ValueError, match=r"depth_mm is uint16 .* float32 \(T, H, W\)"):
        depth_to_network(np.zeros((1, 2, 2), np.uint16))
    with pytest.raises(ValueError, match="thermal_c is float32"):
        thermal_to_network(np.zeros((2, 2), np.float32))


def test_constants_have_names() -> None:
    assert STREAMS == ("color", "depth", "thermal")
    assert all(isinstance(value, float) for value in normalisation().values())
