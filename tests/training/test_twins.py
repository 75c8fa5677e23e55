import pytest
import torch

from mien.training import twins as module
from mien.training.twins import twins


def smooth(count=64, side=96):
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    phase = torch.rand(count, 1, 1, generator=torch.Generator().manual_seed(1)) * 6.28
    faces = torch.sin(x * 0.13 + phase) + torch.cos(y * 0.11 - phase)
    return faces[:, None].contiguous()


def test_a_twin_is_moved_and_noised_a_little_and_is_the_same_for_the_same_generator():
    faces = smooth()
    moved = twins(faces, torch.Generator().manual_seed(0))
    assert moved.shape == faces.shape and moved.dtype == torch.float32
    assert torch.equal(moved, twins(faces, torch.Generator().manual_seed(0)))
    difference = (moved - faces).flatten(1).std(1)
    assert difference.min() > 0 and difference.max() < 0.5
    assert not torch.equal(moved, twins(faces, torch.Generator().manual_seed(3)))


@pytest.mark.parametrize("side", [48, 96, 112])
def test_without_strength_a_twin_is_the_face(monkeypatch, side):
    for name in ("SHIFT_PX", "ROTATION_DEG", "LOG_SCALE", "NOISE"):
        monkeypatch.setattr(module, name, 0.0)
    faces = smooth(3, side)
    torch.testing.assert_close(
        twins(faces, torch.Generator().manual_seed(0)), faces, atol=2e-4, rtol=0
    )


def test_the_shift_is_in_pixels_of_the_full_crop(monkeypatch):
    for name in ("ROTATION_DEG", "LOG_SCALE", "NOISE"):
        monkeypatch.setattr(module, name, 0.0)
    monkeypatch.setattr(module, "SHIFT_PX", 2.0)
    ramp = torch.arange(56.0).expand(500, 1, 56, 56).contiguous()
    moved = twins(ramp, torch.Generator().manual_seed(0))
    # Half the side: a shift of two pixels of 112 is one pixel here.
    assert (moved - ramp)[:, 0, 28, 28].std() == pytest.approx(1.0, rel=0.1)


def test_no_gradient_goes_through_a_twin():
    faces = smooth(2).requires_grad_()
    assert not twins(faces, torch.Generator().manual_seed(0)).requires_grad
