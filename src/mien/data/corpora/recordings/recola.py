"""RECOLA: remote collaboration in French, six raters of valence and arousal at 25 Hz.

Either of two layouts:

* ``RECOLA-Annotation/emotional_behaviour/{arousal,valence}/P16.csv`` (also below the folder):
  separated by ``;``, a header ``time;FM1 ;FM2 ;...`` in which names carry spaces, times in
  seconds. Raters are merged by the evaluator-weighted estimator (`mien.data.targets.raters`), each
  dimension by itself. The corpus comes without a split: by a hash of the person here
  (`split_by_hash`).
* ``ratings_gold_standard/{arousal,valence}/{train,dev}_1.arff`` of AVEC 2016: merged already.
  ``dev`` is validation; the ratings of the challenge's test part are withheld.

Videos are ``<id>.mp4`` (or another suffix) anywhere below the folder.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mien.data.formats.text_tables import Row, read_lines, read_rows
from mien.data.formats.traces import Traces, traces_of
from mien.data.recordings import (
    StreamCorpus,
    StreamSource,
    check_id,
    split_by_hash,
    with_videos,
)
from mien.data.registry import ON_REQUEST, Corpus, register_corpus
from mien.data.targets.raters import merge_raters
from mien.errors import DataError
from mien.video.companions.streams import StreamFile

FPS = 12.5
"""Frames per second kept of videos of 25: every second one."""

RATERS = ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")

_DIMENSIONS = ("valence", "arousal")
_SAME_S = 1e-3
_GOLD_NAME = re.compile(r"(train|dev)_\d+")


@register_corpus(
    Corpus(
        name="recola",
        title="RECOLA",
        kind="streams",
        labels="25 times a second: valence and arousal of six raters, merged by their agreement",
        access="from its authors (diuf.unifr.ch/main/diva/recola), by a licence agreement",
        terms=ON_REQUEST,
        layout=(
            "RECOLA-Annotation/emotional_behaviour/{arousal,valence}/P16.csv: "
            "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3",
            "or ratings_gold_standard/{arousal,valence}/{train,dev}_1.arff of AVEC 2016",
            "<id>.mp4 anywhere below the folder",
        ),
    )
)
def load_recola(root: str | Path) -> StreamCorpus:
    """The annotated recordings that have a video.

    Raises
    ------
    DataError
        If the folder is not laid out as expected; the message names file and line.
    """
    folder = Path(root)
    rated = _annotation_folder(folder, "emotional_behaviour")
    gold = _annotation_folder(folder, "ratings_gold_standard")
    if rated is not None and gold is not None:
        raise DataError(
            f"{folder}: holds {rated} and {gold}, two annotations of the same recordings; give a "
            "folder with one of them"
        )
    if rated is not None:
        files, read, splits = _pairs(rated, ".csv"), _read_raters, {}
    elif gold is not None:
        files, read = _pairs(gold, ".arff"), _read_gold
        splits = {name: _gold_split(gold, name) for name in files}
    else:
        raise DataError(
            f"{folder}: looked for emotional_behaviour/ or ratings_gold_standard/ with arousal/ "
            "and valence/ in it; there is neither"
        )
    videos, notes = with_videos(folder, files, "RECOLA-Video-recordings/P16.mp4 and the like")
    if rated is not None:
        notes.append("split by a hash of the person (ours); raters merged by their agreement (EWE)")
    recordings = tuple(
        StreamSource(
            name,
            splits.get(name) or split_by_hash(name),
            name if rated is not None else None,
            {"color": StreamFile(videos[name])},
            _joined(
                {dimension: read(path) for dimension, path in files[name].items()}, files[name]
            ),
        )
        for name in files
        if name in videos
    )
    return StreamCorpus("recola", FPS, recordings, notes=tuple(notes))


def _annotation_folder(root: Path, name: str) -> Path | None:
    """The folder of that name at or below the root; None if there is none."""
    if root.name == name and root.is_dir():
        return root
    found = [path for path in sorted(root.rglob(name)) if path.is_dir()]
    if len(found) > 1:
        raise DataError(f"{root}: holds {found[0]} and {found[1]}; give a folder with one of them")
    return found[0] if found else None


def _pairs(folder: Path, suffix: str) -> dict[str, dict[str, Path]]:
    """Files of each recording by dimension."""
    found = {
        dimension: {
            path.stem: check_id(path) for path in sorted((folder / dimension).glob(f"*{suffix}"))
        }
        for dimension in _DIMENSIONS
    }
    for dimension, files in found.items():
        if not files:
            raise DataError(f"{folder / dimension}: looked for *{suffix}, found none")
    only = sorted(set(found["valence"]) ^ set(found["arousal"]))
    if only:
        lacking = next(d for d in _DIMENSIONS if only[0] not in found[d])
        raise DataError(f"{folder / lacking}: looked for {only[0]}{suffix}, as in the other folder")
    return {name: {d: found[d][name] for d in _DIMENSIONS} for name in found["valence"]}


def _gold_split(folder: Path, name: str) -> str:
    match = _GOLD_NAME.fullmatch(name)
    if match is None:
        raise DataError(f"{folder}/valence/{name}.arff: its name is neither train_N nor dev_N")
    return "train" if match[1] == "train" else "valid"


Trace = list[tuple[Row, float, float]]
"""Row, time in seconds, value."""


def _read_raters(path: Path) -> Trace:
    rows = list(read_rows(path, ("time", *RATERS), ";"))
    times = [row.number("time", 0, 1e6) for row in rows]
    ratings = np.array([[row.number(name, -1, 1) for row in rows] for name in RATERS])
    merged, _ = merge_raters(ratings)
    return [(row, t, float(v)) for row, t, v in zip(rows, times, merged, strict=True)]


def _read_gold(path: Path) -> Trace:
    """Rows of an arff file: attributes by their names, then data."""
    names: list[str] = []
    rows: Trace = []
    data = False
    for number, line in enumerate(read_lines(path), 1):
        if not line or line.startswith("%"):
            continue
        if not data:
            words = line.split()
            if words[0].lower() == "@attribute" and len(words) >= 3:
                names.append(words[1].strip("'\""))
            data = words[0].lower() == "@data"
            continue
        if (lacking := {"frameTime", "GoldStandard"} - set(names)) or len(set(names)) < len(names):
            raise DataError(
                f"{path}, line {number}: looked for attributes frameTime and GoldStandard, each "
                f"once, found {names} (without {sorted(lacking)})"
            )
        cells = [cell.strip().strip("'\"") for cell in line.split(",")]
        if len(cells) != len(names):
            raise DataError(
                f"{path}, line {number}: has {len(cells)} cells; expected {len(names)}, one for "
                "each attribute"
            )
        row = Row(path, number, dict(zip(names, cells, strict=True)))
        rows.append((row, row.number("frameTime", 0, 1e6), row.number("GoldStandard", -1, 1)))
    if not rows:
        raise DataError(f"{path}: has no line after @data; expected an arff file with numbers")
    return rows


def _joined(traces: dict[str, Trace], files: dict[str, Path]) -> Traces:
    """Valence and arousal on one time line; they are sampled together."""
    valence, arousal = traces["valence"], traces["arousal"]
    if len(valence) != len(arousal):
        raise DataError(
            f"{files['arousal']}: has {len(arousal)} samples; expected {len(valence)}, as in "
            f"{files['valence']}"
        )
    for (_, time_s, _), (row, other_s, _) in zip(valence, arousal, strict=True):
        if abs(time_s - other_s) > _SAME_S:
            raise row.error(f"the time is {other_s:g} s; expected {time_s:g} s, as for valence")
    return traces_of(
        [(row, t, v, a) for (row, t, v), (_, _, a) in zip(valence, arousal, strict=True)]
    )
