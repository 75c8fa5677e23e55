"""CNN-RNN with the video's label given to every frame, and the frames' answers averaged.

The second way that FaceRNET argues against: a frame in which nothing happens is told that it shows
the video's reactions. The convolution over time stands where the CNN over frames would be: the
input has already been through one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mien.labels import REACTIONS
from mien.models.regressor import REPRESENTATION, SequenceRegressor, check_sequences, cleared


@dataclass(frozen=True)
class FrameLabelConfig:
    """Shape of the network; `kernel` (odd) is the reach of the convolution in frames."""

    channels: int = 64
    kernel: int = 5
    hidden: int = 128
    reactions: tuple[str, ...] = REACTIONS
    fps: float = 30.0
    representation: tuple[str, ...] = REPRESENTATION


class FrameLabelRNN(SequenceRegressor):
    """Convolution, GRU, one answer per frame; shapes as for `SequenceRegressor`."""

    def __init__(self, config: FrameLabelConfig | None = None) -> None:
        self._config = config = config or FrameLabelConfig()
        super().__init__(config)
        self.convolution = nn.Conv1d(
            len(self.columns), config.channels, config.kernel, padding=config.kernel // 2
        )
        self.gru = nn.GRU(config.channels, config.hidden, batch_first=True)
        self.output = nn.Linear(config.hidden, len(config.reactions))

    @property
    def config(self) -> FrameLabelConfig:
        """Shape of the network."""
        return self._config

    @property
    def labels_frames(self) -> bool:
        """The video's label is given to every frame."""
        return True

    def frame_scores(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """Scores (batch, longest, outputs) of single frames; those beyond a length mean nothing."""
        check_sequences(affect, lengths)
        values = cleared(self.selected(affect[:, : int(lengths.max())]), lengths)
        features = torch.relu(self.convolution(values.transpose(1, 2))).transpose(1, 2)
        hidden, _ = self.gru(features)  # (B, n, hidden)
        scores: Tensor = self.output(hidden)
        return scores

    def forward(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """Mean of the frames' scores; see the class for shapes."""
        frames = cleared(self.frame_scores(affect, lengths), lengths)
        return frames.sum(1) / lengths[:, None].to(frames.dtype)
