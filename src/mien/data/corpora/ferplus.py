"""FER+ (Barsoum et al., ICMI 2016): 48 x 48 grey faces of FER2013 with ten votes each.

Layout, one npz: ``images`` uint8 (n, 48, 48); ``votes`` uint8 (n, 10), columns in `VOTE_COLUMNS`;
``split`` uint8 (n,), an index into `SPLITS`; ``name`` str (n,); ``dup_group`` int (n,), equal for
pixel-identical images. ``split`` and ``dup_group`` may be absent where the file is one split.
Beside it may lie what a face mesh saw (`mien.data.targets.mesh`), and the labels of FER2013 itself:
an npz with ``label`` int (n,), an index into ``classes`` (FER2013's words), -1 unknown, and
``name``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mien.data.faces import FaceSet, framed_matrices
from mien.data.formats.annotations import EXPRESSION_WORDS
from mien.data.formats.arrays import read_npz
from mien.data.targets.mesh import load_mesh, no_mesh
from mien.data.targets.mesh_units import mesh_labels, mesh_units, photograph_units
from mien.data.targets.votes import expression_targets, two_raters, valence_arousal_targets
from mien.errors import DataError
from mien.labels import EXPRESSIONS

VOTE_COLUMNS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "no_face",
)
SPLITS = ("train", "valid", "test")

# Vote column of each of the 7 basic expressions, in the order of EXPRESSIONS.
_BASIC = [VOTE_COLUMNS.index(name) for name in EXPRESSIONS]


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
    arrays = read_npz(path, required=("images", "votes"))
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
    arrays = read_npz(path, required=("label", "classes", "name"))
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
