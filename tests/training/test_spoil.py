"""Crops that are no whole faces: each kind is what its name says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mien.data.faces import framed_matrices
from mien.training.extractor import spoil
from mien.training.extractor.augment import sample_crops
from mien.training.extractor.spoil import KINDS, changed_pictures, draw_kinds, moved_views


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def of_kind(name, count):
    return torch.full((count,), KINDS.index(name))


def changed(name, crops, seed=0):
    return changed_pictures(crops, of_kind(name, len(crops)), generator(seed))


def waves(count=12, side=112):
    """Pictures without a single flat spot, none like the other."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    a, b = rng.uniform(4, 9, (2, count, 1, 1))
    pictures = 0.5 + 0.2 * np.sin(x / a) + 0.2 * np.cos(y / b) + 0.001 * x
    return torch.from_numpy(pictures.clip(0, 1).astype(np.float32))[:, None]


def test_kinds_are_drawn_at_the_rate_and_all_alike():
    kinds = draw_kinds(8000, 0.25, generator())
    assert (kinds >= 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    counts = np.bincount(kinds[kinds >= 0].numpy(), minlength=len(KINDS))
    assert len(counts) == len(KINDS) and counts.min() > 0.8 * counts.max()
    assert torch.equal(kinds, draw_kinds(8000, 0.25, generator()))
    assert (draw_kinds(100, 0.0, generator()) == -1).all()
    assert (draw_kinds(100, 1.0, generator()) >= 0).all()


def test_whole_crops_stay_as_they_are():
    kinds = torch.full((6,), -1)
    to_image = torch.from_numpy(framed_matrices(6, 48))
    torch.testing.assert_close(moved_views(to_image, kinds, generator()), to_image)
    crops = waves(6)
    assert torch.equal(changed_pictures(crops, kinds, generator()), crops)
    moved = torch.tensor([0, 1, 2, -1, 0, 1])  # views are moved before pictures are changed
    assert torch.equal(changed_pictures(crops, moved, generator()), crops)
    pictures = torch.tensor([3, 4, 5, 6, 7, 3])
    torch.testing.assert_close(moved_views(to_image, pictures, generator()), to_image)


def places(name, count=200):
    """Where the middle, the right and the lower edge of crops of a kind lie in the usual crop."""
    whole = torch.eye(2, 3).expand(count, 2, 3)
    matrices = moved_views(whole, of_kind(name, count), generator())
    points = torch.tensor([[55.5, 55.5, 1], [111.5, 55.5, 1], [55.5, 111.5, 1]])
    return (matrices @ points.T).transpose(1, 2) - 55.5  # (count, 3, 2)


def test_beside_looks_away_from_the_face():
    middle, right, down = places("beside").unbind(1)
    away = middle.norm(dim=1)
    assert away.min() > 61 and away.max() < 113 and away.std() > 8
    assert (middle > 0).any(0).all() and (middle < 0).any(0).all()  # to every side
    steps = torch.tensor([56.0, 0.0]).expand(200, 2)
    torch.testing.assert_close(right - middle, steps, atol=1e-3, rtol=0)
    torch.testing.assert_close(down - middle, steps.flip(1), atol=1e-3, rtol=0)


def test_turned_lies_on_a_side_or_on_its_head():
    middle, right, _ = places("turned").unbind(1)
    assert middle.abs().max() < 1e-3
    torch.testing.assert_close(right.norm(dim=1), torch.full((200,), 56.0), atol=1e-3, rtol=0)
    assert (right[:, 0] < 1e-3).all() and right[:, 0].min() < -50


def test_squeezed_shows_a_face_at_a_third_of_its_width():
    middle, right, down = places("squeezed").unbind(1)
    assert middle.abs().max() < 1e-3 and down[:, 1].sub(56).abs().max() < 1e-3
    across = right[:, 0] / 56
    assert 2.4 <= across.min() < 2.6 and 3.8 < across.max() <= 4.0


def test_a_moved_view_is_one_of_the_faces_own_picture():
    image = waves(1, 48)
    framed = torch.from_numpy(framed_matrices(1, 48))
    seen = moved_views(framed, of_kind("squeezed", 1), generator())
    crop = sample_crops(image, seen, 112)[0, 0]
    across = float(places("squeezed", 1)[0, 1, 0] / 56)
    plain = sample_crops(image, framed, 112)[0, 0]
    x = round(55.5 + 10 * across)
    assert crop[50, 65].item() == pytest.approx(plain[50, x].item(), abs=0.05)


def test_coarse_is_a_handful_of_pixels():
    crops = waves()
    coarse = changed("coarse", crops)
    high = crops - torch.nn.functional.avg_pool2d(crops, 9, 1, 4)
    left = coarse - torch.nn.functional.avg_pool2d(coarse, 9, 1, 4)
    inside = (..., slice(8, -8), slice(8, -8))
    assert (left[inside].std() < 0.35 * high[inside].std()).all()
    torch.testing.assert_close(coarse.mean((1, 2, 3)), crops.mean((1, 2, 3)), atol=0.03, rtol=0)


def test_covered_leaves_little_of_the_face():
    crops = waves()
    covered = changed("covered", crops)
    same = (covered == crops).float().mean((1, 2, 3))
    # A square of 0.62 to 0.87 of the side.
    assert (same > 0.2).all() and (same < 0.64).all() and same.std() > 0.05
    kept = (covered == crops)[:, 0]
    assert (kept.all(1).any(1) | kept.all(2).any(1)).all()  # a frame is left


def test_tiles_are_the_same_picture_in_another_order():
    crops = waves(6, 120)
    tiled = changed("tiles", crops)
    assert (tiled - crops).abs().mean((1, 2, 3)).min() > 0.02
    for before, after in zip(crops, tiled, strict=True):
        assert set(np.round(after.numpy().ravel(), 5)) <= set(np.round(before.numpy().ravel(), 5))


def test_a_negative_and_a_drawing():
    crops = waves()
    torch.testing.assert_close(changed("negative", crops), 1 - crops)
    step = torch.full((3, 1, 64, 64), 0.3)
    step[..., 32:] = 0.7
    drawing = changed("drawing", step)
    assert (drawing[..., :31] == 1).all() and (drawing[..., 33:] == 1).all()
    assert drawing[..., 31:33].max() < 0.1  # black lines on white, where there was an edge


@pytest.mark.parametrize("side", [48, 80, 112])
def test_all_kinds_keep_range_and_size_and_are_repeatable(side):
    crops = torch.rand(len(KINDS) * 3, 1, side, side)
    before = crops.clone()
    kinds = torch.arange(len(KINDS)).repeat(3)
    one, two = (changed_pictures(crops, kinds, generator(4)) for _ in range(2))
    assert torch.equal(one, two) and torch.equal(crops, before) and one.shape == crops.shape
    assert one.min() >= 0 and one.max() <= 1
    assert spoil.KINDS[:3] == ("beside", "turned", "squeezed")
