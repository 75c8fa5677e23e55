"""Landmarks of training faces where the crop that is shown has them."""

from __future__ import annotations

import torch
from torch import Tensor

from mien.labels import FACE_LANDMARKS

_OTHER_SIDE = {"right": "left", "left": "right"}


def _mirrored(name: str) -> str:
    stem, _, side = name.rpartition("_")
    return f"{stem}_{_OTHER_SIDE[side]}" if side in _OTHER_SIDE else name


MIRRORED_LANDMARKS: tuple[int, ...] = tuple(
    FACE_LANDMARKS.index(_mirrored(name)) for name in FACE_LANDMARKS
)
"""For every landmark the place of its counterpart on the other side (its own in the middle)."""


def crop_landmarks(landmarks: Tensor, to_image: Tensor) -> Tensor:
    """Landmarks as crops show them.

    Parameters
    ----------
    landmarks
        (n, k, 2), pixels of images.
    to_image
        (n, 2, 3), from pixels of the 112-px crop to pixels of images.

    Returns
    -------
    (n, k, 2), pixels of the 112-px crop.
    """
    from_origin = (landmarks - to_image[:, None, :, 2]).transpose(1, 2)
    found: Tensor = torch.linalg.solve(to_image[:, :, :2], from_origin)
    return found.transpose(1, 2)


def other_sides(found: Tensor, mirrored: Tensor) -> Tensor:
    """Landmarks (n, 26, 2) called as a mirror shows them: a right eye in it is a left one."""
    return torch.where(mirrored[:, None, None], found[:, list(MIRRORED_LANDMARKS)], found)
