"""Hume-Reaction: people react to a clip in front of their own camera and rate seven reactions.

25,067 videos of 2,222 people (15,806 training, 4,657 validation, 4,604 test with withheld labels),
released on request. Two editions with the same videos and labels are read:

* **MuSe 2022**: ``c2_muse_reaction/labels.csv`` (``File_ID`` and seven columns in [0, 1]) and
  ``partition.csv`` in the same folder or in ``metadata/`` (first column the id, last column
  ``train``, ``devel`` or ``test``). ``File_ID`` is written ``[12345]``.
* **ABAW5 ERI**: ``data_info.csv`` (``File_ID``, ``Split``: ``Train``, ``Val``, ``Test``, and the
  seven columns).

Videos are ``<id>.mp4`` anywhere below the folder. Who is seen is not published with the labels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.data.formats.text_tables import Row, read_rows
from mien.data.registry import ON_REQUEST, Corpus, Figure, register_corpus
from mien.data.videos import (
    Clip,
    FirstSeen,
    VideoCorpus,
    check_id,
    find_videos,
    without_brackets,
)
from mien.errors import DataError
from mien.labels import REACTIONS
from mien.types import FloatArray

NAME = "hume-reaction"
LABEL_COLUMNS = (
    "Adoration", "Amusement", "Anxiety", "Disgust", "Empathic-Pain", "Fear", "Surprise",
)  # fmt: skip
"""Columns of the label files, in the order of `mien.labels.REACTIONS`."""

_MUSE_FOLDER = "c2_muse_reaction"
_MUSE_SPLITS = {"train": "train", "devel": "valid", "test": "test"}
_ABAW_SPLITS = {"Train": "train", "Val": "valid", "Test": "test"}
_WITHHELD = {"", "nan", "NaN", "NA"}


_FACERNET = "FaceRNET (Kollias et al.)"
_PUBLISHED = {
    "test, Table 1": (
        "HFUT-CVers 0.473, USTC-IAT-United 0.438, USTC-AC 0.373, NISL-2023 0.367, ViPER 0.297, "
        "FAU-Baseline 0.2801, VGGface 2-Baseline 0.183, Fusion-Baseline 0.203, FaceRNET 0.499"
    ),
    "valid, Table 2, affect representations fed to the RNN": (
        "VA 0.461, EXPR 0.476, AU 0.480, VA+EXPR 0.485, VA+AU 0.491, AU+EXPR 0.491, "
        "VA+EXPR+AU 0.494"
    ),
    "valid, Table 3": (
        "REC+GRU+FC(64) 0.480, REC+GRU+FC(16) 0.485, REC+GRU+FC(8) 0.478, REC+2xGRU+FC(32) 0.492, "
        "ResNet50+GRU+FC(32) 0.465, REC+LSTM+FC(32) 0.482, GRU(256) 0.484, GRU(64) 0.488, "
        "without Mask & Routing 0.469, with MSE 0.481, FaceRNET (GRU 128; FC 32) 0.494"
    ),
}


def _figures() -> tuple[Figure, ...]:
    """What the paper's tables say; where each stands is its split and its table."""
    found = []
    for place, figures in _PUBLISHED.items():
        split, table = place.split(", ", 1)
        for figure in figures.split(", "):
            system, value = figure.rsplit(" ", 1)
            measure = f"mean Pearson's rho of the seven reactions, {split}"
            source = f"{_FACERNET}, {table}"
            found.append(Figure(measure, system.replace(";", ","), value, source))
    return tuple(found)


