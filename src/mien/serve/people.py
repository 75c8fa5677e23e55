"""Who is who in a result, over REST: the logic of ``mien people``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from mien.api import read
from mien.errors import MienError, one_line
from mien.io import atomic_path
from mien.output.kept.pictures import add_pictures
from mien.output.people.file import People, default_people, read_people, write_people
from mien.output.saved import face_numbers, read_table

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such analysis"},
    409: {"description": "It has no results (yet), or the change does not fit them"},
}


class Change(BaseModel):
    """One thing that is said of who is who.

    ``name`` goes with one of `who` and a new `name`, ``merge`` with several, ``split`` with one and
    `at_s` in seconds, ``exclude`` and ``include`` with any number. Persons are meant by name, or by
    the number of a face that is one person's alone.
    """

    model_config = ConfigDict(extra="forbid")

    do: Literal["name", "merge", "split", "exclude", "include"]
    who: Annotated[list[_Name], Field(min_length=1, max_length=100)]
    name: _Name | None = None
    at_s: Annotated[float, Field(allow_inf_nan=False)] | None = None


@dataclass(frozen=True)
class ShownPerson:
    """A person of a result.

    Attributes
    ----------
    name
        As given, or ``Face N``.
    faces
        Face numbers that are, in whole or in part, this person.
    first_s, last_s
        When seen; None: never.
    frames
        In how many.
    excluded
        Whether left out of everything.
    """

    name: str
    faces: list[int]
    first_s: float | None
    last_s: float | None
    frames: int
    excluded: bool


def add_people(app: FastAPI, results: Callable[[str], Path], changing: threading.Lock) -> None:
    """Routes.

    Parameters
    ----------
    app
        Where they are added.
    results
        Gives the folder of the results of an analysis, or raises.
    changing
        Held while a report is written.
    """

    @app.get("/v1/analyses/{key}/people", responses=_RESPONSES)
    def people(key: str) -> list[ShownPerson]:
        """The persons of a result."""
        folder = results(key)
        return _tried(lambda: _shown(folder))

    @app.post("/v1/analyses/{key}/people", responses=_RESPONSES)
    def change(key: str, change: Change) -> list[ShownPerson]:
        """Name, merge, split, exclude or include persons; the report follows, tables stay."""
        folder = results(key)
        with changing:
            return _tried(lambda: _change(folder, change))


def _tried(do: Callable[[], list[ShownPerson]]) -> list[ShownPerson]:
    try:
        return do()
    except MienError as error:
        raise HTTPException(409, one_line(str(error))) from error


def _people(folder: Path) -> tuple[People, Any, Any]:
    """Persons, and of every row of the table its face and its time."""
    table = read_table(folder)
    number = face_numbers(table)
    faces = number[number >= 0].tolist()
    found = read_people(folder, faces) or default_people(faces)
    return found, number, table.column("timestamp_s").to_numpy()


def _change(folder: Path, change: Change) -> list[ShownPerson]:
    people, number, time_s = _people(folder)
    first, name = change.who[0], one_line(change.name or "")
    if change.do == "name":
        people = people.rename(first, name)
    elif change.do == "merge":
        people = people.merge(change.who)
    elif change.do == "split":
        people = people.split(first, float("nan") if change.at_s is None else change.at_s)
    else:
        for one in change.who:
            people = people.exclude(one, change.do == "exclude")
    people.check(number, time_s)
    write_people(people, folder)
    with atomic_path(folder / "report.html") as partial:
        result = read(folder, pictures=False)  # no source is looked for by the name that was sent
        add_pictures(result.summaries, folder, read_people(folder, number[number >= 0].tolist()))
        result.write_report(partial)
    return _shown(folder)


def _shown(folder: Path) -> list[ShownPerson]:
    people, face_id, time_s = _people(folder)
    found = []
    for person in people.persons:
        own = time_s[_rows_of(person.pieces, face_id, time_s)]
        found.append(
            ShownPerson(
                person.name,
                sorted({piece.face for piece in person.pieces}),
                float(own.min()) if len(own) else None,
                float(own.max()) if len(own) else None,
                len(own),
                person.excluded,
            )
        )
    return found


def _rows_of(pieces: Any, face_id: Any, time_s: Any) -> Any:
    own = face_id != face_id
    for piece in pieces:
        own |= (face_id == piece.face) & (time_s >= piece.from_s) & (time_s < piece.to_s)
    return own
