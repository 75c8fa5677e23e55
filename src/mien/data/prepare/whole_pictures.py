"""Faces in images that show more than one cropped face: where they are, found once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from mien._version import __version__
from mien.data.faces import read_image
from mien.data.formats.annotations import (
    BOX_COLUMNS,
    LANDMARK_COLUMNS,
    ImageCorpus,
    write_annotations,
)
from mien.data.prepare.job import Failed, Found, Job, run_job, with_path
from mien.errors import DataError
from mien.faces.detectors import FaceDetector
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.parquet import (
    matrix,
    number_columns,
    read_footer,
    read_parquet,
    with_facts,
    write_whole,
)
from mien.types import FloatArray

_PLACES = (*BOX_COLUMNS, *LANDMARK_COLUMNS)
_PART_IMAGES = 32  # what a killed run loses at most
_PARTS = ".faces"


@dataclass(frozen=True)
class Part:
    """Some images of a corpus, and the file for what is found in them."""

    root: Path
    names: tuple[str, ...]
    file: Path

    def __str__(self) -> str:
        return str(self.root / self.names[0])


@dataclass(frozen=True)
class Prepared:
    """A corpus with faces as it was written.

    Attributes
    ----------
    corpus
        Its notes count the images without a face.
    failed
        A line for each image that cannot be read.
    """

    corpus: ImageCorpus
    failed: tuple[str, ...]


def _detector() -> FaceDetector:
    return RetinaFaceDetector(threads=1)


def prepare_whole_pictures(
    corpus: ImageCorpus,
    out: Path,
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
    factory: Callable[[], FaceDetector] = _detector,
) -> Prepared:
    """Find the largest face in every image without a box, and write the annotations.

    A run that was killed goes on where it was. An image that cannot be read costs itself alone: it
    is left out like one without a face, and is tried again by the next run.

    Parameters
    ----------
    corpus
        Rows that have an image and no box; others stay as they are.
    out
        The folder; it becomes this corpus's.
    jobs
        Processes, one thread each; None: one per core.
    progress
        Called with the number of images done since the last call.
    factory
        Makes the detector, once per process.

    Raises
    ------
    OutputError
        If the folder holds something else, another run writes into it, or it cannot be written to.
    """
    waiting = _without_box(corpus)
    parts = {}
    for first in range(0, len(waiting), _PART_IMAGES):
        name, names = f"{first:08d}", tuple(waiting[first : first + _PART_IMAGES])
        parts[name] = Part(corpus.root, names, out / _PARTS / f"{name}.parquet")
    left = len(waiting)

    def tell(count: int) -> None:
        nonlocal left
        done = min(left, count * _PART_IMAGES)
        left -= done
        if progress is not None:
            progress(done)

    def result(name: str) -> bool | None:
        footer = read_footer(parts[name].file)
        return True if footer and footer[1] == _facts(parts[name]) else None

    def finish(found: Found, failed: Failed) -> Prepared:
        faults = list(failed.values())
        places: dict[str, FloatArray] = {}
        for part in (parts[name] for name in found):
            table = read_parquet(part.file)
            faulty = [fault for fault in table.column("fault").to_pylist() if fault]
            faults += faulty
            places |= dict(zip(part.names, matrix(table, _PLACES), strict=True))
            if faulty:
                part.file.unlink()  # what was wrong may be mended
        looked = _with_places(corpus, waiting, places, len(faults))
        write_annotations(looked, out)
        if not faults:
            shutil.rmtree(out / _PARTS, ignore_errors=True)
        return Prepared(looked, tuple(faults))

    identity = {"corpus": corpus.name}
    partials = f"{_PARTS}/.*.partial"
    job = Job(out, identity, parts, find_faces, result, partials, with_path)
    return run_job(job, factory, finish, jobs, tell)


def find_faces(detector: FaceDetector, part: Part) -> None:
    """Write where the largest face of each image is; NaN where there is none, and why."""
    places = np.full((len(part.names), len(_PLACES)), np.nan, np.float32)
    faults = [""] * len(part.names)
    for row, name in enumerate(part.names):
        try:
            places[row] = _largest(detector, part.root / name)
        except Exception as error:  # noqa: BLE001  whatever it is, the others go on
            told = " ".join(str(error).split())
            is_told = isinstance(error, DataError)
            faults[row] = told if is_told else f"{part.root / name}: {type(error).__name__}: {told}"
    columns = number_columns(places, _PLACES) | {"fault": pa.array(faults, pa.string())}
    write_whole(part.file, with_facts(pa.table(columns), _facts(part)))


def _facts(part: Part) -> dict[str, Any]:
    return {"names": [*part.names], "mien_version": __version__}


def with_faces(
    corpus: ImageCorpus,
    detector: FaceDetector | None = None,
    progress: Callable[[int], object] | None = None,
) -> ImageCorpus:
    """The corpus with the box and the five landmarks of the largest face in every image.

    Parameters
    ----------
    corpus
        Rows that have an image and no box; others stay as they are.
    detector
        None: the one that analyses use.
    progress
        Called with 1 after every image.

    Returns
    -------
    The same rows. An image in which no face is found is taken out of its row (null), since nobody
    knows where to look in it; a note counts these.

    Raises
    ------
    DataError
        If an image cannot be read.
    """
    found, waiting = detector or RetinaFaceDetector(), _without_box(corpus)
    places: dict[str, FloatArray] = {}
    for name in waiting:
        places[name] = _largest(found, corpus.root / name)
        if progress is not None:
            progress(1)
    return _with_places(corpus, waiting, places)


def _without_box(corpus: ImageCorpus) -> list[str]:
    """Images that have to be looked at, each once."""
    images = corpus.table.column("image").to_pylist()
    named = zip(images, matrix(corpus.table, BOX_COLUMNS), strict=True)
    without = (name for name, box in named if name is not None and not np.isfinite(box).all())
    return list(dict.fromkeys(without))


def _largest(detector: FaceDetector, path: Path) -> FloatArray:
    """Box and landmarks of the largest face, float32 (14,); NaN where there is none."""
    picture = cv2.cvtColor(read_image(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    faces = detector.detect(picture.astype(np.uint8, copy=False))
    if not faces:
        return np.full(len(_PLACES), np.nan, np.float32)
    largest = max(faces, key=lambda face: float(face.box[2] * face.box[3]))
    return np.concatenate([largest.box, largest.landmarks.ravel()]).astype(np.float32)


def _with_places(
    corpus: ImageCorpus, waiting: list[str], places: Mapping[str, FloatArray], faults: int = 0
) -> ImageCorpus:
    """The corpus with what was found; images without a face leave their rows."""
    images: list[str | None] = corpus.table.column("image").to_pylist()
    values, looked = matrix(corpus.table, _PLACES), {*waiting}
    lost = -faults
    for row, name in enumerate(images):
        if name not in looked or np.isfinite(values[row]).all():
            continue
        place = places.get(name or "")
        if place is None or not np.isfinite(place).all():
            images[row] = None
            lost += 1
        else:
            values[row] = place
    table = corpus.table
    columns = number_columns(values, _PLACES)
    for name, column in {"image": pa.array(images, pa.string()), **columns}.items():
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(name), column)
    notes = corpus.notes
    if lost > 0:
        notes = (*notes, f"in {lost} images no face is found; they are left out")
    if faults:
        notes = (*notes, f"{faults} images cannot be read; they are left out")
    return replace(corpus, table=table, notes=notes)
