"""Corpora, one adapter each.

Faces with partial labels give a `FaceSet`; videos with one label vector each a `VideoCorpus`;
annotated images and frames an `ImageCorpus`; recordings with traces a `StreamCorpus`.
`mien.data.registry` says what is known of each corpus, `mien.data.prepare.videos` makes folders
that training reads.
"""

from mien.data.corpora.aff_wild2 import load_aff_wild2
from mien.data.corpora.affectnet import load_affectnet
from mien.data.corpora.crema_d import load_crema_d
from mien.data.corpora.emotionet import load_emotionet
from mien.data.corpora.ferplus import load_ferplus
from mien.data.corpora.hume_reaction import load_hume_reaction
from mien.data.corpora.muxspace import load_muxspace
from mien.data.corpora.synthetic import load_synthetic, load_synthetic_images
from mien.data.faces import FaceSet
from mien.data.formats.annotations import ImageCorpus
from mien.data.videos import Clip, VideoCorpus

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
