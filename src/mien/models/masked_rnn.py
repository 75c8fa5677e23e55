"""The masked RNN (MRNN; "RNN + Mask" in FaceRNET): affect representations in, reactions out.

Source: FaceRNET, section 3.2 and Fig. 1: a 1-layer GRU with 128 units over t = 480 positions, all
outputs concatenated, a Mask layer that keeps the first l, a dense layer of 32 units, 7 outputs.
Open in the paper and settled here: the dense layer's activation is ReLU, the output layer is
linear, and the scores are brought to intensities by a per-reaction line fitted after training
(Eq. 4 leaves scale and offset free, so an untouched score is not an intensity).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mien.labels import AFFECT_COLUMNS, REACTIONS
from mien.models.blocks.routed_linear import RoutedLinear


@dataclass(frozen=True)
class MaskedRNNConfig:
    """Shape of the masked RNN.

    Attributes
    ----------
    positions
        t, the most frames one window can hold.
    inputs
        Width of the affect representation.
    hidden, dense
        Units of the GRU and of the routed dense layer.
    reactions
        Names of the outputs; their number is the width of the output layer.
    fps
        Frames per second that a position means; input at another rate is resampled to it.
    """

    positions: int = 480
    inputs: int = len(AFFECT_COLUMNS)
    hidden: int = 128
    dense: int = 32
    reactions: tuple[str, ...] = REACTIONS
    fps: float = 30.0


PRESETS: dict[str, MaskedRNNConfig] = {
    "facernet": MaskedRNNConfig(),
    "mma-mrnnet": MaskedRNNConfig(),
}
"""Both papers describe the same second stage; the names are kept so that configs can say which."""


class MaskedRNN(nn.Module):
    """GRU, Mask, routed dense layer, output layer.

    Shapes: affect (batch, n, 26) float with n <= positions, lengths int (batch,) in 1..n -> scores
    (batch, reactions), unbounded. What lies beyond a length has no influence: it is cut to the
    longest sequence first, so padding further changes no bit.

    Examples
    --------
    >>> model = MaskedRNN(MaskedRNNConfig(positions=60)).eval()
    >>> model(torch.zeros(2, 40, 26), torch.tensor([40, 12])).shape
    torch.Size([2, 7])
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, config: MaskedRNNConfig | None = None) -> None:
        super().__init__()
        self.config = config or MaskedRNNConfig()
        width = len(self.config.reactions)
        self.gru = nn.GRU(self.config.inputs, self.config.hidden, batch_first=True)
        self.routed = RoutedLinear(self.config.positions, self.config.hidden, self.config.dense)
        self.output = nn.Linear(self.config.dense, width)
        # Line from score to intensity, see `fit_intensities`; not trained by gradient.
        self.register_buffer("scale", torch.ones(width))
        self.register_buffer("offset", torch.zeros(width))

    def forward(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """Scores of each reaction; see the class for shapes."""
        self._check(affect, lengths)
        return self.scores(affect[:, : int(lengths.max())], lengths)

    def scores(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """What `forward` computes, without checks and without cutting the padding."""
        # Padding is cleared, not only ignored: 0 x NaN would still reach the gradients.
        kept = torch.arange(affect.shape[1], device=affect.device)[None, :] < lengths[:, None]
        affect = torch.where(kept[:, :, None], affect, torch.zeros_like(affect))
        hidden, _ = self.gru(affect)  # (B, n, hidden)
        scores: Tensor = self.output(torch.relu(self.routed(hidden, lengths)))
        return scores

    def to_intensities(self, scores: Tensor) -> Tensor:
        """Scores (batch, reactions) to reaction intensities in [0, 1]."""
        return (scores * self.scale + self.offset).clamp(0, 1)

    @torch.no_grad()
    def fit_intensities(self, scores: Tensor, labels: Tensor) -> None:
        """Fit scale and offset by least squares, scores (n, reactions) to labels in [0, 1]."""
        x, y = scores.double(), labels.double()
        dx, dy = x - x.mean(0), y - y.mean(0)
        variance = (dx**2).sum(0)
        slope = torch.where(variance > 0, (dx * dy).sum(0) / variance.clamp_min(1e-30), 0.0)
        self.scale.copy_(slope)
        self.offset.copy_(y.mean(0) - slope * x.mean(0))

    def _check(self, affect: Tensor, lengths: Tensor) -> None:
        if affect.ndim != 3 or affect.shape[2] != self.config.inputs:
            raise ValueError(
                f"affect should be (batch, n, {self.config.inputs}), got {tuple(affect.shape)}"
            )
        if lengths.shape != (len(affect),):
            raise ValueError(f"lengths should be ({len(affect)},), got {tuple(lengths.shape)}")
        shortest, longest = int(lengths.min()), int(lengths.max())
        if shortest < 1 or longest > min(affect.shape[1], self.config.positions):
            raise ValueError(
                f"lengths should lie in 1..{min(affect.shape[1], self.config.positions)}, "
                f"got {shortest}..{longest}"
            )

    def describe(self) -> dict[str, Any]:
        """Configuration as plain values, for checkpoints and exported metadata."""
        return asdict(self.config)
