"""Corpora, one adapter each.

Faces with partial labels give a `FaceSet`; videos with one label vector each a `VideoCorpus`;
annotated images and frames an `ImageCorpus`; recordings with traces a `StreamCorpus`.
`mien.datasets.registry` says what is known of each corpus, `mien.datasets.prepare` makes folders
that training reads.
"""

from mien.datasets.aff_wild2 import load_aff_wild2
from mien.datasets.affectnet import load_affectnet
from mien.datasets.annotations import ImageCorpus
from mien.datasets.base import FaceSet
from mien.datasets.clips import Clip, VideoCorpus
from mien.datasets.crema_d import load_crema_d
from mien.datasets.emotionet import load_emotionet
from mien.datasets.ferplus import load_ferplus
from mien.datasets.hume_reaction import load_hume_reaction
from mien.datasets.muxspace import load_muxspace
from mien.datasets.synthetic import load_synthetic, load_synthetic_images

__all__ = [
    "Clip",
    "FaceSet",
    "ImageCorpus",
    "VideoCorpus",
    "load_aff_wild2",
    "load_affectnet",
    "load_crema_d",
    "load_emotionet",
    "load_ferplus",
    "load_hume_reaction",
    "load_muxspace",
    "load_synthetic",
    "load_synthetic_images",
]
