"""Events: parts of videos that are summed up by themselves, as BIDS writes them.

A csv (or tsv) table with ``onset`` and ``duration`` in seconds of the source and a label in
``trial_type`` or ``label``; ``video`` says of which video, and without that column the events are
those of every video. A duration of 0 is a moment, which has no frames to sum up: it is passed over.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from mien.errors import DataError
from mien.study.recordings import Recording
from mien.study.spreadsheets import separator_of
from mien.study.summaries import Window


def read_events(path: Path, recordings: list[Recording]) -> dict[str, list[Window]]:
    """Events by video.

    Raises
    ------
    DataError
        With file and line, where a column is missing, a time is none, or a video is not there.
    """
    try:
        separator = separator_of(path)
        rows = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (OSError, ValueError, UnicodeError) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from error
    label = next((name for name in ("trial_type", "label") if name in rows), None)
    if label is None or not {"onset", "duration"} <= set(rows.columns):
        raise DataError(
            f"{path}: has the columns {list(rows.columns)}; it needs onset, duration and "
            "trial_type or label"
        )
    names = {recording.name for recording in recordings}
    events: dict[str, list[Window]] = {name: [] for name in names}
    for line, cells in enumerate(rows.to_dict("records"), 2):
        row = {str(name): str(value) for name, value in cells.items()}
        if separator == ";":  # a comma is the decimal sign there
            row |= {name: row[name].replace(",", ".") for name in ("onset", "duration")}
        onset_s, duration_s = (_seconds(path, line, row, name) for name in ("onset", "duration"))
        if duration_s == 0:
            continue
        video = row.get("video", "")
        if video and not {video, Path(video).stem} & names:
            raise DataError(f"{path}, line {line}: there are no results of {video!r}")
        window = Window(onset_s, onset_s + duration_s, row[label])
        for name in sorted({video, Path(video).stem} & names) if video else sorted(names):
            events[name].append(window)
    return events


def _seconds(path: Path, line: int, row: dict[str, str], name: str) -> float:
    try:
        value = float(row[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (name == "duration" and value < 0):
        raise DataError(f"{path}, line {line}: {name} is {row[name]!r}; give seconds")
    return value
