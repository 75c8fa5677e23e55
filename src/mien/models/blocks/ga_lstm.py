"""Guided attention LSTM of MRAN: a ConvLSTM whose gates also read other streams' hidden states.

The paper says that the depth and thermal states of the same step guide the color stream. Written
out here (the form is ours), with d_t and s_t the hidden states of depth and thermal:

    i, f, o = sigmoid(W_x * x_t + W_h * h_(t-1) + W_g * [d_t, s_t] + b)      g = tanh(the same)

The guidance of all frames is known before the color stream runs, so W_g * [d, s] leaves the loop
as W_x * x does. Without guidance weights (zero) it is the plain ConvLSTM, bit for bit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.models.blocks.conv_lstm import ConvLSTMCell, State, run_cell


class GALSTMCell(ConvLSTMCell):
    """One step of a guided attention LSTM.

    Parameters
    ----------
    inputs, hidden, recurrent
        As for `ConvLSTMCell`.
    guidance
        Channels of all guiding states together.
    """

    def __init__(self, inputs: int, hidden: int, guidance: int, recurrent: bool = True) -> None:
        super().__init__(inputs, hidden, recurrent)
        self.from_guidance = nn.Conv2d(guidance, 4 * hidden, 3, padding=1, bias=False)

    def guided_drive(self, x: Tensor, guidance: Tensor) -> Tensor:
        """W_x * x + W_g * guidance + b of any number of frames, (n, ..., h, w) each."""
        driven: Tensor = self.drive(x) + self.from_guidance(guidance)
        return driven

    def guided(self, x: Tensor, guidance: Tensor, state: State | None = None) -> State:
        """States after reading x and the guiding states (batch, guidance, h, w) of its step."""
        return self.step(self.guided_drive(x, guidance), state)


class GALSTM(nn.Module):
    """A guided attention LSTM over a clip, time first.

    Shapes: x (time, batch, inputs, h, w) and guiding states (time, batch, channels, h, w), of which
    there may be several, -> hidden states (time, batch, hidden, h, w) in (-1, 1).
    """

    def __init__(self, inputs: int, hidden: int, guidance: int, recurrent: bool = True) -> None:
        super().__init__()
        self.cell = GALSTMCell(inputs, hidden, guidance, recurrent)

    def forward(self, x: Tensor, guidance: list[Tensor]) -> Tensor:
        """Hidden states of all steps."""
        joined = torch.cat([states.flatten(0, 1) for states in guidance], 1)
        return run_cell(self.cell, self.cell.guided_drive(x.flatten(0, 1), joined), len(x))
