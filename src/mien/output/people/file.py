"""Who is who in a result: ``people.json``, beside the tables, which stay as they were written.

A person is one or more pieces of faces: a face number, as a whole or in ``[from_s, to_s)``. A face
that nobody is made of is a person of its own, called ``Face N``::

    {"people_version": 1, "people": [
      {"name": "Ann", "faces": [{"face": 0}, {"face": 3, "from_s": 2.0, "to_s": 7.5}]},
      {"name": "Face 4", "faces": [{"face": 4}], "excluded": true}]}

What `write_people` writes also says of which ``analysis`` it is: after another one, whose faces may
have other numbers, it is refused. A file made by hand need not say it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import ConfigError, DataError, OutputError
from mien.io import atomic_path

PEOPLE_FILE = "people.json"
_VERSION = 1

Numbers = npt.NDArray[np.int64]
Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """A face number, from `from_s` on and before `to_s`."""

    face: int
    from_s: float = -math.inf
    to_s: float = math.inf

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the face."""
        return self == Piece(self.face)

    def __str__(self) -> str:
        start = "" if self.from_s == -math.inf else f" from {self.from_s:g} s"
        end = "" if self.to_s == math.inf else f" to {self.to_s:g} s"
        return f"face {self.face}{start}{end}"


@dataclass(frozen=True)
class Person:
    """One person of a video; one who is excluded enters nothing."""

    name: str
    pieces: tuple[Piece, ...]
    excluded: bool = False