@register_corpus(
    Corpus(
        name="hume-reaction",
        title="Hume-Reaction (MuSe 2022; ABAW5 Emotional Reaction Intensity)",
        kind="videos",
        labels="adoration, amusement, anxiety, disgust, empathic pain, fear, surprise in [0, 1]",
        access="from the organisers of the challenges (muse-challenge.org; the ABAW competitions)",
        terms=ON_REQUEST,
        layout=(
            "c2_muse_reaction/labels.csv: File_ID,Adoration,Amusement,Anxiety,Disgust,"
            "Empathic-Pain,Fear,Surprise",
            "c2_muse_reaction/partition.csv (or metadata/partition.csv): id first, train, devel or "
            "test last",
            "or data_info.csv: File_ID,Split,Adoration,... with Split Train, Val or Test",
            "<id>.mp4 anywhere below the folder",
        ),
        counts={"videos": 25_067, "train": 15_806, "valid": 4_657, "test": 4_604, "people": 2_222},
        counts_source=_FACERNET,
        figures=_figures(),
    )
)
def load_hume_reaction(root: str | Path) -> VideoCorpus:
    """Read the labels of either edition and find the videos.

    Parameters
    ----------
    root
        The folder that holds ``data_info.csv`` or ``c2_muse_reaction``, or the latter itself.

    Returns
    -------
    A `VideoCorpus` with the seven reactions; labels are NaN where withheld, which only those of
    the test split may be. A video that is missing keeps the path where it should be.

    Raises
    ------
    DataError
        If the folder is laid out otherwise, a row cannot be read, an id is there twice, or none of
        the videos is there.
    """
    folder = Path(root)
    muse = [place for place in (folder / _MUSE_FOLDER, folder) if (place / "labels.csv").is_file()]
    abaw = folder / "data_info.csv"
    if bool(muse) == abaw.is_file():
        found = "both" if muse else "neither"
        raise DataError(
            f"{folder}: looked for {_MUSE_FOLDER}/labels.csv (MuSe 2022) or data_info.csv "
            f"(ABAW5 ERI), found {found}"
        )
    rows = _muse_rows(muse[0]) if muse else _abaw_rows(abaw)
    videos = find_videos(folder, (".mp4",))
    clips = tuple(
        Clip(name, videos.get(name, folder / f"{name}.mp4"), split, None, labels)
        for name, split, labels in rows
    )
    absent = [clip.id for clip in clips if clip.id not in videos]
    if len(absent) == len(clips):
        raise DataError(
            f"{folder}: looked for videos such as {clips[0].id}.mp4 below it, found none of "
            f"{len(clips)} ({len(videos)} other mp4 files)"
        )
    notes = (f"{len(absent)} of {len(clips)} videos are not there",) if absent else ()
    return VideoCorpus(NAME, REACTIONS, clips, notes)


def _muse_rows(folder: Path) -> list[tuple[str, str, FloatArray]]:
    """Id, split and labels of every video of the MuSe edition."""
    places = [folder / "partition.csv", folder / "metadata" / "partition.csv"]
    there = [place for place in places if place.is_file()]
    if len(there) != 1:
        found = "both" if there else "neither"
        raise DataError(f"{folder}: looked for {places[0]} or {places[1]}, found {found}")
    partition: dict[str, str] = {}
    seen = FirstSeen()
    for row in read_rows(there[0], ()):
        cells = list(row.cells.values())
        if list(row.cells)[-1] in _MUSE_SPLITS:
            raise DataError(f"{there[0]}, line 1: is an entry; expected a header")
        name = _checked_id(cells[0], row, seen)
        if cells[-1] not in _MUSE_SPLITS:
            raise row.error(
                f"the partition is {cells[-1]!r}; expected one of {sorted(_MUSE_SPLITS)} in the "
                "last column"
            )
        partition[name] = _MUSE_SPLITS[cells[-1]]
    labels: dict[str, FloatArray] = {}
    seen = FirstSeen()
    for row in read_rows(folder / "labels.csv", ("File_ID", *LABEL_COLUMNS)):
        name = _checked_id(row.text("File_ID"), row, seen)
        if name not in partition:
            raise row.error(f"the id {name!r} is not in {there[0]}")
        labels[name] = _labels(row, partition[name])
    unlabelled = [name for name, split in partition.items() if name not in labels]
    lost = [name for name in unlabelled if partition[name] != "test"]
    if lost:
        raise DataError(
            f"{folder / 'labels.csv'}: has no row for {lost[0]!r}, which {there[0]} puts in "
            f"{partition[lost[0]]} ({len(lost)} such ids); only test labels may be withheld"
        )
    withheld = np.full(len(REACTIONS), np.nan, np.float32)
    return [(name, split, labels.get(name, withheld)) for name, split in partition.items()]


def _abaw_rows(path: Path) -> list[tuple[str, str, FloatArray]]:
    """Id, split and labels of every video of the ABAW5 edition."""
    rows = []
    seen = FirstSeen()
    for row in read_rows(path, ("File_ID", "Split", *LABEL_COLUMNS)):
        name = _checked_id(row.text("File_ID"), row, seen)
        if row.cells["Split"] not in _ABAW_SPLITS:
            raise row.error(
                f"'Split' is {row.cells['Split']!r}; expected one of {sorted(_ABAW_SPLITS)}"
            )
        split = _ABAW_SPLITS[row.cells["Split"]]
        rows.append((name, split, _labels(row, split)))
    return rows


def _checked_id(text: str, row: Row, seen: FirstSeen) -> str:
    name = check_id(without_brackets(text), row)
    seen.add(name, f"the id {name!r}", row)
    return name


def _labels(row: Row, split: str) -> FloatArray:
    """float32 (7,) in [0, 1], or NaN where the test split withholds them."""
    if split == "test" and all(row.cells[name] in _WITHHELD for name in LABEL_COLUMNS):
        return np.full(len(LABEL_COLUMNS), np.nan, np.float32)
    return np.array([row.number(name, 0, 1) for name in LABEL_COLUMNS], np.float32)
