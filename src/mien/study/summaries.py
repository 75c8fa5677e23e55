"""Tables of a study: frames of persons, summaries, episodes.

Every table begins with the columns of the participants (``video``, ``person``, ``face``,
``condition``, ...). Means, deviations and shares weigh every usable frame alike; usable are frames
of at least the least quality of the analysis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from mien.errors import ConfigError
from mien.study.episodes import Episode, find_blinks, find_episodes
from mien.study.participants import Seen
from mien.study.recordings import Recording


@dataclass(frozen=True)
class Window:
    """A part of a video, ``[start_s, end_s)`` of the source's time, with a label."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True)
class Part:
    """What is summed up at once: a person in a video, as a whole or in one window of it."""

    seen: Seen
    recording: Recording
    rows: pd.DataFrame  # usable
    all_rows: int  # with those of too low quality
    window: Window | None = None

    @property
    def labels(self) -> dict[str, object]:
        """The columns that every table begins with."""
        named: dict[str, object] = {"video": self.seen.video, "person": self.seen.person}
        named |= {"face": self.seen.face, **self.seen.extra}
        if self.window is not None:
            named |= {"event": self.window.label, "event_onset_s": self.window.start_s}
        return named


def parts_of(
    seen: list[Seen],
    recordings: list[Recording],
    windows: dict[str, list[Window]] | None = None,
    baseline: str | None = None,
) -> Iterator[Part]:
    """One part per person and video, or per event of the video where there are events.

    Parameters
    ----------
    windows
        Events by video; None: videos as a whole.
    baseline
        None; ``"rest"``: of every channel the person's own median over the video is taken off;
        or a label of events: its mean over those of the same video. Quality and the shares of
        active time stay as they are.

    Raises
    ------
    ConfigError
        If a video has no usable frame in its baseline.
    """
    by_name = {recording.name: recording for recording in recordings}
    for one in seen:
        recording = by_name[one.video]
        usable = recording.usable()
        usable = usable[usable["face_id"] == one.face]
        rows = _corrected(usable, recording, one, windows, baseline)
        read = recording.frames["face_id"] == one.face
        if windows is None:
            yield Part(one, recording, rows, int(read.sum()))
            continue
        for window in windows.get(one.video, []):
            inside = _inside(recording.frames, window)
            yield Part(
                one, recording, rows[_inside(rows, window)], int((read & inside).sum()), window
            )


def summarise(parts: list[Part]) -> pd.DataFrame:
    """One row per part: frames, seconds, quality share; mean and SD of every channel; of every
    unit the share of time that it is active and episodes per minute; blinks per minute."""
    return pd.DataFrame([_summary(part) for part in parts])


def list_episodes(parts: list[Part]) -> pd.DataFrame:
    """One row per episode: unit, onset, apex, offset, duration, peak."""
    rows = [
        {**part.labels, "unit": unit, **asdict(found), "duration_s": found.duration_s}
        for part in parts
        for unit, episodes in _episodes(part).items()
        for found in episodes
    ]
    columns = list(parts[0].labels) if parts else []
    columns += ["unit", "onset_s", "apex_s", "offset_s", "duration_s", "peak"]
    return pd.DataFrame(rows, columns=columns)


def joined_frames(parts: list[Part]) -> pd.DataFrame:
    """The usable frames of all parts in one table."""
    tables = []
    for part in parts:
        table = part.rows.copy()
        for place, (name, value) in enumerate(part.labels.items()):
            table.insert(place, name, value if isinstance(value, int | float) else str(value))
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _summary(part: Part) -> dict[str, object]:
    rows, channels = part.rows, part.recording.channels
    step_s = _step_s(part.recording)
    seconds = len(rows) * step_s
    row: dict[str, object] = {**part.labels, "frames": len(rows), "seconds": round(seconds, 3)}
    row["quality_share"] = len(rows) / part.all_rows if part.all_rows else np.nan
    values = rows[channels]
    row |= {f"{name}_mean": mean for name, mean in values.mean().items()}
    row |= {f"{name}_sd": sd for name, sd in values.std(ddof=1).items()}
    for name, level in part.recording.thresholds.items():
        probability = rows[_raw(name)] if _raw(name) in rows else rows[name]
        row[f"{name}_active_share"] = (probability >= level).mean() if len(rows) else np.nan
    for unit, found in _episodes(part).items():
        row[f"{unit}_episodes_per_min"] = 60 * len(found) / seconds if seconds else np.nan
    return row


def _episodes(part: Part) -> dict[str, list[Episode]]:
    time_s = part.rows["timestamp_s"].to_numpy(np.float64)
    step_s = _step_s(part.recording)
    found = {}
    for name, level in part.recording.thresholds.items():
        probability = part.rows[_raw(name) if _raw(name) in part.rows else name]
        values = probability.to_numpy(np.float64)
        found[name] = find_episodes(time_s, values, level, step_s)
    if "eye_open_left" in part.rows:
        eyes = part.rows[["eye_open_left", "eye_open_right"]].mean(axis=1).to_numpy(np.float64)
        found["blink"] = find_blinks(time_s, eyes, step_s)
    return found


def _corrected(
    rows: pd.DataFrame,
    recording: Recording,
    one: Seen,
    windows: dict[str, list[Window]] | None,
    baseline: str | None,
) -> pd.DataFrame:
    """Rows less their baseline; probabilities of units are kept beside as they are."""
    if baseline is None or rows.empty:
        return rows
    kept = [name for name in recording.channels if name != "quality"]
    if baseline == "rest":
        level = rows[kept].median()
    else:
        of_video = (windows or {}).get(one.video, [])
        chosen = [window for window in of_video if window.label == baseline]
        inside = np.zeros(len(rows), bool)
        for window in chosen:
            inside |= _inside(rows, window).to_numpy()
        if not inside.any():
            raise ConfigError(
                f"{one.video}: no usable frame of {one.person} lies in an event {baseline!r}"
            )
        level = rows.loc[inside, kept].mean()
    corrected = rows.copy()
    for name in recording.unit_columns:
        corrected[_raw(name)] = rows[name]
    corrected[kept] = rows[kept] - level
    return corrected


def _inside(rows: pd.DataFrame, window: Window) -> pd.Series:
    return (rows["timestamp_s"] >= window.start_s) & (rows["timestamp_s"] < window.end_s)


def _raw(name: str) -> str:
    return f"{name}_uncorrected"


def _step_s(recording: Recording) -> float:
    """Usual time between frames of the source."""
    times_s = np.unique(recording.frames["timestamp_s"].to_numpy(np.float64))
    if len(times_s) > 1:
        return float(np.median(np.diff(times_s)))
    fps = recording.document["source"].get("nominal_fps")
    return 1 / fps if fps else 0.0
