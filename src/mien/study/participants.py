"""Who is seen in which video, in which condition: ``participants.csv``.

One row per person and video. ``video`` is the name of the result folder (or of the file, with or
without its suffix); ``person`` and ``condition`` are free texts; ``face`` is the face number, and
may be left out or empty, which stands for the face that is longest in sight. Where a video has a
``people.json``, ``face`` may be a name of it; left out, it is the one who is called as ``person``.
Any other column is kept and comes into every table. Without the file every face is a person of its
own, or the one that ``people.json`` names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mien.errors import DataError
from mien.study.recordings import Recording
from mien.study.spreadsheets import separator_of

_MOST_NAMED = 5


@dataclass(frozen=True)
class Seen:
    """One person in one video.

    Attributes
    ----------
    video, person, face
        The video, the person, and the face number of that person in it.
    extra
        Further columns: ``condition`` and whatever the file has.
    """

    video: str
    person: str
    face: int
    extra: dict[str, str] = field(default_factory=dict)


def everyone(recordings: list[Recording]) -> list[Seen]:
    """Every face of every video, as a person of its own."""
    return [
        Seen(recording.name, recording.names.get(face) or f"{recording.name}:{face}", face)
        for recording in recordings
        for face in sorted(recording.usable()["face_id"].astype(int).unique().tolist())
    ]


def read_participants(path: Path, recordings: list[Recording]) -> tuple[list[Seen], list[str]]:
    """Read the file.

    Returns
    -------
    The persons, in the order of the file, and sentences on what was left out.

    Raises
    ------
    DataError
        With file and line, where a face is not among the results, a person is named twice for the
        same face, a column is missing, or no video has results.
    """
    try:
        sep = separator_of(path)
        rows = pd.read_csv(path, sep=sep, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError, UnicodeError) as error:
        raise DataError(f"{path}: cannot be read as a csv table ({error})") from error
    rows = rows.rename(columns=str.strip).apply(lambda column: column.str.strip())
    if "video" not in rows:
        raise DataError(
            f"{path}: has the columns {', '.join(rows.columns)}; it needs 'video', the "
            "file or its result folder"
        )
    by_name = {recording.name: recording for recording in recordings}
    seen: list[Seen] = []
    taken: set[tuple[str, int]] = set()
    lacking: list[str] = []
    for line, row in enumerate(rows.to_dict("records"), 2):
        recording = by_name.get(row["video"]) or by_name.get(Path(row["video"]).stem)
        if recording is None:
            lacking.append(f"{row['video']} (line {line})")
            continue
        text = row.get("face", "").strip()
        if not text and row.get("person") in recording.names.values():
            text = row["person"]
        face = _face(path, line, text, recording)
        if (recording.name, face) in taken:
            raise DataError(
                f"{path}, line {line}: face {face} of {recording.name} has a person already"
            )
        taken.add((recording.name, face))
        extra = {str(k): v for k, v in row.items() if k not in ("video", "person", "face")}
        person = row.get("person") or f"{recording.name}:{face}"
        seen.append(Seen(recording.name, person, face, extra))
    if not seen:
        there = ", ".join(list(by_name)[:_MOST_NAMED])
        raise DataError(
            f"{path}: names no video that there are results of; there are those of {there}"
        )
    return seen, _without_results(path, lacking) + _left_out(recordings, taken)


def _face(path: Path, line: int, text: str, recording: Recording) -> int:
    counts = recording.usable()["face_id"].astype(int).value_counts()
    numbers = {name: str(number) for number, name in recording.names.items()}
    text = numbers.get(text.strip(), text)
    if not text.strip():
        if counts.empty:
            raise DataError(f"{path}, line {line}: no face was read in {recording.name}")
        return int(counts.index[0])
    if not text.strip().isdigit() or int(text) not in counts.index:
        there = sorted(counts.index.tolist())
        raise DataError(
            f"{path}, line {line}: {recording.name} has no face {text!r}; it has {there}"
        )
    return int(text)


def _without_results(path: Path, lacking: list[str]) -> list[str]:
    if not lacking:
        return []
    named = ", ".join(lacking[:_MOST_NAMED]) + (", ..." if len(lacking) > _MOST_NAMED else "")
    return [f"{path}: {len(lacking)} row(s) without results are left out: {named}"]


def _left_out(recordings: list[Recording], taken: set[tuple[str, int]]) -> list[str]:
    told = []
    for recording in recordings:
        faces = set(recording.usable()["face_id"].astype(int))
        rest = sorted(face for face in faces if (recording.name, face) not in taken)
        if len(rest) == len(faces) and rest:
            told.append(f"{recording.name}: nobody of it is in the participants; left out")
        elif rest:
            told.append(f"{recording.name}: left out face {', '.join(map(str, rest))}")
    return told
