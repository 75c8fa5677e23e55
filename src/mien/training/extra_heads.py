"""Heads that exist in training alone: what a face says besides, read from the feature of all heads.

They shape the feature and are thrown away; an exported extractor does not know of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from mien.datasets.base import FaceSet
from mien.datasets.blendshapes import BLENDSHAPES
from mien.errors import ConfigError
from mien.faces.align import CROP_SIZE_PX
from mien.labels import ACTION_UNITS, FACE_LANDMARKS, VALENCE_AROUSAL
from mien.losses import MMALossWeights
from mien.models.fine import FEATURE
from mien.training.checkpoint import with_prefix, without_prefix
from mien.types import FloatArray

_OTHER_SIDE = {"right": "left", "left": "right"}


def _mirrored(name: str) -> str:
    stem, _, side = name.rpartition("_")
    return f"{stem}_{_OTHER_SIDE[side]}" if side in _OTHER_SIDE else name


MIRRORED_LANDMARKS: tuple[int, ...] = tuple(
    FACE_LANDMARKS.index(_mirrored(name)) for name in FACE_LANDMARKS
)
"""For every landmark the place of its counterpart on the other side (its own in the middle)."""


class LandmarkHead(nn.Module):
    """The shape of a face: (batch, width) -> (batch, 26, 2), pixels of the aligned 112-px crop.

    Parameters
    ----------
    width
        Of the feature.
    middle
        (26, 2), the mean shape, which the head begins at.
    """

    # Shapes differ by a pixel or two; weights and rates are made for outputs of about 1.
    _PX_PER_UNIT = 2.0

    def __init__(self, width: int, middle: Tensor) -> None:
        super().__init__()
        self.places = nn.Linear(width, 2 * len(FACE_LANDMARKS))
        with torch.no_grad():
            self.places.bias.copy_(middle.flatten() / self._PX_PER_UNIT)

    def forward(self, pooled: Tensor) -> Tensor:
        """Where the aligned crop would show the landmarks."""
        places: Tensor = self.places(pooled).view(len(pooled), len(FACE_LANDMARKS), 2)
        return places * self._PX_PER_UNIT


class ExtraHeads(nn.Module):
    """The heads that the factors of a loss ask for.

    Parameters
    ----------
    width
        Of the pooled feature.
    loss
        ``blendshapes``, ``landmarks`` and ``alone`` of it, where above 0.
    corpora
        Whose training faces say what the mean shape is.

    Attributes
    ----------
    heads
        By the term of the loss.
    """

    def __init__(self, width: int, loss: MMALossWeights, corpora: Mapping[str, FaceSet]) -> None:
        super().__init__()
        mesh = nn.Linear(width, len(BLENDSHAPES))
        self.heads = nn.ModuleDict()
        if loss.blendshapes:
            self.heads["blendshapes"] = mesh
        if loss.landmarks:
            self.heads["landmarks"] = LandmarkHead(width, mean_shape(corpora))
        if loss.alone:
            self.heads["alone"] = nn.Linear(FEATURE, len(VALENCE_AROUSAL) + len(ACTION_UNITS))

    def read(self, pooled: Tensor, dropout: nn.Module) -> dict[str, Tensor]:
        """What each says, by its term: logits (batch, 47); pixels (batch, 26, 2); (batch, 19).

        Scores are read behind the dropout, as expressions are; places need every channel. What is
        read ``alone`` is the last part of the feature, that of a fine network.
        """
        said: dict[str, Tensor] = {}
        for name, head in self.heads.items():
            read = pooled[:, -FEATURE:] if name == "alone" else pooled
            said[name] = head(read if name == "landmarks" else dropout(read))
        return said

    def state(self) -> dict[str, Tensor]:
        """Weights, each under the term of its head, as a checkpoint keeps them."""
        return {
            name: value
            for term, head in self.heads.items()
            for name, value in with_prefix(term, head).items()
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over the `state` in a checkpoint."""
        for term, head in self.heads.items():
            head.load_state_dict(without_prefix(term, tensors))


def check_extra_labels(loss: MMALossWeights, corpora: Mapping[str, FaceSet]) -> None:
    """Refuse a factor for labels that no training face has.

    Raises
    ------
    ConfigError
        If there is one.
    """
    sets = corpora.values()
    if loss.blendshapes and not any(_known(faces, faces.blendshapes) for faces in sets):
        raise ConfigError(
            "loss.blendshapes is above 0, but no training face has such scores: name the files "
            "with corpora.NAME.blendshapes, or set loss.blendshapes=0"
        )
    for factor in ("landmarks", "places", "maps"):
        known = any(_known(faces, faces.face_landmarks) for faces in sets)
        if getattr(loss, factor) and not known:
            raise ConfigError(
                f"loss.{factor} is above 0, but no training face has landmarks: add a corpus of "
                f"kind 'synthetic', or set loss.{factor}=0"
            )


def shapes(places: Tensor, aligned: Tensor) -> Tensor:
    """The shapes of faces: landmarks as the aligned crop shows them.

    A shape is the same however a view of the face is moved, turned or scaled, so it holds pose,
    person and expression and nothing of the crop.

    Parameters
    ----------
    places
        (n, k, 2), pixels of images.
    aligned
        (n, 2, 3), from pixels of the aligned crop to pixels of images.

    Returns
    -------
    (n, k, 2), pixels of the 112-px crop.
    """
    from_origin = (places - aligned[:, None, :, 2]).transpose(1, 2)
    found: Tensor = torch.linalg.solve(aligned[:, :, :2], from_origin)
    return found.transpose(1, 2)


def mean_shape(corpora: Mapping[str, FaceSet]) -> Tensor:
    """Mean shape (26, 2) of all training faces that have landmarks and of their mirror images."""
    known = []
    for faces in corpora.values():
        if faces.face_landmarks is not None:
            train = faces.split == "train"
            places, aligned = faces.face_landmarks[train], faces.aligned[train]
            found = shapes(torch.from_numpy(places), torch.from_numpy(aligned))
            known.append(found[found.isfinite().all(dim=(1, 2))])
    middle = torch.cat(known).mean(0, keepdim=True)
    both = torch.cat([middle, mirrored_shapes(middle, torch.tensor([True]))])
    return both.mean(0)


def mirrored_shapes(found: Tensor, mirrored: Tensor) -> Tensor:
    """Shapes (n, 26, 2) as a mirror shows them, where `mirrored` (bool (n,)) says so."""
    seen = torch.stack([CROP_SIZE_PX - 1 - found[..., 0], found[..., 1]], dim=-1)
    return other_sides(torch.where(mirrored[:, None, None], seen, found), mirrored)


def other_sides(found: Tensor, mirrored: Tensor) -> Tensor:
    """Landmarks (n, 26, 2) called as a mirror shows them: a right eye in it is a left one."""
    return torch.where(mirrored[:, None, None], found[:, list(MIRRORED_LANDMARKS)], found)


def _known(faces: FaceSet, labels: FloatArray | None) -> bool:
    return labels is not None and bool(np.isfinite(labels[faces.split == "train"]).any())
