"""The steps of a convolutional LSTM in training on a processor, forth and back.

One autograd node for a clip, its gradient written out by hand:

- a step's convolutions are Winograd's (`mien.models.blocks.winograd`): less than half of the
  products. The input and the state before stand side by side, so that one product reads both; all
  products of a step are summed before they become pixels, and all that a step needs stays in the
  cache;
- tanh a is computed as 2 sigmoid(2 a) - 1, so that one sigmoid serves all four gates; the factor 2
  is put on the weights beforehand and is exact;
- the loops are scripted: a step is some thirty operations on maps of 7 x 7 pixels, and calling them
  from Python costs as much as their arithmetic. They share the work among torch's own threads;
  a share of the batch for each thread instead was slower, since those of torch's pool go on
  spinning for a while after the encoders (`benchmarks/mran_step.py`).
"""

from __future__ import annotations

from typing import Any, List, NamedTuple  # noqa: UP035  TorchScript reads annotations itself

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mien.models.blocks.scripting import without_lock
from mien.models.blocks.winograd import (
    borders,
    filters,
    filters_back,
    from_parity,
    outputs,
    outputs_back,
    patches,
    patches_back,
    tiles,
    to_parity,
    work_for,
)


def walk(weight: Tensor, bias: Tensor, x: Tensor, guidance: Tensor, guiding: Tensor) -> Tensor:
    """Hidden states (time, batch, C, h, w) of a clip.

    Parameters
    ----------
    weight
        (4 C, inputs + C, 3, 3) of input and hidden state; gates in the order input, forget,
        output, new.
    bias
        (4 C,).
    x
        (time, batch, inputs, h, w) float32 or float64 on a processor.
    guidance, guiding
        What every step reads beside, (time, batch, channels, h, w), and its weight
        (4 C, channels, 3, 3); 0 channels: nothing.

    Raises
    ------
    ValueError
        If `guidance` has other steps, clips or pixels than `x`.
    """
    if guidance.shape[:2] != x.shape[:2] or guidance.shape[3:] != x.shape[3:]:
        raise ValueError(
            f"guidance {tuple(guidance.shape)} does not go with frames {tuple(x.shape)}: all but "
            "the channels must be the same"
        )
    states: Tensor = _Walk.apply(weight, bias, x, guidance, guiding)  # type: ignore[no-untyped-call]
    return states


class _Tape(NamedTuple):
    """What the way back needs; (T or T + 1, 2, 2, b, rows, columns, channels)."""

    read: Tensor  # by parity, with its border: x of the step beside the hidden state before it
    guidance: Tensor  # likewise
    gates: Tensor  # input, forget, output, and the sigmoid that new came from
    cells: Tensor
    tanh: Tensor  # of the cells


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        weight: Tensor,
        bias: Tensor,
        x: Tensor,
        guidance: Tensor,
        guiding: Tensor,
    ) -> Tensor:
        time, batch, inputs, *size = x.shape
        c = len(bias) // 4
        states = x.new_empty(time, batch, c, *size)
        scale = _doubled(bias)
        own, beside = filters(weight) * scale, filters(guiding) * scale

        read = _parity(x, extra=(1, c))
        beside_read = _parity(guidance)
        shape = time, 2, 2, *_inner(read)
        gates = x.new_empty(*shape, 4 * c)
        cells, tanh = x.new_empty(*shape, c), x.new_empty(*shape, c)
        tape = _Tape(read, beside_read, gates, cells, tanh)
        _forth(*tape, own, beside, bias * scale, size)
        from_parity(read[1:, ..., inputs:], states)
        # What is saved this way is let go with the graph, not with the last one who holds the loss.
        ctx.save_for_backward(own, beside, scale, *tape)
        ctx.sizes = list(x.shape), list(guidance.shape)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        own, beside, scale, *kept = ctx.saved_tensors
        x_shape, guidance_shape = ctx.sizes
        tape = _Tape(*kept)
        d_x, d_guidance = grad.new_empty(x_shape), grad.new_empty(guidance_shape)
        d_own, d_bias, d_beside = (torch.zeros_like(part) for part in (own, scale, beside))
        d_read, d_beside_read = torch.empty_like(tape.read), torch.empty_like(tape.guidance)
        found = [d_own, d_bias, d_beside, d_read, d_beside_read]
        _back(*tape, own, beside, _parity(grad), x_shape[3:], found)
        from_parity(d_read[:-1, ..., : x_shape[2]], d_x)
        from_parity(d_beside_read, d_guidance)
        return (
            filters_back(d_own * scale),
            d_bias * scale,
            d_x,
            d_guidance,
            filters_back(d_beside * scale),
        )


