from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.data.faces import framed_matrices
from mien.training.extractor.augment import (
    AugmentConfig,
    compose,
    degrade,
    random_similarities,
    sample_crops,
)

STILL = AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0)


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


@pytest.mark.usefixtures("unmirrored")
def test_without_strength_nothing_changes():
    generator = torch.Generator().manual_seed(0)
    identity = random_similarities(3, STILL, generator)
    expected = torch.eye(2, 3).expand(3, 2, 3)
    torch.testing.assert_close(identity, expected, atol=1e-5, rtol=0)
    crops = torch.rand(3, 1, 56, 56) * 0.9 + 0.05
    shown, uncovered = degrade(crops, STILL, generator)
    torch.testing.assert_close(shown, crops, atol=1e-6, rtol=0)
    assert torch.equal(uncovered, torch.ones(3))


def test_composition_applies_the_inner_map_first():
    generator = torch.Generator().manual_seed(0)
    outer = torch.randn(4, 2, 3, generator=generator)
    inner = torch.randn(4, 2, 3, generator=generator)
    point = torch.tensor([3.0, -2.0])
    step = inner[:, :, :2] @ point + inner[:, :, 2]
    expected = (outer[:, :, :2] @ step[:, :, None])[:, :, 0] + outer[:, :, 2]
    both = compose(outer, inner)
    torch.testing.assert_close(both[:, :, :2] @ point + both[:, :, 2], expected)


def calm(**changes):
    return replace(STILL, **changes)


RATES = ("dark_rate", "side_light_rate", "jpeg_rate", "mask_rate")
ALL = dict.fromkeys(RATES, 1.0)


@pytest.mark.parametrize("size", [48, 80, 112])
@pytest.mark.parametrize(
    "changes", [{}, *({name: 1.0} for name in RATES), ALL], ids=["plain", *RATES, "all"]
)
def test_degraded_crops_stay_in_range_are_repeatable_and_leave_the_input_alone(changes, size):
    crops = torch.rand(16, 1, size, size)
    before = crops.clone()
    config = AugmentConfig(occlusion_rate=1.0, blur_rate=0.5, **changes)
    first, uncovered = degrade(crops, config, torch.Generator().manual_seed(3))
    second, again = degrade(crops, config, torch.Generator().manual_seed(3))
    assert torch.equal(first, second) and torch.equal(uncovered, again)
    assert torch.equal(crops, before) and first.shape == crops.shape
    assert first.min() >= 0 and first.max() <= 1
    assert uncovered.shape == (16,) and (uncovered >= 0).all() and (uncovered < 1).all()


def test_every_crop_is_covered_by_one_grey_where_asked():
    crops = torch.rand(16, 1, 80, 80)
    config = calm(occlusion_rate=1.0, noise=0.0)
    shown, uncovered = degrade(crops, config, torch.Generator().manual_seed(3))
    for crop, share in zip(shown.numpy(), uncovered, strict=True):
        _, counts = np.unique(crop, return_counts=True)
        assert counts.max() / 80**2 == pytest.approx(1 - float(share), abs=0.002)
        assert counts.max() > 40  # of noise no grey is there as often


def test_a_rate_of_zero_draws_nothing_new():
    """What follows in the stream of random numbers is the same, so old recipes keep their bits."""
    crops = torch.rand(8, 1, 48, 48)
    after, states = [], []
    for changes in ({}, dict.fromkeys(RATES, 0.0)):
        generator = torch.Generator().manual_seed(5)
        after.append(degrade(crops, AugmentConfig(**changes), generator)[0])
        states.append(generator.get_state())
    assert torch.equal(*after) and torch.equal(*states)
    for name in RATES:
        generator = torch.Generator().manual_seed(5)
        changed, _ = degrade(crops, AugmentConfig(**{name: 1.0}), generator)
        assert not torch.equal(changed, after[0]), name
        assert not torch.equal(generator.get_state(), states[0]), name


def test_darkness_leaves_a_twentieth_to_a_half_and_steps_of_brightness():
    crops = 0.4 + 0.4 * torch.rand(200, 1, 48, 48)
    dark, uncovered = degrade(crops, calm(dark_rate=1.0), torch.Generator().manual_seed(0))
    left = dark.mean((1, 2, 3)) / crops.mean((1, 2, 3))
    assert 0.045 < left.min() < 0.08 and 0.4 < left.max() < 0.51
    steps = dark * 255
    torch.testing.assert_close(steps, steps.round(), atol=1e-3, rtol=0)
    assert torch.equal(uncovered, torch.ones(200))  # a dark face is a whole one
    half, _ = degrade(crops, calm(dark_rate=0.5), torch.Generator().manual_seed(0))
    darkened = (half.mean((1, 2, 3)) < 0.52 * crops.mean((1, 2, 3))).float().mean()
    assert 0.35 < darkened < 0.65


def test_side_light_leaves_one_side_dark_and_the_other_as_it_was():
    crops = torch.full((100, 1, 64, 64), 0.8)
    lit, _ = degrade(crops, calm(side_light_rate=1.0), torch.Generator().manual_seed(0))
    corners = torch.stack([lit[:, 0, y, x] for y in (0, -1) for x in (0, -1)], 1)
    assert (corners.amax(1) - corners.amin(1) > 0.2).all()
    assert (lit.amax((1, 2, 3)) > 0.7).all() and lit.max() <= 0.8 + 1e-6
    darker = corners.argmin(1)
    assert len(darker.unique()) == 4  # from all sides


def test_a_mask_covers_what_is_below_the_nose_and_is_told():
    crops = torch.rand(50, 1, 100, 100) * 0.2 + 0.4
    masked, uncovered = degrade(crops, calm(mask_rate=1.0), torch.Generator().manual_seed(0))
    changed = (masked - crops).abs()[:, 0] > 1e-6
    assert not changed[:, :60].any() and changed[:, 70:, 30:70].all()
    shares = changed.float().mean((1, 2))
    # Some greys of the cover are by chance those of what is below.
    torch.testing.assert_close(shares, 1 - uncovered, atol=0.01, rtol=0)
    assert shares.min() > 0.1 and shares.max() < 0.35


def test_compression_is_that_of_a_codec():
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    crops = (0.5 + 0.3 * torch.sin(x / 3) * torch.cos(y / 4)).expand(40, 1, 48, 48)
    coded, _ = degrade(crops, calm(jpeg_rate=1.0), torch.Generator().manual_seed(0))
    error = (coded - crops).square().mean((1, 2, 3)).sqrt()
    assert (error > 0.002).all() and (error < 0.06).all()
    steps = coded * 255
    torch.testing.assert_close(steps, steps.round(), atol=1e-3, rtol=0)
    assert error.max() > 2 * error.min()  # qualities differ


@pytest.mark.parametrize("name", [*RATES, "spoiled_rate"])
def test_rates_are_shares(name):
    for value in (-0.1, 1.1):
        with pytest.raises(ValueError, match=rf"{name} lies in 0\.\.1, not {value}"):
            AugmentConfig(**{name: value})
