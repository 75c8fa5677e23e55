"""Result folders of ``mien analyze`` and tables of other tools, read back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mien.errors import DataError, InputError
from mien.labels import POSE_COLUMNS
from mien.output.other_tools import find_reader
from mien.output.other_tools.document import FROM_TABLE, read_as_result
from mien.output.people.file import is_default, read_people
from mien.output.saved import no_result

_DOCUMENT = "video.json"
_TABLES = ("frames.parquet", "frames.csv")
UNDECIDED = 0.5  # of units, where an extractor says no other


@dataclass(frozen=True)
class Recording:
    """The results of one input.

    Attributes
    ----------
    name
        Name of its folder, which stands for the video in every table of a study.
    document
        The content of ``video.json``.
    frames
        The frames table, schema version 1 or 2; one row per frame and face. Where there is a
        ``people.json``, ``face_id`` is the number of the person.
    names
        Names of persons by number, of those that ``people.json`` names.
    """

    name: str
    document: dict[str, Any]
    frames: pd.DataFrame
    names: dict[int, str] = field(default_factory=dict)

    @property
    def thresholds(self) -> dict[str, float]:
        """From which probability on each unit is active, by column."""
        found = [m["au_decisions"] for m in self.document["models"] if "au_decisions" in m]
        levels = found[0] if found else {}
        return {name: levels.get(name, UNDECIDED) for name in self.unit_columns}

    @property
    def unit_columns(self) -> list[str]:
        """Columns of probabilities of action units."""
        names = self.frames.columns
        return [name for name in names if name.startswith("au") and name[2:].isdigit()]

    @property
    def channels(self) -> list[str]:
        """Columns that a study sums up: what is read from a face, places left out."""
        leading = ("valence", "arousal", "expr_", "au", "quality", "pose_", "eye_open", "gaze_")
        return [name for name in self.frames.columns if name.startswith(leading)]

    def usable(self) -> pd.DataFrame:
        """Rows with a face of at least the least quality of the analysis."""
        rows = self.frames[self.frames["face_id"].notna()]
        least = self.document.get("min_quality")
        if least and "quality" in rows:
            rows = rows[~(rows["quality"] < least)]
        read = [name for name in self.channels if name not in ("quality", *POSE_COLUMNS)]
        return rows[rows[read].notna().any(axis=1)]

    @property
    def is_foreign(self) -> bool:
        """Whether it was read from a table of another tool."""
        return bool(self.document["source"].get("codec") == FROM_TABLE)

    def made_by(self) -> dict[str, str]:
        """What must be the same for numbers to be comparable."""
        extractor: dict[str, Any] = next(
            (m for m in self.document["models"] if m["role"] == "affect"), {}
        )
        prior = self.document.get("prior") or {}
        return {
            "mien": str(self.document["mien_version"]),
            "extractor": " ".join(filter(None, map(extractor.get, ("name", "version")))),
            "prior": str(prior.get("name")),
            "steady": str(self.document["settings"].get("steady")),
        }


def find_recordings(root: Path) -> list[Path]:
    """Result folders and tables of other tools at or below `root`, by name.

    Tables within a result folder are the result's own and are passed over.

    Raises
    ------
    InputError
        If there is none.
    """
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder; give the --out of mien analyze")
    found = [path.parent for path in sorted(root.rglob(_DOCUMENT)) if _is_visible(path, root)]
    tables = [path for kind in ("csv", "tsv") for path in sorted(root.rglob(f"*.{kind}"))]
    found += [
        path
        for path in tables
        if _is_visible(path, root) and not {*path.parents} & {*found} and find_reader(path)
    ]
    if not found:
        raise InputError(f"{root}: holds no results; run mien analyze with --out {root} first")
    return found


def read_recording(folder: Path, fps: float | None = None) -> Recording:
    """Read one result folder, or one table of another tool.

    `fps` is the frame rate of videos whose tables do not say when their frames were.

    Raises
    ------
    DataError
        If a file is missing, or is neither as mien nor as a known tool writes it.
    ConfigError
        If `fps` is needed.
    """
    if folder.is_file():
        rows, document, _ = read_as_result(folder, fps=fps)
        return Recording(folder.stem, document, rows.to_pandas(types_mapper=_nullable))
    try:
        document = json.loads((folder / _DOCUMENT).read_text(encoding="utf-8"))
        _ = document["schema_version"], document["models"], document["settings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(no_result(folder)) from error
    for name in _TABLES:
        table = folder / name
        if table.is_file():
            try:
                frames = pd.read_parquet(table) if table.suffix == ".parquet" else _csv(table)
            except (OSError, ValueError) as error:
                raise DataError(f"{table}: cannot be read; analyse the input again") from error
            return _with_people(Recording(folder.name, document, frames), folder)
    raise DataError(f"{folder}: holds no frames table; analyse the input again")


def _with_people(recording: Recording, folder: Path) -> Recording:
    """The recording as ``people.json`` has it, where there is one."""
    faces = recording.frames["face_id"].dropna().astype(int).unique().tolist()
    people = read_people(folder, faces)
    if people is None:
        return recording
    face_id = recording.frames["face_id"].fillna(-1).to_numpy()
    time_s = recording.frames["timestamp_s"].to_numpy(np.float64)
    number = people.assign(np.asarray(face_id, np.int64), time_s)
    frames = recording.frames.copy()
    frames["face_id"] = pd.array(number, "Int32")
    frames.loc[number < 0, "face_id"] = pd.NA
    names = {k: name for name, k in people.numbers.items() if not is_default(name)}
    return Recording(recording.name, recording.document, frames, names)


def check_alike(recordings: list[Recording]) -> None:
    """Refuse results that other versions, extractors or settings made.

    Raises
    ------
    DataError
        Naming the first that differs and in what.
    """
    first = recordings[0]
    for other in recordings[1:]:
        for what, value in first.made_by().items():
            if other.made_by()[what] != value:
                raise DataError(
                    f"{other.name}: {what} is {other.made_by()[what]}, that of {first.name} is "
                    f"{value}; analyse them alike, or allow it with --mixed"
                )


def _nullable(kind: pa.DataType) -> pd.Int32Dtype | None:
    return pd.Int32Dtype() if kind == pa.int32() else None


def _csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, encoding="utf-8")


def _is_visible(path: Path, root: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(root).parts)
