"""Winograd's convolution against the plain one, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from mien.models.blocks import winograd

sizes = st.integers(1, 9)
counts = st.integers(1, 4)


def by_parity(frames):
    n, channels, height, width = frames.shape
    rows, columns = winograd.tiles(height), winograd.tiles(width)
    out = frames.new_zeros(2, 2, n, rows + 1, columns + 1, channels)
    winograd.to_parity(frames, out)
    return out


def plain(parity, like):
    out = torch.empty_like(like)
    winograd.from_parity(parity, out)
    return out


def inside(parity):
    """(2, 2, n, rows, columns, channels): without the border."""
    rows, columns = parity.shape[3] - 1, parity.shape[4] - 1
    return torch.stack(
        [
            torch.stack([parity[a, b, :, a : a + rows, b : b + columns] for b in (0, 1)])
            for a in (0, 1)
        ]
    )


def bordered(pixels):
    _, _, n, rows, columns, channels = pixels.shape
    out = pixels.new_zeros(2, 2, n, rows + 1, columns + 1, channels)
    for a in (0, 1):
        for b in (0, 1):
            out[a, b, :, a : a + rows, b : b + columns] = pixels[a, b]
    return out


@settings(max_examples=40, deadline=None)
@given(n=counts, inputs=counts, channels=counts, height=sizes, width=sizes, seed=st.integers(0, 99))
def test_it_is_the_convolution_and_so_are_its_gradients(n, inputs, channels, height, width, seed):
    torch.manual_seed(seed)
    frames = torch.randn(n, inputs, height, width, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(channels, inputs, 3, 3, dtype=torch.float64, requires_grad=True)
    wanted = functional.conv2d(frames, weight, padding=1)
    toward = torch.randn_like(wanted)
    by_frames, by_weight = torch.autograd.grad(wanted, (frames, weight), toward)

    parity = by_parity(frames.detach())
    rows, columns = parity.shape[3] - 1, parity.shape[4] - 1
    room = winograd.work_for([n, rows, columns, inputs], parity)
    patch = winograd.patches(*winograd.borders(parity), room).view(16, -1, inputs).clone()
    filters = winograd.filters(weight.detach())
    products = torch.bmm(patch, filters).view(4, 4, n, rows, columns, channels)
    pixels = parity.new_empty(2, 2, n, rows, columns, channels)
    winograd.outputs(products, parity.new_empty(2, 4, n, rows, columns, channels), pixels)
    torch.testing.assert_close(plain(bordered(pixels), wanted), wanted.detach())

    back = torch.empty_like(products)
    half = parity.new_empty(4, 2, n, rows, columns, channels)
    winograd.outputs_back(inside(by_parity(toward)), half, back)
    flat = back.view(16, -1, channels)
    torch.testing.assert_close(
        winograd.filters_back(torch.bmm(patch.transpose(1, 2), flat)), by_weight
    )
    torch.bmm(flat, filters.transpose(1, 2), out=room[-1].view(16, -1, inputs))
    found = torch.full_like(parity, torch.nan)  # every place is written
    winograd.patches_back(room, found)
    torch.testing.assert_close(plain(found, by_frames), by_frames)


@pytest.mark.parametrize(("pixels", "tiles"), [(1, 1), (2, 1), (7, 4), (14, 7)])
def test_tiles_cover_the_side(pixels, tiles):
    assert winograd.tiles(pixels) == tiles


def test_frames_by_parity_come_back_and_have_a_border_of_zeros():
    frames = torch.arange(2 * 3 * 5 * 4.0).view(2, 3, 5, 4) + 1
    parity = by_parity(frames)
    assert torch.equal(plain(parity, frames), frames)
    assert int((parity != 0).sum()) == frames.numel()
