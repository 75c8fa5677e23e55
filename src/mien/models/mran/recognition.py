"""Emotion recognition: attention-boosted color features through 3-D convolutions to affect.

The paper's: X * A through 3-D convolutions and a regression head. Ours: A is rescaled by h w, X
itself is added (a residual path), and the decoded states stand beside it, so that the guiding
modalities can say something where color shows nothing. Ours, too: crops are aligned, so a place
means a part of the face, and features are summed over space with a weight per channel and place
(after MobileFaceNets, Chen et al., CCBR 2018) instead of averaged. Ours as well: where action units
are known, the features that valence and arousal are read from can learn to say these too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.labels import ACTION_UNITS


class EmotionRecognition(nn.Module):
    """Valence and arousal of every frame.

    Parameters
    ----------
    volume, states
        Channels of color features and of decoded states.
    widths
        Channels of the two 3-D convolutions; the first halves the side.
    reach
        Frames that a 3-D convolution sees: 3, or 1 for a network that works frame by frame.
    dropout
        Rate before the regression.
    side
        Height and width of the features that come in.
    hidden
        Channels of a layer before the regression, or 0 for none.
    units
        Whether there is a linear layer for the 17 action units beside the regression.
    """

    place: Tensor

    def __init__(
        self,
        volume: int,
        states: int,
        widths: tuple[int, ...],
        reach: int,
        dropout: float,
        side: int,
        hidden: int = 0,
        units: bool = False,
    ) -> None:
        super().__init__()
        first, second = widths
        self.first = _conv3d_bn(volume + states, first, reach, 2)
        self.second = _conv3d_bn(first, second, reach, 1)
        half = (side + 1) // 2
        self.place = nn.Parameter(torch.full((second, half, half), 1 / half**2))  # a mean at first
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Sequential(nn.Linear(second, hidden), nn.ReLU()) if hidden else None
        self.affect = nn.Linear(hidden or second, 2)
        self.units = nn.Linear(second, len(ACTION_UNITS)) if units else None

    def forward(
        self, volume: Tensor, attention: Tensor, states: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Affect (batch, time, 2) in [-1, 1]; logits (batch, time, 17) of action units, if any.

        Parameters
        ----------
        volume, attention, states
            (time, batch, channels, h, w).
        mask
            (time, batch), 1 where the frame has any modality. Other frames are zero before every
            convolution over time, as what lies outside the clip is.
        """
        area = attention.shape[-1] * attention.shape[-2]
        boosted = volume * (attention * area + 1)
        x = torch.cat([boosted, states], 2)  # (T, B, C, h, w)
        real = mask.T[:, None, :, None, None]  # (B, 1, T, 1, 1)
        x = (x.permute(1, 2, 0, 3, 4) * real).contiguous()
        x = torch.relu(self.first(x)) * real  # (B, C, T, h/2, w/2)
        x = torch.relu(self.second(x))
        pooled = (x * self.place[:, None]).sum(dim=(3, 4))  # (B, C, T)
        pooled = self.dropout(pooled.transpose(1, 2))  # (B, T, C)
        unit_logits = None if self.units is None else self.units(pooled)
        if self.hidden is not None:
            pooled = self.hidden(pooled)
        return torch.tanh(self.affect(pooled)), unit_logits


def _conv3d_bn(inputs: int, outputs: int, reach: int, stride: int) -> nn.Sequential:
    kernel, padding = (reach, 3, 3), (reach // 2, 1, 1)
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, (1, stride, stride), padding, bias=False),
        nn.BatchNorm3d(outputs),
    )
