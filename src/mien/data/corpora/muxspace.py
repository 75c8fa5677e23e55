"""muxspace/facial_expressions: photographs with one expression label each, as face crops.

Layout: a zip of JPEG files and a csv of the same rows with at least ``file, label, lx0, ly0 ..
lx4, ly4`` (five landmarks in crop pixels; eye on the left of the image first, then the other eye,
nose, mouth corners) and, where known, ``person``. CK+48 and the like can be given in it too.

Caveats that the loader acts on: the few coloured files come from films and hold most of the rare
classes, so every image is read in grey; the corpus has no split of its own, so a tenth of the
people, chosen by a hash of the name, is ``valid``.
"""

from __future__ import annotations

import csv
import hashlib
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np

from mien.data.faces import FaceSet, aligned_matrices, framed_matrices
from mien.data.formats.annotations import EXPRESSION_WORDS
from mien.data.registry import Corpus, register_corpus, register_faces
from mien.data.targets.mesh import load_mesh, no_mesh
from mien.data.targets.mesh_units import mesh_labels, photograph_units
from mien.data.targets.votes import smoothed_labels
from mien.errors import DataError
from mien.labels import EXPRESSIONS

TENTHS = 10
_HELD_OUT = 0
_POINTS = [f"l{axis}{i}" for i in range(5) for axis in "xy"]
# Labels of the usual sets that are not among the 7; anything else is a mistake worth stopping at.
_OUTSIDE = {"contempt", "unknown", "other", ""}


@register_corpus(
    Corpus(
        name="muxspace",
        title="muxspace/facial_expressions",
        kind="faces",
        labels="per image: one of 8 expressions",
        access="github.com/muxspace/facial_expressions, cropped to faces",
        terms="Apache-2.0 for the repository; many photographs come from sets with narrower terms",
        layout=(
            "a zip of equal square face crops and a csv with file,label,lx0,ly0..lx4,ly4,person",
            "beside it, if there: mesh-<name>.npz, what a face mesh saw",
        ),
    )
)
@register_faces("faces", ("mesh", "color_weight"))
def load_muxspace(
    archive: str | Path,
    table: str | Path | None = None,
    mesh: str | Path | None = None,
    color_weight: float = 1.0,
) -> FaceSet:
    """Load a zip of faces with its csv.

    Parameters
    ----------
    archive
        The zip.
    table
        The csv; None looks for the zip's name with ``.csv``, then for a csv inside the zip.
    mesh
        What a face mesh saw of the same rows (`mien.data.targets.mesh`); None: of the action units
        only those that the label alone says (9 and 11).
    color_weight
        ``expression_weight`` of faces whose source is in color, by the csv's ``grey_source``;
        grey sources have 1.

    Raises
    ------
    DataError
        If a file, a column or a listed image is missing, a label is unknown, or images differ in
        size.
    """
    archive = Path(archive)
    rows, images, source = read_face_zip(archive, Path(table) if table else None)
    labels = np.array([_expression_index(row["label"], source, i) for i, row in enumerate(rows)])
    count = len(rows)
    known = labels >= 0
    names = np.array([row["file"] for row in rows])
    seen = load_mesh(mesh, names) if mesh is not None else no_mesh(count)
    expressions = smoothed_labels(labels)
    framed = framed_matrices(count, images.shape[1])
    aligned = np.full((count, 2, 3), np.nan, np.float32)
    if all(name in rows[0] for name in _POINTS):
        aligned = aligned_matrices(read_points(rows, source), framed)
    people = [row.get("person") or row["file"] for row in rows]
    return FaceSet(
        corpus=archive.stem.removesuffix("_faces"),
        names=names,
        images=images,
        aligned=aligned,
        framed=framed,
        expressions=expressions,
        expression_weight=np.where(known, _weights(rows, source, color_weight), 0).astype(
            np.float32
        ),
        majority=labels,
        # One label without a degree: a point in the valence-arousal plane would be invented.
        valence_arousal=np.full((count, 2), np.nan, np.float32),
        action_units=photograph_units(seen, expressions),
        **mesh_labels(seen),
        split=np.where([tenth_of(person) == _HELD_OUT for person in people], "valid", "train"),
        counted=np.ones(count, bool),
    )


