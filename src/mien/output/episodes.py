"""Episodes of a result's action units, for the report; by the rules of the study level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mien.labels import VALENCE_AROUSAL
from mien.output.layouts import UNDECIDED
from mien.parquet import plain_numbers
from mien.pipeline.episodes import GAP_S, find_episodes
from mien.types import FaceSummary, Timeline

_FINE_POINTS = 36_000  # shared by all faces: the page of an hour stays under 5 MB


def thresholds_of(document: dict[str, Any]) -> dict[str, float]:
    """From which probability on each unit is active, where the extractor says so."""
    found = [m["au_decisions"] for m in document["models"] if "au_decisions" in m]
    return found[0] if found else {}


def add_episodes(faces: list[FaceSummary], table: pa.Table, document: dict[str, Any]) -> None:
    """Put the episodes of all units, by onset, shares of active time, and curves in more detail
    than those of the summaries into these.

    Parameters
    ----------
    faces
        Of the table; those without curves are passed over.
    table
        With ``timestamp_s``, ``face_id``, ``quality`` where there is one, and the estimates.
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
        if face.timeline.bin_s > 0 and face.mran is None:
            face.fine = _fine(time_s[own], table, own, face, _FINE_POINTS // len(faces))
        face.episodes = sorted(found, key=lambda told: (told[1].onset_s, told[0]))


def _fine(
    time_s: np.ndarray, table: pa.Table, own: np.ndarray, face: FaceSummary, most: int
) -> Timeline | None:
    """The rows of a face as curves of at most so many points; None where that is no gain."""
    size = -(-len(own) // max(most, 1))
    if len(own) < 2 or len(own) / size < 2 * len(face.timeline.time_s):
        return None
    there, columns = {*table.column_names}, []
    first = np.arange(0, len(own), size)
    for name in face.labels.affect_columns:
        values = np.full(len(own), np.nan)
        if name in there:
            values = plain_numbers(table.column(name), np.nan)[own].astype(np.float64)
        known = np.isfinite(values)
        count = np.add.reduceat(known.astype(np.float64), first)
        total = np.add.reduceat(np.where(known, values, 0), first)
        columns.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
    amount = np.diff(np.append(first, len(own)))
    middle_s = np.add.reduceat(time_s, first) / amount
    step_s = float(np.median(np.diff(middle_s)))
    holes = np.flatnonzero(np.diff(middle_s) > max(GAP_S, 2.5 * step_s)) + 1
    times_s = np.insert(middle_s, holes, (middle_s[holes - 1] + middle_s[holes]) / 2)
    values = np.insert(np.stack(columns, axis=1), holes, np.nan, axis=0)
    return Timeline(times_s, values.astype(np.float32), step_s)


def read_unit_columns(folder: Path, kind: str, names: list[str]) -> pa.Table:
    """What `add_episodes` reads of a table on disk."""
    plain = ("timestamp_s", "face_id", "quality", *VALENCE_AROUSAL)
    wanted = [n for n in names if n in plain or n.startswith("expr_") or n[2:].isdigit()]
    with (folder / f"frames.{kind}").open("rb") as data:
        if kind == "parquet":
            return pa.parquet.ParquetFile(data, pre_buffer=False).read(wanted, use_threads=False)
        types = {name: pa.float32() for name in wanted}
        types |= {"timestamp_s": pa.float64(), "face_id": pa.int32()}
        options = pa.csv.ConvertOptions(column_types=types, include_columns=wanted)
        return pa.csv.read_csv(data, convert_options=options)
