"""Guided attention LSTM of MRAN: a ConvLSTM whose gates also read other modalities' hidden states.

The paper says that the depth and thermal states of the same step guide color. Written
out here (the form is ours), with d_t and s_t the hidden states of depth and thermal:

    i, f, o = sigmoid(W_x * x_t + W_h * h_(t-1) + W_g * [d_t, s_t] + b)      g = tanh(the same)

The guidance of all frames is known before color runs, so W_g * [d, s] leaves the loop
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

    def readers(self) -> list[nn.Conv2d]:
        """Of the input, and of the guiding states."""
        return [self.from_input, self.from_guidance]

    def guided(self, x: Tensor, guidance: Tensor, state: State | None = None) -> State:
        """States after reading x and the guiding states (batch, guidance, h, w) of its step."""
        return self.step(self.drive(x, guidance), state)


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
        return run_cell(self.cell, x, torch.cat(guidance, 2))
