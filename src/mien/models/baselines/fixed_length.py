"""Fixed length: every video is brought to t frames by dropping or repeating some.

The first of the ways around differing lengths that FaceRNET argues against: long videos lose
frames, short ones are slowed down, and a position no longer means a time. What follows is the
masked RNN's own network with every position routed, so that the lengths are the only difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mien.labels import REACTIONS
from mien.models.masked_rnn import MaskedRNN, MaskedRNNConfig
from mien.models.regressor import REPRESENTATION, SequenceRegressor, check_sequences


@dataclass(frozen=True)
class FixedLengthConfig:
    """Shape of the network: `positions` is the t that every video is brought to."""

    positions: int = 480
    hidden: int = 128
    dense: int = 32
    reactions: tuple[str, ...] = REACTIONS
    fps: float = 30.0
    representation: tuple[str, ...] = REPRESENTATION


class FixedLengthRNN(SequenceRegressor):
    """GRU and dense layer over exactly t frames; shapes as for `SequenceRegressor`."""

    def __init__(self, config: FixedLengthConfig | None = None) -> None:
        self._config = config = config or FixedLengthConfig()
        super().__init__(config)
        self.network = MaskedRNN(
            MaskedRNNConfig(
                positions=config.positions,
                hidden=config.hidden,
                dense=config.dense,
                reactions=config.reactions,
                fps=config.fps,
                representation=config.representation,
            )
        )

    @property
    def config(self) -> FixedLengthConfig:
        """Shape of the network."""
        return self._config

    def forward(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """Scores; see the class for shapes."""
        check_sequences(affect, lengths)
        frames = kept_frames(lengths, self.config.positions)  # (B, t)
        fixed = affect.gather(1, frames[:, :, None].expand(-1, -1, affect.shape[2]))
        scores: Tensor = self.network(fixed, torch.full_like(lengths, self.config.positions))
        return scores


def kept_frames(lengths: Tensor, positions: int) -> Tensor:
    """Which frame stands at each of `positions` places, evenly spread, int64 (batch, positions).

    Examples
    --------
    >>> kept_frames(torch.tensor([2, 8]), 4).tolist()
    [[0, 0, 1, 1], [0, 2, 4, 6]]
    """
    places = torch.arange(positions, device=lengths.device)
    return (places[None] * lengths[:, None]).div(positions, rounding_mode="floor")
