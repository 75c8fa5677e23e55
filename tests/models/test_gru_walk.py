"""The compiled loops against the same loops run by the interpreter."""

import warnings

import pytest
import torch

from mien.models.kernels import gru_walk


def arguments(seed, hidden=6, inputs=5, outputs=3):
    generator = torch.Generator().manual_seed(seed)
    counts = [4, 4, 3, 1]
    rows = sum(counts)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    values, table = normal(rows, inputs), normal(6, hidden, outputs)
    gates = [normal(inputs, 2 * hidden), normal(hidden, 2 * hidden), normal(2 * hidden)]
    new = [normal(inputs, hidden), normal(hidden), normal(hidden, hidden), normal(hidden)]
    tape = [torch.empty(rows, width * hidden) for width in (2, 1, 1, 1)]
    return counts, values, gates, new, tape, table, normal(4, outputs), hidden, inputs, outputs


def walk_both_ways(forward, backward, seed):
    counts, values, gates, new, tape, table, grad, hidden, inputs, outputs = arguments(seed)
    sums = torch.zeros(counts[0], outputs)
    forward(counts, values, gates, new, tape, table, sums)
    totals = [
        torch.zeros(2 * hidden, inputs + 1),
        torch.zeros(hidden, inputs + 1),
        torch.zeros(2 * hidden, hidden),
        torch.zeros(hidden, hidden),
        torch.zeros(hidden),
        torch.empty(len(counts), hidden, outputs),
    ]
    back = [gates[1].T.contiguous(), new[2].T.contiguous()]
    wanted = [torch.empty_like(values), gates[0].T.contiguous(), new[0].T.contiguous()]
    ones = torch.cat([values, torch.ones(len(values), 1)], 1)
    backward(counts, ones, tape, grad, table, back, totals, wanted)
    return [sums, *tape, *totals, wanted[0]]


@pytest.mark.parametrize("seed", range(3))
def test_compiled_loops_say_what_the_plain_ones_say_bit_for_bit(seed):
    with torch.no_grad():
        plain = walk_both_ways(gru_walk._forward_walk, gru_walk._backward_walk, seed)
        for _ in range(3):  # the compiler rewrites a loop after it has seen it run
            compiled = walk_both_ways(gru_walk.forward_walk, gru_walk.backward_walk, seed)
    for one, other in zip(plain, compiled, strict=True):
        assert torch.equal(one, other)


@pytest.mark.skipif(not hasattr(torch.jit, "script"), reason="this torch has no TorchScript")
def test_the_loops_are_compiled_where_torch_can_do_so():
    assert gru_walk.forward_walk is not gru_walk._forward_walk
    assert gru_walk.backward_walk is not gru_walk._backward_walk


def test_without_a_compiler_the_plain_loop_is_used(monkeypatch):
    def refuses(function):
        raise RuntimeError("not on this Python")

    monkeypatch.setattr(torch.jit, "script", refuses)
    assert gru_walk.without_lock(gru_walk._forward_walk) is gru_walk._forward_walk
    monkeypatch.delattr(torch.jit, "script")
    assert gru_walk.without_lock(gru_walk._forward_walk) is gru_walk._forward_walk


def test_compiling_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gru_walk.without_lock(gru_walk._forward_walk)
