"""``mien people``: say who is who in a result: name, merge, split, exclude faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.errors import InputError, one_line

if TYPE_CHECKING:
    import pyarrow as pa

    from mien.output.people.file import People

_folder = click.argument("folder", type=click.Path(path_type=Path))


@click.group("people")
def command() -> None:
    """Say who is who in a result: name, merge, split and exclude faces.

    FOLDER is one folder of results. What you say goes into FOLDER/people.json; report, study and
    mien.read follow it, and the tables stay as they are. WHO is a face number or a name.
    """


@command.command("show")
@_folder
def show(folder: Path) -> None:
    """List the persons: name, pieces, seconds, usable frames."""
    _open(folder)
    _tell(folder)


@command.command("name")
@_folder
@click.argument("who")
@click.argument("name")
def name(folder: Path, who: str, name: str) -> None:
    """Give a person a name."""
    _change(folder, lambda people: people.rename(who, name))


@command.command("merge")
@_folder
@click.argument("who", nargs=-1, required=True)
def merge(folder: Path, who: tuple[str, ...]) -> None:
    """Make one person of several, who are never in the same frame."""
    _change(folder, lambda people: people.merge(who))


@command.command("split")
@_folder
@click.argument("who")
@click.option("--at", "at_s", type=float, required=True, metavar="SECONDS", help="From when on.")
def split(folder: Path, who: str, at_s: float) -> None:
    """Make two persons of one: before a time, and from it on."""
    _change(folder, lambda people: people.split(who, at_s))


@command.command("exclude")
@_folder
@click.argument("who", nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Take them in again.")
def exclude(folder: Path, who: tuple[str, ...], undo: bool) -> None:
    """Leave persons out of everything: passers-by, pictures on a wall."""

    def changed(people: People) -> People:
        for one in who:
            people = people.exclude(one, not undo)
        return people

    _change(folder, changed)


@command.command("suggest")
@_folder
@click.option("--apply", "takes", is_flag=True, help="Merge what is sure.")
def suggest(folder: Path, takes: bool) -> None:
    """Propose who may be one person, from appearance within this video.

    Compares a coarse picture of the face and the colours of hair and clothes of faces that are
    never in the same frame. What is compared is never written.
    """
    from mien.output.people.file import write_people
    from mien.output.people.likeness import SURE, apply_sure, suggest_merges
    from mien.output.saved import find_source, read_document

    people, table = _open(folder)
    document = read_document(folder)
    source = find_source(document, folder)
    if source is None:
        raise InputError(
            f"{document['source']['path']}: is not there any more, or has changed since it was "
            f"analysed; put it beside {folder}"
        )
    found = suggest_merges(table, document, people, source)
    for one in found:
        sure = "sure" if one.sure >= SURE else "perhaps"
        click.echo(one_line(f"{one.first} and {one.second}: {one.sure:.2f}, {sure}"))
    if not found:
        click.echo("nothing to suggest")
    if takes:
        write_people(apply_sure(people, table, found), folder)
        _tell(folder)


def _open(folder: Path) -> tuple[People, pa.Table]:
    from mien.output.people.file import default_people, read_people
    from mien.output.saved import face_numbers, read_document, read_table

    read_document(folder)
    table = read_table(folder)
    number = face_numbers(table)
    faces = number[number >= 0].tolist()
    return read_people(folder, faces) or default_people(faces), table


def _change(folder: Path, change: Callable[[People], People]) -> None:
    from mien.output.people.file import write_people
    from mien.output.saved import face_numbers

    people, table = _open(folder)
    changed = change(people)
    changed.check(face_numbers(table), table.column("timestamp_s").to_numpy())
    write_people(changed, folder)
    _tell(folder)


def _tell(folder: Path) -> None:
    from mien.output.saved import face_numbers

    people, table = _open(folder)
    time_s: Any = table.column("timestamp_s").to_numpy()
    number = people.assign(face_numbers(table), time_s)
    for person in people.persons:
        own = number == people.numbers[person.name]
        seen = "excluded"
        if not person.excluded:
            span = f"{time_s[own].min():.2f}-{time_s[own].max():.2f} s, " if own.any() else ""
            seen = f"{span}{int(own.sum())} frames"
        pieces = ", ".join(str(piece) for piece in person.pieces)
        click.echo(one_line(f"{person.name}: {pieces}; {seen}"))
