"""Episodes of a result's action units, for the report; by the rules of the study level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mien.output.layouts import UNDECIDED
from mien.parquet import plain_numbers
from mien.pipeline.episodes import find_episodes
from mien.types import FaceSummary


def thresholds_of(document: dict[str, Any]) -> dict[str, float]:
    """From which probability on each unit is active, where the extractor says so."""
    found = [m["au_decisions"] for m in document["models"] if "au_decisions" in m]
    return found[0] if found else {}


def add_episodes(faces: list[FaceSummary], table: pa.Table, document: dict[str, Any]) -> None:
    """Put the episodes of all units, by onset, and shares of active time into the summaries.

    Parameters
    ----------
    faces
        Of the table; those without curves are passed over.
    table
        With ``timestamp_s``, ``face_id``, ``quality`` where there is one, and the units.
    document
        Its ``video.json``: thresholds and least quality.
    """
    time_s = plain_numbers(table.column("timestamp_s"), np.nan)
    times_s = np.unique(time_s)
    if document["source"]["is_image"] or len(times_s) < 2:
        return
    step_s, levels = float(np.median(np.diff(times_s))), thresholds_of(document)
    number = plain_numbers(table.column("face_id"), -1)
    counts = number >= 0
    least = document.get("min_quality")
    if least and "quality" in table.column_names:
        counts &= ~(plain_numbers(table.column("quality"), np.nan) < least)
    for face in faces:
        own = np.flatnonzero(counts & (number == face.face_id))
        if not len(face.timeline.time_s):
            continue
        found, face.active_share = [], {}
        for name in face.labels.action_unit_columns:
            if name not in table.column_names:
                continue  # of another tool, which says intensities alone
            values = plain_numbers(table.column(name), np.nan)[own].astype(np.float64)
            level = levels.get(name, UNDECIDED)
            known = values[np.isfinite(values)]
            if len(known):
                face.active_share[name] = (float((known >= level).mean()), level)
            found += [(name, one) for one in find_episodes(time_s[own], values, level, step_s)]
        face.episodes = sorted(found, key=lambda told: (told[1].onset_s, told[0]))


def read_unit_columns(folder: Path, kind: str, names: list[str]) -> pa.Table:
    """What `add_episodes` reads of a table on disk."""
    wanted = [n for n in names if n in ("timestamp_s", "face_id", "quality") or n[2:].isdigit()]
    with (folder / f"frames.{kind}").open("rb") as data:
        if kind == "parquet":
            return pa.parquet.ParquetFile(data, pre_buffer=False).read(wanted, use_threads=False)
        types = {name: pa.float32() for name in wanted}
        types |= {"timestamp_s": pa.float64(), "face_id": pa.int32()}
        options = pa.csv.ConvertOptions(column_types=types, include_columns=wanted)
        return pa.csv.read_csv(data, convert_options=options)