@dataclass(frozen=True)
class People:
    """The persons of one video, in order; every face belongs to somebody.

    The number of a person, which stands for ``face_id``, is the least of its faces, or the next
    free one where another person has that.
    """

    persons: tuple[Person, ...] = field(default_factory=tuple)

    @property
    def numbers(self) -> dict[str, int]:
        """Number of each person by name."""
        found: dict[str, int] = {}
        free = 1 + max((piece.face for p in self.persons for piece in p.pieces), default=-1)
        for person in self.persons:
            number = min(piece.face for piece in person.pieces)
            if number in found.values():
                number, free = free, free + 1
            found[person.name] = number
        return found

    def assign(self, face_id: Numbers, time_s: Times) -> Numbers:
        """(n,) number of the person of every row; -1 where there is none or one who is excluded.

        Raises
        ------
        DataError
            If a person would be in a frame twice: rows of one frame have the same time.
        """
        found = np.full(len(face_id), -1, np.int64)
        numbers = self.numbers
        for person in self.persons:
            own = np.zeros(len(face_id), bool)
            for piece in person.pieces:
                own |= (face_id == piece.face) & (time_s >= piece.from_s) & (time_s < piece.to_s)
            moments, count = np.unique(time_s[own], return_counts=True)
            if (count > 1).any():
                raise DataError(
                    f"{person.name} would be in {int((count > 1).sum())} frames twice, first at "
                    f"{float(moments[count > 1][0]):.2f} s: these faces are seen together"
                )
            if not person.excluded:
                found[own] = numbers[person.name]
        return found

    def check(self, face_id: Numbers, time_s: Times) -> None:
        """Raise where a person would be in a frame twice, or in none at all.

        Raises
        ------
        DataError
            As `assign`.
        ConfigError
            If nothing is left of a person, as where a split lies outside of their time.
        """
        found = self.assign(face_id, time_s)
        for person in self.persons:
            if not person.excluded and not (found == self.numbers[person.name]).any():
                seen_s = time_s[np.isin(face_id, [piece.face for piece in person.pieces])]
                span = f"; the face is seen from {seen_s.min():.2f} to {seen_s.max():.2f} s"
                raise ConfigError(f"{person.name} would have no frame{span if len(seen_s) else ''}")

    def find(self, who: str) -> Person:
        """A person by name, or by the number of a face that is one person's alone.

        Raises
        ------
        ConfigError
            If there is none, or several.
        """
        named = [person for person in self.persons if person.name == who]
        if not named and who.isdigit():
            face = int(who)
            named = [p for p in self.persons if face in {piece.face for piece in p.pieces}]
        if len(named) == 1:
            return named[0]
        there = ", ".join(person.name for person in named or self.persons)
        wrong = f"face {who} is several persons" if named else f"there is no person {who!r}"
        raise ConfigError(f"{wrong}; choose from: {there}")

    def rename(self, who: str, name: str) -> People:
        """The same with another name of one person.

        Raises
        ------
        ConfigError
            If another person has the name, or it is empty.
        """
        person, name = self.find(who), name.strip()
        if not name or name.isdigit():
            raise ConfigError(f"a name is a text, not {name!r}; numbers stand for faces")
        if any(other.name == name for other in self.persons if other is not person):
            raise ConfigError(f"there is a person {name!r} already; merge them instead")
        return self._with(person, replace(person, name=name))

    def merge(self, who: Iterable[str]) -> People:
        """The same with several persons as one, who has the first one's name."""
        merged = list(dict.fromkeys(self.find(one) for one in who))
        if len(merged) < 2:
            raise ConfigError("merging needs two different persons at least")
        pieces = sorted(
            (piece for person in merged for piece in person.pieces),
            key=lambda piece: (piece.face, piece.from_s),
        )
        first = min(merged, key=lambda p: (is_default(p.name), merged.index(p)))
        rest = tuple(person for person in self.persons if person not in merged[1:])
        return People(rest)._with(merged[0], replace(first, pieces=tuple(_joined(pieces))))

    def split(self, who: str, at_s: float) -> People:
        """The same with one person as two: before a time and from it on.

        Raises
        ------
        ConfigError
            If one of them would be nobody.
        """
        person = self.find(who)
        before = [replace(p, to_s=min(p.to_s, at_s)) for p in person.pieces if p.from_s < at_s]
        after = [replace(p, from_s=max(p.from_s, at_s)) for p in person.pieces if p.to_s > at_s]
        if not before or not after or not math.isfinite(at_s):
            raise ConfigError(f"{person.name} cannot be split at {at_s:g} s")
        name = free = f"{person.name} from {at_s:g} s"
        for count in itertools.count(2):  # it may have been split there and merged before
            if free not in {one.name for one in self.persons}:
                break
            free = f"{name} ({count})"
        place = self.persons.index(person)
        new = (replace(person, pieces=tuple(before)), Person(free, tuple(after)))
        return People((*self.persons[:place], *new, *self.persons[place + 1 :]))

    def exclude(self, who: str, excluded: bool = True) -> People:
        """The same with one person left out, or taken in again."""
        person = self.find(who)
        return self._with(person, replace(person, excluded=excluded))

    def _with(self, old: Person, new: Person) -> People:
        return People(tuple(new if person == old else person for person in self.persons))


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Pieces of a face that follow each other as one."""
    found: list[Piece] = []
    for piece in pieces:
        if found and found[-1].face == piece.face and found[-1].to_s == piece.from_s:
            found[-1] = replace(found[-1], to_s=piece.to_s)
        else:
            found.append(piece)
    return found


def default_people(faces: Iterable[int]) -> People:
    """Every face a person of its own."""
    return People(tuple(Person(f"Face {face}", (Piece(face),)) for face in sorted({*faces})))


def is_default(name: str) -> bool:
    """Whether nobody has given this name: ``Face 3``, ``Face 3 from 2 s``."""
    return re.fullmatch(r"Face \d+( from \S+ s)*( \(\d+\))?( \(rest\))*", name) is not None


def read_people(folder: Path, faces: Iterable[int]) -> People | None:
    """``people.json`` of a result folder; None where there is none.

    Parameters
    ----------
    faces
        Face numbers of its table; those that the file does not name are persons of their own.

    Raises
    ------
    DataError
        On one line: what in the file is wrong.
    """
    path = folder / PEOPLE_FILE
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["people_version"] != _VERSION:
            raise ValueError(f"people_version is {told['people_version']!r}; this mien reads 1")
        if told.get("analysis", now := _analysis(folder).get("analysis")) != now:
            raise ValueError("speaks of an earlier analysis, whose faces had other numbers")
        persons = tuple(_person(entry) for entry in told["people"])
        _check(persons, {*faces})
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        wrong = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path}: {wrong}; mend it, or remove it to begin anew") from error
    return People((*persons, *_left_over(persons, {*faces})))


def _left_over(persons: tuple[Person, ...], faces: set[int]) -> Iterator[Person]:
    """What of the faces nobody is made of: persons of their own, the rest of a face, too."""
    for face in sorted(faces):
        named = sorted((p.from_s, p.to_s) for one in persons for p in one.pieces if p.face == face)
        ends = [-math.inf, *(end for _, end in named)]
        starts = [*(start for start, _ in named), math.inf]
        pieces = [
            Piece(face, end, start) for end, start in zip(ends, starts, strict=True) if end < start
        ]
        if pieces:
            taken = {person.name for person in persons}
            names = (f"Face {face}{' (rest)' * k}" for k in itertools.count())
            yield Person(next(name for name in names if name not in taken), tuple(pieces))


def write_people(people: People, folder: Path) -> None:
    """Write ``people.json``.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    entries = [
        {
            "name": person.name,
            "faces": [_entry(piece) for piece in person.pieces],
            **({"excluded": True} if person.excluded else {}),
        }
        for person in people.persons
    ]
    told = {"people_version": _VERSION, "people": entries} | _analysis(folder)
    text = json.dumps(told, indent=2, ensure_ascii=False)
    try:
        with atomic_path(folder / PEOPLE_FILE) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written to ({error.strerror})") from error


