"""Convolutional LSTM (Shi et al., NIPS 2015), its recurrence written for speed.

The papers' cell, without peepholes, every product a 3 x 3 convolution that keeps the size:

    i, f, o = sigmoid(W_x * x_t + W_h * h_(t-1) + b)      g = tanh(the same)
    c_t = f c_(t-1) + i g                                 h_t = o tanh(c_t)

What does not depend on the step before leaves the loop: all frames' W_x * x + b is one convolution
(`ConvLSTMCell.drive`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

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

    def drive(self, x: Tensor, *guidance: Tensor) -> Tensor:
        """W_x * x + b of any number of frames, (n, inputs, h, w) -> (n, 4 hidden, h, w).

        `guidance` is for cells that read more than their input, in the order of `readers`.
        """
        driven: Tensor = self.from_input(x)
        others = self.readers()[1:]
        if len(guidance) != len(others):
            raise ValueError(
                f"the cell reads {len(others)} tensor(s) of states beside its input, "
                f"{len(guidance)} are given"
            )
        for reader, more in zip(others, guidance, strict=True):
            driven = driven + reader(more)
        return driven

    def readers(self) -> list[nn.Conv2d]:
        """The convolutions of what a step reads beside its own state; the first has the bias."""
        return [self.from_input]

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
        return run_cell(self.cell, x)


def run_cell(cell: ConvLSTMCell, *reads: Tensor) -> Tensor:
    """Hidden states (time, batch, hidden, h, w) of a clip.

    Parameters
    ----------
    cell
        Whose recurrence is run.
    reads
        What its `readers` read, (time, batch, channels, h, w) each.

    Raises
    ------
    ValueError
        If what is read has not the same steps, clips and pixels.
    """
    first, *others = reads
    for other in others:
        if other.shape[:2] != first.shape[:2] or other.shape[3:] != first.shape[3:]:
            raise ValueError(
                f"guidance {tuple(other.shape)} does not go with frames {tuple(first.shape)}: all "
                "but the channels must be the same"
            )
    steps = len(first)
    drives = split_time(cell.drive(*(read.flatten(0, 1) for read in reads)), steps)
    if cell.from_hidden is None:
        return split_time(_first_step(drives.flatten(0, 1))[0], steps)
    state, states = None, []
    for frame in drives.unbind(0):
        state = cell.step(frame, state)
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
