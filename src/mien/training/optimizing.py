"""What trainings with a schedule share: decay groups, warm-up and cosine, averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

PRECISIONS = ("float32", "bfloat16")
"""Formats in which the convolutions of a training may calculate; weights are float32 always."""


def adamw(model: nn.Module, rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW; no decay on biases and normalisation. Groups have their rate in ``peak_rate`` too."""
    return torch.optim.AdamW(decay_groups(model.parameters(), rate, weight_decay), lr=rate)


def decay_groups(
    weights: Iterable[nn.Parameter], rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Two groups for an optimizer: tables, which decay, and biases and normalisation."""
    weights = list(weights)
    decayed, others = [w for w in weights if w.ndim > 1], [w for w in weights if w.ndim <= 1]
    return [
        {"params": part, "lr": rate, "peak_rate": rate, "weight_decay": decay}
        for part, decay in ((decayed, weight_decay), (others, 0.0))
    ]


def cosine_rate(rate: float, warmup_steps: int, step: int, total: int) -> float:
    """Linear warm-up, then half a cosine to zero.

    Examples
    --------
    >>> [round(cosine_rate(1.0, 2, step, 6), 3) for step in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    if step < warmup_steps:
        return rate * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, total - warmup_steps)
    return rate * 0.5 * (1 + math.cos(math.pi * done))


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Exponential moving average of weights; running statistics are averaged alike."""
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
