"""Learning rates over a training; a training names the one it follows (`mien.training.loop`)."""

from __future__ import annotations

import math


def cosine(lr: float, warmup_steps: int, step: int, total: int) -> float:
    """Linear warm-up, then half a cosine to zero.

    Examples
    --------
    >>> [round(cosine(1.0, 2, step, 6), 3) for step in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, total - warmup_steps)
    return lr * 0.5 * (1 + math.cos(math.pi * done))


def constant(lr: float, warmup_steps: int, step: int, total: int) -> float:
    """Linear warm-up, then always the same.

    Examples
    --------
    >>> [constant(1.0, 2, step, 4) for step in range(4)]
    [0.5, 1.0, 1.0, 1.0]
    """
    return lr * min(1.0, (step + 1) / warmup_steps) if warmup_steps else lr