def read_face_zip(
    archive: Path, table: Path | None, columns: tuple[str, ...] = ("file", "label")
) -> tuple[list[dict[str, str]], np.ndarray, str]:
    """Rows of the csv, grey pictures (n, side, side) in their order, and what to blame in messages.

    Raises
    ------
    DataError
        As `load_muxspace`; `columns` must be among those of the csv.
    """
    if not archive.is_file():
        raise DataError(f"{archive}: no such file")
    try:
        with zipfile.ZipFile(archive) as members:
            rows, source = _read_table(members, archive, table, columns)
            return rows, _read_images(members, archive, [row["file"] for row in rows]), source
    except (zipfile.BadZipFile, zlib.error) as broken:
        raise DataError(f"{archive}: not a readable zip file ({broken})") from broken


def _read_table(
    members: zipfile.ZipFile, archive: Path, table: Path | None, columns: tuple[str, ...]
) -> tuple[list[dict[str, str]], str]:
    """Rows of the csv and the name to blame in messages."""
    beside = table or archive.with_suffix(".csv")
    if beside.is_file():
        data, source = beside.read_bytes(), str(beside)
    else:
        inside = [name for name in members.namelist() if name.lower().endswith(".csv")]
        if table is not None or len(inside) != 1:
            raise DataError(f"{archive}: looked for {beside} or one csv inside, found {inside}")
        data, source = members.read(inside[0]), f"{archive}/{inside[0]}"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        raise DataError(f"{source}: not a text in UTF-8 ({broken.reason})") from broken
    rows = [
        {
            (key or "").strip(): (value or "").strip()
            for key, value in row.items()
            if key is not None
        }
        for row in csv.DictReader(text.splitlines())
    ]
    missing = [name for name in columns if not rows or name not in rows[0]]
    if missing:
        found = sorted(rows[0]) if rows else "no rows"
        raise DataError(f"{source}: looked for columns {missing}, found {found}")
    return rows, source


def _read_images(
    members: zipfile.ZipFile, archive: Path, files: list[str]
) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """All listed images in grey, (n, side, side)."""
    # Archives are packed with or without a folder around the images.
    by_name: dict[str, list[str]] = {}
    for member in members.namelist():
        by_name.setdefault(Path(member).name, []).append(member)
    images: list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]] = []
    for file in files:
        candidates = by_name.get(Path(file).name, [])
        if file in candidates:
            candidates = [file]
        if len(candidates) != 1:
            fault = f"several times in the archive: {candidates}" if candidates else "not in it"
            raise DataError(f"{archive}: {file!r} is in the table but {fault}")
        data = np.frombuffer(members.read(candidates[0]), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
        if image is None:
            raise DataError(f"{archive}: {file!r} is not a readable image")
        if image.shape[0] != image.shape[1] or (images and image.shape != images[0].shape):
            raise DataError(f"{archive}: {file!r} is {image.shape}: expected equal square crops")
        images.append(image.astype(np.uint8, copy=False))
    return np.stack(images)


def read_points(
    rows: list[dict[str, str]], source: str
) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Landmarks (n, 5, 2) of the rows of a csv, NaN where one is missing; `source` is to blame."""
    points = np.full((len(rows), 10), np.nan, np.float32)
    for i, row in enumerate(rows):
        texts = [row[name] for name in _POINTS]
        if all(texts):
            try:
                points[i] = [float(text) for text in texts]
            except ValueError as broken:
                raise DataError(f"{source}, line {i + 2}: landmarks {texts}: {broken}") from broken
    return points.reshape(-1, 5, 2)


def _weights(
    rows: list[dict[str, str]], source: str, color_weight: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if color_weight == 1:
        return np.ones(len(rows))
    marks = [row.get("grey_source") for row in rows]
    if not set(marks) <= {"0", "1"}:
        raise DataError(f"{source}: a color_weight needs a column grey_source of 0 and 1")
    return np.where([mark == "0" for mark in marks], color_weight, 1.0)


def _expression_index(label: str, source: str, row: int) -> int:
    name = EXPRESSION_WORDS.get(label.lower(), label.lower())
    if name in EXPRESSIONS:
        return EXPRESSIONS.index(name)
    if name in _OUTSIDE:
        return -1
    raise DataError(f"{source}, line {row + 2}: label {label!r} is none of {EXPRESSIONS}")


def tenth_of(person: str) -> int:
    """Which tenth of the people somebody is in, 0 to 9; the tenth of number 0 is held out.

    The same on every machine and in every order of the rows.

    Examples
    --------
    >>> tenth_of("anna"), tenth_of("ben")
    (5, 4)
    """
    return int(hashlib.sha256(person.encode()).hexdigest(), 16) % TENTHS
