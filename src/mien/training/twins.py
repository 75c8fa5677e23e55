"""Second views of training faces, as different as two frames of a resting face.

What the network says of a still face moves with the crop (the landmarks it is cut by move by a
fraction of a pixel from frame to frame) and with the noise of sensor and codec. A training may ask
for the same answer to both views (`mien.losses.steadiness_loss`), which costs nothing at use.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mien.faces.align import CROP_SIZE_PX
from mien.training.augment import compose, sample_crops, similarities

SHIFT_PX, ROTATION_DEG, LOG_SCALE, NOISE = 0.5, 0.6, 0.01, 0.05
"""Standard deviations: of the crop's place (pixels of 112), turn and size, and, of noise per pixel,
at most, in deviations of the face's own brightness."""


def twins(faces: Tensor, generator: torch.Generator) -> Tensor:
    """The same faces, moved a little and with a little noise.

    Parameters
    ----------
    faces
        float (n, 1, side, side), standardised as `MMAExtractor.prepared` leaves them.
    generator
        Drives all that is drawn.

    Returns
    -------
    float (n, 1, side, side) in channels last; no gradient goes through.
    """
    count, side = len(faces), faces.shape[-1]
    normal = torch.randn(count, 4, generator=generator)
    moves = similarities(
        torch.exp(normal[:, 0] * LOG_SCALE),
        torch.ones(count),
        normal[:, 1] * math.radians(ROTATION_DEG),
        normal[:, 2:] * SHIFT_PX,
    )
    step = side / CROP_SIZE_PX
    # Pixels of the 112-px crop to those of an image of this side; centres lie at half pixels.
    to_image = torch.tensor([[step, 0.0, (step - 1) / 2], [0.0, step, (step - 1) / 2]])
    moved = sample_crops(faces.detach(), compose(to_image.expand(count, 2, 3), moves), side)
    strength = torch.rand(count, 1, 1, 1, generator=generator) * NOISE
    moved = moved + torch.randn(moved.shape, generator=generator) * strength
    return moved.contiguous(memory_format=torch.channels_last)
