"""Attention inference: decoded states to one map per frame that sums to one over space."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AttentionInference(nn.Module):
    """Spatial softmax over what two convolutions read in the decoded states.

    Shapes: states (time, batch, channels_i, h, w), one tensor per modality, -> (time, batch, 1, h,
    w), each map >= 0 and of sum 1.
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        self.read = nn.Conv2d(channels, width, 3, padding=1)
        self.score = nn.Conv2d(width, 1, 1)

    def forward(self, states: list[Tensor]) -> Tensor:
        """Attention maps."""
        joined = torch.cat([part.flatten(0, 1) for part in states], 1)  # (T B, C, h, w)
        scores = self.score(torch.relu(self.read(joined)))  # (T B, 1, h, w)
        maps: Tensor = scores.flatten(1).softmax(1)
        time, batch = states[0].shape[:2]
        return maps.view(time, batch, 1, *scores.shape[2:])


def uniform_attention(states: Tensor) -> Tensor:
    """What stands for attention where it is switched off: the same everywhere."""
    maps = torch.zeros_like(states[:, :, :1])
    return maps + 1 / (states.shape[-2] * states.shape[-1])
