"""What the extractor saw in one video, in a file: times and affect of the usable frames.

The schema of a feature file carries what the resampler must know beside the rows (key ``mien``):
``max_gap_s``, the longest step in time that is no gap in this video, and ``joined``, the rows that
follow on the one before without a lost frame although the step is longer; ``warnings`` are those of
the analysis. So a sequence read here
is the one that an analysis of the same video would give the reaction model.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mien.errors import DataError
from mien.labels import AFFECT_COLUMNS
from mien.parquet import (
    facts_of,
    matrix,
    number_columns,
    numbers,
    read_parquet,
    with_facts,
    write_whole,
)
from mien.pipeline.resample import longest_step_s, resample_track
from mien.types import FloatArray, TimeArray


@dataclass(frozen=True)
class Features:
    """What the extractor saw in one video.

    Attributes
    ----------
    timestamp_s
        float64 (n,), seconds, of the usable frames.
    affect
        float32 (n, 26).
    max_gap_s
        Longest step in time that is no gap; None: told from the timestamps.
    joined
        Rows that follow on the one before however long the step is.
    warnings
        What is worth knowing of the video, one sentence each.
    """

    timestamp_s: TimeArray
    affect: FloatArray
    max_gap_s: float | None = None
    joined: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.timestamp_s)
        if self.affect.shape != (count, len(AFFECT_COLUMNS)):
            expected = (count, len(AFFECT_COLUMNS))
            raise ValueError(f"affect should be {expected}, not {self.affect.shape}")


def features_path(folder: Path, name: str) -> Path:
    """Where the features of a video are.

    Examples
    --------
    >>> features_path(Path("set"), "1001_DFA_ANG_XX").as_posix()
    'set/features/50/1001_DFA_ANG_XX.parquet'
    """
    return folder / "features" / hashlib.sha1(name.encode()).hexdigest()[:2] / f"{name}.parquet"


def write_features(path: Path, features: Features) -> None:
    """Write one video's features; the file has its name only when it is complete."""
    facts = {
        "max_gap_s": features.max_gap_s,
        "joined": list(features.joined),
        "warnings": list(features.warnings),
    }
    times_s = numbers(features.timestamp_s, pa.float64())
    columns = {"timestamp_s": times_s, **number_columns(features.affect, AFFECT_COLUMNS)}
    write_whole(path, with_facts(pa.table(columns), facts))


def read_features(path: Path) -> Features:
    """Read one video's features.

    Raises
    ------
    DataError
        If the file is missing, damaged, or has other columns.
    """
    table = read_parquet(path)
    expected = ["timestamp_s", *AFFECT_COLUMNS]
    if table.column_names != expected:
        raise DataError(f"{path}: its columns are {table.column_names}; expected {expected}")
    time_s = table.column("timestamp_s").to_numpy().astype(np.float64, copy=False)
    facts = facts_of(table.schema, path)
    return Features(
        time_s,
        matrix(table, AFFECT_COLUMNS),
        facts.get("max_gap_s"),
        tuple(facts.get("joined", ())),
        tuple(facts.get("warnings", ())),
    )


def resample(features: Features, fps: float) -> FloatArray:
    """Affect at a regular rate, float32 (m, 26), as an analysis hands it to the reaction model."""
    max_gap_s = features.max_gap_s
    if max_gap_s is None:
        steps = np.diff(features.timestamp_s)
        median_s = float(np.median(steps)) if len(steps) else 0.0
        max_gap_s = longest_step_s(1 / median_s if median_s > 0 else None)
    joined = np.zeros(len(features.timestamp_s), bool)
    joined[list(features.joined)] = True
    return resample_track(features.timestamp_s, features.affect, fps, max_gap_s, joined)
