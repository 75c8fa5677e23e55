"""AffectNet as its authors hand it out since 2021: an image and four npy files for each face.

Layout: ``train_set`` and ``val_set`` in the folder, each with ``images/N.jpg`` and, in
``annotations``, ``N_exp.npy`` (0 to 7, codes as in `mien.data.corpora.affectnet`), ``N_val.npy``
and ``N_aro.npy`` (-1 to 1; -2: not annotated) and ``N_lnd.npy`` (68 landmarks in pixels of the
image: x and y in turn). The first three hold one number each, which most copies store as text.
Images are cropped to one face.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.data.corpora.affectnet import NOT_RATED, POINTS, TO_BASIC, five_of
from mien.data.formats.annotations import ImageCorpus, annotation_table
from mien.data.formats.text_tables import as_number
from mien.data.registry import COLLECTED, ON_REQUEST, Corpus, Figure, register_corpus
from mien.errors import DataError
from mien.types import FloatArray

NAME = "affectnet-npy"
_SETS = {"train_set": "train", "val_set": "valid"}
_EXPRESSIONS = 8
_KINDS = ("exp", "val", "aro", "lnd")
_FILE = re.compile(rf"(\d+)_({'|'.join(_KINDS)})\.npy")


@register_corpus(
    Corpus(
        name=NAME,
        title="AffectNet, the edition with npy files",
        kind="annotations",
        labels="per image: valence-arousal, 8 expressions",
        access="from its authors at the University of Denver",
        terms=ON_REQUEST,
        layout=(
            "{train_set,val_set}/images/N.jpg",
            "{train_set,val_set}/annotations/N_exp.npy, N_val.npy, N_aro.npy, N_lnd.npy",
        ),
        counts={"train": 287651, "valid": 3999},
        counts_source="sizes that users of this edition report",
        figures=(
            Figure("accuracy, 7 classes", "best", "67.7 %", COLLECTED),
            Figure("accuracy, 8 classes", "best", "64.1 %", COLLECTED),
        ),
    )
)
def load_affectnet_npy(root: str | Path) -> ImageCorpus:
    """Read all annotations that are there and find the images.

    Raises
    ------
    DataError
        If neither set is there, a file cannot be read or holds something else, an annotation lacks
        one of its four files, or no image is there; the message names the file.
    """
    folder = Path(root)
    if (folder / "AffectNet").is_dir():
        folder /= "AffectNet"
    there = [name for name in _SETS if (folder / name / "annotations").is_dir()]
    if not there:
        looked = [f"{name}/annotations" for name in _SETS]
        raise DataError(f"{folder}: looked for {looked}, found neither")
    images: list[str | None] = []
    splits: list[str] = []
    labels: list[FloatArray] = []
    for name in there:
        numbers = _numbers(folder / name / "annotations")
        pictures = {path.name for path in (folder / name / "images").glob("*.jpg")}
        for number in numbers:
            picture = f"{number}.jpg"
            images.append(f"{name}/images/{picture}" if picture in pictures else None)
            splits.append(_SETS[name])
            labels.append(_labels(folder / name / "annotations", number))
    absent = images.count(None)
    if absent == len(images):
        raise DataError(f"{folder / there[0] / 'images'}: looked for N.jpg, found no image")
    stacked = np.stack(labels)  # (n, 2 + 1 + 10)
    table = annotation_table(
        images,
        splits,
        valence_arousal=stacked[:, :2],
        expression=stacked[:, 2].astype(np.int64),
        landmarks=stacked[:, 3:],
    )
    notes = [f"{folder}: there is no {name}/annotations" for name in _SETS if name not in there]
    if absent:
        notes.append(f"{absent} of {len(images)} images are not there")
    return ImageCorpus(NAME, folder, table, tuple(notes))


def _numbers(place: Path) -> list[int]:
    """Numbers of the annotated images, in order; every one has all four files."""
    found: dict[int, set[str]] = {}
    for path in place.iterdir():
        match = _FILE.fullmatch(path.name)
        if match is not None:
            found.setdefault(int(match[1]), set()).add(match[2])
    if not found:
        raise DataError(f"{place}: looked for N_exp.npy and so on, found none")
    for number, kinds in sorted(found.items()):
        lost = [kind for kind in _KINDS if kind not in kinds]
        if lost:
            raise DataError(f"{place / f'{number}_{lost[0]}.npy'}: no such file")
    return sorted(found)


def _labels(place: Path, number: int) -> FloatArray:
    """float32 (13,): valence, arousal, expression, landmarks (10)."""
    rated = []
    for kind in ("val", "aro"):
        path = place / f"{number}_{kind}.npy"
        value = _number(path)
        if not (-1 <= value <= 1 or value == NOT_RATED):
            raise DataError(f"{path}: is {value:g}; expected -1 to 1, or -2 where not annotated")
        rated.append(value)
    if NOT_RATED in rated:
        rated = [np.nan, np.nan]
    path = place / f"{number}_exp.npy"
    code = _number(path)
    if code not in range(_EXPRESSIONS):
        raise DataError(f"{path}: is {code:g}; expected an expression from 0 to 7")
    path = place / f"{number}_lnd.npy"
    points = _array(path).ravel()
    if points.size != 2 * POINTS or points.dtype.kind not in "fiu" or not np.isfinite(points).all():
        raise DataError(
            f"{path}: holds {points.size} {points.dtype}; expected {2 * POINTS} finite numbers"
        )
    return np.array([*rated, TO_BASIC[int(code)], *five_of(points.astype(np.float64))], np.float32)


def _number(path: Path) -> float:
    array = _array(path)
    value = as_number(str(array.ravel()[0])) if array.size == 1 else None
    if value is None:
        raise DataError(f"{path}: holds {str(array)[:40]!r}; expected one number")
    return value


def _array(path: Path) -> npt.NDArray[np.generic]:
    try:
        array: npt.NDArray[np.generic] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read as npy ({error})") from error
    return array