def _doubled(bias: Tensor) -> Tensor:
    """1 for the gates, 2 for what tanh is taken of."""
    scale = torch.ones_like(bias)
    scale[3 * len(bias) // 4 :] = 2
    return scale


def _parity(frames: Tensor, extra: tuple[int, int] = (0, 0)) -> Tensor:
    """Frames by parity, with so many more steps and channels of zeros behind."""
    time, batch, channels, height, width = frames.shape
    found = frames.new_zeros(
        time + extra[0],
        2,
        2,
        batch,
        tiles(height) + 1,
        tiles(width) + 1,
        channels + extra[1],
    )
    to_parity(frames, found[:time, ..., :channels])
    return found


def _inner(parity: Tensor) -> tuple[int, int, int]:
    return parity.shape[3], parity.shape[4] - 1, parity.shape[5] - 1


def _forth_loop(
    read: Tensor,
    guidance: Tensor,
    gates: Tensor,
    cells: Tensor,
    tanh: Tensor,
    own: Tensor,
    beside: Tensor,
    bias: Tensor,
    size: List[int],  # noqa: UP006
) -> None:
    """Fill gates, cells and tanh, and the hidden states in `read` (behind the inputs)."""
    batch, rows, columns = gates.size(3), gates.size(4), gates.size(5)
    c = cells.size(6)
    inputs, beside_width = read.size(6) - c, guidance.size(6)
    many = batch * rows * columns
    w = work_for([batch, rows, columns, inputs + c], read)
    w_2 = work_for([batch, rows, columns, beside_width], read)
    flat, flat_2 = w[14].view(16, many, inputs + c), w_2[14].view(16, many, beside_width)
    products = torch.empty([16, many, 4 * c], dtype=read.dtype, device=read.device)
    square, of_bias = products.view(4, 4, many, 4 * c), products[5]
    half = torch.empty([2, 4, many, 4 * c], dtype=read.dtype, device=read.device)
    seen, seen_2 = borders(read), borders(guidance)
    pixels = gates.view(gates.size(0), 2, 2, many, 4 * c)
    i_, f_ = gates.narrow(6, 0, c), gates.narrow(6, c, c)
    o_, s_ = gates.narrow(6, 2 * c, c), gates.narrow(6, 3 * c, c)
    insides = _insides(read.narrow(6, inputs, c), rows, columns)
    beyond = read.narrow(6, inputs, c)
    for t in range(gates.size(0)):
        patches(seen[0][t], seen[1][t], seen[2][t], seen[3][t], w)
        torch.bmm(flat, own, out=products)
        if beside_width > 0:
            patches(seen_2[0][t], seen_2[1][t], seen_2[2][t], seen_2[3][t], w_2)
            products.baddbmm_(flat_2, beside)
        of_bias.add_(bias)  # what stands there reaches all four pixels of a tile, once
        outputs(square, half, pixels[t])
        gates[t].sigmoid_()
        i, o, cell, end = i_[t], o_[t], cells[t], tanh[t]
        torch.mul(s_[t], 2, out=cell)
        cell.sub_(1).mul_(i)
        if t > 0:
            cell.addcmul_(f_[t], cells[t - 1])
        torch.mul(cell, 2, out=end)
        end.sigmoid_().mul_(2).sub_(1)
        for a in range(2):
            for b in range(2):
                torch.mul(o[a][b], end[a][b], out=insides[2 * a + b][t + 1])
        if size[0] % 2 == 1:  # the last row of tiles reaches over the edge
            beyond[t + 1][1].narrow(2, rows, 1).zero_()
        if size[1] % 2 == 1:
            beyond[t + 1].select(1, 1).narrow(3, columns, 1).zero_()


def _insides(parity: Tensor, rows: int, columns: int) -> List[Tensor]:  # noqa: UP006
    """The pixels (time, n, rows, columns, channels) of each parity, without the border."""
    found: List[Tensor] = []  # noqa: UP006
    for a in range(2):
        for b in range(2):
            part = parity.select(1, a).select(1, b)
            found.append(part.narrow(2, a, rows).narrow(3, b, columns))
    return found


def _back_loop(
    read: Tensor,
    guidance: Tensor,
    gates: Tensor,
    cells: Tensor,
    tanh: Tensor,
    own: Tensor,
    beside: Tensor,
    grad: Tensor,
    size: List[int],  # noqa: UP006
    found: List[Tensor],  # noqa: UP006
) -> None:
    """Add to the gradients of weights and fill those of what was read."""
    d_own, d_bias, d_beside, d_read, d_guidance = found[0], found[1], found[2], found[3], found[4]
    batch, rows, columns = gates.size(3), gates.size(4), gates.size(5)
    c = cells.size(6)
    width, wide = read.size(6), guidance.size(6)
    inputs = width - c
    many = batch * rows * columns
    own_back, beside_back = own.transpose(1, 2).contiguous(), beside.transpose(1, 2).contiguous()
    w = work_for([batch, rows, columns, width], read)
    w_2 = work_for([batch, rows, columns, wide], read)
    flat, flat_2 = w[14].view(16, many, width), w_2[14].view(16, many, wide)
    flat_back, flat_2_back = flat.transpose(1, 2), flat_2.transpose(1, 2)
    products = torch.empty([16, many, 4 * c], dtype=read.dtype, device=read.device)
    square = products.view(4, 4, many, 4 * c)
    half = torch.empty([4, 2, many, 4 * c], dtype=read.dtype, device=read.device)
    seen, seen_2 = borders(read), borders(guidance)
    outer = _insides(grad, rows, columns)
    later = _insides(d_read.narrow(6, inputs, c), rows, columns)
    i_, f_ = gates.narrow(6, 0, c), gates.narrow(6, c, c)
    o_, s_ = gates.narrow(6, 2 * c, c), gates.narrow(6, 3 * c, c)
    slope = torch.empty_like(gates[0])
    d_i, d_f = slope.narrow(5, 0, c), slope.narrow(5, c, c)
    d_o, d_s = slope.narrow(5, 2 * c, c), slope.narrow(5, 3 * c, c)
    d_hidden, d_cell = torch.empty_like(cells[0]), torch.zeros_like(cells[0])
    steps = gates.size(0)
    for back_step in range(steps):
        t = steps - 1 - back_step
        for a in range(2):
            for b in range(2):
                if t + 1 < steps:
                    known = later[2 * a + b][t + 1]
                    torch.add(outer[2 * a + b][t], known, out=d_hidden[a][b])
                else:
                    d_hidden[a][b].copy_(outer[2 * a + b][t])
        if size[0] % 2 == 1:  # no frame there
            d_hidden[1].narrow(2, rows - 1, 1).zero_()
        if size[1] % 2 == 1:
            d_hidden.select(1, 1).narrow(3, columns - 1, 1).zero_()
        end = tanh[t]
        torch.mul(d_hidden, end, out=d_o)
        d_hidden.mul_(o_[t])
        d_cell.add_(torch.ops.aten.tanh_backward(d_hidden, end))
        torch.mul(d_cell, s_[t], out=d_i)
        d_i.mul_(2).sub_(d_cell)
        torch.mul(d_cell, i_[t], out=d_s)
        d_s.mul_(2)
        if t > 0:
            torch.mul(d_cell, cells[t - 1], out=d_f)
            d_cell.mul_(f_[t])
        else:
            d_f.zero_()
        torch.ops.aten.sigmoid_backward(slope, gates[t], grad_input=slope)
        d_bias.add_(slope.view(4 * many, 4 * c).sum(0))
        outputs_back(slope.view(2, 2, many, 4 * c), half, square)
        patches(seen[0][t], seen[1][t], seen[2][t], seen[3][t], w)
        d_own.baddbmm_(flat_back, products)
        torch.bmm(products, own_back, out=flat)
        patches_back(w, d_read[t])
        if wide > 0:
            patches(seen_2[0][t], seen_2[1][t], seen_2[2][t], seen_2[3][t], w_2)
            d_beside.baddbmm_(flat_2_back, products)
            torch.bmm(products, beside_back, out=flat_2)
            patches_back(w_2, d_guidance[t])


_forth = without_lock(_forth_loop)
_back = without_lock(_back_loop)
