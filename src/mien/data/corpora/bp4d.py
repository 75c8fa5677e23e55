"""BP4D-Spontaneous and BP4D+ (Zhang et al. 2014, 2016): action units coded as there or not.

Layout: ``AU_OCC/F001_T1.csv`` in the folder or in ``AUCoding`` below it (or the csv files directly
in ``AUCoding``): person and task in the name; a header whose cells after the first are numbers of
action units, then one line for each coded frame: its number, and 0 (not there), 1 (there) or 9
(not coded) for each unit. Images are ``F001/T1/<number>.jpg``, with any number of zeros in front,
in the folder or in ``2D+3D`` or ``Sequences_2D+3D``.

People are divided by a hash, 80, 10 and 10 of 100: the corpora have no split of their own.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mien.data.formats.annotations import ImageCorpus, annotation_table, with_units
from mien.data.formats.text_tables import read_lines
from mien.data.recordings import split_by_hash
from mien.data.registry import COLLECTED, ON_REQUEST, Corpus, Figure, register_corpus
from mien.errors import DataError
from mien.labels import ACTION_UNITS

NAME = "bp4d"
FURTHER = (14,)
"""Units of its usual set that `mien.labels.ACTION_UNITS` does not have."""

_NAME = re.compile(r"([FM]\d{3})_(T\d+)")
_LABELS = ("AUCoding/AU_OCC", "AU_OCC", "AUCoding")
_IMAGES = ("", "2D+3D", "Sequences_2D+3D")
_UNITS = (*ACTION_UNITS, *FURTHER)
_UNKNOWN = 9


@register_corpus(
    Corpus(
        name=NAME,
        title="BP4D-Spontaneous, BP4D+",
        kind="annotations",
        labels="per frame: action units, there or not",
        access="from Binghamton University (cs.binghamton.edu/~lijun/Research/3DFE)",
        terms=ON_REQUEST,
        layout=(
            "AUCoding/AU_OCC/F001_T1.csv: a header of unit numbers; frame, then 0, 1 or 9 each",
            "2D+3D/F001/T1/<frame>.jpg (or Sequences_2D+3D/..., or F001/... itself)",
        ),
        counts={"people": 41},
        counts_source="BP4D: Zhang et al., Image and Vision Computing 32, 2014; BP4D+ has 140",
        figures=(Figure("F1, 12 units, trained on it", "best", "67.1", COLLECTED),),
        whole_pictures=True,
    )
)
def load_bp4d(root: str | Path) -> ImageCorpus:
    """Read the occurrence of action units and find the images.

    Raises
    ------
    DataError
        If there is no coding, a line is not as described above, or no image is there; the message
        names file and line.
    """
    folder = Path(root)
    files: list[Path] = []
    for place in _LABELS:
        files = files or sorted(
            path for path in (folder / place).glob("*.csv") if _NAME.fullmatch(path.stem)
        )
    if not files:
        looked = [f"{place}/F001_T1.csv" for place in _LABELS]
        raise DataError(f"{folder}: looked for {looked} and so on, found none")
    tables = [_table(folder, path) for path in files]
    whole = pa.concat_tables(tables).combine_chunks()
    absent = whole.column("image").null_count
    if absent == len(whole):
        looked = [f"{place or '.'}/{files[0].stem.replace('_', '/')}" for place in _IMAGES]
        raise DataError(f"{folder}: looked for images in {looked} and so on, found none")
    notes = ["people are divided by a hash (ours)"]
    if absent:
        notes.append(f"{absent} of {len(whole)} coded frames have no image")
    return ImageCorpus(NAME, folder, whole, tuple(notes))


def _table(folder: Path, path: Path) -> pa.Table:
    """Rows of the coded frames of one person and task."""
    person, task = path.stem.split("_")
    frames, units = _read_occurrence(path)
    found: dict[int, str] = {}
    for place in _IMAGES:
        for image in sorted((folder / place / person / task).glob("*.jpg")):
            if image.stem.isdigit():
                found.setdefault(int(image.stem), image.relative_to(folder).as_posix())
    known = len(ACTION_UNITS)
    table = annotation_table(
        [found.get(frame) for frame in frames],
        [split_by_hash(person)] * len(frames),
        video=[f"{person}/{task}"] * len(frames),
        frame=np.array(frames, np.int64),
        action_units=units[:, :known],
    )
    return with_units(table, dict(zip(FURTHER, units[:, known:].T, strict=True)))


def _read_occurrence(path: Path) -> tuple[list[int], npt.NDArray[np.float32]]:
    """Frame numbers, and float32 (frames, 18): 1, 0 or NaN."""
    lines = list(csv.reader(read_lines(path)))
    header = [cell.strip() for cell in lines[0][1:]] if lines else []
    if not header or not all(cell.isdigit() for cell in header) or len({*header}) < len(header):
        found = ",".join(lines[0]) if lines else ""
        raise DataError(
            f"{path}, line 1: is {found!r}; expected a cell, and then different numbers of action "
            "units"
        )
    columns = {int(cell): k for k, cell in enumerate(header, 1)}
    if not any(unit in columns for unit in _UNITS):
        raise DataError(f"{path}, line 1: names none of the action units {_UNITS}")
    frames: list[int] = []
    rows = np.full((len(lines) - 1, len(_UNITS)), np.nan, np.float32)
    for k, cells in enumerate(lines[1:]):
        where = f"{path}, line {k + 2}"
        if len(cells) != len(header) + 1:
            raise DataError(f"{where}: has {len(cells)} cells; expected {len(header) + 1}")
        if not cells[0].strip().isdigit() or (frames and int(cells[0]) <= frames[-1]):
            raise DataError(
                f"{where}: starts with {cells[0]!r}; expected the number of a frame after "
                f"{frames[-1] if frames else 'none'}"
            )
        frames.append(int(cells[0]))
        for place, unit in enumerate(_UNITS):
            if unit not in columns:
                continue
            cell = cells[columns[unit]].strip()
            if cell not in ("0", "1", str(_UNKNOWN)):
                raise DataError(f"{where}: AU{unit} is {cell!r}; expected 0, 1 or 9 (not coded)")
            if cell != str(_UNKNOWN):
                rows[k, place] = float(cell)
    if not frames:
        raise DataError(f"{path}: has a header and no frames")
    return frames, rows
