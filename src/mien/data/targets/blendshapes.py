"""Blendshape scores of a face-mesh network beside a corpus: their names, their file, their mirror.

`mien.data.targets.mesh_units` makes action units of them. All of them together describe the face's
geometry, left and right apart, and can be learned besides (``loss.blendshapes``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.formats.arrays import read_arrays
from mien.errors import DataError
from mien.types import FloatArray


def _sides(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{side}" for name in names for side in ("Left", "Right"))


BLENDSHAPES: tuple[str, ...] = (
    *("browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight"),
    *("mouthClose", "mouthFunnel", "mouthLeft", "mouthPucker", "mouthRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *_sides("browDown", "browOuterUp", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut"),
    *_sides("eyeLookUp", "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown"),
    *_sides("mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp"),
)
"""The 47 scores that can move, in the order of `FaceSet.blendshapes`.

Of MediaPipe's 52, ``_neutral``, ``cheekSquint`` and ``noseSneer`` are constant zero.
"""

_OTHER_SIDE = {"Left": "Right", "Right": "Left"}


def _mirrored(name: str) -> str:
    for side, other in _OTHER_SIDE.items():
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


MIRRORED: tuple[int, ...] = tuple(BLENDSHAPES.index(_mirrored(name)) for name in BLENDSHAPES)
"""For every score the place of its counterpart on the other side (its own, if it has no side)."""


def no_scores(count: int) -> FloatArray:
    """What `load_blendshapes` gives for faces of which nothing is known: NaN (count, 47)."""
    return np.full((count, len(BLENDSHAPES)), np.nan, np.float32)


def load_blendshapes(path: str | Path, names: npt.NDArray[Any]) -> FloatArray:
    """Scores of exactly the faces `names` from an npz file beside a corpus.

    Rows that the network found only with lowered thresholds count as not found.

    Parameters
    ----------
    path
        npz with ``blendshapes`` (n, k), ``names`` (k,), and where known ``name`` (n,) and
        ``detected`` bool (n,).
    names
        str (n,), the corpus's faces in order.

    Returns
    -------
    float32 (n, 47) in [0, 1], columns as in `BLENDSHAPES`; NaN where no face was found.

    Raises
    ------
    DataError
        If an array or a score is missing, or the rows are not those of the corpus.
    """
    return blendshape_scores(read_arrays(path, required=("blendshapes", "names")), path, names)


def blendshape_scores(
    arrays: dict[str, npt.NDArray[Any]], path: str | Path, names: npt.NDArray[Any]
) -> FloatArray:
    """As `load_blendshapes`, from the arrays of the file that `path` names in messages."""
    if arrays["blendshapes"].dtype.kind not in "fiub":
        raise DataError(
            f"{path}: 'blendshapes' should be numbers, not {arrays['blendshapes'].dtype}"
        )
    values = arrays["blendshapes"].astype(np.float32)
    if values.ndim != 2 or values.shape[1] != arrays["names"].size:
        raise DataError(
            f"{path}: 'blendshapes' should be (n, {arrays['names'].size}), found {values.shape}"
        )
    if len(values) != len(names):
        raise DataError(f"{path}: {len(values)} rows for {len(names)} images: not the same corpus")
    if "name" in arrays and not np.array_equal(arrays["name"].astype(str), names.astype(str)):
        raise DataError(f"{path}: its 'name' column is not that of the images, row by row")
    if "detected" in arrays:
        if arrays["detected"].shape != (len(values),):
            found = arrays["detected"].shape
            raise DataError(f"{path}: 'detected' should be ({len(values)},), found {found}")
        values = np.where(arrays["detected"][:, None], values, np.nan)
    if np.isfinite(values).any() and not (np.nanmin(values) >= 0 and np.nanmax(values) <= 1):
        raise DataError(
            f"{path}: 'blendshapes' should lie in 0..1, found {np.nanmin(values):.3g} to "
            f"{np.nanmax(values):.3g}"
        )
    column = {str(name): k for k, name in enumerate(arrays["names"])}
    missing = sorted({*BLENDSHAPES} - column.keys())
    if missing:
        raise DataError(f"{path}: blendshape {missing[0]!r} is not among its 'names'")
    return values[:, [column[name] for name in BLENDSHAPES]]
