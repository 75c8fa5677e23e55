"""``peaks.json``: the pictures of a report, kept for when it is written again without a source."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import DataError, OutputError
from mien.io import write_json
from mien.output.people.file import People, Piece
from mien.types import FaceSummary

PICTURES_FILE = "peaks.json"
_SCHEMA = 1
_SAME_S = 5e-4


@dataclass(frozen=True)
class _Kept:
    """One picture: its time in the source, and the channels that peak there and show it."""

    time_s: float
    channels: frozenset[str]
    jpeg: bytes


def write_pictures(faces: Sequence[FaceSummary], folder: Path) -> None:
    """Write the pictures at the peaks of all faces; without any there is no file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    found: dict[tuple[int, float], tuple[bytes, list[str]]] = {}
    for face in faces:
        for name, time_s in zip(face.labels.affect_columns, face.peak_time_s, strict=True):
            if name in face.thumbnails and math.isfinite(time_s):
                place = (face.face_id, float(time_s))
                found.setdefault(place, (face.thumbnails[name], []))[1].append(name)
    if not found:
        return
    told = [
        {
            "face_id": face_id,
            "time_s": time_s,
            "channels": channels,
            "jpeg": base64.b64encode(jpeg).decode("ascii"),
        }
        for (face_id, time_s), (jpeg, channels) in sorted(found.items())
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
            one
            for piece in pieces[face.face_id]
            for one in kept.get(piece.face, [])
            if piece.from_s <= one.time_s < piece.to_s
        ]
        for name, peak_s in zip(face.labels.affect_columns, face.peak_time_s, strict=True):
            for one in own:
                if name in one.channels and abs(one.time_s - peak_s) < _SAME_S:  # not NaN
                    face.thumbnails[name] = one.jpeg


def _read(path: Path) -> dict[int, list[_Kept]]:
    found: dict[int, list[_Kept]] = {}
    try:
        for one in json.loads(path.read_text(encoding="utf-8"))["pictures"]:
            jpeg = base64.b64decode(one["jpeg"], validate=True)
            picture = _Kept(float(one["time_s"]), frozenset(one["channels"]), jpeg)
            found.setdefault(int(one["face_id"]), []).append(picture)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read; remove it, or analyse the input again") from error
    return found
