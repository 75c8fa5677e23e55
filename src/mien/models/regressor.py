"""What every network shares that reads a sequence of affect representations and scores a video."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mien.labels import (
    ACTION_UNIT_SLICE,
    AFFECT_COLUMNS,
    EXPRESSION_SLICE,
    VALENCE_AROUSAL_SLICE,
)
from mien.models.blocks.packing import Packing

REPRESENTATION: tuple[str, ...] = ("va", "expr", "au")
"""Parts of the affect representation: valence-arousal, expressions, action units."""

_PARTS = {
    "va": VALENCE_AROUSAL_SLICE,
    "expr": EXPRESSION_SLICE,
    "au": ACTION_UNIT_SLICE,
}


def representation_columns(parts: tuple[str, ...]) -> list[int]:
    """Columns of the named parts of the affect representation, in its own order.

    Raises
    ------
    ValueError
        If a part is unknown or none is named.

    Examples
    --------
    >>> representation_columns(("va",))
    [0, 1]
    """
    unknown = [part for part in parts if part not in _PARTS]
    if unknown or not parts:
        raise ValueError(f"representation names some of {list(_PARTS)}, not {list(parts)}")
    return [i for part in REPRESENTATION if part in parts for i in range(26)[_PARTS[part]]]


class RegressorConfig(Protocol):
    """What the configuration of every such network says."""

    @property
    def reactions(self) -> tuple[str, ...]:
        """Names of the outputs."""

    @property
    def fps(self) -> float:
        """Frames per second that a position means."""

    @property
    def representation(self) -> tuple[str, ...]:
        """Which parts of the affect representation are read."""


class SequenceRegressor(nn.Module, ABC):
    """Affect representations of a video in, one score per output out.

    Shapes: affect (batch, n, 26) float, lengths int (batch,) in 1..n -> scores (batch, outputs),
    unbounded. What lies beyond a length has no influence.
    """

    scale: Tensor
    offset: Tensor
    columns: Tensor

    def __init__(self, config: RegressorConfig) -> None:
        super().__init__()
        width = len(config.reactions)
        # Line from score to intensity, see `fit_intensities`; not trained by gradient.
        self.register_buffer("scale", torch.ones(width))
        self.register_buffer("offset", torch.zeros(width))
        columns = torch.tensor(representation_columns(config.representation))
        self.register_buffer("columns", columns, persistent=False)

    @property
    @abstractmethod
    def config(self) -> Any:
        """The network's configuration, a dataclass with the entries of `RegressorConfig`."""

    @abstractmethod
    def forward(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """Scores; see the class for shapes."""

    @property
    def labels_frames(self) -> bool:
        """Whether the network is trained on `frame_scores`, the video's label given to each."""
        return False

    def frame_scores(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """Scores (batch, n, outputs) of single frames, where `labels_frames` says so."""
        raise TypeError(f"{type(self).__name__} scores whole videos, not single frames")

    @property
    def longest(self) -> int | None:
        """The most positions of one window; None where any length can be read."""
        return None

    def walks(self, device: torch.device) -> bool:
        """Whether `packed_scores` is the way to read sequences on this device."""
        return False

    def packed_scores(self, values: Tensor, packing: Packing) -> Tensor:
        """What `forward` computes, from packed rows (rows, 26), where `walks` says so."""
        raise TypeError(f"{type(self).__name__} reads padded sequences only, not packed rows")

    def selected(self, affect: Tensor) -> Tensor:
        """The columns that the network reads, (..., 26) -> (..., width)."""
        return affect if len(self.columns) == len(AFFECT_COLUMNS) else affect[..., self.columns]

    def to_intensities(self, scores: Tensor) -> Tensor:
        """Scores (batch, outputs) to intensities in [0, 1]."""
        return (scores * self.scale + self.offset).clamp(0, 1)

    @torch.no_grad()
    def fit_intensities(self, scores: Tensor, labels: Tensor) -> None:
        """Fit scale and offset by least squares, scores (n, outputs) to labels in [0, 1].

        Labels that are NaN are left out; an output without any keeps scale 0 and offset 0.
        """
        known = torch.isfinite(labels)
        count = known.sum(0).clamp_min(1)
        x, y = (torch.where(known, v.double(), 0.0) for v in (scores, labels))
        mean_x, mean_y = x.sum(0) / count, y.sum(0) / count
        dx, dy = (torch.where(known, v - m, 0.0) for v, m in ((x, mean_x), (y, mean_y)))
        variance = (dx**2).sum(0)
        slope = torch.where(variance > 0, (dx * dy).sum(0) / variance.clamp_min(1e-30), 0.0)
        self.scale.copy_(slope)
        self.offset.copy_(mean_y - slope * mean_x)

    def describe(self) -> dict[str, Any]:
        """Configuration as plain values, for checkpoints and exported metadata."""
        return asdict(self.config)


def cleared(affect: Tensor, lengths: Tensor) -> Tensor:
    """`affect` (batch, n, c) with zeros beyond each length.

    Padding is cleared, not only ignored: 0 x NaN would still reach the gradients.
    """
    kept = torch.arange(affect.shape[1], device=affect.device)[None, :] < lengths[:, None]
    return torch.where(kept[:, :, None], affect, torch.zeros_like(affect))


def check_sequences(affect: Tensor, lengths: Tensor, longest: int | None = None) -> None:
    """Refuse what no network of this kind can read.

    Raises
    ------
    ValueError
        If shapes are wrong or a length is outside 1..n, or above `longest`.
    """
    if affect.ndim != 3 or affect.shape[2] != len(AFFECT_COLUMNS):
        raise ValueError(
            f"affect should be (batch, n, {len(AFFECT_COLUMNS)}), got {tuple(affect.shape)}"
        )
    if lengths.shape != (len(affect),):
        raise ValueError(f"lengths should be ({len(affect)},), got {tuple(lengths.shape)}")
    most = affect.shape[1] if longest is None else min(affect.shape[1], longest)
    least, greatest = int(lengths.min()), int(lengths.max())
    if least < 1 or greatest > most:
        raise ValueError(f"lengths should lie in 1..{most}, got {least}..{greatest}")
