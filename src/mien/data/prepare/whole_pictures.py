"""Faces in images that show more than one cropped face: where they are, found once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pyarrow as pa

from mien.data.faces import read_image
from mien.data.formats.annotations import BOX_COLUMNS, LANDMARK_COLUMNS, ImageCorpus
from mien.faces.detectors import FaceDetector
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.parquet import matrix, numbers


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
    found = detector or RetinaFaceDetector()
    images = corpus.table.column("image").to_pylist()
    boxes = matrix(corpus.table, BOX_COLUMNS)
    landmarks = matrix(corpus.table, LANDMARK_COLUMNS)
    lost = 0
    for row, name in enumerate(images):
        if name is None:
            continue
        if not np.isfinite(boxes[row]).all():
            picture = cv2.cvtColor(
                read_image(corpus.root / name, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
            ).astype(np.uint8, copy=False)
            faces = found.detect(picture)
            if faces:
                largest = max(faces, key=lambda face: float(face.box[2] * face.box[3]))
                boxes[row], landmarks[row] = largest.box, largest.landmarks.ravel()
            else:
                images[row] = None
                lost += 1
        if progress is not None:
            progress(1)
    columns = {
        name: numbers(values, pa.float32())
        for name, values in zip(
            (*BOX_COLUMNS, *LANDMARK_COLUMNS), np.hstack([boxes, landmarks]).T, strict=True
        )
    }
    table = corpus.table
    for name, values in {"image": pa.array(images, pa.string()), **columns}.items():
        place = table.column_names.index(name)
        table = table.set_column(place, table.schema.field(name), values)
    notes = corpus.notes
    if lost:
        notes = (*notes, f"in {lost} images no face is found; they are left out")
    return replace(corpus, table=table, notes=notes)
