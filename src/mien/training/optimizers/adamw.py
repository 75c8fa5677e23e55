"""Optimizers whose biases and normalisation do not decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


def adamw(model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW; no decay on biases and normalisation."""
    return torch.optim.AdamW(decay_groups(model.parameters(), lr, weight_decay), lr=lr)


def decay_groups(
    weights: Iterable[nn.Parameter], lr: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Two groups for an optimizer: tables, which decay, and biases and normalisation."""
    weights = list(weights)
    decayed, others = [w for w in weights if w.ndim > 1], [w for w in weights if w.ndim <= 1]
    return [
        {"params": part, "lr": lr, "weight_decay": decay}
        for part, decay in ((decayed, weight_decay), (others, 0.0))
    ]
