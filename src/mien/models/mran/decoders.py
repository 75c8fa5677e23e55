"""Temporal decoders: recurrence at 1/16 of the side, brought up to 1/8, recurrence again.

The paper's: ConvLSTMs for depth and thermal, a GA-LSTM for color, resolution brought back up step
by step. Ours: two levels, and the encoder's features joining at the upper one.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from mien.models.blocks.conv_lstm import ConvLSTM, split_time
from mien.models.blocks.ga_lstm import GALSTM
from mien.models.mran.encoders import Features


class Decoded(NamedTuple):
    """Hidden states, time first: lower (time, batch, hidden, side / 16, side / 16), upper / 8."""

    lower: Tensor
    upper: Tensor


class TemporalDecoder(nn.Module):
    """Features of one modality (or of several, concatenated) to hidden states.

    Parameters
    ----------
    volume, bottom
        Channels of the features at 1/8 and 1/16 of the side.
    hidden
        Channels of the states at 1/16 and at 1/8.
    guidance
        Channels of all guiding states together, at both levels alike in order; (0, 0): none.
    recurrent
        False: nothing is carried from a frame to the next.
    """

    def __init__(
        self,
        volume: int,
        bottom: int,
        hidden: tuple[int, ...],
        guidance: tuple[int, int] = (0, 0),
        recurrent: bool = True,
    ) -> None:
        super().__init__()
        low, high = hidden
        self.lower = _layer(bottom, low, guidance[0], recurrent)
        self.raise_lower = nn.Conv2d(low, high, 1, bias=False)
        self.raise_volume = nn.Conv2d(volume, high, 1)
        self.upper = _layer(high, high, guidance[1], recurrent)

    def forward(self, features: Features, guides: list[Decoded]) -> Decoded:
        """Decode a clip; `guides` are the other modalities' states, if it was built for them."""
        time = len(features.volume)
        lower = _run(self.lower, features.bottom, [guide.lower for guide in guides])
        # The 1 x 1 convolution commutes with the upsampling and is cheaper before it.
        raised = functional.interpolate(
            self.raise_lower(lower.flatten(0, 1)), scale_factor=2.0, mode="nearest"
        )
        joined = raised + self.raise_volume(features.volume.flatten(0, 1))
        upper = split_time(joined, time)
        return Decoded(lower, _run(self.upper, upper, [guide.upper for guide in guides]))


def _layer(inputs: int, hidden: int, guidance: int, recurrent: bool) -> ConvLSTM | GALSTM:
    if guidance:
        return GALSTM(inputs, hidden, guidance, recurrent)
    return ConvLSTM(inputs, hidden, recurrent)


def _run(layer: ConvLSTM | GALSTM, x: Tensor, guides: list[Tensor]) -> Tensor:
    states: Tensor = layer(x, guides) if isinstance(layer, GALSTM) else layer(x)
    return states
