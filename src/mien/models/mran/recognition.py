"""Emotion recognition: attention-boosted features through 3-D convolutions to affect.

The paper's: X * A through 3-D convolutions and a regression head. A is rescaled by h w. There is no
way around it: no residual path, and nothing else is read, so what the map leaves out cannot be
read. Ours: features are averaged over space before the convolutions, which then run over time
alone, so that the map is all that says which places count (`MRANConfig.convolutions`); behind 3-D
convolutions a network without the map reads as well as one with it
(``docs/lab-notebook/2026-11-mran.md``). Ours, too: where action units are known, the features that
valence and arousal are read from can learn to say these.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.labels import ACTION_UNITS


class EmotionRecognition(nn.Module):
    """Valence and arousal of every frame.

    Parameters
    ----------
    volume
        Channels of the features that are read.
    widths
        Channels of the two 3-D convolutions; the first halves the side.
    reach
        Frames that a convolution sees: 3, or 1 for a network that works frame by frame.
    spatial
        Whether the convolutions see neighbouring places, too, and halve the side first.
    dropout
        Rate before the regression.
    hidden
        Channels of a layer before the regression, or 0 for none.
    units
        Whether there is a linear layer for the 17 action units beside the regression.
    """

    def __init__(
        self,
        volume: int,
        widths: tuple[int, ...],
        reach: int,
        spatial: bool,
        dropout: float,
        hidden: int = 0,
        units: bool = False,
    ) -> None:
        super().__init__()
        first, second = widths
        self.spatial = spatial
        self.first = _conv3d_bn(volume, first, (reach, 3, 3) if spatial else (reach, 1, 1), 2)
        self.second = _conv3d_bn(first, second, (reach, 3, 3) if spatial else (reach, 1, 1), 1)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Sequential(nn.Linear(second, hidden), nn.ReLU()) if hidden else None
        self.affect = nn.Linear(hidden or second, 2)
        self.units = nn.Linear(second, len(ACTION_UNITS)) if units else None

    def forward(
        self, volume: Tensor, attention: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Affect (batch, time, 2) in [-1, 1]; logits (batch, time, 17) of action units, if any.

        Parameters
        ----------
        volume, attention
            (time, batch, channels, h, w).
        mask
            (time, batch), 1 where the frame has any modality. Other frames are zero before every
            convolution over time, as what lies outside the clip is.
        """
        area = attention.shape[-1] * attention.shape[-2]
        boosted = volume * (attention * area)  # (T, B, C, h, w)
        if not self.spatial:
            boosted = boosted.mean((3, 4), keepdim=True)  # the sum of X * A
        real = mask.T[:, None, :, None, None]  # (B, 1, T, 1, 1)
        x = (boosted.permute(1, 2, 0, 3, 4) * real).contiguous()
        x = torch.relu(self.first(x)) * real  # (B, C, T, h/2, w/2), or of side 1
        x = torch.relu(self.second(x))
        pooled = x.mean(dim=(3, 4))  # (B, C, T)
        pooled = self.dropout(pooled.transpose(1, 2))  # (B, T, C)
        unit_logits = None if self.units is None else self.units(pooled)
        if self.hidden is not None:
            pooled = self.hidden(pooled)
        return torch.tanh(self.affect(pooled)), unit_logits


def _conv3d_bn(
    inputs: int, outputs: int, kernel: tuple[int, int, int], stride: int
) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, (1, stride, stride), padding, bias=False),
        nn.BatchNorm3d(outputs),
    )
