"""What MRAN read at the strongest moment of each face, kept so that a report can be written again.

``mran-views.npz`` holds per face ``<id>`` of ``face_ids`` (int32): ``time_s_<id>`` float64 (),
``affect_<id>`` float32 (2,), ``color_<id>`` uint8 (112, 112, 3), ``attention_<id>`` float32 (h, w)
and, where the streams were there, ``depth_mm_<id>`` and ``thermal_c_<id>`` float32 (112, 112).
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from mien.errors import DataError
from mien.output.people.file import People, Piece
from mien.types import FaceSummary, MranView

VIEWS_FILE = "mran-views.npz"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes in every run
_PARTS = tuple(part.name for part in fields(MranView))


def write_views(faces: Sequence[FaceSummary], folder: Path) -> None:
    """Write the views of all faces that have one; no file where none has."""
    views = {f.face_id: f.mran.view for f in faces if f.mran is not None and f.mran.view}
    if not views:
        return
    arrays = {"face_ids": np.array(sorted(views), np.int32)}
    for face_id, view in sorted(views.items()):
        told = {name: getattr(view, name) for name in _PARTS}
        arrays |= {f"{n}_{face_id}": np.asarray(v) for n, v in told.items() if v is not None}
    with zipfile.ZipFile(folder / VIEWS_FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)


def add_views(faces: Sequence[FaceSummary], folder: Path, people: People | None) -> None:
    """Put what was written into the summaries of MRAN; of a person the strongest of its pieces.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    path = folder / VIEWS_FILE
    if not path.is_file():
        return
    try:
        with np.load(path, allow_pickle=False) as data:
            views = {number: _view(data, number) for number in data["face_ids"].tolist()}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read; remove it, or analyse the input again") from error
    pieces: dict[int, tuple[Piece, ...]] = {one.face_id: (Piece(one.face_id),) for one in faces}
    if people is not None:
        pieces = {people.numbers[one.name]: one.pieces for one in people.persons}
    for face in faces:
        own = [
            view
            for piece in pieces[face.face_id]
            for view in (views.get(piece.face),)
            if view is not None and piece.from_s <= view.time_s < piece.to_s
        ]
        if face.mran is not None and own:
            face.mran.view = max(own, key=lambda view: float(np.hypot(*view.affect)))


def _view(data: np.lib.npyio.NpzFile, face_id: int) -> MranView:
    told = {n: data[f"{n}_{face_id}"] for n in _PARTS if f"{n}_{face_id}" in data.files}
    return MranView(**{**dict.fromkeys(_PARTS), **told, "time_s": float(told["time_s"])})  # type: ignore[arg-type]
