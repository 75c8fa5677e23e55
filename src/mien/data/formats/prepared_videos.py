"""Prepared videos: what the extractor said of them once, for training without frames.

Layout of a prepared folder:

* ``dataset.json``: ``format``, ``version``, ``corpus``, ``outputs``, ``stage1`` (name, version and
  sha256 of the extractor), ``counts``, ``failed`` (id and reason of every video without a result);
* ``labels.parquet``: ``id``, ``split``, ``person`` (or null), then one float32 column per output,
  NaN where withheld; one row per video, failed ones included;
* ``features/<xx>/<id>.parquet``, xx the first two hex digits of sha1(id): one row per usable frame,
  ``timestamp_s`` float64 and the 26 columns of `mien.labels.AFFECT_COLUMNS` float32
  (`mien.data.formats.features`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mien.data.formats.features import (
    features_path,
    read_features,
    resample,
)
from mien.data.sequences import SequenceSet
from mien.data.videos import SPLITS, is_safe_id
from mien.errors import DataError
from mien.io import DOCUMENT, read_dataset
from mien.parquet import (
    AGAIN,
    matrix,
    number_columns,
    read_parquet,
    write_whole,
)
from mien.types import FloatArray

FORMAT = "mien prepared videos"
VERSION = 1


@dataclass(frozen=True)
class PreparedDocument:
    """The content of ``dataset.json``; `extra` holds entries that readers may ignore."""

    corpus: str
    outputs: tuple[str, ...]
    stage1: dict[str, Any]
    counts: dict[str, int]
    failed: tuple[tuple[str, str], ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The file as plain values."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "corpus": self.corpus,
            "outputs": list(self.outputs),
            "stage1": self.stage1,
            "counts": self.counts,
            "failed": [{"id": name, "reason": reason} for name, reason in self.failed],
            **self.extra,
        }


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
        If an id is no safe file name or is there twice, a split is unknown, or labels have another
        length than `outputs`.
    """
    names = [name for name, _, _, _ in rows]
    if unsafe := [name for name in names if not is_safe_id(name)]:
        raise ValueError(f"the id {unsafe[0]!r} cannot be a file name")
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
            **number_columns(labels, outputs),
        }
    )
    write_whole(folder / "labels.parquet", table)


def read_document(folder: Path) -> PreparedDocument:
    """``dataset.json`` of a finished prepared set.

    Raises
    ------
    DataError
        If it is missing, damaged, or of another format or version.
    """
    path = folder / DOCUMENT
    document = read_dataset(folder, "a prepared set", (FORMAT, VERSION), again=AGAIN)
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
    """The videos of one split as the reaction model sees them.

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
    table = read_labels(place, document.outputs)
    table = table.filter([name == split for name in table.column("split").to_pylist()])
    if not table.num_rows:
        raise DataError(f"{place}: no video is in the split {split!r}")
    names, persons = (table.column(name).to_pylist() for name in ("id", "person"))
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
        matrix(table, document.outputs)[kept],
        document.outputs,
        fps,
        tuple(names[k] for k in kept),
        tuple(notes),
        tuple(persons[k] or "" for k in kept) if any(persons[k] for k in kept) else None,
    )


def read_labels(folder: Path, outputs: Sequence[str]) -> pa.Table:
    """``labels.parquet`` of a prepared set: ``id``, ``split``, ``person`` and the outputs.

    Raises
    ------
    DataError
        If it is missing or damaged, or has other columns.
    """
    path = folder / "labels.parquet"
    table = read_parquet(path)
    expected = ["id", "split", "person", *outputs]
    if table.column_names != expected:
        raise DataError(f"{path}: its columns are {table.column_names}; expected {expected}")
    return table
