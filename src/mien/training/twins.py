"""Two views of a training face, as different as two frames of a resting face.

What the network says of a still face moves with the crop (the landmarks it is cut by move by a
fraction of a pixel from frame to frame) and with the noise of sensor and codec. A training may ask
for the same answer to both views (`mien.losses.steadiness_loss`), which costs nothing at use.

Both views are sampled once more from the crop, moved by half of the difference in opposite
directions: alike in sharpness, since to read a sharp and a blurred view alike would be to overlook
detail.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mien.faces.align import CROP_SIZE_PX
from mien.training.augment import compose, sample_crops, similarities

SHIFT_PX = 0.5
"""Standard deviation of the place of a view against the other, in pixels of the 112-px crop."""

ROTATION_DEG, LOG_SCALE = 0.6, 0.01
"""Standard deviations of turn and size of a view against the other."""

NOISE_DEVIATIONS = 0.05
"""Most noise per pixel of each view, in standard deviations of the face; alike in all channels."""


class Twins(NamedTuple):
    """Two views of the same faces.

    Shapes: view, other (n, channels, side, side); moves (n, 2, 3), from pixels of the 112-px crop
    as `view` shows it to those of the crop itself: a landmark lies elsewhere in the view.
    """

    view: Tensor
    other: Tensor
    moves: Tensor


def twins(faces: Tensor, generator: torch.Generator) -> Twins:
    """The same faces twice, moved a little and with a little noise.

    Parameters
    ----------
    faces
        float (n, channels, side, side).
    generator
        Drives all that is drawn.

    Returns
    -------
    Both views, and how the first is moved; no gradient goes through.
    """
    normal = torch.randn(len(faces), 4, generator=generator) / 2
    moves, opposite = _moves(normal), _moves(-normal)
    view = _view(faces.detach(), moves, generator)
    return Twins(view, _view(faces.detach(), opposite, generator), moves)


def _moves(normal: Tensor) -> Tensor:
    return similarities(
        torch.exp(normal[:, 0] * LOG_SCALE),
        torch.ones(len(normal)),
        normal[:, 1] * math.radians(ROTATION_DEG),
        normal[:, 2:] * SHIFT_PX,
    )


def _view(faces: Tensor, moves: Tensor, generator: torch.Generator) -> Tensor:
    count, side = len(faces), faces.shape[-1]
    step = side / CROP_SIZE_PX
    # Pixels of the 112-px crop to those of an image of this side; centres lie at half pixels.
    to_image = torch.tensor([[step, 0.0, (step - 1) / 2], [0.0, step, (step - 1) / 2]])
    moved = sample_crops(faces, compose(to_image.expand(count, 2, 3), moves), side)
    strength = torch.rand(count, 1, 1, 1, generator=generator) * NOISE_DEVIATIONS
    strength = strength * faces.std(dim=(1, 2, 3), keepdim=True)
    return moved + torch.randn(count, 1, side, side, generator=generator) * strength
