"""Writing a folder of aligned streams (`mien.datasets.stream_files` documents its layout).

A recording is written into a hidden folder that gets its name when all is in it, so a run may be
killed at any time: what has a name is whole. `finish_streams` writes the tables at the end.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mien.datasets.clips import SPLITS, is_safe_id
from mien.datasets.prepared_files import (
    numbers,
    read_footer,
    with_facts,
    write_text,
    write_whole,
)
from mien.datasets.stream_files import (
    FIXED_COLUMNS,
    FORMAT,
    UNITS,
    VERSION,
    ArrayFile,
    recording_folder,
)
from mien.errors import DataError
from mien.faces.align import CROP_SIZE_PX
from mien.faces.streams import STREAMS
from mien.types import FloatArray, TimeArray


@dataclass(frozen=True)
class StreamRecording:
    """One recording of a set: a row of ``recordings.parquet``.

    Attributes
    ----------
    id
        Safe as a file name (`mien.datasets.clips.is_safe_id`).
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


class RecordingWriter:
    """Writes one recording frame by frame; it appears under its name when the block ends well.

    Parameters
    ----------
    folder
        Of the set.
    name
        Id of the recording. One that is there already is replaced.
    modalities
        The streams that the set has, some of `mien.faces.streams.STREAMS`.
    facts
        Plain values kept in ``frames.parquet`` (warnings and the like).

    Raises
    ------
    ValueError
        If the id is no safe file name, or a modality is unknown.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        modalities: Sequence[str],
        facts: dict[str, Any] | None = None,
    ) -> None:
        if not is_safe_id(name):
            raise ValueError(f"the id {name!r} cannot be a file name")
        check_modalities(modalities)
        self._place = recording_folder(folder, name)
        self._partial = self._place.with_name(f".{name}.{os.getpid()}.partial")
        self.modalities = tuple(modalities)
        self.facts = dict(facts or {})
        self._rows: list[tuple[float, float, float, tuple[bool, bool, bool]]] = []
        self._stack = ExitStack()
        self._files: dict[str, ArrayFile] = {}

    def __enter__(self) -> RecordingWriter:
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        for name in self.modalities:
            file = ArrayFile(self._partial / f"{name}.npy", name)
            self._files[name] = self._stack.enter_context(file)
        return self

    def append(
        self,
        time_s: float,
        affect: tuple[float, float],
        color: npt.NDArray[np.uint8] | None = None,
        depth: npt.NDArray[np.uint16] | None = None,
        thermal: npt.NDArray[np.uint16] | None = None,
    ) -> None:
        """Add a frame.

        Parameters
        ----------
        time_s
            Later than that of the frame before.
        affect
            Valence and arousal in [-1, 1]; NaN where not annotated.
        color, depth, thermal
            As stored (`mien.datasets.stream_files`); None where the frame is missing.

        Raises
        ------
        ValueError
            If a value is out of range, or a stream is given that the set does not have.
        """
        if not math.isfinite(time_s) or (self._rows and time_s <= self._rows[-1][0]):
            raise ValueError(f"times must increase: {time_s} does not")
        if any(abs(value) > 1 for value in affect):
            raise ValueError(f"valence and arousal are from -1 to 1, not {affect}")
        given = dict(zip(STREAMS, (color, depth, thermal), strict=True))
        if extra := [n for n in STREAMS if given[n] is not None and n not in self._files]:
            raise ValueError(f"the set has no {extra[0]}: its modalities are {self.modalities}")
        for name, file in self._files.items():
            file.append(given[name])
        has = (color is not None, depth is not None, thermal is not None)
        self._rows.append((time_s, affect[0], affect[1], has))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._stack.__exit__(kind, error, trace)
            if error is None:
                self._finish()
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _finish(self) -> None:
        if not self._rows:
            raise ValueError(f"the recording {self._place.name!r} has no frame")
        times_s = np.array([row[0] for row in self._rows], np.float64)
        affect = np.array([row[1:3] for row in self._rows], np.float32)
        has = np.array([row[3] for row in self._rows], np.bool_)
        digest = hashlib.sha256()
        for array in (times_s, affect, has):
            digest.update(array.tobytes())
        for file in self._files.values():
            digest.update(file.digest().encode())
        table = pa.table(
            {
                "time_s": numbers(times_s, pa.float64()),
                "valence": numbers(affect[:, 0], pa.float32()),
                "arousal": numbers(affect[:, 1], pa.float32()),
                **{f"has_{name}": pa.array(has[:, k].tolist()) for k, name in enumerate(STREAMS)},
            }
        )
        facts = {**self.facts, "sha256": digest.hexdigest(), "modalities": list(self.modalities)}
        write_whole(self._partial / "frames.parquet", with_facts(table, facts))
        shutil.rmtree(self._place, ignore_errors=True)
        self._partial.replace(self._place)


def write_recording(
    folder: Path,
    name: str,
    times_s: TimeArray,
    affect: FloatArray,
    color: npt.NDArray[np.uint8] | None = None,
    depth: npt.NDArray[np.uint16] | None = None,
    thermal: npt.NDArray[np.uint16] | None = None,
    present: npt.NDArray[np.bool_] | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Write one recording from memory; the streams that are given are those of the set.

    Parameters
    ----------
    folder, name, facts
        As in `RecordingWriter`.
    times_s
        float64 (n,), increasing.
    affect
        float32 (n, 2), valence and arousal, NaN where not annotated.
    color, depth, thermal
        uint8 (n, 112, 112, 3), uint16 (n, 112, 112) in tenths of a millimetre and in hundredths
        of a kelvin (`to_tenths_of_mm`, `to_hundredths_of_kelvin`), or None.
    present
        bool (n, 3): which frames are there; False ones are stored as zeros. None: all that is
        given.

    Raises
    ------
    ValueError
        If lengths, shapes or values do not fit.
    """
    arrays = dict(zip(STREAMS, (color, depth, thermal), strict=True))
    given = {key: values for key, values in arrays.items() if values is not None}
    count = len(times_s)
    if affect.shape != (count, 2) or any(len(values) != count for values in given.values()):
        raise ValueError(f"affect must be ({count}, 2) and every stream have {count} frames")
    if present is not None and present.shape != (count, len(STREAMS)):
        raise ValueError(f"present is {present.shape}: expected ({count}, {len(STREAMS)})")
    with RecordingWriter(folder, name, tuple(given), facts) as writer:
        for k in range(count):
            frame = {
                key: values[k]
                for key, values in given.items()
                if present is None or present[k, STREAMS.index(key)]
            }
            row = (float(affect[k, 0]), float(affect[k, 1]))
            writer.append(float(times_s[k]), row, **frame)


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
    frames: list[int] = []
    digests: list[str] = []
    for recording in recordings:
        found = finished(folder, recording.id)
        place = recording_folder(folder, recording.id)
        if found is None:
            raise DataError(f"{place}: is not there whole; prepare the recording again")
        if found[1].get("modalities") != list(modalities):
            raise DataError(
                f"{place}: has {found[1].get('modalities')}, the set {list(modalities)}; "
                "prepare the recording again"
            )
        frames.append(found[0])
        digests.append(str(found[1]["sha256"]))
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
        },
        "failed": [{"id": name, "reason": reason} for name, reason in failed],
        **(extra or {}),
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(folder / "dataset.json", text)
    for left in (folder / "streams").glob(".*.partial"):  # of runs that were killed
        shutil.rmtree(left, ignore_errors=True)
    return document


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
