"""Residual units with batch normalisation (He et al., CVPR 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_bn(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution without bias, then batch normalisation; "same" padding."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut.

    Shapes: (batch, in_channels, height, width) -> (batch, out_channels, ceil(height / stride),
    ceil(width / stride)).
    """

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.first = conv_bn(in_channels, channels, 3, stride)
        self.second = conv_bn(channels, channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.shortcut = conv_bn(in_channels, channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        inner = self.second(torch.relu(self.first(x)))
        return torch.relu(inner + self.shortcut(x))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 convolutions beside a shortcut; the stride sits on the 3 x 3.

    Shapes: (batch, in_channels, height, width) -> (batch, 4 * channels, ceil(height / stride),
    ceil(width / stride)).
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = channels * self.expansion
        self.first = conv_bn(in_channels, channels, 1)
        self.second = conv_bn(channels, channels, 3, stride)
        self.third = conv_bn(channels, out_channels, 1)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = conv_bn(in_channels, out_channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        inner = torch.relu(self.second(torch.relu(self.first(x))))
        return torch.relu(self.third(inner) + self.shortcut(x))
