"""``peaks.json``: the pictures of a report, kept for when it is written again without a source."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from pathlib import Path

from mien.errors import DataError, OutputError
from mien.io import write_json
from mien.output.people.file import People, Piece
from mien.pipeline.face_state import WORTH_A_PICTURE
from mien.types import FaceSummary

PICTURES_FILE = "peaks.json"
_SCHEMA = 1
_SAME_S = 5e-4

_Kept = list[tuple[float, bytes]]  # time in the source (seconds) and JPEG


def write_pictures(faces: Sequence[FaceSummary], folder: Path) -> None:
    """Write the pictures at the peaks of all faces; without any there is no file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    found = {
        (face.face_id, float(time_s)): face.thumbnails[name]
        for face in faces
        for name, time_s in zip(face.labels.affect_columns, face.peak_time_s, strict=True)
        if name in face.thumbnails and math.isfinite(time_s)
    }
    if not found:
        return
    told = [
        {"face_id": face_id, "time_s": time_s, "jpeg": base64.b64encode(jpeg).decode("ascii")}
        for (face_id, time_s), jpeg in sorted(found.items())
    ]
    try:
        write_json(folder / PICTURES_FILE, {"schema_version": _SCHEMA, "pictures": told})
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written to ({error.strerror})") from error


def add_pictures(faces: Sequence[FaceSummary], folder: Path, people: People | None) -> None:
    """Put the kept pictures into the summaries, where a face peaks at the time of one.

    A person has those of its faces. What peaks elsewhere than before, because a person was split,
    has none.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    kept = _read(folder / PICTURES_FILE)
    if not kept:
        return
    pieces: dict[int, tuple[Piece, ...]] = {one.face_id: (Piece(one.face_id),) for one in faces}
    if people is not None:
        pieces = {people.numbers[one.name]: one.pieces for one in people.persons}
    for face in faces:
        own = [
            (time_s, jpeg)
            for piece in pieces[face.face_id]
            for time_s, jpeg in kept.get(piece.face, [])
            if piece.from_s <= time_s < piece.to_s
        ]
        for name, peak, peak_s in zip(
            face.labels.affect_columns, face.peak, face.peak_time_s, strict=True
        ):
            if not abs(float(peak)) >= WORTH_A_PICTURE:  # another channel's picture, of that moment
                continue
            for time_s, jpeg in own:
                if abs(time_s - peak_s) < _SAME_S:  # not NaN
                    face.thumbnails[name] = jpeg


def _read(path: Path) -> dict[int, _Kept]:
    found: dict[int, _Kept] = {}
    try:
        for one in json.loads(path.read_text(encoding="utf-8"))["pictures"]:
            jpeg = base64.b64decode(one["jpeg"], validate=True)
            found.setdefault(int(one["face_id"]), []).append((float(one["time_s"]), jpeg))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read; remove it, or analyse the input again") from error
    return found
