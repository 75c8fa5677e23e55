"""The tables of a folder of aligned streams; `mien.data.formats.stream_files` has its layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from mien.data.formats.parquet import read_footer, write_whole
from mien.data.formats.stream_files import FIXED_COLUMNS, FORMAT, UNITS, VERSION, recording_folder
from mien.data.videos import SPLITS
from mien.errors import DataError
from mien.faces.align import CROP_SIZE_PX
from mien.faces.modalities import STREAMS
from mien.io import DOCUMENT, sweep, write_json


@dataclass(frozen=True)
class StreamRecording:
    """One recording of a set: a row of ``recordings.parquet``.

    Attributes
    ----------
    id
        Safe as a file name (`mien.data.videos.is_safe_id`).
    split
        ``"train"``, ``"valid"`` or ``"test"``.
    person
        Who is seen, where that is known.
    frames
        How many there are; `finish_streams` counts for itself.
    sha256
        Hash of arrays, times and annotations; `finish_streams` fills it in.
    attributes
        Free columns: texts, numbers or None.
    """

    id: str
    split: str
    person: str | None = None
    frames: int = 0
    sha256: str = ""
    attributes: dict[str, str | float | None] = field(default_factory=dict)


def finished(folder: Path, name: str) -> tuple[int, dict[str, Any]] | None:
    """Frames and facts of a recording that is written; None where it is not, or is damaged."""
    return read_footer(recording_folder(folder, name) / "frames.parquet")


def finish_streams(
    folder: Path,
    corpus: str,
    fps: float,
    modalities: Sequence[str],
    recordings: Sequence[StreamRecording],
    failed: Sequence[tuple[str, str]] = (),
    extra: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the tables of a set whose recordings are all there; the content of its document.

    Parameters
    ----------
    folder, corpus
        Place and name of the set.
    fps
        Nominal frames per second; times are in the recordings.
    modalities
        Streams of every recording.
    recordings
        In the order of the table; their ``frames`` and ``sha256`` are taken from the disk.
    failed
        Id and reason of recordings that could not be read; none of `recordings`.
    extra
        Further entries of ``dataset.json``.

    Raises
    ------
    DataError
        If a recording is not there, is damaged or has other streams.
    ValueError
        If an argument is out of range, an id is there twice, or a split is unknown.
    """
    if not 0 < fps < math.inf:
        raise ValueError(f"fps must be positive, not {fps}")
    check_modalities(modalities)
    if len({recording.id for recording in recordings}) < len(recordings):
        raise ValueError("an id is there twice")
    if unknown := {recording.split for recording in recordings} - set(SPLITS):
        raise ValueError(f"splits are {SPLITS}, not {sorted(unknown)}")
    found = [_whole(folder, recording.id, list(modalities)) for recording in recordings]
    frames, facts = [count for count, _ in found], [one for _, one in found]
    digests = [str(one["sha256"]) for one in facts]
    write_whole(folder / "recordings.parquet", _table(recordings, frames, digests))
    splits = [recording.split for recording in recordings]
    document = {
        "format": FORMAT,
        "version": VERSION,
        "corpus": corpus,
        "size_px": CROP_SIZE_PX,
        "fps": fps,
        "modalities": list(modalities),
        "units": UNITS,
        "counts": {
            "recordings": len(recordings),
            **{split: splits.count(split) for split in SPLITS},
            "frames": sum(frames),
            "annotated_frames": sum(one.get("annotated", 0) for one in facts),
        },
        "present_frames": {
            name: sum(one.get("present", {}).get(name, 0) for one in facts) for name in modalities
        },
        "failed": [{"id": name, "reason": reason} for name, reason in failed],
        **(extra or {}),
    }
    write_json(folder / DOCUMENT, document)
    sweep(folder, "streams/.*.partial")
    return document


def _whole(folder: Path, name: str, modalities: list[str]) -> tuple[int, dict[str, Any]]:
    """Frames and facts of a recording of the set."""
    found = finished(folder, name)
    fault = "is not there whole"
    if found is not None:
        if found[1].get("modalities") == modalities:
            return found
        fault = f"has {found[1].get('modalities')}, the set {modalities}"
    raise DataError(f"{recording_folder(folder, name)}: {fault}; prepare the recording again")


def check_modalities(names: Sequence[str]) -> None:
    """Refuse names that are none of `STREAMS`, repeated ones, another order, and none at all.

    Raises
    ------
    ValueError
        If it is so.
    """
    if not names or list(names) != [name for name in STREAMS if name in names]:
        raise ValueError(f"modalities are some of {STREAMS}, in this order, not {tuple(names)}")


def _table(
    recordings: Sequence[StreamRecording], frames: list[int], digests: list[str]
) -> pa.Table:
    names = list(dict.fromkeys(name for one in recordings for name in one.attributes))
    if clash := set(names) & set(FIXED_COLUMNS):
        raise ValueError(f"attributes cannot be called {sorted(clash)}")
    return pa.table(
        {
            "id": pa.array([one.id for one in recordings], pa.string()),
            "split": pa.array([one.split for one in recordings], pa.string()),
            "person": pa.array([one.person for one in recordings], pa.string()),
            "frames": pa.array(frames, pa.int64()),
            "sha256": pa.array(digests, pa.string()),
            **{name: _column([one.attributes.get(name) for one in recordings]) for name in names},
        }
    )


def _column(values: list[str | float | None]) -> pa.Array:
    """Texts become strings, everything else float64; None is null."""
    if any(isinstance(value, str) for value in values):
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    return pa.array([None if v is None else float(v) for v in values], pa.float64())
