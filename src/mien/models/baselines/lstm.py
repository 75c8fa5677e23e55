"""LSTM over per-frame features, read at its last state: the kind of regressor the challenge gave.

A description of the challenge's own is not at hand, so its sizes are settings and its numbers are
quoted only in the column of published figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mien.labels import REACTIONS
from mien.models.regressor import REPRESENTATION, SequenceRegressor, check_sequences, cleared


@dataclass(frozen=True)
class LSTMRegressorConfig:
    """Shape of the network: units and layers of the LSTM, units of the dense layer after it."""

    hidden: int = 128
    layers: int = 1
    dense: int = 32
    reactions: tuple[str, ...] = REACTIONS
    fps: float = 30.0
    representation: tuple[str, ...] = REPRESENTATION


class LSTMRegressor(SequenceRegressor):
    """LSTM, its state at the video's last frame, dense layer; shapes as `SequenceRegressor`."""

    def __init__(self, config: LSTMRegressorConfig | None = None) -> None:
        self._config = config = config or LSTMRegressorConfig()
        super().__init__(config)
        self.lstm = nn.LSTM(
            len(self.columns), config.hidden, num_layers=config.layers, batch_first=True
        )
        self.dense = nn.Linear(config.hidden, config.dense)
        self.output = nn.Linear(config.dense, len(config.reactions))

    @property
    def config(self) -> LSTMRegressorConfig:
        """Shape of the network."""
        return self._config

    def forward(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """Scores; see the class for shapes."""
        check_sequences(affect, lengths)
        values = cleared(self.selected(affect[:, : int(lengths.max())]), lengths)
        hidden, _ = self.lstm(values)  # (B, n, hidden)
        last = hidden[torch.arange(len(hidden), device=hidden.device), lengths - 1]
        scores: Tensor = self.output(torch.relu(self.dense(last)))
        return scores
