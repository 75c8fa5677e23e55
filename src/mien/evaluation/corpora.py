"""The labelled faces that a measurement is made on, found from a path."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mien.data.corpora.expression_folders import are_expression_folders, holds_folders, usual_split
from mien.data.corpora.ferplus import load_ferplus
from mien.data.corpora.muxspace import load_muxspace
from mien.data.corpora.sfhq import is_sfhq, load_sfhq
from mien.data.corpora.synthetic import load_synthetic
from mien.data.faces import FaceSet
from mien.data.formats.annotated_faces import load_annotated_faces
from mien.data.prepare.landmarks import LANDMARK_THRESHOLD, find_landmarks
from mien.data.registry import READERS
from mien.errors import DataError
from mien.faces.detectors.retinaface import RetinaFaceDetector

SPLITS: tuple[str, ...] = ("train", "valid", "test", "all")
FRAMINGS: tuple[str, ...] = ("aligned", "framed")


@dataclass(frozen=True)
class LabelledFaces:
    """Faces to measure on.

    Attributes
    ----------
    data
        File or folder name, for tables.
    split
        One of `SPLITS`.
    framing
        One of `FRAMINGS`.
    faces
        Those of the split that count: outside the training split, copies of training images are
        left out.
    notes
        What a reader of the figures should know.
    truth
        What valence, arousal and action units are compared with: ``"truth"`` of synthetic faces,
        ``"annotation"`` of people, or a ``"target"`` derived from votes and a teacher's scores.
    """

    data: str
    split: str
    framing: str
    faces: FaceSet
    notes: list[str] = field(default_factory=list)
    truth: str = "target"


def load_labelled(
    data: Path,
    split: str | None = None,
    blendshapes: Path | None = None,
    framing: str = "aligned",
) -> LabelledFaces:
    """Load the faces of one corpus that a model is to be measured on.

    Parameters
    ----------
    data
        An npz in FER+'s layout (`mien.data.corpora.ferplus`), a zip of faces with its csv
        (`mien.data.corpora.muxspace`, `mien.data.corpora.sfhq`), a folder that ``mien synthesize
        images`` wrote, one of annotations that ``mien datasets prepare`` wrote, or folders of faces
        named after expressions (`mien.data.corpora.expression_folders`).
    split
        One of `SPLITS`; None: ``"valid"`` where an npz declares a training split, ``"test"`` of a
        synthetic set, of folders and of prepared annotations what
        `mien.data.corpora.expression_folders.usual_split` says, else ``"all"``.
    blendshapes
        What a face mesh saw of the same rows (`mien.data.targets.mesh`); None looks beside the
        data.
    framing
        ``"aligned"``: by landmarks, found by the detector where the corpus has none; faces in
        which it finds nothing are taken as the corpus crops them. ``"framed"``: all as cropped.

    Raises
    ------
    DataError
        If a file is missing or not laid out as expected, or no face is left to measure.
    """
    notes: list[str] = []
    faces, usual, truth = _load(data, blendshapes, notes)
    chosen = split or usual
    mask = np.ones(len(faces), bool) if chosen == "all" else faces.split == chosen
    faces = faces.select(mask & faces.counted)
    if not len(faces):
        raise DataError(f"{data}: no faces in split {chosen!r}; choose another --split")
    if framing == "framed":
        faces = replace(faces, aligned=np.full_like(faces.aligned, np.nan))
    elif not np.isfinite(faces.aligned).any():
        detector = RetinaFaceDetector(score_threshold=LANDMARK_THRESHOLD)
        faces = faces.with_landmarks(find_landmarks(faces.images, detector))
    unaligned = int(np.isnan(faces.aligned).any(axis=(1, 2)).sum())
    if unaligned and framing == "aligned":
        notes.append(f"{unaligned} faces without usable landmarks are taken as cropped")
    return LabelledFaces(data.name, chosen, framing, faces, notes, truth)


def _load(data: Path, blendshapes: Path | None, notes: list[str]) -> tuple[FaceSet, str, str]:
    """The corpus, the split that is usually measured on, and `LabelledFaces.truth`."""
    for reader in map(READERS.__getitem__, READERS.names()):
        if reader.recognises is not None and reader.recognises(data):
            faces = reader.load(data)
            return faces, usual_split(faces.split), "annotation"
    if data.is_dir():
        prepared = (data / "annotations.parquet").is_file()
        # A folder of folders without a document of ours is taken for expressions: either it is
        # one, or its loader says what is expected.
        sorted_by_hand = not (data / "dataset.json").is_file() and holds_folders(data)
        if prepared or sorted_by_hand or are_expression_folders(data):
            faces = load_annotated_faces(data)
            return faces, usual_split(faces.split), "annotation"
        return load_synthetic(data), "test", "truth"
    zipped = data.suffix.lower() == ".zip"
    stem = data.stem.split("_")[0]
    beside = [data.with_name(name) for name in (f"mesh-{stem}.npz", f"{stem}_blendshapes.npz")]
    found = [file for file in beside if file.is_file() and file != data]
    teacher = blendshapes or (found[0] if found else None)

    def attempt(scores: Path | None) -> FaceSet:
        if zipped:
            return (load_sfhq if is_sfhq(data) else load_muxspace)(data, mesh=scores)
        return load_ferplus(data, scores)

    try:
        faces = attempt(teacher)
    except DataError as error:
        # A teacher file that merely lies beside may belong to another part of the corpus.
        if blendshapes is not None or teacher is None or str(teacher) not in str(error):
            raise
        notes.append(f"teacher scores not used: {error}")
        faces = attempt(None)
    declares_split = bool((faces.split == "train").any()) and (not zipped or is_sfhq(data))
    return faces, "valid" if declares_split else "all", "target"
