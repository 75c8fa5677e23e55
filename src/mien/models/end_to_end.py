"""Both stages as one network: crops in, scores out, so that ratings reach the first convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mien.models.masked_rnn import MaskedRNN
from mien.models.mma import MMAExtractor

_FRAMES_AT_ONCE = 64
"""Activations of so many frames are held at a time; the rest is computed again on the way back."""


class EndToEnd(nn.Module):
    """Extractor and reaction model.

    Batch normalisation keeps its running statistics and does not follow the batch: the frames of
    four videos are four faces, not a sample of faces.

    Shapes: crops, one float tensor (n, 3, 112, 112) in [-1, 1] per video, n at most the reader's
    positions -> scores (videos, reactions), unbounded.
    """

    def __init__(self, extractor: MMAExtractor, reader: MaskedRNN) -> None:
        super().__init__()
        self.extractor, self.reader = extractor, reader

    def train(self, mode: bool = True) -> EndToEnd:
        """Set the mode of everything but batch normalisation and dropout of the extractor."""
        super().train(mode)
        self.extractor.eval()
        return self

    def affect(self, crops: Tensor) -> Tensor:
        """Affect representations (n, 26), computed some frames at a time."""
        parts = crops.split(_FRAMES_AT_ONCE)  # type: ignore[no-untyped-call]
        if not torch.is_grad_enabled():
            return torch.cat([self._extract(part) for part in parts])
        return torch.cat([checkpoint(self._extract, part, use_reentrant=False) for part in parts])

    def _extract(self, crops: Tensor) -> Tensor:
        affect: Tensor = self.extractor(crops).affect()
        return affect

    def forward(self, crops: list[Tensor]) -> Tensor:
        """Scores; see the class for shapes."""
        lengths = torch.tensor([len(video) for video in crops])
        rows = self.affect(torch.cat(crops))
        padded = nn.utils.rnn.pad_sequence(
            list(torch.split(rows, lengths.tolist())), batch_first=True
        )
        scores: Tensor = self.reader(padded, lengths)
        return scores
