"""Which faces of one video may be one person: from appearance, within this video only.

What is compared is coarse on purpose and never written: the aligned face in luminance at 20 x 20
points, and the colours of hair and clothes around it, of a few frames each. It tells two people of
one recording apart as long as nobody changes clothes or light; it cannot find anybody again in
another recording, and lives in memory only while the suggestion is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mien.faces.align import align
from mien.output.people.file import People
from mien.output.saved import face_numbers, open_source
from mien.output.schema import BOX_COLUMNS, LANDMARK_COLUMNS
from mien.types import ImageArray

SURE = 0.5
"""From this on a suggestion is taken by ``--apply``."""

SHOWN = 0.25
"""Below this nothing is suggested."""

# Where likeness begins and where it is full. On real faces in one studio's light (36 people, one
# picture neutral and one smiling) two people reach 0.5 in 1 of 2,520 pairs, one person in 61 of
# 100: benchmarks/people_suggest.py.
_FACE = (0.82, 0.95)
_COLOUR = (0.75, 0.95)

_SAMPLES = 10  # frames of each face
_SIDE = 20
_LEVELS = 6  # of each of red, green and blue

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Suggestion:
    """Two persons who may be one; `sure` from 0 to 1."""

    first: str
    second: str
    sure: float


@dataclass(frozen=True)
class Look:
    """What one face looks like in k frames; NaN where a part is not in the picture."""

    face: Vector  # (k, 400), mean 0 and length 1
    hair: Vector  # (k, 216), shares
    clothes: Vector


def suggest_merges(
    table: pa.Table, document: dict[str, Any], people: People, source: Path
) -> list[Suggestion]:
    """Pairs of persons that are never in the same frame and look alike, the surest first.

    Parameters
    ----------
    table, document
        Of the result, as written.
    people
        Who is who so far; those who are excluded are left out.
    source
        The video, which is read once more.

    Raises
    ------
    InputError
        If the video cannot be read.
    """
    number = people.assign(face_numbers(table), table.column("timestamp_s").to_numpy())
    looks = _looks(table, document, number, source)
    names = {k: name for name, k in people.numbers.items()}
    frames = {k: {*table.column("frame").to_numpy()[number == k].tolist()} for k in looks}
    found = [
        Suggestion(names[one], names[other], round(alike(looks[one], looks[other]), 2))
        for one, other in combinations(sorted(looks), 2)
        if not frames[one] & frames[other]
    ]
    return sorted((s for s in found if s.sure >= SHOWN), key=lambda s: -s.sure)


def apply_sure(people: People, table: pa.Table, suggestions: list[Suggestion]) -> People:
    """Merge what is sure, the surest first; never two that are seen in one frame."""
    face_id, frame = face_numbers(table), table.column("frame").to_numpy()
    time_s = table.column("timestamp_s").to_numpy()
    now = {person.name: person.name for person in people.persons}
    for one in suggestions:
        first, second = now[one.first], now[one.second]
        if one.sure < SURE or first == second:
            continue
        number, known = people.assign(face_id, time_s), people.numbers
        sets = ({*frame[number == known[name]].tolist()} for name in (first, second))
        if set.intersection(*sets):
            continue
        before = {person.name for person in people.persons}
        people = people.merge([first, second])
        gone = before - {person.name for person in people.persons}
        kept = first if first not in gone else second
        now = {old: kept if new in (first, second) else new for old, new in now.items()}
    return people


def alike(one: Look, other: Look) -> float:
    """How alike two looks are, 0 to 1: the faces, times the less alike of hair and clothes."""
    correlation = float(np.median((one.face @ other.face.T).max(axis=1)))
    colours = [_overlap(one.hair, other.hair), _overlap(one.clothes, other.clothes)]
    known = [_share(value, *_COLOUR) for value in colours if np.isfinite(value)]
    # Without any colour to compare a face alone is half as sure.
    return _share(correlation, *_FACE) * (min(known) if known else 0.5)


def _share(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0, 1))


def _overlap(one: Vector, other: Vector) -> float:
    """Bhattacharyya coefficient of two mean histograms; NaN where one is unknown."""
    if not (np.isfinite(one).any() and np.isfinite(other).any()):
        return float("nan")
    return float(np.sqrt(np.nanmean(one, axis=0) * np.nanmean(other, axis=0)).sum())


def _looks(
    table: pa.Table, document: dict[str, Any], number: npt.NDArray[np.int64], source: Path
) -> dict[int, Look]:
    wanted: dict[int, list[tuple[int, int]]] = {}
    for person in sorted({*number[number >= 0].tolist()}):
        for row in _best_rows(table, np.flatnonzero(number == person)):
            wanted.setdefault(int(table.column("frame")[row].as_py()), []).append((person, row))
    places = np.stack([table.column(n).to_numpy() for n in (*LANDMARK_COLUMNS, *BOX_COLUMNS)], 1)
    seen: dict[int, list[tuple[Vector, Vector, Vector]]] = {}
    with open_source(source, document) as reader:
        for frame in reader:
            for person, row in wanted.pop(frame.index, []):
                points, box = places[row, :10].reshape(5, 2), places[row, 10:]
                seen.setdefault(person, []).append(describe(frame.image, points, box))
            if not wanted:
                break
    return {
        person: Look(*(np.stack(part) for part in zip(*parts, strict=True)))
        for person, parts in seen.items()
    }


def _best_rows(table: pa.Table, rows: npt.NDArray[np.int64]) -> list[int]:
    """Rows spread over the time of a face: of every part the one of the best quality."""
    if "quality" in table.column_names:
        quality = np.nan_to_num(table.column("quality").to_numpy()[rows], nan=0.5)
    else:
        quality = table.column("face_score").to_numpy()[rows]
    parts = np.array_split(np.arange(len(rows)), min(_SAMPLES, len(rows)))
    return [int(rows[part[quality[part].argmax()]]) for part in parts]


def describe(
    image: ImageArray, landmarks: npt.NDArray[Any], box: npt.NDArray[Any]
) -> tuple[Vector, Vector, Vector]:
    """Face (400,), colours of hair (216,) and of clothes (216,) in one frame."""
    crop = cv2.cvtColor(align(image, landmarks.astype(np.float32)), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    small -= small.mean()
    small /= np.linalg.norm(small) or 1.0
    x, y, w, h = (float(v) for v in box)
    hair = _colours(image, (x + 0.1 * w, y - 0.3 * h, x + 0.9 * w, y + 0.08 * h))
    clothes = _colours(image, (x - 0.2 * w, y + 1.1 * h, x + 1.2 * w, y + 1.6 * h))
    return small.ravel(), hair, clothes


def _colours(image: ImageArray, place: tuple[float, float, float, float]) -> Vector:
    """Shares of coarse colours in a rectangle (left, top, right, bottom); NaN if it is outside."""
    height, width = image.shape[:2]
    left, right = (int(np.clip(v, 0, width)) for v in (place[0], place[2]))
    top, bottom = (int(np.clip(v, 0, height)) for v in (place[1], place[3]))
    area = (place[2] - place[0]) * (place[3] - place[1])
    if (right - left) * (bottom - top) < 0.3 * max(area, 1.0):
        return np.full(_LEVELS**3, np.nan)
    patch = image[top:bottom, left:right].reshape(-1, 3).astype(np.int64) * _LEVELS // 256
    keys = (patch[:, 0] * _LEVELS + patch[:, 1]) * _LEVELS + patch[:, 2]
    return np.bincount(keys, minlength=_LEVELS**3) / len(keys)