def _analysis(folder: Path) -> dict[str, str]:
    """What says whose face numbers these are: source, settings and models; {} where none do."""
    document = folder / "video.json"
    if not document.is_file():
        return {}
    told = json.loads(document.read_text(encoding="utf-8"))
    decides = {name: told.get(name) for name in ("source", "settings", "models", "mien_version")}
    text = json.dumps(decides, sort_keys=True)
    return {"analysis": hashlib.sha256(text.encode()).hexdigest()[:16]}


def _entry(piece: Piece) -> dict[str, Any]:
    times = {"from_s": piece.from_s, "to_s": piece.to_s}
    return {"face": piece.face} | {k: v for k, v in times.items() if math.isfinite(v)}


def _person(entry: dict[str, Any]) -> Person:
    name, excluded = entry["name"], entry.get("excluded", False)
    if not isinstance(name, str) or not name.strip() or name.isdigit():
        raise ValueError(f"a name is a text, not {name!r}")
    if not isinstance(excluded, bool) or not entry["faces"]:
        raise ValueError(f"{name}: excluded is true or false, and faces is a list of one at least")
    return Person(name, tuple(_piece(name, told) for told in entry["faces"]), excluded)


def _piece(name: str, told: dict[str, Any]) -> Piece:
    from_s, to_s = (told.get(key, end) for key, end in (("from_s", -math.inf), ("to_s", math.inf)))
    if type(told["face"]) is not int or not all(type(v) in (int, float) for v in (from_s, to_s)):
        raise ValueError(f"{name}: a piece is a face number and seconds, not {told}")
    if not from_s < to_s:
        raise ValueError(f"{name}: from_s is not before to_s in {told}")
    return Piece(told["face"], float(from_s), float(to_s))


def _check(persons: tuple[Person, ...], faces: set[int]) -> None:
    names = [person.name for person in persons]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two persons are called {twice[0]}")
    pieces = sorted(
        (piece.face, piece.from_s, piece.to_s, p.name) for p in persons for piece in p.pieces
    )
    unknown = [piece[0] for piece in pieces if piece[0] not in faces]
    if unknown:
        raise ValueError(f"the table has no face {unknown[0]}")
    for one, other in pairwise(pieces):
        if one[0] == other[0] and one[2] > other[1]:
            raise ValueError(f"face {one[0]} is given to {one[3]} and {other[3]} at the same time")
