"""Prepared videos: affect representations that stage 1 wrote once, for training without frames.

Layout of a prepared folder:

* ``dataset.json``: ``format``, ``version``, ``corpus``, ``outputs``, ``stage1`` (name, version and
  sha256 of the extractor), ``counts``, ``failed`` (id and reason of every video without a result);
* ``labels.parquet``: ``id``, ``split``, ``person`` (or null), then one float32 column per output,
  NaN where withheld; one row per video, failed ones included;
* ``features/<xx>/<id>.parquet``, xx the first two hex digits of sha1(id): one row per usable frame,
  ``timestamp_s`` float64 and the 26 columns of `mien.labels.AFFECT_COLUMNS` float32
  (`mien.datasets.features`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mien.datasets.clips import SPLITS, is_safe_id
from mien.datasets.features import Features, features_path, read_features, resample, write_features
from mien.datasets.prepared_files import (
    AGAIN,
    numbers,
    read_parquet,
    write_text,
    write_whole,
)
from mien.datasets.sequences import SequenceSet
from mien.errors import DataError
from mien.types import FloatArray

FORMAT = "mien prepared videos"
VERSION = 1


@dataclass(frozen=True)
class PreparedVideo:
    """One video of a prepared set; ``labels`` float32 (outputs,), NaN where withheld."""

    id: str
    split: str
    labels: FloatArray
    features: Features
    person: str | None = None


@dataclass(frozen=True)
class PreparedDocument:
    """The content of ``dataset.json``; `extra` holds entries that readers may ignore."""

    corpus: str
    outputs: tuple[str, ...]
    stage1: dict[str, Any]
    counts: dict[str, int]
    failed: tuple[tuple[str, str], ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """The text of the file."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "corpus": self.corpus,
            "outputs": list(self.outputs),
            "stage1": self.stage1,
            "counts": self.counts,
            "failed": [{"id": name, "reason": reason} for name, reason in self.failed],
            **self.extra,
        }
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_prepared(
    folder: Path,
    corpus: str,
    outputs: Sequence[str],
    videos: Iterable[PreparedVideo],
    stage1: dict[str, Any] | None = None,
    failed: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write a whole prepared set from memory: for simulations and tests.

    Parameters
    ----------
    folder
        Is made if need be.
    corpus, outputs
        Name of the set, names of its labels.
    videos
        In any order; ids must be safe file names.
    stage1
        Name, version and sha256 of the extractor; None where none was used.
    failed
        Id and reason of videos to list as failed.

    Returns
    -------
    The folder.

    Raises
    ------
    ValueError
        If an id is no safe file name or is there twice, a split is unknown, or labels have another
        length than `outputs`.
    """
    rows: list[tuple[str, str, str | None, FloatArray]] = []
    frames = 0
    for video in videos:
        rows.append((video.id, video.split, video.person, video.labels))
        if not is_safe_id(video.id):
            raise ValueError(f"the id {video.id!r} cannot be a file name")
        write_features(features_path(folder, video.id), video.features)
        frames += len(video.features.timestamp_s)
    write_labels(folder, outputs, rows)
    counts = {"videos": len(rows), **split_counts([split for _, split, _, _ in rows])}
    unknown = {"name": None, "version": None, "sha256": None}
    document = PreparedDocument(
        corpus, tuple(outputs), stage1 or unknown, {**counts, "frames": frames}, tuple(failed)
    )
    write_text(folder / "dataset.json", document.as_json())
    return folder


def split_counts(splits: Sequence[str]) -> dict[str, int]:
    """How many there are of each split."""
    return {split: list(splits).count(split) for split in SPLITS}


def write_labels(
    folder: Path,
    outputs: Sequence[str],
    rows: Sequence[tuple[str, str, str | None, FloatArray]],
) -> None:
    """Write ``labels.parquet`` from id, split, person and labels of every video.

    Raises
    ------
    ValueError
        As `write_prepared`.
    """
    names = [name for name, _, _, _ in rows]
    if len(set(names)) < len(names):
        raise ValueError("an id is there twice")
    if unknown := {split for _, split, _, _ in rows} - set(SPLITS):
        raise ValueError(f"splits are {SPLITS}, not {sorted(unknown)}")
    if any(len(labels) != len(outputs) for _, _, _, labels in rows):
        raise ValueError(f"every video needs {len(outputs)} labels")
    labels = np.array([labels for _, _, _, labels in rows], np.float32).reshape(-1, len(outputs))
    table = pa.table(
        {
            "id": pa.array(names, pa.string()),
            "split": pa.array([split for _, split, _, _ in rows], pa.string()),
            "person": pa.array([person for _, _, person, _ in rows], pa.string()),
            **{name: numbers(labels[:, k], pa.float32()) for k, name in enumerate(outputs)},
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "labels.parquet", table)


def read_document(folder: Path) -> PreparedDocument:
    """``dataset.json`` of a finished prepared set.

    Raises
    ------
    DataError
        If it is missing, damaged, or of another format or version.
    """
    path = folder / "dataset.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = (document["format"], document["version"])
    except FileNotFoundError as error:
        raise DataError(
            f"{folder}: not a prepared set: there is no dataset.json; {AGAIN}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read as that of a prepared set") from error
    if found != (FORMAT, VERSION):
        raise DataError(
            f"{path}: holds {found[0]!r} version {found[1]}; expected {FORMAT!r} version {VERSION}"
        )
    try:
        return PreparedDocument(
            corpus=document["corpus"],
            outputs=tuple(document["outputs"]),
            stage1=document["stage1"],
            counts=document["counts"],
            failed=tuple((entry["id"], entry["reason"]) for entry in document["failed"]),
        )
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: lacks an entry that a prepared set has: {error}") from error


def load_prepared(
    folder: str | Path, split: str, fps: float, max_positions: int | None = None
) -> SequenceSet:
    """The videos of one split as stage 2 sees them.

    Parameters
    ----------
    folder
        A prepared set.
    split
        ``"train"``, ``"valid"`` or ``"test"``.
    fps
        Rate that the frames are resampled to by their timestamps, as in
        `mien.pipeline.resample`; time in which the face was lost is skipped.
    max_positions
        Longest sequence; of a longer one the first positions are kept. None: all.

    Returns
    -------
    A `SequenceSet` in the order of ``labels.parquet``; labels are NaN where withheld. ``notes``
    say how many videos failed in preparation and how many were shortened.

    Raises
    ------
    DataError
        If the set is unfinished or damaged, or no video is in the split.
    ValueError
        If `fps` or `max_positions` is not positive.
    """
    place = Path(folder)
    if not 0 < fps < math.inf or (max_positions is not None and max_positions < 1):
        raise ValueError(f"fps and max_positions must be positive, not {fps}, {max_positions}")
    document = read_document(place)
    names, labels = _read_labels(place, document.outputs, split)
    failed = {name for name, _ in document.failed}
    kept = [k for k, name in enumerate(names) if name not in failed]
    if not kept:
        raise DataError(f"{place}: no video is in the split {split!r} ({len(names)} failed ones)")
    sequences: list[FloatArray] = []
    shortened = 0
    for k in kept:
        path = features_path(place, names[k])
        sequence = resample(read_features(path), fps)
        if not len(sequence):
            raise DataError(f"{path}: has no frame and is not listed as failed; {AGAIN}")
        if max_positions is not None and len(sequence) > max_positions:
            sequence = sequence[:max_positions]
            shortened += 1
        sequences.append(sequence)
    notes = []
    if len(kept) < len(names):
        notes.append(
            f"{len(names) - len(kept)} of {len(names)} videos of the split {split!r} failed in "
            "preparation and are left out"
        )
    if shortened:
        notes.append(
            f"{shortened} of {len(kept)} videos are longer than {max_positions} positions at "
            f"{fps:g} fps; their ends are left out"
        )
    lengths = [len(sequence) for sequence in sequences]
    return SequenceSet(
        np.concatenate(sequences),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        labels[kept],
        document.outputs,
        fps,
        ids=tuple(names[k] for k in kept),
        notes=tuple(notes),
    )


def _read_labels(
    folder: Path, outputs: tuple[str, ...], split: str
) -> tuple[list[str], FloatArray]:
    """Ids and labels (n, outputs) of the videos of a split."""
    path = folder / "labels.parquet"
    table = read_parquet(path)
    expected = ["id", "split", "person", *outputs]
    if table.column_names != expected:
        raise DataError(f"{path}: its columns are {table.column_names}; expected {expected}")
    rows = [k for k, name in enumerate(table.column("split").to_pylist()) if name == split]
    if not rows:
        raise DataError(f"{folder}: no video is in the split {split!r}")
    ids = table.column("id").to_pylist()
    columns = [table.column(name).to_numpy().astype(np.float32) for name in outputs]
    return [ids[k] for k in rows], np.stack(columns, axis=1)[rows]
