"""Features against their mean over the clip: a face read against itself.

Ours, not the paper's. Faces differ from each other more than one differs over a clip, and what an
expression moves shows best against the same face otherwise. A recurrence can carry a face along to
compare with; this hands it the difference.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mien.models.mran.encoders import Features


def with_contrast(features: Features, present: Tensor) -> Features:
    """Features of twice the channels: as they are, then less their mean over the clip.

    Parameters
    ----------
    features
        Time first, zero where the frame is missing.
    present
        (time, batch) of 0 and 1. Missing frames have no part in the mean and no contrast.
    """
    return Features(*(_beside_contrast(part, present) for part in features))


def _beside_contrast(x: Tensor, present: Tensor) -> Tensor:
    there = present[:, :, None, None, None]
    mean = x.sum(0, keepdim=True) / there.sum(0, keepdim=True).clamp_min(1)
    return torch.cat([x, (x - mean) * there], 2)
