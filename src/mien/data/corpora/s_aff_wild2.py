"""s-Aff-Wild2, the static version of Aff-Wild2 (Kollias, ECCV 2022 workshops: ABAW4).

Layout: ``training_set_annotations.txt`` and ``validation_set_annotations.txt`` in the folder or one
folder below; csv with the header ``image,valence,arousal,expression,aus`` (or the names of the
twelve action units in place of ``aus``) and one line for each frame that was chosen:
``<video>/00001.jpg``, three numbers and twelve. Images lie at that path below ``cropped_aligned``.

Not annotated is -5 for valence and arousal, -1 for expressions and action units; expression 7 is
"Other", none of the seven.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from mien.data.corpora.aff_wild2 import IMAGE_FOLDERS, frame_images, video_table
from mien.data.formats.aff_wild2_labels import VideoLabels
from mien.data.formats.aff_wild2_multitask import read_multi_task_file
from mien.data.formats.annotations import ImageCorpus
from mien.data.registry import ON_REQUEST, Corpus, register_corpus
from mien.errors import DataError

NAME = "s-aff-wild2"
_FILES = {"training_set_annotations.txt": "train", "validation_set_annotations.txt": "valid"}


@register_corpus(
    Corpus(
        name=NAME,
        title="s-Aff-Wild2 (single frames of Aff-Wild2, ABAW4 and later)",
        kind="annotations",
        labels="per frame: valence-arousal, 7 expressions and other, 12 action units",
        access="from its authors, by a licence agreement signed by a member of a university",
        terms=ON_REQUEST,
        layout=(
            "training_set_annotations.txt and validation_set_annotations.txt, also one folder "
            "below: image,valence,arousal,expression,aus",
            "cropped_aligned/<video>/00001.jpg and so on (or cropped/...)",
        ),
    )
)
def load_s_aff_wild2(root: str | Path) -> ImageCorpus:
    """Read both lists and find the images.

    Raises
    ------
    DataError
        If there is no list, or two of one name, a line is not as described above, or a video is in
        both lists; the message names file and line.
    """
    folder = Path(root)
    videos: dict[str, VideoLabels] = {}
    notes = []
    for name, split in _FILES.items():
        lists = sorted([*folder.glob(name), *folder.glob(f"*/{name}")])
        if len(lists) > 1:
            raise DataError(f"{folder}: {name} is there twice: {lists[0]} and {lists[1]}")
        if lists:
            read_multi_task_file(lists[0], split, videos)
        else:
            notes.append(f"{folder}: there is no {name}")
    if len(notes) == len(_FILES):
        raise DataError(
            f"{folder}: looked for {' or '.join(_FILES)} in it and one folder below, found neither"
        )
    images = next((name for name in IMAGE_FOLDERS if (folder / name).is_dir()), None)
    if images is None:
        notes.append(f"no images: {folder} holds none of {list(IMAGE_FOLDERS)}")
    tables = []
    for name, video in sorted(videos.items()):
        found = frame_images(folder / images / name) if images else {}
        tables.append(video_table(name, video, images or "", found))
    whole = pa.concat_tables(tables).combine_chunks() if tables else None
    if whole is None or not whole.num_rows:
        raise DataError(f"{folder}: no frame is annotated in {' and '.join(_FILES)}")
    without = whole.column("image").null_count
    if images and without:
        notes.append(f"{without} of {whole.num_rows} annotated frames have no image")
    return ImageCorpus(NAME, folder, whole, tuple(notes))
