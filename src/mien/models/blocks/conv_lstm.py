"""Convolutional LSTM (Shi et al., NIPS 2015), its recurrence written for speed.

The papers' cell, without peepholes, every product a 3 x 3 convolution that keeps the size:

    i, f, o = sigmoid(W_x * x_t + W_h * h_(t-1) + b)      g = tanh(the same)
    c_t = f c_(t-1) + i g                                 h_t = o tanh(c_t)

What does not depend on the step before leaves the loop: all frames' W_x * x + b is one convolution
(`ConvLSTMCell.drive`). In training the loop is one autograd node whose gradient is written out by
hand, so that the gradient of W_h, too, is one convolution over all frames instead of one a step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.nn.grad import conv2d_weight

State = tuple[Tensor, Tensor]
"""Hidden and cell state, both (batch, hidden, height, width)."""


class ConvLSTMCell(nn.Module):
    """One step of a ConvLSTM.

    Parameters
    ----------
    inputs, hidden
        Channels of the input and of the states.
    recurrent
        False: the states of the step before are never read, so every frame stands for itself.
    """

    def __init__(self, inputs: int, hidden: int, recurrent: bool = True) -> None:
        super().__init__()
        self.hidden = hidden
        self.from_input = nn.Conv2d(inputs, 4 * hidden, 3, padding=1)
        self.from_hidden: nn.Conv2d | None = None
        if recurrent:
            self.from_hidden = nn.Conv2d(hidden, 4 * hidden, 3, padding=1, bias=False)
        with torch.no_grad():  # remember at first (Jozefowicz et al., ICML 2015)
            assert self.from_input.bias is not None
            self.from_input.bias.zero_()
            self.from_input.bias[hidden : 2 * hidden] = 1.0

    def drive(self, x: Tensor) -> Tensor:
        """W_x * x + b of any number of frames, (n, inputs, h, w) -> (n, 4 hidden, h, w)."""
        driven: Tensor = self.from_input(x)
        return driven

    def step(self, drive: Tensor, state: State | None) -> State:
        """States after a step from its `drive` (batch, 4 hidden, h, w); None: nothing before."""
        if state is None or self.from_hidden is None:
            return _first_step(drive)
        return _step(drive, state, self.from_hidden.weight)

    def forward(self, x: Tensor, state: State | None = None) -> State:
        """States after reading x (batch, inputs, h, w)."""
        return self.step(self.drive(x), state)


class ConvLSTM(nn.Module):
    """A ConvLSTM over a clip, time first.

    Shapes: (time, batch, inputs, h, w) -> hidden states (time, batch, hidden, h, w) in (-1, 1).
    A frame's states depend on this frame and earlier ones only.
    """

    def __init__(self, inputs: int, hidden: int, recurrent: bool = True) -> None:
        super().__init__()
        self.cell = ConvLSTMCell(inputs, hidden, recurrent)

    def forward(self, x: Tensor) -> Tensor:
        """Hidden states of all steps."""
        return run_cell(self.cell, self.cell.drive(x.flatten(0, 1)), len(x))


def run_cell(cell: ConvLSTMCell, drive: Tensor, steps: int) -> Tensor:
    """Hidden states (time, batch, hidden, h, w) from the drives of all frames, time first.

    Parameters
    ----------
    cell
        Whose recurrence is run.
    drive
        (time * batch, 4 hidden, h, w).
    steps
        Length of the time axis.
    """
    if cell.from_hidden is None:
        return split_time(_first_step(drive)[0], steps)
    weight = cell.from_hidden.weight
    drives = split_time(drive, steps)  # (T, B, 4 C, h, w)
    if torch.is_grad_enabled():
        hidden: Tensor = _Recurrence.apply(drives, weight)  # type: ignore[no-untyped-call]
        return hidden
    state, states = None, []
    for frame in drives.unbind(0):
        state = _first_step(frame) if state is None else _step(frame, state, weight)
        states.append(state[0])
    return torch.stack(states)


def split_time(x: Tensor, steps: int) -> Tensor:
    """(time * batch, ...) -> (time, batch, ...)."""
    return x.view(steps, x.shape[0] // steps, *x.shape[1:])


def _first_step(drive: Tensor) -> State:
    hidden = drive.shape[1] // 4
    i, _, o = drive[:, : 3 * hidden].sigmoid().chunk(3, 1)
    cell = i * drive[:, 3 * hidden :].tanh()
    return o * cell.tanh(), cell


def _step(drive: Tensor, state: State, weight: Tensor) -> State:
    hidden = drive.shape[1] // 4
    gates = drive + functional.conv2d(state[0], weight, padding=1)
    i, f, o = gates[:, : 3 * hidden].sigmoid().chunk(3, 1)
    cell = f * state[1] + i * gates[:, 3 * hidden :].tanh()
    return o * cell.tanh(), cell


class _Recurrence(torch.autograd.Function):
    """All steps of a clip; inputs drives (T, B, 4 C, h, w) and W_h (4 C, C, 3, 3)."""

    @staticmethod
    def forward(ctx: Any, drives: Tensor, weight: Tensor) -> Tensor:
        steps, batch, width, *size = drives.shape
        c = width // 4
        gates = torch.empty_like(drives, memory_format=torch.contiguous_format)
        cells = drives.new_empty(steps, batch, c, *size)
        hidden = torch.empty_like(cells)
        for t in range(steps):
            a = gates[t]
            if t:
                torch.add(drives[t], functional.conv2d(hidden[t - 1], weight, padding=1), out=a)
            else:
                a.copy_(drives[0])
            a[:, : 3 * c].sigmoid_()
            a[:, 3 * c :].tanh_()
            i, f, o, g = a.chunk(4, 1)
            torch.mul(i, g, out=cells[t])
            if t:
                cells[t].addcmul_(f, cells[t - 1])
            torch.tanh(cells[t], out=hidden[t]).mul_(o)
        ctx.save_for_backward(gates, cells, hidden, weight)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        gates, cells, hidden, weight = ctx.saved_tensors
        steps, _, c = cells.shape[:3]
        # A 3 x 3 convolution that keeps the size is undone by its mirror image.
        mirrored = weight.transpose(0, 1).flip(2, 3).contiguous()
        d_drives = torch.empty_like(gates)
        d_cell = torch.zeros_like(cells[0])
        for t in range(steps - 1, -1, -1):
            d_hidden = grad[t]
            if t + 1 < steps:
                d_hidden = d_hidden + functional.conv2d(d_drives[t + 1], mirrored, padding=1)
            i, f, o, g = gates[t].chunk(4, 1)
            d_i, d_f, d_o, d_g = d_drives[t].chunk(4, 1)
            tanh = cells[t].tanh()
            torch.mul(d_hidden, tanh, out=d_o)
            d_cell = d_cell + torch.ops.aten.tanh_backward(d_hidden * o, tanh)
            torch.mul(d_cell, g, out=d_i)
            d_g.copy_(torch.ops.aten.tanh_backward(d_cell * i, g))
            if t:
                torch.mul(d_cell, cells[t - 1], out=d_f)
                d_cell = d_cell * f
            else:
                d_f.zero_()
            sigmoids = gates[t][:, : 3 * c]
            d_drives[t][:, : 3 * c].mul_(sigmoids - sigmoids * sigmoids)
        d_weight = torch.zeros_like(weight)
        if steps > 1:
            d_weight = conv2d_weight(  # type: ignore[no-untyped-call]
                hidden[:-1].flatten(0, 1), weight.shape, d_drives[1:].flatten(0, 1), padding=1
            )
        return d_drives, d_weight
