"""AffectNet (Mollahosseini et al., IEEE Trans. Affective Computing 10(1), 2019): web images.

Layout: ``training.csv`` and ``validation.csv`` in the folder, in ``Manually_Annotated_file_lists``
or in ``Manually_Annotated/Manually_Annotated_file_lists``, with the columns
``subDirectory_filePath, face_x, face_y, face_width, face_height, facial_landmarks, expression,
valence, arousal``. Images lie at ``subDirectory_filePath`` below the folder or below
``Manually_Annotated_Images`` (also below ``Manually_Annotated``).

Expressions 0 to 7 are Neutral, Happy, Sad, Surprise, Fear, Disgust, Anger, Contempt; 8 to 10 (None,
Uncertain, Non-Face) are no expression. Contempt is none of the seven. Valence or arousal of -2 is
not annotated. Of the 68 landmarks in the usual order, five become those of
`mien.labels.LANDMARKS`: each eye is the mean of its six points.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.data.formats.annotations import ImageCorpus, annotation_table, expression_index
from mien.data.formats.text_tables import Row, as_number, read_rows
from mien.data.registry import COLLECTED, ON_REQUEST, Corpus, Figure, register_corpus
from mien.data.videos import FirstSeen
from mien.errors import DataError
from mien.types import FloatArray

NAME = "affectnet"
EXPRESSION_CODES = (
    "Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt", "None",
    "Uncertain", "Non-Face",
)  # fmt: skip
"""What the numbers 0 to 10 mean."""
_OUTSIDE = EXPRESSION_CODES[7:]
TO_BASIC = [expression_index(name, _OUTSIDE) for name in EXPRESSION_CODES]
"""Index into `mien.labels.EXPRESSIONS` of each code, -1 for what is none of the seven."""

_FILES = {"training.csv": "train", "validation.csv": "valid"}
_LISTS = ("", "Manually_Annotated_file_lists", "Manually_Annotated/Manually_Annotated_file_lists")
_IMAGES = ("", "Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images")
_BOX = ("face_x", "face_y", "face_width", "face_height")
_COLUMNS = (
    "subDirectory_filePath", *_BOX, "facial_landmarks", "expression", "valence", "arousal",
)  # fmt: skip
NOT_RATED = -2.0
_UNKNOWN = ("", "NULL", "null")
POINTS = 68


@register_corpus(
    Corpus(
        name="affectnet",
        title="AffectNet",
        kind="annotations",
        labels="per image: valence-arousal, 8 expressions",
        access="from its authors at the University of Denver",
        terms=ON_REQUEST,
        layout=(
            "training.csv and validation.csv, also in Manually_Annotated_file_lists/: "
            "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
            "expression,valence,arousal",
            "<subDirectory_filePath>, also below Manually_Annotated_Images/",
        ),
        figures=(
            Figure("accuracy, 7 classes", "best", "67.7 %", COLLECTED),
            Figure("accuracy, 8 classes", "best", "64.1 %", COLLECTED),
        ),
    )
)
def load_affectnet(root: str | Path) -> ImageCorpus:
    """Read the manual annotations and find the images.

    Parameters
    ----------
    root
        The folder of the corpus.

    Returns
    -------
    An `ImageCorpus` with boxes and landmarks.

    Raises
    ------
    DataError
        If no list is found, a row cannot be read, an image is listed twice, or none is there.
    """
    folder = Path(root)
    lists = {name: _one_of(folder, name) for name in _FILES}
    if not any(lists.values()):
        if (folder / "train_set").is_dir() or (folder / "val_set").is_dir():
            raise DataError(f"{folder}: is the npy edition: mien datasets prepare affectnet-npy")
        looked = [str(Path(place, "training.csv")) for place in _LISTS]
        raise DataError(f"{folder}: looked for {looked}, or validation.csv there, found neither")
    names, splits, labels = [], [], []
    for file, path in lists.items():
        for row in _rows(path):
            names.append(row.text("subDirectory_filePath"))
            splits.append(_FILES[file])
            labels.append(_labels(row))
    base = _image_folder(folder, names)
    there = [(folder / base / name).is_file() for name in names]
    absent = there.count(False)
    stacked = np.stack(labels)  # (n, 2 + 1 + 4 + 10)
    table = annotation_table(
        [
            Path(base, n).as_posix() if found else None
            for n, found in zip(names, there, strict=True)
        ],
        splits,
        valence_arousal=stacked[:, :2],
        expression=stacked[:, 2].astype(np.int64),
        boxes=stacked[:, 3:7],
        landmarks=stacked[:, 7:],
    )
    notes = [f"{folder}: there is no {name}" for name, path in lists.items() if path is None]
    if absent:
        notes.append(f"{absent} of {len(names)} images are not there")
    return ImageCorpus(NAME, folder, table, tuple(notes))


def _one_of(folder: Path, name: str) -> Path | None:
    found = [folder / place / name for place in _LISTS if (folder / place / name).is_file()]
    if len(found) > 1:
        raise DataError(f"{folder}: {name} is there twice: {found[0]} and {found[1]}")
    return found[0] if found else None


def _rows(path: Path | None) -> Iterator[Row]:
    if path is None:
        return
    seen = FirstSeen()
    for row in read_rows(path, _COLUMNS):
        name = row.text("subDirectory_filePath")
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise row.error(
                f"'subDirectory_filePath' is {name!r}; expected a path below the images"
            )
        seen.add(name, f"the image {name!r}", row)
        yield row


def _image_folder(folder: Path, names: list[str]) -> str:
    """The folder that images are below, relative to the corpus's."""
    for place in _IMAGES:
        if any((folder / place / name).is_file() for name in names):
            return place
    looked = [str(Path(place, names[0])) for place in _IMAGES]
    raise DataError(f"{folder}: looked for {looked} and {len(names) - 1} more, found no image")


def _labels(row: Row) -> FloatArray:
    """float32 (17,): valence, arousal, expression, box (4), landmarks (10)."""
    rated = []
    for name in ("valence", "arousal"):
        value = as_number(row.cells[name])
        if value is None or not (-1 <= value <= 1 or value == NOT_RATED):
            raise row.error(
                f"{name!r} is {row.cells[name]!r}; expected -1 to 1, or -2 where not annotated"
            )
        rated.append(value)
    if NOT_RATED in rated:
        rated = [np.nan, np.nan]
    code = row.integer("expression", range(len(EXPRESSION_CODES)))
    box = [np.nan] * 4
    if not any(row.cells[name] in _UNKNOWN for name in _BOX):
        box = [row.number(name, -1e6, 1e6) for name in _BOX]
    return np.array([*rated, TO_BASIC[code], *box, *_five_points(row)], np.float32)


def _five_points(row: Row) -> list[float]:
    """Ten coordinates of the five landmarks, NaN where the row has none."""
    text = row.cells["facial_landmarks"]
    if text in _UNKNOWN:
        return [np.nan] * 10
    values = [as_number(cell) for cell in text.split(";")]
    if len(values) != 2 * POINTS or None in values:
        raise row.error(
            f"'facial_landmarks' has {len(values)} entries; expected {2 * POINTS} numbers "
            "separated by semicolons"
        )
    return five_of(np.array(values, np.float64))


def five_of(values: npt.NDArray[np.float64]) -> list[float]:
    """Ten coordinates of the five landmarks, from 136 of the 68."""
    points = values.reshape(POINTS, 2)
    # The person's right eye is left in the image: points 36 to 41 of the usual 68.
    five = [points[36:42].mean(axis=0), points[42:48].mean(axis=0), *points[[30, 48, 54]]]
    return [float(value) for value in np.concatenate(five)]
