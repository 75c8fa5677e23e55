"""A result as ``people.json`` has it: one person where there were several faces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from mien.output.people.file import People, Person
from mien.output.saved import add_reactions, face_numbers, summaries_of
from mien.pipeline.summary import face_entry
from mien.types import FaceSummary

_NOTE = "a part of a face has no reactions of its own: analyse that part with --start and --end"


def apply_people(
    table: pa.Table, document: dict[str, Any], people: People
) -> tuple[pa.Table, dict[str, Any], list[FaceSummary]]:
    """The table, the document and the summaries with persons in the place of faces.

    Parameters
    ----------
    table
        A frames table: ``face_id`` becomes the number of the person, ``person`` is added at the
        end. Rows of those who are excluded are gone; a frame left without gets an empty one.
    document
        Its ``video.json``: the entries of faces are made anew, with ``name`` and ``merged_from``.
        Reactions of a person are the mean over the windows of all its faces, each weighted by its
        usable positions, as those of one face are.

    Raises
    ------
    DataError
        If one person would be in a frame twice.
    """
    time_s = table.column("timestamp_s").to_numpy()
    number = people.assign(face_numbers(table), time_s)
    by_number = {k: p for p in people.persons for k in (people.numbers[p.name],) if not p.excluded}
    kept, emptied = _kept(table, number)
    names = [by_number[k].name if k >= 0 else None for k in number[kept].tolist()]
    found = _emptied(table.take(pa.array(kept)), number[kept], emptied)
    found = found.append_column("person", pa.array(names, pa.string()))
    faces = summaries_of(found, document)
    without = int((number[kept] < 0).sum())
    entries = [_entry(face, by_number[face.face_id], document) for face in faces]
    return found, {**document, "frames_without_face": without, "faces": entries}, faces


def _kept(table: pa.Table, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that stay, and which of them have lost their face: one of every frame without any."""
    frame = table.column("frame").to_numpy()
    left = {*frame[number >= 0].tolist()}
    first = np.zeros(len(frame), bool)
    first[np.unique(frame, return_index=True)[1]] = True
    empty = first & np.array([k not in left for k in frame.tolist()], bool)
    kept = np.flatnonzero((number >= 0) | empty)
    return kept, number[kept] < 0


def _emptied(table: pa.Table, number: np.ndarray, emptied: np.ndarray) -> pa.Table:
    """The table with these numbers; rows without one have no estimates."""
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name == "face_id":
            column = pa.array(number, pa.int32(), mask=emptied)
        elif emptied.any() and name not in ("frame", "timestamp_s"):
            values = column.to_numpy().copy()
            values[emptied] = np.nan
            column = pa.array(values, column.type, from_pandas=False)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=table.schema)


def _entry(face: FaceSummary, person: Person, document: dict[str, Any]) -> dict[str, Any]:
    told = {entry["face_id"]: entry for entry in document["faces"]}
    whole = [piece.face for piece in person.pieces if piece.is_whole]
    if len(whole) == 1 == len(person.pieces) and whole[0] == face.face_id:
        return {**told[face.face_id], "name": person.name}
    entry = face_entry(face, bool(document["source"]["is_image"]), 0.0, _NOTE)
    of_faces = [told[number]["reactions"] for number in whole if number in told]
    entry["reactions"] = _pooled(of_faces) or {"video": None, "windows": [], "note": _NOTE}
    if len(whole) < len(person.pieces):
        entry["reactions"] = {"video": None, "windows": [], "note": _NOTE}
    face.reactions, face.reaction_windows = None, []
    add_reactions(face, entry["reactions"])
    return {**entry, "name": person.name, "merged_from": [str(piece) for piece in person.pieces]}


def _pooled(told: list[dict[str, Any]]) -> dict[str, Any] | None:
    windows = [window for one in told for window in one["windows"]]
    total = sum(window["routed"] for window in windows)
    if not total:
        note = next((one["note"] for one in told if one["note"]), None)
        return {"video": None, "windows": [], "note": note}
    windows.sort(key=lambda window: window["start_s"])
    video = {
        name: round(sum(w["intensities"][name] * w["routed"] for w in windows) / total, 6)
        for name in windows[0]["intensities"]
    }
    return {"video": video, "windows": windows, "note": None}
