"""FER+ (Barsoum et al., ICMI 2016): 48 x 48 grey faces of FER2013 with ten votes each.

Layout, one npz: ``images`` uint8 (n, 48, 48); ``votes`` uint8 (n, 10), columns in `VOTE_COLUMNS`;
``split`` uint8 (n,), an index into `SPLITS`; ``name`` str (n,); ``dup_group`` int (n,), equal for
pixel-identical images. ``split`` and ``dup_group`` may be absent where the file is one split.
Beside it may lie what a face mesh saw (`mien.data.targets.mesh`), and the labels of FER2013 itself:
an npz with ``label`` int (n,), an index into ``classes`` (FER2013's words), -1 unknown, and
``name``.

The npz is joined from what the owners of FER+ and of FER2013 give out (`load_ferplus_tables`):
the images in ``fer2013.csv`` or ``icml_face_data.csv`` (the same in another column order):
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

from mien.data.faces import FaceSet, framed_matrices
from mien.data.formats.annotations import EXPRESSION_WORDS
from mien.data.formats.arrays import read_arrays
from mien.data.formats.text_tables import Row, read_rows
from mien.data.registry import COLLECTED, Corpus, Figure, register_corpus, register_faces
from mien.data.targets.mesh import load_mesh, no_mesh
from mien.data.targets.mesh_units import mesh_labels, mesh_units, photograph_units
from mien.data.targets.votes import expression_targets, two_raters, valence_arousal_targets
from mien.errors import DataError
from mien.io import atomic_path
from mien.labels import EXPRESSIONS

VOTE_COLUMNS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
    "unknown", "no_face",
)  # fmt: skip
SPLITS = ("train", "valid", "test")
IMAGE_FILES = ("fer2013.csv", "icml_face_data.csv")
VOTE_FILE = "fer2013new.csv"
SIDE_PX = 48

_USAGES = ("Training", "PublicTest", "PrivateTest")
_HEADINGS = (*VOTE_COLUMNS[:-1], "NF")
_MOST_VOTES = 10

# Vote column of each of the 7 basic expressions, in the order of EXPRESSIONS.
_BASIC = [VOTE_COLUMNS.index(name) for name in EXPRESSIONS]
_ACCURACY = "accuracy, 8 classes, majority"


@register_faces("ferplus", ("mesh", "second_labels"), lacks_landmarks=True)
def load_ferplus(
    path: str | Path, mesh: str | Path | None = None, second_labels: str | Path | None = None
) -> FaceSet:
    """Load FER+ with its vote distributions, and what a mesh saw where that is given.

    Parameters
    ----------
    path
        The npz described above.
    mesh
        What a face mesh saw of the same rows; None: of the action units only those that votes alone
        say (9 and 11), and no valence and arousal.
    second_labels
        FER2013's own labels of the same rows: a second rater of the expression
        (`mien.data.targets.votes.two_raters`). ``majority`` stays that of the votes.

    Raises
    ------
    DataError
        If a file or an array is missing, or shapes disagree; the text says what was looked for
        and what was found.
    """
    arrays = read_arrays(path, required=("images", "votes"))
    images, votes = arrays["images"], arrays["votes"]
    if votes.dtype.kind not in "uif":
        raise DataError(f"{path}: 'votes' should be numbers, found {votes.dtype}")
    votes = votes.astype(np.float64)
    count = len(images) if images.ndim else 0
    if images.ndim != 3 or images.shape[1] != images.shape[2] or images.dtype != np.uint8:
        raise DataError(
            f"{path}: 'images' should be uint8 (n, side, side), found {images.dtype} {images.shape}"
        )
    if votes.shape != (count, len(VOTE_COLUMNS)):
        raise DataError(
            f"{path}: 'votes' should be ({count}, {len(VOTE_COLUMNS)}), found {votes.shape}"
        )
    split_index = arrays.get("split", np.zeros(count, np.uint8))
    for name in ("split", "name", "dup_group"):
        if name in arrays and arrays[name].shape != (count,):
            raise DataError(f"{path}: {name!r} should be ({count},), found {arrays[name].shape}")
    if not np.isin(split_index, np.arange(len(SPLITS))).all():
        raise DataError(f"{path}: 'split' should hold {count} indices into {SPLITS}")
    split = np.asarray(SPLITS)[split_index.astype(int)]
    target, weight = expression_targets(votes[:, _BASIC], votes.sum(axis=1))
    names = arrays.get("name", np.array([f"row{i}" for i in range(count)]))
    if second_labels is not None:
        target, weight = two_raters(target, weight, load_fer2013_labels(second_labels, names))
    seen = load_mesh(mesh, names) if mesh is not None else no_mesh(count)
    group = arrays.get("dup_group", np.arange(count))
    in_training = np.isin(group, group[split == "train"])
    return FaceSet(
        corpus="FER+",
        names=names.astype(str),
        images=images,
        aligned=np.full((count, 2, 3), np.nan, np.float32),
        framed=framed_matrices(count, images.shape[1]),
        expressions=target,
        expression_weight=weight,
        majority=majority(votes),
        valence_arousal=valence_arousal_targets(target, mesh_units(seen)),
        action_units=photograph_units(seen, target),
        **mesh_labels(seen),
        split=split,
        counted=(split == "train") | ~in_training,
    )


def load_fer2013_labels(
    path: str | Path, names: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """FER2013's labels of exactly the faces `names`: int64 (n,) into `EXPRESSIONS`, -1 unknown.

    Raises
    ------
    DataError
        If an array is missing, a class is unknown, or the rows are not those of the corpus.
    """
    arrays = read_arrays(path, required=("label", "classes", "name"))
    if not np.array_equal(arrays["name"].astype(str), names.astype(str)):
        raise DataError(f"{path}: its 'name' column is not that of the images, row by row")
    words = [str(word) for word in arrays["classes"]]
    unknown = [word for word in words if EXPRESSION_WORDS.get(word) not in EXPRESSIONS]
    if unknown:
        raise DataError(f"{path}: {unknown[0]!r} is not one of the 7 expressions")
    table = np.array([*(EXPRESSIONS.index(EXPRESSION_WORDS[word]) for word in words), -1])
    label = arrays["label"].astype(np.int64)
    if label.shape != (len(names),) or label.min() < -1 or label.max() >= len(words):
        raise DataError(f"{path}: 'label' should be {len(names)} indices into 'classes' or -1")
    found: np.ndarray[Any, np.dtype[np.int64]] = table[label]
    return found


def majority(votes: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Index of the unique most-voted column among the 7 expressions; -1 if there is none.

    A face whose most votes went to contempt, unknown or no face, or to two columns equally, has no
    majority among the 7.

    Examples
    --------
    >>> votes = [[0, 9, 1, 0, 0, 0, 0, 0, 0, 0], [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]]
    >>> majority(np.array(votes)).tolist()
    [4, -1]
    """
    top = votes.argmax(axis=1)
    unique = (votes == votes.max(axis=1, keepdims=True)).sum(axis=1) == 1
    to_basic = np.full(len(VOTE_COLUMNS), -1, np.int64)
    to_basic[_BASIC] = np.arange(len(_BASIC))
    return np.where(unique, to_basic[top], -1)


