"""Corpora with partial labels, one adapter per corpus, all giving the same `FaceSet`."""

from mien.datasets.base import FaceSet
from mien.datasets.ferplus import load_ferplus
from mien.datasets.muxspace import load_muxspace
from mien.datasets.synthetic import load_synthetic, load_synthetic_images

__all__ = [
    "FaceSet",
    "load_ferplus",
    "load_muxspace",
    "load_synthetic",
    "load_synthetic_images",
]
