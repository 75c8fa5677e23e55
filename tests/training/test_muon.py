"""Muon for convolutions, AdamW for the rest."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mien.training.checkpoint import flatten_optimizer, restore_optimizer
from mien.training.optimizers.muon import Muon, orthogonalised


@given(rows=st.integers(1, 40), columns=st.integers(1, 90), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_directions_stay_and_singular_values_come_near_one(rows, columns, seed):
    generator = torch.Generator().manual_seed(seed)
    left, _ = torch.linalg.qr(torch.randn(rows, rows, generator=generator, dtype=torch.float64))
    right, _ = torch.linalg.qr(
        torch.randn(columns, columns, generator=generator, dtype=torch.float64)
    )
    count = min(rows, columns)
    values = torch.logspace(0, -1.5, count, dtype=torch.float64) * 10.0 ** (seed % 7 - 3)
    matrix = left[:, :count] * values @ right[:, :count].T
    found = orthogonalised(matrix)
    # In the singular basis of what was given nothing but the values changed.
    inside = left[:, :count].T @ found @ right[:, :count]
    torch.testing.assert_close(inside, torch.diag(inside.diagonal()), atol=1e-9, rtol=0)
    torch.testing.assert_close(left[:, :count] @ inside @ right[:, :count].T, found)
    assert inside.diagonal().min() > 0.5
    assert inside.diagonal().max() < 1.3
    torch.testing.assert_close(orthogonalised(matrix * 1e3), found)
    assert not orthogonalised(matrix * 0).any()
    tiny = orthogonalised((matrix / matrix.norm() * 1e-28).float())
    torch.testing.assert_close(tiny, found.float(), atol=1e-4, rtol=0)


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, bias=False),
        nn.BatchNorm2d(6),
        nn.Conv2d(6, 6, 1, groups=6, bias=False),  # a scale per channel: no matrix
        nn.Flatten(),
        nn.LazyLinear(3),
    )


def train(model, optimizer, steps, start=0):
    for step in range(start, start + steps):
        x = torch.randn(8, 2, 6, 6, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()


def made(seed=0, lr=1e-2, muon_lr=0.02):
    model = network(seed)
    model(torch.zeros(1, 2, 6, 6))
    return model, Muon(model, lr, 0.1, muon_lr)


def test_all_but_convolutions_learn_as_with_adamw():
    ours, muon = made(muon_lr=1e-30)  # convolutions stay, so the rest sees the same gradients
    plain = network()
    plain(torch.zeros(1, 2, 6, 6))
    plain[0].requires_grad_(False)
    decayed = [w for w in plain.parameters() if w.ndim > 1]
    others = [w for w in plain.parameters() if w.ndim <= 1]
    adamw = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": 0.1},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=1e-2,
    )
    before = [w.detach().clone() for w in plain.parameters()]
    train(ours, muon, 5)
    train(plain, adamw, 5)
    for name, (mine, theirs) in zip(
        [n for n, _ in ours.named_parameters()],
        zip(ours.parameters(), plain.parameters(), strict=True),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, msg=name)
    moved = [not torch.equal(a, b) for a, b in zip(before, plain.parameters(), strict=True)]
    assert moved == [False, True, True, True, True, True]


@pytest.mark.parametrize(("rows", "channels"), [(6, 4), (64, 2)])
def test_a_step_equals_the_one_of_torch(rows, channels):
    theirs = getattr(torch.optim, "Muon", None)
    if theirs is None:
        pytest.skip("torch.optim.Muon came with torch 2.9")
    torch.manual_seed(3)
    ours = nn.Conv2d(channels, rows, 3, bias=False)
    start = ours.weight.detach().flatten(1).clone()
    flat = nn.Parameter(ours.weight.detach().flatten(1).clone())
    muon = Muon(ours, 1e-3, 0.0, 0.05, muon_decay=0.2)
    reference = theirs([flat], lr=0.05, weight_decay=0.2, momentum=0.95, nesterov=True)
    for step in range(6):
        gradient = torch.randn(start.shape, generator=torch.Generator().manual_seed(step))
        ours.weight.grad = gradient.view_as(ours.weight).clone()
        flat.grad = gradient.clone()
        muon.step()
        reference.step()
    # It calculates in bfloat16 and takes momentum as a mean, which changes the length alone.
    torch.testing.assert_close(ours.weight.flatten(1), flat, atol=6 * 0.05 * 0.02, rtol=0)
    assert (flat - start).abs().max() > 0.05


def test_training_goes_on_from_a_checkpoint_with_the_same_bits():
    whole, muon = made()
    train(whole, muon, 7)
    first, half = made()
    train(first, half, 3)
    kept = flatten_optimizer(half)
    second, again = made(seed=5)
    second.load_state_dict(first.state_dict())
    restore_optimizer(again, kept)
    train(second, again, 4, start=3)
    for one, other in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_has_no_gradient_stays_and_the_schedule_finds_each_peak():
    model, muon = made()
    kept = [w.detach().clone() for w in model.parameters()]
    muon.step()
    assert all(torch.equal(a, b) for a, b in zip(kept, model.parameters(), strict=True))
    assert [group["lr"] for group in muon.param_groups] == [1e-2, 1e-2, 0.02]
    assert [len(group["params"]) for group in muon.param_groups] == [2, 3, 1]
