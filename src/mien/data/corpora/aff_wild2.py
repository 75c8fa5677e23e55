"""Aff-Wild2 (Kollias and Zafeiriou): videos from the wild, annotated frame by frame.

Layout of the annotations, below the folder or below a folder in it whose name holds "annot":
``VA_Estimation_Challenge``, ``EXPR_Classification_Challenge`` (``EXPR_Recognition_Challenge`` in
another edition) and ``AU_Detection_Challenge``, each with ``Train_Set`` and ``Validation_Set`` of
``<video>.txt``: a header line, then line k for frame k. ``MTL_Challenge`` holds csv files
``train*`` and ``val*`` with ``image,valence,arousal,expression`` and the action units. Any of
these may be missing. Images lie in ``cropped_aligned/<video>/00001.jpg`` (or ``cropped``).

Not annotated is -5 for valence and arousal (anything below -1), -1 for expressions and action
units; "Other" (7) is an annotation, but none of the seven expressions.

What the corpus is known for and the adapter deals with:

* annotation and images may differ by one frame at the end: accepted, and counted in the notes. If
  images go further beyond the annotation, line k cannot be known to be frame k: the video is left
  out, and the notes name it. If two annotations of a video differ by more than one line the adapter
  stops. Frames without an image are the ones in
  which no face was found when the crops were made; they stay in the table without an image.
* a video may be in the training set of one task and the validation set of another. It then counts
  as validation in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from mien.data.formats.aff_wild2_labels import (
    VideoLabels,
    read_action_units,
    read_expressions,
    read_valence_arousal,
)
from mien.data.formats.aff_wild2_multitask import IMAGE_NAME, read_multi_task
from mien.data.formats.annotations import ANNOTATION_SCHEMA, ImageCorpus, annotation_table
from mien.data.registry import COLLECTED, ON_REQUEST, Corpus, Figure, register_corpus
from mien.errors import DataError

NAME = "aff-wild2"
_FOLDERS = {
    "VA": ("VA_Estimation_Challenge",),
    "EXPR": ("EXPR_Classification_Challenge", "EXPR_Recognition_Challenge"),
    "AU": ("AU_Detection_Challenge",),
    "MTL": ("MTL_Challenge",),
}
_STATIC = "training_set_annotations.txt"
_SETS = {"Train_Set": "train", "Validation_Set": "valid"}
IMAGE_FOLDERS = ("cropped_aligned", "cropped")
"""Folders of face crops, the first that is there."""


@register_corpus(
    Corpus(
        name="aff-wild2",
        title="Aff-Wild2",
        kind="annotations",
        labels="per frame: valence-arousal, 7 expressions and other, 12 action units",
        access="from its authors, by a licence agreement signed by a member of a university",
        terms=ON_REQUEST,
        layout=(
            "VA_Estimation_Challenge/{Train_Set,Validation_Set}/<video>.txt",
            "EXPR_Classification_Challenge/... or EXPR_Recognition_Challenge/...",
            "AU_Detection_Challenge/...",
            "MTL_Challenge/train*.txt and val*.txt (csv: image,valence,arousal,expression,AU1,...)",
            "the above may lie in a folder with 'annot' in its name",
            "cropped_aligned/<video>/00001.jpg and so on (or cropped/...)",
        ),
        counts={"videos": 594},
        counts_source="the database's page at Queen Mary University of London: 594 videos of "
        "around 3M frames; an earlier release had 564, of which 546 with expressions, 541 with "
        "action units",
        figures=(Figure("CCC of valence and arousal", "best", "0.64", COLLECTED),),
    )
)
def load_aff_wild2(root: str | Path) -> ImageCorpus:
    """Read all annotations that are there and match them with images.

    Parameters
    ----------
    root
        The folder that holds the annotation folders (or one with "annot" in its name that does)
        and ``cropped_aligned``.

    Returns
    -------
    An `ImageCorpus` of all frames with any label.

    Raises
    ------
    DataError
        If no annotation folder is found, a file is not as described above, or annotations of a
        video do not match each other.
    """
    folder = Path(root)
    places = _annotation_folders(folder)
    videos: dict[str, VideoLabels] = {}
    readers: dict[str, Callable[[Path, VideoLabels], int]] = {
        "VA": read_valence_arousal,
        "EXPR": read_expressions,
        "AU": read_action_units,
    }
    for task, reader in readers.items():
        if task in places:
            _read_task(task, places[task], reader, videos)
    shifted = sum(_check_lengths(name, video) for name, video in videos.items())
    if "MTL" in places:
        read_multi_task(places["MTL"], videos)
    notes = []
    if shifted:
        notes.append(f"{shifted} videos have annotations whose lengths differ by one frame")
    mixed = sum(len(set(video.splits.values())) > 1 for video in videos.values())
    if mixed:
        notes.append(
            f"{mixed} videos train one task and validate another; they count as validation"
        )
    images = [folder / name for name in IMAGE_FOLDERS if (folder / name).is_dir()][:1]
    if not images:
        notes.append(f"no images: {folder} holds none of {list(IMAGE_FOLDERS)}")
    tables, beyond, without = [], 0, 0
    for name, video in sorted(videos.items()):
        found = frame_images(images[0] / name) if images else {}
        excess = max(found, default=0) - len(video.expression) if video.files else 0
        if excess > 1:
            notes.append(
                f"{images[0] / name}: has images up to frame {max(found)}, the annotation of "
                f"{name!r} has {len(video.expression)} frames; expected the same number, or one "
                "more or less; the video is left out"
            )
            continue
        beyond += bool(found) and abs(excess) == 1
        table = video_table(name, video, images[0].name if images else "", found)
        without += table.column("image").null_count
        tables.append(table)
    if beyond:
        notes.append(f"{beyond} videos have one image more or less than annotated frames")
    if images and without:
        notes.append(f"{without} annotated frames have no image")
    whole = pa.concat_tables(tables).combine_chunks() if tables else ANNOTATION_SCHEMA.empty_table()
    if not whole.num_rows:
        raise DataError(
            f"{folder}: no frame is annotated in {sorted(map(str, places.values()))}"
            + "".join(f"; {note}" for note in notes if note.endswith("left out"))
        )
    return ImageCorpus(NAME, folder, whole, tuple(notes))


def _annotation_folders(root: Path) -> dict[str, Path]:
    """Folder of every task that is there."""
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    below = sorted(p for p in root.iterdir() if p.is_dir() and "annot" in p.name.lower())
    deeper = sorted(p for q in below for p in q.iterdir() if p.is_dir())
    places: dict[str, Path] = {}
    for task, names in _FOLDERS.items():
        found = [p / name for p in (root, *below, *deeper) for name in names if (p / name).is_dir()]
        if len(found) > 1:
            raise DataError(f"{root}: {task} annotations are there twice: {found[0]}, {found[1]}")
        if found:
            places[task] = found[0]
    if not places:
        if [*root.glob(_STATIC), *root.glob(f"*/{_STATIC}")]:
            raise DataError(f"{root}: is the static edition: mien datasets prepare s-aff-wild2")
        looked = [name for names in _FOLDERS.values() for name in names]
        raise DataError(
            f"{root}: looked for {looked} in it and in folders with 'annot' in their names "
            f"({len(below)}), found none"
        )
    return places


def _read_task(
    task: str, place: Path, read: Callable[[Path, VideoLabels], int], videos: dict[str, VideoLabels]
) -> None:
    there = [name for name in _SETS if (place / name).is_dir()]
    if not there:
        raise DataError(f"{place}: looked for {list(_SETS)}, found neither")
    for name in there:
        for path in sorted((place / name).glob("*.txt")):
            if path.name.startswith("."):
                continue
            video = videos.setdefault(path.stem, VideoLabels())
            if task in video.splits:
                raise DataError(f"{path}: {video.files[task][0]} annotates the same video")
            video.splits[task] = _SETS[name]
            video.files[task] = (path, read(path, video))


def _check_lengths(name: str, video: VideoLabels) -> bool:
    """Whether the tasks' annotations of a video differ in length, by the one that is allowed."""
    lengths = sorted((frames, str(path)) for path, frames in video.files.values())
    (shortest, short), (longest, long) = lengths[0], lengths[-1]
    if longest - shortest > 1:
        raise DataError(
            f"{long}: annotates {longest} frames of {name!r}, {short} {shortest}; expected the "
            "same number, or one more or less"
        )
    return longest != shortest


def frame_images(folder: Path) -> dict[int, str]:
    """File name of every frame that has an image in a folder; none where there is no folder."""
    found: dict[int, str] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = IMAGE_NAME.fullmatch(path.name)
        if match is not None:
            found[int(match[1])] = path.name
    return found


def video_table(name: str, video: VideoLabels, folder: str, found: dict[int, str]) -> pa.Table:
    """Rows of the annotated frames of a video; `found` has the file names of frames in `folder`."""
    rows = np.flatnonzero(video.annotated)
    split = "valid" if "valid" in video.splits.values() else "train"
    frames = (rows + 1).tolist()
    return annotation_table(
        [f"{folder}/{name}/{found[k]}" if k in found else None for k in frames],
        [split] * len(rows),
        video=[name] * len(rows),
        frame=(rows + 1).astype(np.int64),
        valence_arousal=video.valence_arousal[rows],
        expression=video.expression[rows],
        action_units=video.action_units[rows],
    )
