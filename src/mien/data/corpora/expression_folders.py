"""Faces sorted into folders by expression, as CK+48, JAFFE and many sets are handed around.

Layout: ``<expression>/...`` or ``<split>/<expression>/...`` with images anywhere below, links
followed. Folders are
named after the seven expressions or the usual words for them (``happy``, ``angry``), in any case;
those of contempt and the like are kept as faces without one of the seven. Splits are ``train``,
``valid`` and ``test`` or the usual words for them; without any, everything is ``test``: who is in
which picture is not known, so nothing is divided. Every image is one face, cropped.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.data.faces import FaceSet
from mien.data.formats.annotations import EXPRESSION_WORDS, ImageCorpus, annotation_table
from mien.data.registry import Corpus, register_corpus, register_faces
from mien.errors import DataError
from mien.labels import EXPRESSIONS

NAME = "expression-folders"

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
"""Files that count as images, in any case; others are passed over."""

_OUTSIDE = ("contempt", "contemptuous", "other", "unknown", "uncertain", "none", "nf")
UNDIVIDED = ""
_SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}


def holds_folders(root: Path) -> bool:
    """Whether there is any folder in a folder; raises `DataError` where that cannot be read."""
    return bool(_in(root))


def are_expression_folders(root: Path) -> bool:
    """Whether a folder holds one named after an expression, or after a split with one in it."""
    return any(
        _expression(folder) is not None
        or (folder.name.lower() in _SPLITS and any(_expression(f) is not None for f in _in(folder)))
        for folder in _in(root)
    )


@register_corpus(
    Corpus(
        name="expression-folders",
        title="Your own faces in folders named after expressions (as CK+48 and JAFFE are shared)",
        kind="annotations",
        labels="per image: one expression",
        access="yours, or from the owners of the set",
        terms="those of the set",
        layout=(
            "<expression>/... or <split>/<expression>/..., images of one cropped face each below",
            "expressions: neutral, anger, disgust, fear, happiness, sadness, surprise (or happy, "
            "angry, ...), contempt",
            "splits: train, valid, test; without them all is test",
            "'mien evaluate extractor --data FOLDER' also reads it as it is; "
            "'mien train extractor' (kind images), too, if it has train and valid",
        ),
    )
)
def load_expression_folders(root: str | Path) -> ImageCorpus:
    """List the images; none is opened.

    Raises
    ------
    DataError
        If a folder is none or cannot be read, a folder in it is named otherwise, or no image is
        there.
    """
    place = Path(root)
    names: list[str] = []
    splits: list[str] = []
    expressions: list[int] = []
    notes: list[str] = []
    for folder, split in _classes(place):
        index = _expression(folder)
        if index is None:
            raise DataError(
                f"{folder}: a folder is named after an expression, one of "
                f"{sorted(EXPRESSION_WORDS)}, or {sorted(_OUTSIDE)} for what is none of the "
                f"seven; or after a split, one of {sorted(_SPLITS)}, with such folders in it"
            )
        found = [_name(path, place) for path in _images(folder, split == UNDIVIDED)]
        if not found:
            notes.append(f"{_name(folder, place)} holds no image")
        names += found
        splits += ["test" if split == UNDIVIDED else split] * len(found)
        expressions += [index] * len(found)
    if not names:
        raise DataError(f"{place}: no image in any folder named after an expression")
    table = annotation_table(names, splits, expression=np.array(expressions, np.int64))
    outside = expressions.count(-1)
    if outside:
        notes.append(f"{outside} images show none of the seven expressions")
    return ImageCorpus(NAME, place, table, tuple(notes))


@register_faces("images", lacks_landmarks=True)
def _load_images(folder: Path) -> FaceSet:
    """Faces of such folders, or of prepared annotations of any corpus."""
    from mien.data.formats.annotated_faces import load_annotated_faces

    return load_annotated_faces(folder)


def usual_split(splits: npt.NDArray[np.str_]) -> str:
    """The split that is measured on where none is asked for: never faces to train on.

    Examples
    --------
    >>> usual_split(np.array(["train", "valid", "test"])), usual_split(np.array(["train", "test"]))
    ('valid', 'test')
    """
    there = set(splits.tolist())
    return next((name for name in ("valid", "test") if name in there), "all")


def _classes(root: Path) -> list[tuple[Path, str]]:
    """Folders of one expression each, and the split that they belong to."""
    found = []
    for folder in _in(root):
        split = _SPLITS.get(folder.name.lower())
        if split is None:
            found.append((folder, UNDIVIDED))
        else:
            found += [(inner, split) for inner in _in(folder)]
    return found


def _images(folder: Path, undivided: bool) -> list[Path]:
    """Images below a folder, links followed, what computers leave behind passed over."""

    def refuse(error: OSError) -> None:
        raise _unreadable(Path(error.filename or folder), error) from error

    found = []
    seen: set[str] = set()
    for place, inner, files in os.walk(folder, onerror=refuse, followlinks=True):
        inner[:] = [name for name in inner if not _is_leftover(name)]
        real = os.path.realpath(place)
        if real in seen:  # a link that leads back
            inner.clear()
            continue
        seen.add(real)
        within = Path(place)
        for name in inner:
            if undivided and within == folder and name.lower() in _SPLITS:
                raise DataError(
                    f"{within / name}: splits stand outside, expressions inside: "
                    f"{name}/{folder.name}/..."
                )
        found += [
            within / name
            for name in files
            if Path(name).suffix.lower() in SUFFIXES and not _is_leftover(name)
        ]
    return sorted(found)


def _in(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if not _is_leftover(p.name) and p.is_dir())
    except FileNotFoundError:
        raise DataError(f"{folder}: no such folder") from None
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(place: Path, error: OSError) -> DataError:
    return DataError(f"{place}: cannot be read ({error.strerror}); check its permissions")


def _is_leftover(name: str) -> bool:
    """Hidden files, and folders that unpacking and file servers leave."""
    return name.startswith(".") or name in ("__MACOSX", "@eaDir")


def _name(path: Path, root: Path) -> str:
    name = path.relative_to(root).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{root}: the name {name!r} in it is not UTF-8; rename it") from None
    return name


def _expression(folder: Path) -> int | None:
    """Index among the seven, -1 for what is none of them, None for another word."""
    word = folder.name.lower()
    if word in _OUTSIDE:
        return -1
    return EXPRESSIONS.index(EXPRESSION_WORDS[word]) if word in EXPRESSION_WORDS else None
