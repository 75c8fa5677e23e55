"""Faces sorted into folders by expression, as CK+48, JAFFE and many sets are handed around.

Layout: ``<expression>/...`` or ``<split>/<expression>/...`` with images anywhere below. Folders are
named after the seven expressions or the usual words for them (``happy``, ``angry``), in any case;
those of contempt and the like are kept as faces without one of the seven. Splits are ``train``,
``valid`` and ``test`` or the usual words for them; without any, everything is ``test``: who is in
which picture is not known, so nothing is divided. Every image is one face, cropped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.datasets.annotations import ImageCorpus, annotation_table
from mien.errors import DataError
from mien.labels import EXPRESSIONS

NAME = "expression-folders"

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
"""Files that count as images, in any case; others are passed over."""

_WORDS = {
    **{name: name for name in EXPRESSIONS},
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happy": "happiness",
    "joy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}
_OUTSIDE = ("contempt", "contemptuous", "other", "unknown", "uncertain", "none", "nf")
_SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}


def are_expression_folders(root: Path) -> bool:
    """Whether a folder holds one named after an expression, or after a split with one in it."""
    return any(
        _expression(folder) is not None
        or (folder.name.lower() in _SPLITS and any(_expression(f) is not None for f in _in(folder)))
        for folder in _in(root)
    )


def load_expression_folders(root: str | Path) -> ImageCorpus:
    """List the images; none is opened.

    Raises
    ------
    DataError
        If the folder is none, a folder in it is named otherwise, or no image is there.
    """
    place = Path(root)
    if not place.is_dir():
        raise DataError(f"{place}: no such folder")
    names: list[str] = []
    splits: list[str] = []
    expressions: list[int] = []
    for folder, split in _classes(place):
        index = _expression(folder)
        if index is None:
            raise DataError(
                f"{folder}: a folder is named after an expression, one of {sorted(_WORDS)}, or "
                f"{sorted(_OUTSIDE)} for what is none of the seven; or after a split, one of "
                f"{sorted(_SPLITS)}, with such folders in it"
            )
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                names.append(path.relative_to(place).as_posix())
                splits.append(split)
                expressions.append(index)
    if not names:
        raise DataError(f"{place}: no image in any folder named after an expression")
    table = annotation_table(names, splits, expression=np.array(expressions, np.int64))
    outside = expressions.count(-1)
    notes = [f"{outside} images show none of the seven expressions"] if outside else []
    return ImageCorpus(NAME, place, table, tuple(notes))


def _classes(root: Path) -> list[tuple[Path, str]]:
    """Folders of one expression each, and the split that they belong to."""
    found = []
    for folder in _in(root):
        split = _SPLITS.get(folder.name.lower())
        if split is None:
            found.append((folder, "test"))
        else:
            found += [(inner, split) for inner in _in(folder)]
    return found


def _in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _expression(folder: Path) -> int | None:
    """Index among the seven, -1 for what is none of them, None for another word."""
    word = folder.name.lower()
    if word in _OUTSIDE:
        return -1
    return EXPRESSIONS.index(_WORDS[word]) if word in _WORDS else None
