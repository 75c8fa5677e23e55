"""Faces of annotated images (`mien.data.formats.annotations`), to train and measure.

Every annotated image that is there becomes one grey square: the face's box enlarged by a quarter
where the corpus has boxes, else the whole image, made square by repeating its border. The corpus is
expected to show one face per image: Aff-Wild2's crops do; photographs without boxes should be
cropped before. Five landmarks, where the table has them, give the alignment.

An expression is one annotator's choice, so it gets the same smoothing as other single labels; what
is not annotated stays missing. Valence, arousal and action units are those of the table. In folders
that somebody sorted, copies of training images in another split do not count.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mien.data.corpora.expression_folders import NAME as FOLDERS
from mien.data.corpora.expression_folders import holds_folders, load_expression_folders
from mien.data.faces import FaceSet, aligned_matrices, framed_matrices, read_image
from mien.data.formats.annotations import (
    BOX_COLUMNS,
    LANDMARK_COLUMNS,
    ImageCorpus,
    read_annotations,
)
from mien.data.targets.votes import smoothed_labels
from mien.errors import DataError
from mien.parquet import matrix

SIDE_PX = 112
"""Side of the squares: what the extractor reads. 100,000 faces take 1.2 GiB."""

_BOX_SCALE = 1.25

Square = tuple[float, float, float]
"""Left, top and side in pixels of the image."""


def load_annotated_faces(folder: str | Path, split: str | None = None) -> FaceSet:
    """Load the images of prepared annotations, or of folders named after expressions.

    Parameters
    ----------
    folder
        What ``mien datasets prepare`` wrote for a corpus of images or frames, or a folder laid out
        as `mien.data.corpora.expression_folders` says.
    split
        ``"train"``, ``"valid"`` or ``"test"``; None: all.

    Raises
    ------
    DataError
        If the folder is none, an image is gone or cannot be read, or none is in the split.
    """
    place = Path(folder)
    prepared = (place / "annotations.parquet").is_file() or not place.is_dir()
    by_hand = not prepared and holds_folders(place)
    corpus = load_expression_folders(place) if by_hand else read_annotations(place)
    names, splits = (corpus.table.column(name).to_pylist() for name in ("image", "split"))
    rows = np.array(
        [k for k, name in enumerate(names) if name is not None and split in (None, splits[k])],
        np.int64,
    )
    if not len(rows):
        raise DataError(f"{folder}: no image is in the split {split!r}")
    boxes = matrix(corpus.table, BOX_COLUMNS)[rows]
    landmarks = matrix(corpus.table, LANDMARK_COLUMNS)[rows].reshape(-1, 5, 2)
    images = np.empty((len(rows), SIDE_PX, SIDE_PX), np.uint8)
    points = np.full_like(landmarks, np.nan)
    for i, row in enumerate(rows):
        image = read_image(corpus.root / names[row], cv2.IMREAD_GRAYSCALE)
        square = _square(image.shape, boxes[i])
        images[i] = _cut(image, square)
        points[i] = (landmarks[i] - square[:2] + 0.5) * (SIDE_PX / square[2]) - 0.5
    framed = framed_matrices(len(rows), SIDE_PX)
    expressions, labels = corpus.expressions[rows], corpus.labels
    intensities = corpus.intensities
    chosen = np.array([splits[row] for row in rows])
    return FaceSet(
        corpus=corpus.name,
        names=np.array([names[row] for row in rows]),
        images=images,
        aligned=aligned_matrices(points, framed),
        framed=framed,
        expressions=smoothed_labels(expressions, len(labels.expressions)),
        expression_weight=(expressions >= 0).astype(np.float32),
        majority=expressions,
        valence_arousal=corpus.valence_arousal[rows],
        action_units=corpus.action_units[rows],
        teacher_scores=np.full((len(rows), len(labels.action_units)), np.nan, np.float32),
        split=chosen,
        counted=_counted(corpus, images, chosen == "train"),
        intensities=None if intensities is None else intensities[rows],
        labels=labels,
    )


def _counted(
    corpus: ImageCorpus, images: npt.NDArray[np.uint8], training: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """False for copies, pixel by pixel, of training images in folders that somebody sorted."""
    if corpus.name != FOLDERS:  # elsewhere the splits are the owners' business
        return np.ones(len(images), bool)
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    seen = {digest for digest, one in zip(digests, training, strict=True) if one}
    copies = np.array([digest in seen for digest in digests], bool)
    counted: npt.NDArray[np.bool_] = training | ~copies
    return counted


def _square(shape: tuple[int, ...], box: npt.NDArray[np.float32]) -> Square:
    """The square to be seen; it may reach over the border of the image."""
    x, y, width, height = (float(value) for value in box)
    if not (np.isfinite(box).all() and min(width, height) > 0):
        x, y, width, height = 0.0, 0.0, float(shape[1]), float(shape[0])
        side = max(width, height)
    else:
        side = _BOX_SCALE * max(width, height)
    return x + (width - side) / 2, y + (height - side) / 2, side


def _cut(image: npt.NDArray[np.uint8], square: Square) -> npt.NDArray[np.uint8]:
    """uint8 (112, 112), averaged where it shrinks, border repeated."""
    left, top, side = square
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    x1, y1 = int(np.ceil(left + side)), int(np.ceil(top + side))
    height, width = image.shape
    rows = np.clip(np.arange(y0, y1), 0, height - 1)
    columns = np.clip(np.arange(x0, x1), 0, width - 1)
    part = image[np.ix_(rows, columns)]
    scale = side / SIDE_PX
    if scale > 2:  # shrink in whole steps first, or fine detail turns into noise
        step = int(scale)
        size = (max(1, part.shape[1] // step), max(1, part.shape[0] // step))
        factor = (size[0] / part.shape[1], size[1] / part.shape[0])
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    else:
        factor = (1.0, 1.0)
    # From pixel centres of the square to those of the part.
    to_part = np.array(
        [
            [scale * factor[0], 0, ((0.5 * scale + left - x0) * factor[0]) - 0.5],
            [0, scale * factor[1], ((0.5 * scale + top - y0) * factor[1]) - 0.5],
        ],
        np.float64,
    )
    crop = cv2.warpAffine(
        part,
        to_part,
        (SIDE_PX, SIDE_PX),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return crop.astype(np.uint8, copy=False)
