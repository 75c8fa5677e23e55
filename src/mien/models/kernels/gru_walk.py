"""The loops of `mien.models.kernels.routed_gru`: one step a position, forth and back."""

from __future__ import annotations

from typing import List  # noqa: UP035  TorchScript reads annotations itself

import torch
from torch import Tensor

from mien.models.kernels.scripting import without_lock


def _forward_walk(
    counts: List[int],  # noqa: UP006
    values: Tensor,
    gate_weights: List[Tensor],  # noqa: UP006
    new_weights: List[Tensor],  # noqa: UP006
    tape: List[Tensor],  # noqa: UP006
    table: Tensor,
    sums: Tensor,
) -> None:
    """Fill the tape (gates, candidates, recurrent parts, states) and add to `sums`."""
    x_gates, h_gates, bias_gates = gate_weights[0], gate_weights[1], gate_weights[2]
    x_new, bias_x_new, h_new, bias_h_new = (
        new_weights[0],
        new_weights[1],
        new_weights[2],
        new_weights[3],
    )
    width = h_gates.size(0)
    state = torch.zeros(counts[0], width, dtype=values.dtype)
    minus_one = torch.full([], -1.0, dtype=values.dtype)
    start = 0
    for position in range(len(counts)):
        count = counts[position]
        state = state.narrow(0, 0, count)  # some sequences may have ended
        x = values.narrow(0, start, count)
        gates = tape[0].narrow(0, start, count)
        new = tape[1].narrow(0, start, count)
        recurrent = tape[2].narrow(0, start, count)
        following = tape[3].narrow(0, start, count)
        torch.addmm(bias_gates, x, x_gates, out=gates)
        gates.addmm_(state, h_gates).sigmoid_()
        torch.addmm(bias_h_new, state, h_new, out=recurrent)
        torch.addmm(bias_x_new, x, x_new, out=new)
        new.addcmul_(gates.narrow(1, 0, width), recurrent).sigmoid_()
        torch.add(minus_one, new, alpha=2, out=new)
        torch.lerp(new, state, gates.narrow(1, width, width), out=following)
        sums.narrow(0, 0, count).addmm_(following, table[position])
        state = following
        start += count


def _backward_walk(
    counts: List[int],  # noqa: UP006
    inputs: Tensor,
    tape: List[Tensor],  # noqa: UP006
    grad: Tensor,
    table: Tensor,
    back: List[Tensor],  # noqa: UP006
    totals: List[Tensor],  # noqa: UP006
    wanted: List[Tensor],  # noqa: UP006
) -> None:
    """Add gradients of weights to `totals` and, if `wanted` is given, write those of the values."""
    back_gates, back_new = back[0], back[1]
    sum_x_gates, sum_x_new, sum_h_gates = totals[0], totals[1], totals[2]
    sum_h_new, sum_bias, blocks = totals[3], totals[4], totals[5]
    width = back_new.size(0)
    work = torch.zeros(4, counts[0], width, dtype=inputs.dtype)
    none = torch.zeros(counts[0], width, dtype=inputs.dtype)
    all_ones = torch.ones(counts[0], dtype=inputs.dtype)
    end = inputs.size(0)
    for back_step in range(len(counts)):
        position = len(counts) - 1 - back_step
        count = counts[position]
        start = end - count
        d, a = work[0].narrow(0, 0, count), work[1].narrow(0, 0, count)
        b, c = work[2].narrow(0, 0, count), work[3].narrow(0, 0, count)
        g = grad.narrow(0, 0, count)
        x = inputs.narrow(0, start, count)
        gate = tape[0].narrow(0, start, count)
        reset, update = gate.narrow(1, 0, width), gate.narrow(1, width, width)
        new = tape[1].narrow(0, start, count)
        recurrent = tape[2].narrow(0, start, count)
        state = tape[3].narrow(0, start, count)
        earlier = none.narrow(0, 0, count)
        if position > 0:
            earlier = tape[3].narrow(0, start - counts[position - 1], count)
        torch.mm(state.t(), g, out=blocks[position])
        d.addmm_(g, table[position].t())
        torch.sub(earlier, new, out=a).mul_(d)  # of the update gate
        torch.addcmul(d, d, update, value=-1, out=b)  # of the candidate
        d.mul_(update)  # what passes the gate
        torch.ops.aten.sigmoid_backward(a, update, grad_input=update)
        torch.ops.aten.tanh_backward(b, new, grad_input=b)
        torch.mul(b, reset, out=c)  # of W_hn h + b_hn
        torch.mul(b, recurrent, out=a)
        torch.ops.aten.sigmoid_backward(a, reset, grad_input=reset)  # doubled
        d.addmm_(gate, back_gates).addmm_(c, back_new)
        sum_h_gates.addmm_(gate.t(), earlier)
        sum_h_new.addmm_(c.t(), earlier)
        sum_x_gates.addmm_(gate.t(), x)
        sum_x_new.addmm_(b.t(), x)
        sum_bias.addmv_(c.t(), all_ones.narrow(0, 0, count))
        if len(wanted) > 0:
            reset.mul_(0.5)
            out = wanted[0].narrow(0, start, count)
            torch.mm(gate, wanted[1], out=out)
            out.addmm_(b, wanted[2])
        end = start


forward_walk = without_lock(_forward_walk)
backward_walk = without_lock(_backward_walk)
