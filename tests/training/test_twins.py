import math

import pytest
import torch

from mien.training import twins as module
from mien.training.extra_heads import shapes
from mien.training.twins import twins

STRENGTHS = ("SHIFT_PX", "ROTATION_DEG", "LOG_SCALE", "NOISE_DEVIATIONS")


def smooth(count=64, side=96):
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    phase = torch.rand(count, 1, 1, generator=torch.Generator().manual_seed(1)) * 6.28
    faces = torch.sin(x * 0.13 + phase) + torch.cos(y * 0.11 - phase)
    return faces[:, None].contiguous()


def drawn(faces, seed=0):
    return twins(faces, torch.Generator().manual_seed(seed))


def only(monkeypatch, **strengths):
    for name in STRENGTHS:
        monkeypatch.setattr(module, name, strengths.get(name, 0.0))


def test_twins_differ_a_little_and_are_the_same_for_the_same_generator():
    faces = smooth()
    view, other, moves = drawn(faces)
    assert view.shape == other.shape == faces.shape and view.dtype == torch.float32
    assert all(torch.equal(*pair) for pair in zip(drawn(faces), (view, other, moves), strict=True))
    difference = (view - other).flatten(1).std(1)
    assert difference.min() > 0 and difference.max() < 0.5
    assert not torch.equal(view, drawn(faces, 3)[0])


@pytest.mark.parametrize("side", [48, 96, 112])
def test_without_strength_both_views_are_the_face(monkeypatch, side):
    only(monkeypatch)
    faces = smooth(3, side)
    for view in drawn(faces)[:2]:
        torch.testing.assert_close(view, faces, atol=2e-4, rtol=0)


def test_the_shift_between_the_views_is_in_pixels_of_the_full_crop(monkeypatch):
    only(monkeypatch, SHIFT_PX=2.0)
    ramp = torch.arange(56.0).expand(500, 1, 56, 56).contiguous()
    view, other, _ = drawn(ramp)
    # Half the side: a shift of two pixels of 112 is one pixel here.
    assert (view - other)[:, 0, 28, 28].std() == pytest.approx(1.0, rel=0.1)


def test_turn_and_size_are_what_they_say(monkeypatch):
    ramps = (torch.arange(112.0) - 55.5).expand(500, 1, 112, 112).contiguous()
    only(monkeypatch, ROTATION_DEG=4.0)
    view, other, _ = drawn(ramps)
    # A column's value 40 px below the centre moves by 40 px times the sine of the turn.
    turned = ((view - other)[:, 0, 95, 55] - (view - other)[:, 0, 15, 55]) / 80
    assert turned.std() == pytest.approx(math.radians(4.0), rel=0.1)
    only(monkeypatch, LOG_SCALE=0.05)
    view, other, _ = drawn(ramps)
    grown = ((view - other)[:, 0, 55, 95] - (view - other)[:, 0, 55, 15]) / 80
    assert grown.std() == pytest.approx(0.05, rel=0.1)


def test_both_views_are_equally_sharp(monkeypatch):
    only(monkeypatch, SHIFT_PX=0.5)
    grain = torch.randn(200, 1, 96, 96, generator=torch.Generator().manual_seed(2))
    view, other, _ = drawn(grain)
    assert view.std() == pytest.approx(other.std().item(), rel=0.02)
    assert view.std() < 0.95  # sampled once more, both


def test_no_gradient_goes_through_a_twin():
    faces = smooth(2).requires_grad_()
    assert not any(view.requires_grad for view in drawn(faces)[:2])


def test_noise_is_as_strong_as_the_face_and_alike_in_all_channels(monkeypatch):
    only(monkeypatch, NOISE_DEVIATIONS=0.5)
    faces = smooth(200).repeat(1, 3, 1, 1)

    def noise(of):
        return (drawn(of)[0] - of)[:, :, 8:-8, 8:-8]

    torch.testing.assert_close(noise(3 * faces), 3 * noise(faces), atol=2e-3, rtol=0)
    one, two = noise(faces)[:, :2].unbind(1)
    torch.testing.assert_close(one, two)
    strength = one.flatten(1).std(1) / faces.flatten(1).std(1)
    assert strength.max() < 0.52 and strength.mean() == pytest.approx(0.25, abs=0.03)


def test_a_landmark_is_followed_into_the_view(monkeypatch):
    only(monkeypatch, SHIFT_PX=6.0, ROTATION_DEG=20.0, LOG_SCALE=0.1)
    y, x = torch.meshgrid(torch.arange(112.0), torch.arange(112.0), indexing="ij")
    mark = torch.tensor([70.0, 40.0])
    light = torch.exp(-((x - mark[0]) ** 2 + (y - mark[1]) ** 2) / 8)
    view, _, moves = drawn(light.expand(50, 1, 112, 112).contiguous())
    weight = view[:, 0] / view[:, 0].sum((1, 2), keepdim=True)
    seen = torch.stack([(weight * x).sum((1, 2)), (weight * y).sum((1, 2))], 1)
    expected = shapes(mark.expand(50, 1, 2), moves)[:, 0]
    assert (seen - mark).norm(dim=1).median() > 3
    torch.testing.assert_close(seen, expected, atol=0.1, rtol=0)
