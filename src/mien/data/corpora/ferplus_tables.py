"""FER+ from what its owners and those of FER2013 give out, joined into the one file mien reads.

Layout: the images in ``fer2013.csv`` or ``icml_face_data.csv`` (the same in another column order):
``emotion, pixels, Usage``; the votes in ``fer2013new.csv`` of the FER+ repository: ``Usage, Image
name, neutral ... contempt, unknown, NF``, row by row those of the images. Usage is Training,
PublicTest (validation) or PrivateTest (test). A row without an image name was taken out by FER+'s
authors, since it shows no face.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.corpora.ferplus import SPLITS, VOTE_COLUMNS
from mien.data.formats.text_tables import Row, read_rows
from mien.errors import DataError
from mien.io import atomic_path

IMAGE_FILES = ("fer2013.csv", "icml_face_data.csv")
VOTE_FILE = "fer2013new.csv"
SIDE_PX = 48

_USAGES = ("Training", "PublicTest", "PrivateTest")
_HEADINGS = (*VOTE_COLUMNS[:-1], "NF")
_MOST_VOTES = 10


@dataclass(frozen=True)
class FerPlusTables:
    """FER+ in memory; arrays as `mien.data.corpora.ferplus` documents them.

    Attributes
    ----------
    images
        uint8 (n, 48, 48).
    votes
        uint8 (n, 10).
    split
        uint8 (n,).
    names
        str (n,).
    duplicates
        int64 (n,), equal where images are, pixel by pixel.
    notes
        What is worth knowing, one sentence each.
    """

    images: npt.NDArray[np.uint8]
    votes: npt.NDArray[np.uint8]
    split: npt.NDArray[np.uint8]
    names: npt.NDArray[np.str_]
    duplicates: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()
    name: str = "ferplus"

    def __len__(self) -> int:
        return len(self.names)

    def counts(self) -> dict[str, int]:
        """Images, per split too, and how many different ones there are."""
        found = {name: int((self.split == k).sum()) for k, name in enumerate(SPLITS)}
        return {"images": len(self), **found, "different": len(np.unique(self.duplicates))}


def load_ferplus_tables(root: str | Path) -> FerPlusTables:
    """Join images and votes.

    Raises
    ------
    DataError
        If a file is missing, a row cannot be read, or the files are not of the same rows.
    """
    folder = Path(root)
    there = [folder / name for name in IMAGE_FILES if (folder / name).is_file()]
    if not there:
        raise DataError(f"{folder}: looked for {' or '.join(IMAGE_FILES)} (FER2013), found neither")
    if not (folder / VOTE_FILE).is_file():
        raise DataError(
            f"{folder}: looked for {VOTE_FILE}, found none; it is in github.com/microsoft/FERPlus"
        )
    faces = read_rows(there[0], ("pixels", "Usage"))
    labels = read_rows(folder / VOTE_FILE, ("Usage", "Image name", *_HEADINGS))
    images, votes, split, names, without = [], [], [], [], 0
    for face, label in zip_longest(faces, labels):
        if face is None or label is None:
            longer = face or label
            assert longer is not None
            raise longer.error("is more than the other file has; they are not of the same set")
        usage = _usage(face)
        if usage != _usage(label):
            raise label.error(
                f"'Usage' is {label.cells['Usage']!r}, that of the image {face.cells['Usage']!r}; "
                "the files are not of the same set"
            )
        if not label.cells["Image name"]:
            without += 1
            continue
        images.append(_pixels(face))
        votes.append([label.integer(name, range(_MOST_VOTES + 1)) for name in _HEADINGS])
        split.append(usage)
        names.append(label.cells["Image name"])
    if not images:
        raise DataError(f"{folder / VOTE_FILE}: no row has an image name")
    stacked = np.stack(images)
    notes = [f"{without} rows without an image name (no face) are left out"] if without else []
    return FerPlusTables(
        stacked,
        np.array(votes, np.uint8),
        np.array(split, np.uint8),
        np.array(names),
        _groups(stacked),
        tuple(notes),
    )


def write_ferplus(corpus: FerPlusTables, folder: Path) -> Path:
    """Write ``ferplus.npz``, whole or not at all."""
    path = folder / "ferplus.npz"
    arrays: dict[str, Any] = {"images": corpus.images, "votes": corpus.votes, "split": corpus.split}
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays, name=corpus.names, dup_group=corpus.duplicates)
    return path


def _usage(row: Row) -> int:
    text = row.cells["Usage"]
    if text not in _USAGES:
        raise row.error(f"'Usage' is {text!r}; expected one of {', '.join(_USAGES)}")
    return _USAGES.index(text)


def _pixels(row: Row) -> npt.NDArray[np.uint8]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how numpy says that text is no number
        try:
            values = np.fromstring(row.cells["pixels"], np.int64, sep=" ")
        except (DeprecationWarning, ValueError):
            raise row.error("'pixels' holds something else than numbers") from None
    if values.size != SIDE_PX**2:
        raise row.error(f"'pixels' holds {values.size} numbers; expected {SIDE_PX**2}")
    if values.min() < 0 or values.max() > 255:
        raise row.error(f"'pixels' holds {values.min()} to {values.max()}; expected 0 to 255")
    return values.astype(np.uint8).reshape(SIDE_PX, SIDE_PX)


def _groups(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """A number per different image, in order of first appearance."""
    seen: dict[bytes, int] = {}
    keys = (hashlib.sha256(image.tobytes()).digest() for image in images)
    return np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)