@dataclass(frozen=True)
class FerPlusTables:
    """FER+ in memory; arrays as the module documents them.

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

    def write(self, folder: Path) -> Path:
        """Write ``ferplus.npz``, whole or not at all; its path."""
        path = folder / "ferplus.npz"
        arrays: dict[str, Any] = {"images": self.images, "votes": self.votes, "split": self.split}
        with atomic_path(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays, name=self.names, dup_group=self.duplicates)
        return path


@register_corpus(
    Corpus(
        name="ferplus",
        title="FER+ (labels) on FER2013 (images)",
        kind="tables",
        labels="per image: ten votes over 8 expressions, unknown and no face",
        access="labels: github.com/microsoft/FERPlus; images: FER2013",
        terms="labels MIT; no open licence is stated for the images",
        layout=(
            "fer2013.csv or icml_face_data.csv (FER2013, from Kaggle): emotion,pixels,Usage",
            "fer2013new.csv (FER+): Usage,Image name,neutral,...,contempt,unknown,NF",
            "prepared: ferplus.npz with images (n, 48, 48), votes (n, 10), split, name, dup_group; "
            "what a face mesh saw, if there, in mesh-ferplus.npz beside it",
        ),
        counts={"train": 28_558, "valid": 3_579},
        counts_source="fer2013new.csv",
        figures=(
            Figure(_ACCURACY, "its authors, label drawing", "84.99 %", "Barsoum et al., ICMI 2016"),
            Figure(_ACCURACY, "best", "92.0 %", COLLECTED),
        ),
    )
)
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
