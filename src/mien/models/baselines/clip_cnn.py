"""A small 3-D CNN over a clip of face crops, the third way that FaceRNET argues against.

It reads frames, not affect representations, so it trains on clips of crops by a verb of its own,
`mien train clip-cnn`. Every block halves time and space; the last one is averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mien.labels import REACTIONS


@dataclass(frozen=True)
class ClipCNNConfig:
    """Channels of the blocks, and names of the outputs."""

    widths: tuple[int, ...] = (16, 32, 64)
    reactions: tuple[str, ...] = REACTIONS


class ClipCNN(nn.Module):
    """Blocks of 3 x 3 x 3 convolution, batch norm, ReLU and pooling, then a linear layer.

    Shapes: clips (batch, 3, frames, height, width) float in [-1, 1], frames, height and width at
    least 2 ** len(widths) -> scores (batch, outputs), unbounded.
    """

    def __init__(self, config: ClipCNNConfig | None = None) -> None:
        super().__init__()
        self.config = config or ClipCNNConfig()
        blocks: list[nn.Module] = []
        before = 3
        for width in self.config.widths:
            blocks += [
                nn.Conv3d(before, width, 3, padding=1, bias=False),
                nn.BatchNorm3d(width),
                nn.ReLU(),
                nn.MaxPool3d(2),
            ]
            before = width
        self.blocks = nn.Sequential(*blocks)
        self.output = nn.Linear(before, len(self.config.reactions))

    def forward(self, clips: Tensor) -> Tensor:
        """Scores; see the class for shapes.

        Raises
        ------
        ValueError
            If the clips are of another shape, or too small for the number of blocks.
        """
        least = 2 ** len(self.config.widths)
        if clips.ndim != 5 or clips.shape[1] != 3 or min(clips.shape[2:]) < least:
            raise ValueError(
                f"clips should be (batch, 3, frames, height, width), each of the last three "
                f"{least} or more, got {tuple(clips.shape)}"
            )
        features = self.blocks(clips).mean(dim=(2, 3, 4))  # (B, width)
        scores: Tensor = self.output(features)
        return scores


def sample_clip(frames: Tensor, length: int) -> Tensor:
    """A clip of fixed length from a video: frames evenly spread, dropped or repeated.

    Shapes: frames (n, 3, height, width) -> (3, length, height, width).
    """
    places = torch.arange(length) * len(frames) // length
    return frames[places].transpose(0, 1)
