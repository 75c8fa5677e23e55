import numpy as np
import pytest
import torch

from mien.datasets.base import framed_matrices
from mien.training.augment import (
    AugmentConfig,
    compose,
    degrade,
    random_similarities,
    sample_crops,
)

STILL = AugmentConfig(0, 0, 0, False, 0, 0, 0, 24, 0, 0, 0.45)


def test_sampling_agrees_with_opencv():
    import cv2

    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (48, 48)).astype(np.uint8), (0, 0), 2)
    matrix = framed_matrices(1, 48)[0].astype(float)
    expected = cv2.warpAffine(
        image, matrix, (112, 112), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    got = sample_crops(
        torch.from_numpy(image)[None, None].float(), torch.tensor(matrix)[None].float(), 112
    )
    # OpenCV interpolates in 1/32 pixel steps and rounds.
    assert np.abs(got[0, 0].numpy() - expected).max() < 2.0


def test_a_coarser_sample_is_the_same_view():
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    image = (x + 2 * y)[None, None]
    matrix = torch.from_numpy(framed_matrices(1, 48))
    fine, coarse = sample_crops(image, matrix, 112), sample_crops(image, matrix, 56)
    pooled = torch.nn.functional.avg_pool2d(fine, 2)
    torch.testing.assert_close(pooled[..., 2:-2, 2:-2], coarse[..., 2:-2, 2:-2], atol=1e-3, rtol=0)


def test_similarities_keep_shape_and_stay_near_the_centre():
    config = AugmentConfig(rotation_deg=10, shift_px=2, log_scale=0.1)
    matrices = random_similarities(500, config, torch.Generator().manual_seed(0))
    linear = matrices[:, :, :2]
    gram = linear.transpose(1, 2) @ linear
    scale = gram[:, 0, 0]
    torch.testing.assert_close(gram[:, 0, 1], torch.zeros(500), atol=1e-5, rtol=0)
    torch.testing.assert_close(gram[:, 1, 1], scale, atol=1e-5, rtol=0)
    mirrored = torch.linalg.det(linear) < 0
    assert 200 < int(mirrored.sum()) < 300
    center = torch.full((2,), 55.5)
    moved = (linear @ center + matrices[:, :, 2]) - center
    assert moved.std() == pytest.approx(2, rel=0.15)


def test_without_strength_nothing_changes():
    generator = torch.Generator().manual_seed(0)
    identity = random_similarities(3, STILL, generator)
    expected = torch.eye(2, 3).expand(3, 2, 3)
    torch.testing.assert_close(identity, expected, atol=1e-5, rtol=0)
    crops = torch.rand(3, 1, 56, 56) * 0.9 + 0.05
    torch.testing.assert_close(degrade(crops, STILL, generator), crops, atol=1e-6, rtol=0)


def test_composition_applies_the_inner_map_first():
    generator = torch.Generator().manual_seed(0)
    outer = torch.randn(4, 2, 3, generator=generator)
    inner = torch.randn(4, 2, 3, generator=generator)
    point = torch.tensor([3.0, -2.0])
    step = inner[:, :, :2] @ point + inner[:, :, 2]
    expected = (outer[:, :, :2] @ step[:, :, None])[:, :, 0] + outer[:, :, 2]
    both = compose(outer, inner)
    torch.testing.assert_close(both[:, :, :2] @ point + both[:, :, 2], expected)


def test_degraded_crops_stay_in_range_are_repeatable_and_leave_the_input_alone():
    crops = torch.rand(16, 1, 80, 80)
    before = crops.clone()
    config = AugmentConfig(occlusion_rate=1.0, blur_rate=0.5)
    first = degrade(crops, config, torch.Generator().manual_seed(3))
    second = degrade(crops, config, torch.Generator().manual_seed(3))
    assert torch.equal(first, second) and torch.equal(crops, before)
    assert first.min() >= 0 and first.max() <= 1
    flat = [len(np.unique(crop)) < 80 * 80 for crop in first.numpy()]
    assert all(flat)  # every crop has a covered rectangle of one grey
