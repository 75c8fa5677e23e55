"""`ImageCorpus`: images and video frames with whatever labels their corpus has, as one table.

Columns of the table (`ANNOTATION_SCHEMA`), the same for every corpus:

* ``image``: path relative to the corpus's folder, null where there is no such file;
* ``video``, ``frame``: name and 1-based number, null for single images;
* ``split``: train, valid or test;
* ``valence``, ``arousal``: float32 in [-1, 1], NaN where not annotated;
* ``expression``: int32, index into `mien.labels.EXPRESSIONS`, -1 where not annotated or none of
  the seven (contempt, other);
* ``au01`` ... ``au26``: float32, 1 active, 0 not, NaN where not annotated;
* ``box_x box_y box_w box_h`` and five landmarks in pixels of the image, NaN where unknown.

A corpus may have further ``au*`` columns behind these, such as ``au14``; where people coded how
strong units are, ``au01_intensity`` and so on, float32 0 to 5, NaN where not annotated, for every
unit of the table; and further expressions in its ``dataset.json``, such as contempt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from mien.errors import DataError
from mien.io import DOCUMENT, read_dataset, write_json
from mien.labels import ACTION_UNIT_COLUMNS, EXPRESSIONS, LANDMARKS, VALENCE_AROUSAL, LabelSet
from mien.parquet import matrix, numbers, read_parquet, write_whole
from mien.types import FloatArray

FORMAT = "mien prepared annotations"
VERSION = 1

EXPRESSION_WORDS: dict[str, str] = {
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
"""Words that corpora have for the seven expressions, in lower case, and our names."""

BOX_COLUMNS = ("box_x", "box_y", "box_w", "box_h")
LANDMARK_COLUMNS = tuple(f"{name}_{axis}" for name in LANDMARKS for axis in "xy")

ANNOTATION_SCHEMA = pa.schema(
    [
        pa.field("image", pa.string()),
        pa.field("video", pa.string()),
        pa.field("frame", pa.int64()),
        pa.field("split", pa.string(), nullable=False),
        *(pa.field(name, pa.float32()) for name in VALENCE_AROUSAL),
        pa.field("expression", pa.int32(), nullable=False),
        *(pa.field(name, pa.float32()) for name in ACTION_UNIT_COLUMNS),
        *(pa.field(name, pa.float32()) for name in (*BOX_COLUMNS, *LANDMARK_COLUMNS)),
    ]
)


@dataclass(frozen=True)
class ImageCorpus:
    """Annotated images of one corpus.

    Attributes
    ----------
    name
        Its name in `mien.data.registry`.
    root
        The folder that paths of images are relative to.
    table
        One row per annotated image or frame, see above.
    notes
        What is worth knowing, one sentence each.
    expression_names
        What the numbers of the column ``expression`` mean.
    """

    name: str
    root: Path
    table: pa.Table
    notes: tuple[str, ...] = ()
    expression_names: tuple[str, ...] = EXPRESSIONS

    @property
    def labels(self) -> LabelSet:
        """Its expressions and action units."""
        units = LabelSet.of_columns([*self.table.column_names, "expr_any"]).action_units
        return LabelSet(self.expression_names, units)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def valence_arousal(self) -> FloatArray:
        """float32 (n, 2), NaN where not annotated."""
        return matrix(self.table, VALENCE_AROUSAL)

    @property
    def expressions(self) -> npt.NDArray[np.int64]:
        """int64 (n,), -1 where not annotated or none of the seven."""
        indices: npt.NDArray[Any] = self.table.column("expression").to_numpy()
        return indices.astype(np.int64)

    @property
    def action_units(self) -> FloatArray:
        """float32 (n, 17), or as many as ``labels`` says, NaN where not annotated."""
        return matrix(self.table, self.labels.action_unit_columns)

    @property
    def intensities(self) -> FloatArray | None:
        """float32 (n, 17), 0 to 5, NaN where not annotated; None: the corpus says nothing."""
        columns = self.labels.intensity_columns
        return matrix(self.table, columns) if columns[0] in self.table.column_names else None

    def counts(self) -> dict[str, int]:
        """Annotated images, per split and per kind of label; files that are there; videos."""
        splits = Counter(self.table.column("split").to_pylist())
        images = self.table.column("image")
        counts = {
            "annotated": len(self),
            **{split: splits[split] for split in ("train", "valid", "test")},
            "image files": len(images) - images.null_count,
            "valence-arousal": int(np.isfinite(self.valence_arousal).all(axis=1).sum()),
            "expressions": int((self.expressions >= 0).sum()),
            "action units": int(np.isfinite(self.action_units).any(axis=1).sum()),
        }
        videos = self.table.column("video")
        if videos.null_count < len(videos):
            counts["videos"] = int(pa.compute.count_distinct(videos).as_py())
        return counts


def annotation_table(
    image: Sequence[str | None],
    split: Sequence[str],
    *,
    video: Sequence[str] | None = None,
    frame: npt.NDArray[np.int64] | None = None,
    valence_arousal: FloatArray | None = None,
    expression: npt.NDArray[np.int64] | None = None,
    action_units: FloatArray | None = None,
    boxes: FloatArray | None = None,
    landmarks: FloatArray | None = None,
) -> pa.Table:
    """A table of `ANNOTATION_SCHEMA`; what is not given is missing in every row.

    Parameters
    ----------
    image, split, video, frame
        n entries each.
    valence_arousal, expression, action_units, boxes, landmarks
        (n, 2), (n,), (n, 17), (n, 4) and (n, 5, 2).
    """
    count = len(image)

    def columns(values: FloatArray | None, width: int) -> list[pa.Array]:
        if values is None:
            values = np.full((count, width), np.nan, np.float32)
        return [numbers(column, pa.float32()) for column in values.reshape(count, width).T]

    if expression is None:
        expression = np.full(count, -1, np.int64)
    arrays = [
        pa.array(list(image), pa.string()),
        pa.nulls(count, pa.string()) if video is None else pa.array(list(video), pa.string()),
        pa.nulls(count, pa.int64()) if frame is None else numbers(frame, pa.int64()),
        pa.array(list(split), pa.string()),
        *columns(valence_arousal, len(VALENCE_AROUSAL)),
        numbers(expression, pa.int32()),
        *columns(action_units, len(ACTION_UNIT_COLUMNS)),
        *columns(boxes, len(BOX_COLUMNS)),
        *columns(landmarks, len(LANDMARK_COLUMNS)),
    ]
    return pa.Table.from_arrays(arrays, schema=ANNOTATION_SCHEMA)


def with_units(
    table: pa.Table, further: Mapping[int, FloatArray], intensities: FloatArray | None = None
) -> pa.Table:
    """The table with further action units, and with intensities of all of them.

    Parameters
    ----------
    further
        Number of a unit that `ANNOTATION_SCHEMA` does not have -> (n,), 1, 0 or NaN.
    intensities
        (n, 17 and as many as `further` has), 0 to 5 or NaN.
    """
    names = [f"au{unit:02d}" for unit in further]
    columns = dict(zip(names, further.values(), strict=True))
    if intensities is not None:
        units = [f"{name}_intensity" for name in (*ACTION_UNIT_COLUMNS, *names)]
        columns.update(zip(units, intensities.T, strict=True))
    for name, values in columns.items():
        table = table.append_column(pa.field(name, pa.float32()), numbers(values, pa.float32()))
    return table


def write_annotations(corpus: ImageCorpus, folder: Path) -> dict[str, Any]:
    """Write ``annotations.parquet`` and ``dataset.json``; the content of the latter is returned."""
    write_whole(folder / "annotations.parquet", corpus.table)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "corpus": corpus.name,
        "root": str(corpus.root.resolve()),
        "expressions": list(corpus.expression_names),
        "counts": corpus.counts(),
        "notes": list(corpus.notes),
    }
    write_json(folder / DOCUMENT, document)
    return document


def read_annotations(folder: str | Path) -> ImageCorpus:
    """What `write_annotations` wrote.

    Raises
    ------
    DataError
        If a file is missing, damaged, or of another format.
    """
    place = Path(folder)
    needs = ("corpus", "root", "expressions", "notes")
    document = read_dataset(place, "prepared annotations", (FORMAT, VERSION), needs)
    if tuple(document["expressions"][: len(EXPRESSIONS)]) != EXPRESSIONS:
        raise DataError(
            f"{place / DOCUMENT}: its expressions are {document['expressions']}; expected "
            f"{EXPRESSIONS}"
        )
    table = read_parquet(place / "annotations.parquet")
    further = [name for name in table.column_names if re.fullmatch("au[0-9]{2}", name)]
    further = [name for name in further if name not in ACTION_UNIT_COLUMNS]
    intensities = [f"{name}_intensity" for name in (*ACTION_UNIT_COLUMNS, *further)]
    known = (_with_units(further), _with_units([*further, *intensities]))
    if not any(table.schema.equals(schema) for schema in known):
        raise DataError(
            f"{place / 'annotations.parquet'}: its columns are not those of this version of mien; "
            "prepare the corpus again"
        )
    return ImageCorpus(
        document["corpus"],
        Path(document["root"]),
        table,
        tuple(document["notes"]),
        tuple(document["expressions"]),
    )


def _with_units(names: Sequence[str]) -> pa.Schema:
    """`ANNOTATION_SCHEMA` with further columns of action units behind it."""
    return pa.schema([*ANNOTATION_SCHEMA, *(pa.field(name, pa.float32()) for name in names)])


def expression_index(name: str, outside: Sequence[str]) -> int:
    """Index of a corpus's expression among the seven, -1 for those outside them.

    Raises
    ------
    DataError
        If the name is neither.

    Examples
    --------
    >>> expression_index("Happy", ()), expression_index("Contempt", ("Contempt",))
    (4, -1)
    """
    word = name.lower()
    if word in EXPRESSION_WORDS:
        return EXPRESSIONS.index(EXPRESSION_WORDS[word])
    if name in outside:
        return -1
    raise DataError(f"expression {name!r} is neither one of {EXPRESSIONS} nor of {tuple(outside)}")
