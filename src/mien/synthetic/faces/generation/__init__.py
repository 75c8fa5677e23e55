"""Sets of synthetic faces on disk: images or clips, with the whole truth beside them.

`synthesize_images` and `synthesize_videos` write a set, on all cores; a stopped run goes on where
it was, and the same seed gives the same bytes. Every face is computed: nobody in a set is real.
"""

from mien.synthetic.faces.generation.arguments import ImageSet, TrimodalSet, VideoSet
from mien.synthetic.faces.generation.folder import SetSummary
from mien.synthetic.faces.generation.images import synthesize_images
from mien.synthetic.faces.generation.preview import contact_sheet
from mien.synthetic.faces.generation.seeds import identity_seed, split_of
from mien.synthetic.faces.generation.trimodal import synthesize_trimodal
from mien.synthetic.faces.generation.videos import synthesize_videos

__all__ = [
    "ImageSet",
    "SetSummary",
    "TrimodalSet",
    "VideoSet",
    "contact_sheet",
    "identity_seed",
    "split_of",
    "synthesize_images",
    "synthesize_trimodal",
    "synthesize_videos",
]
