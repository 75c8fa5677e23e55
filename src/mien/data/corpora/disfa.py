"""DISFA and DISFA+ (Mavadati et al. 2013, 2016): action units coded 0 to 5 in every frame.

DISFA: ``ActionUnit_Labels/SN001/SN001_au1.txt``, one file for each of twelve units, a line
``frame,intensity`` for each frame from 1 on. It comes as videos; the adapter reads their frames as
pictures, numbered from 1, in any folder below ``Images`` whose name holds the person's::

    ffmpeg -i Videos_LeftCamera/LeftVideoSN001_comp.avi Images/SN001/%05d.jpg

DISFA+: ``Labels/SN001/<trial>/AU1.txt``, lines ``000.jpg 0``, and ``Images/SN001/<trial>/000.jpg``.

A unit counts as active from intensity 2 (FACS B) on, as the field counts it. People are divided by
a hash, 80, 10 and 10 of 100: the corpora have no split of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from mien.data.formats.annotations import ImageCorpus, annotation_table, with_units
from mien.data.formats.text_tables import read_lines
from mien.data.recordings import split_by_hash
from mien.data.registry import COLLECTED, ON_REQUEST, Corpus, Figure, register_corpus
from mien.errors import DataError
from mien.labels import ACTION_UNITS
from mien.types import FloatArray

UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
"""Action units that were coded."""
ACTIVE_FROM = 2
"""Intensity from which a unit counts as active."""

_COLUMNS = [ACTION_UNITS.index(unit) for unit in UNITS]
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
_FRAME = re.compile(r"(?:.*\D)?(\d+)")
_PLAIN = re.compile(r"(\d+),([0-5])")
_POSED = re.compile(r"(\S+)\s+([0-5])")


@register_corpus(
    Corpus(
        name="disfa",
        title="DISFA",
        kind="annotations",
        labels="per frame: intensity 0 to 5 of 12 action units",
        access="from its authors at the University of Denver (mohammadmahoor.com/disfa)",
        terms=ON_REQUEST,
        layout=(
            "ActionUnit_Labels/SN001/SN001_au1.txt and so on: frame,intensity",
            "frames as pictures, numbered from 1, in a folder below Images/ named after the "
            "person: ffmpeg -i Videos_LeftCamera/LeftVideoSN001_comp.avi Images/SN001/%05d.jpg",
        ),
        counts={"videos": 27},
        counts_source="Mavadati et al., IEEE Trans. Affective Computing 4(2), 2013",
        figures=(Figure("F1, 8 units, trained on it", "best", "70.1", COLLECTED),),
        whole_pictures=True,
    )
)
def load_disfa(root: str | Path) -> ImageCorpus:
    """Read the intensities of everybody and find the frames.

    Raises
    ------
    DataError
        If labels or frames are not as described above; the message names file and line.
    """
    folder = Path(root)
    labels = folder / "ActionUnit_Labels"
    people = sorted(path for path in labels.glob("*") if path.is_dir())
    if not people:
        raise DataError(f"{folder}: looked for ActionUnit_Labels/SN001 and so on, found none")
    places = [path for path in (folder / "Images").rglob("*") if path.is_dir()]
    tables, notes = [], []
    for person in people:
        coded = {unit: _read_plain(person / f"{person.name}_au{unit}.txt") for unit in UNITS}
        values = _matrix(coded, person, f"{person.name}_au")
        own = [path for path in places if person.name in path.name and any(_pictures(path))]
        if len(own) > 1:
            raise DataError(f"{own[1]}: frames of {person.name} are in {own[0]} already")
        found = dict(_pictures(own[0])) if own else {}
        if 0 in found:
            raise DataError(f"{found[0]}: is frame 0; expected frames numbered from 1")
        if max(found, default=0) > len(values):
            notes.append(
                f"{own[0]}: {max(found) - len(values)} frames come after the last that is coded "
                f"({len(values)}) and are left out"
            )
        images = [
            found[k].relative_to(folder).as_posix() if k in found else None
            for k in range(1, len(values) + 1)
        ]
        tables.append(_table(person.name, person.name, images, values))
    return _corpus("disfa", folder, tables, notes)


@register_corpus(
    Corpus(
        name="disfa-plus",
        title="DISFA+",
        kind="annotations",
        labels="per frame of posed and spontaneous trials: intensity 0 to 5 of 12 action units",
        access="from its authors at the University of Denver (mohammadmahoor.com/disfa)",
        terms=ON_REQUEST,
        layout=("Labels/SN001/<trial>/AU1.txt: 000.jpg 0", "Images/SN001/<trial>/000.jpg"),
        counts={"people": 9},
        counts_source="Mavadati, Sanger & Mahoor, CVPR workshops 2016",
        figures=(Figure("F1", "tools that were not trained on it", "0.46 to 0.54", COLLECTED),),
        whole_pictures=True,
    )
)
def load_disfa_plus(root: str | Path) -> ImageCorpus:
    """Read the intensities of every trial and find the pictures.

    Raises
    ------
    DataError
        If labels are not as described above; the message names file and line.
    """
    folder = Path(root)
    trials = sorted(path for path in (folder / "Labels").glob("*/*") if path.is_dir())
    if not trials:
        raise DataError(f"{folder}: looked for Labels/SN001/<trial>/AU1.txt, found no trial")
    tables = []
    for trial in trials:
        coded = {unit: _read_posed(trial / f"AU{unit}.txt") for unit in UNITS}
        values = _matrix(coded, trial, "AU")
        place = Path("Images", trial.parent.name, trial.name)
        names = [(place / name).as_posix() for name in coded[UNITS[0]]]
        images = [name if (folder / name).is_file() else None for name in names]
        tables.append(
            _table(trial.parent.name, f"{trial.parent.name}/{trial.name}", images, values)
        )
    return _corpus("disfa-plus", folder, tables, [])


def _read_plain(path: Path) -> dict[str, int]:
    """Intensity of every frame of DISFA, by its number."""
    coded = {}
    for number, line in enumerate(read_lines(path), 1):
        match = _PLAIN.fullmatch(line.replace(" ", ""))
        if match is None or int(match[1]) != number:
            raise DataError(
                f"{path}, line {number}: is {line!r}; expected '{number},' and an intensity from "
                "0 to 5"
            )
        coded[match[1]] = int(match[2])
    return coded


def _read_posed(path: Path) -> dict[str, int]:
    """Intensity of every picture of a trial of DISFA+, by its name."""
    coded: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line or line.startswith("#"):
            continue
        match = _POSED.fullmatch(line)
        if match is None or Path(match[1]).name != match[1]:
            raise DataError(
                f"{path}, line {number}: is {line!r}; expected a picture and an intensity from 0 "
                "to 5, such as '000.jpg 0'"
            )
        if match[1] in coded:
            raise DataError(f"{path}, line {number}: {match[1]} is there twice")
        coded[match[1]] = int(match[2])
    return coded


def _matrix(coded: dict[int, dict[str, int]], place: Path, start: str) -> FloatArray:
    """Intensities (frames, 12); every unit was coded in the same frames."""
    first = coded[UNITS[0]]
    if not first:
        raise DataError(f"{place / f'{start}{UNITS[0]}.txt'}: codes no frame")
    for unit, frames in coded.items():
        if list(frames) != list(first):
            raise DataError(
                f"{place / f'{start}{unit}.txt'}: codes {len(frames)} frames, "
                f"{start}{UNITS[0]}.txt {len(first)}; expected the same ones"
            )
    return np.array([list(frames.values()) for frames in coded.values()], np.float32).T


def _pictures(folder: Path) -> Iterator[tuple[int, Path]]:
    """Number and path of every frame in a folder."""
    for path in sorted(folder.iterdir()):
        match = _FRAME.fullmatch(path.stem)
        if match is not None and path.suffix.lower() in _SUFFIXES:
            yield int(match[1]), path


def _table(person: str, video: str, images: list[str | None], values: FloatArray) -> pa.Table:
    count = len(values)
    intensities = np.full((count, len(ACTION_UNITS)), np.nan, np.float32)
    intensities[:, _COLUMNS] = values
    active = np.where(np.isnan(intensities), np.nan, intensities >= ACTIVE_FROM).astype(np.float32)
    table = annotation_table(
        images,
        [split_by_hash(person)] * count,
        video=[video] * count,
        frame=np.arange(1, count + 1),
        action_units=active,
    )
    return with_units(table, {}, intensities)


def _corpus(name: str, folder: Path, tables: list[pa.Table], notes: list[str]) -> ImageCorpus:
    table = pa.concat_tables(tables).combine_chunks()
    absent = table.column("image").null_count
    if absent == len(table):
        looked = "Images/<person>" + ("/<trial>" if name == "disfa-plus" else "")
        raise DataError(f"{folder}: looked for frames in {looked}, found none")
    if absent:
        notes.append(f"{absent} of {len(table)} frames are not there")
    notes.append(f"a unit counts as active from intensity {ACTIVE_FROM} on")
    notes.append("people are divided by a hash (ours)")
    return ImageCorpus(name, folder, table, tuple(notes))
