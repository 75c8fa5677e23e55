"""SEWA: pairs of people discussing advertisements, with gold-standard traces at 10 Hz.

``<labels>/<id>.csv``, in a folder called ``labels`` at or below the root: separated by ``;``, a
header with ``time``, ``arousal`` and ``valence`` (``liking`` and others may follow and are
ignored), times in seconds. The edition of AVEC 2018 has no header: name of the recording in
quotes, time, arousal, valence, liking (``'Train_DE_01';0.1;-0.05;0.12;0.0``). Videos are
``<id>.avi`` (or another suffix) anywhere below the folder.

Ids that start with ``Train``, ``Devel`` or ``Test``, as the AVEC challenges name them, say the
split; others are split by a hash of the recording. The layouts are known from descriptions and
loaders only: what is not as expected is refused.
"""

from __future__ import annotations

import math
from pathlib import Path

from mien.data.formats.text_tables import Row, as_number, read_lines
from mien.data.formats.traces import Traces, read_trace_table, traces_of
from mien.data.recordings import (
    StreamCorpus,
    StreamSource,
    check_id,
    split_by_hash,
    with_videos,
)
from mien.data.registry import ON_REQUEST, Corpus, register_corpus
from mien.errors import DataError
from mien.video.companions.streams import StreamFile

FPS = 12.5
"""Frames per second kept of videos of 50."""

_AVEC_COLUMNS = ("name", "time", "arousal", "valence", "liking")
_SPLITS = {"train": "train", "devel": "valid", "test": "test"}


@register_corpus(
    Corpus(
        name="sewa",
        title="SEWA DB",
        kind="streams",
        labels="10 times a second: valence and arousal",
        access="from its authors (db.sewaproject.eu), by a licence agreement",
        terms=ON_REQUEST,
        layout=(
            "labels/<id>.csv: time;arousal;valence;... (known from descriptions only)",
            "or, of AVEC 2018, without a header: '<id>';time;arousal;valence;liking",
            "<id>.avi anywhere below the folder; Train_, Devel_, Test_ in front say the split",
        ),
    )
)
def load_sewa(root: str | Path) -> StreamCorpus:
    """The annotated recordings that have a video.

    Raises
    ------
    DataError
        If the folder is not laid out as expected; the message names file and line.
    """
    folder = Path(root)
    labels = [folder] if folder.name == "labels" else sorted(folder.rglob("labels"))
    files: dict[str, Path] = {}
    for path in (p for place in labels for p in sorted(place.glob("*.csv"))):
        if path.stem in files:
            raise DataError(f"{path}: there is another file of this name, {files[path.stem]}")
        files[path.stem] = check_id(path)
    if not files:
        raise DataError(
            f"{folder}: looked for labels/<id>.csv (time;arousal;valence;...), found none"
        )
    videos, notes = with_videos(folder, files, "the name of its csv file")
    splits = {name: _SPLITS.get(_prefix(name)) for name in files}
    if unnamed := [name for name, split in splits.items() if split is None]:
        notes.append(
            f"{len(unnamed)} recordings name no split (Train, Devel, Test) and are split by a "
            f"hash of the recording (ours; first: {unnamed[0]})"
        )
    recordings = tuple(
        StreamSource(
            name,
            splits[name] or split_by_hash(name),
            None,
            {"color": StreamFile(videos[name])},
            _read_labels(path),
        )
        for name, path in files.items()
        if name in videos
    )
    return StreamCorpus("sewa", FPS, recordings, notes=tuple(notes))


def _read_labels(path: Path) -> Traces:
    """Traces of one file, with a header or as AVEC 2018 has them."""
    lines = read_lines(path)
    first = [cell.strip() for cell in lines[0].split(";")] if lines else []
    if len(first) < 2 or as_number(first[1]) is None:  # no time there: it is a header
        return read_trace_table(path, ";", time="time")
    rows = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split(";")]
        row = Row(path, number, dict(zip(_AVEC_COLUMNS, cells, strict=False)))
        if len(cells) != len(_AVEC_COLUMNS) or cells[0].strip("'\"") != path.stem:
            raise row.error(f"is {line!r}; expected '{path.stem}';time;arousal;valence;liking")
        time_s = row.number("time", 0, math.inf)
        rows.append((row, time_s, row.number("valence", -1, 1), row.number("arousal", -1, 1)))
    return traces_of(rows)


def _prefix(name: str) -> str:
    return name.replace("-", "_").split("_")[0].lower()
