"""`StreamSet`: aligned color, depth and thermal crops with traces of valence, arousal and units.

The folder is documented in `mien.data.formats.stream_files` and written by `RecordingWriter` or
`write_recording`, then `finish_streams`. Arrays are read by memory map, so a clip costs its own
frames and no more. Torch-free.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.formats.parquet import matrix, read_parquet
from mien.data.formats.stream_files import (
    DTYPES,
    FIXED_COLUMNS,
    FORMAT,
    FRAME_COLUMNS,
    FRAME_SHAPES,
    VERSION,
    open_array,
    recording_folder,
    to_hundredths_of_kelvin,
    to_tenths_of_mm,
)
from mien.data.formats.stream_tables import StreamRecording, check_modalities, finish_streams
from mien.data.formats.stream_writer import RecordingWriter, write_recording
from mien.errors import DataError
from mien.faces.modalities import STREAMS
from mien.io import read_dataset
from mien.labels import ACTION_UNIT_COLUMNS
from mien.types import FloatArray, ImageArray, TimeArray

__all__ = [
    "RecordingWriter",
    "StreamClip",
    "StreamRecording",
    "StreamSet",
    "finish_streams",
    "load_streams",
    "read_stream_document",
    "to_hundredths_of_kelvin",
    "to_tenths_of_mm",
    "write_recording",
]

_FREEZING_CK = 27315  # 0 degrees Celsius in hundredths of a kelvin

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StreamClip:
    """T frames of one recording, in metric units.

    Attributes
    ----------
    color
        uint8 (T, 112, 112, 3), RGB, zeros where missing; None if the set has no color.
    depth_mm, thermal_c
        float32 (T, 112, 112), millimetres and degrees Celsius, NaN where nothing was measured;
        None if the set has no such stream.
    present
        bool (T, 3): which frames are there, in the order of `mien.faces.modalities.STREAMS`.
    affect
        float32 (T, 2), valence and arousal, NaN where not annotated.
    units
        float32 (T, 17), intensities of action units, NaN where not annotated.
    times_s
        float64 (T,).
    """

    color: ImageArray | None
    depth_mm: FloatArray | None
    thermal_c: FloatArray | None
    present: npt.NDArray[np.bool_]
    affect: FloatArray
    units: FloatArray
    times_s: TimeArray


@dataclass(frozen=True)
class _Frames:
    """``frames.parquet`` of one recording."""

    times_s: TimeArray
    affect: FloatArray
    units: FloatArray
    present: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class StreamSet:
    """Recordings of one split; frames are read when asked for.

    Attributes
    ----------
    folder
        Where the set is.
    recordings
        In the order of ``recordings.parquet``.
    modalities
        Streams that are read, in the order of `mien.faces.modalities.STREAMS`.
    fps
        Nominal frames per second.
    corpus
        Name of the corpus.
    """

    folder: Path
    recordings: tuple[StreamRecording, ...]
    modalities: tuple[str, ...]
    fps: float
    corpus: str
    _read: dict[int, _Frames] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.recordings)

    def times_s(self, index: int) -> TimeArray:
        """float64 (n,), times of all frames of a recording.

        Raises
        ------
        DataError
            If its files are missing or damaged.
        """
        return self._frames(index).times_s

    def affect(self, index: int) -> FloatArray:
        """float32 (n, 2), valence and arousal of all frames, NaN where not annotated.

        Raises
        ------
        DataError
            If its files are missing or damaged.
        """
        return self._frames(index).affect

    def units(self, index: int) -> FloatArray:
        """float32 (n, 17), action units of all frames, NaN where not annotated.

        Raises
        ------
        DataError
            If its files are missing or damaged.
        """
        return self._frames(index).units

    def present(self, index: int) -> npt.NDArray[np.bool_]:
        """bool (n, 3): which frames of which stream are there; False for streams not read.

        Raises
        ------
        DataError
            If its files are missing or damaged.
        """
        return self._frames(index).present

    def clip(self, index: int, frames: IntArray) -> StreamClip:
        """Some frames of a recording.

        Parameters
        ----------
        index
            Of the recording.
        frames
            int64 (T,), positions of frames in the recording, in any order, also repeated.

        Raises
        ------
        DataError
            If its files are missing or damaged.
        IndexError
            If there is no such frame.
        """
        table = self._frames(index)
        count = len(table.times_s)
        chosen = np.asarray(frames, np.int64)
        if chosen.ndim != 1 or (len(chosen) and (chosen.min() < 0 or chosen.max() >= count)):
            name = self.recordings[index].id
            raise IndexError(f"the recording {name!r} has frames 0 to {count - 1}: {frames!r}")
        stored = {name: self._stored(index, name, chosen) for name in self.modalities}
        present = table.present[chosen]
        color = stored.get("color")
        return StreamClip(
            color,
            _metric(stored.get("depth"), 0.1, 0, present[:, 1]),
            _metric(stored.get("thermal"), 0.01, _FREEZING_CK, present[:, 2]),
            present,
            table.affect[chosen],
            table.units[chosen],
            table.times_s[chosen],
        )

    def fingerprint(self) -> str:
        """Hash of names, streams, frames and annotations, to be saved beside weights."""
        digest = hashlib.sha256(json.dumps([self.corpus, self.fps, self.modalities]).encode())
        for recording in self.recordings:
            digest.update(f"{recording.id} {recording.frames} {recording.sha256}\n".encode())
        return digest.hexdigest()[:16]

    def _stored(self, index: int, modality: str, chosen: IntArray) -> npt.NDArray[Any]:
        """Frames of a stream as they are on disk, (T, ...), in memory."""
        recording = self.recordings[index]
        path = recording_folder(self.folder, recording.id) / f"{modality}.npy"
        mapped = open_array(path, modality, recording.frames)
        out = np.empty((len(chosen), *FRAME_SHAPES[modality]), DTYPES[modality])
        for row, position in enumerate(chosen):
            out[row] = mapped[position]
        return out

    def _frames(self, index: int) -> _Frames:
        if index not in self._read:
            self._read[index] = self._read_frames(index)
        return self._read[index]

    def _read_frames(self, index: int) -> _Frames:
        recording = self.recordings[index]
        path = recording_folder(self.folder, recording.id) / "frames.parquet"
        table = read_parquet(path)
        # Columns of action units stand behind the others, all or none of them.
        layouts = [[*FRAME_COLUMNS], [*FRAME_COLUMNS, *ACTION_UNIT_COLUMNS]]
        if table.column_names not in layouts or table.num_rows != recording.frames:
            raise DataError(
                f"{path}: has {table.num_rows} rows of {table.column_names}; expected "
                f"{recording.frames} of {list(FRAME_COLUMNS)}; prepare the recording again"
            )
        present = matrix(table, FRAME_COLUMNS[3:]) > 0  # (n, 3)
        present &= np.array([name in self.modalities for name in STREAMS])
        units = np.full((recording.frames, len(ACTION_UNIT_COLUMNS)), np.nan, np.float32)
        if table.column_names == layouts[1]:
            units = matrix(table, ACTION_UNIT_COLUMNS)
        times_s = table.column("time_s").to_numpy().astype(np.float64)
        return _Frames(times_s, matrix(table, FRAME_COLUMNS[1:3]), units, present)


def load_streams(
    folder: str | Path, split: str, modalities: tuple[str, ...] | None = None
) -> StreamSet:
    """The recordings of one split.

    Parameters
    ----------
    folder
        A finished folder of aligned streams.
    split
        ``"train"``, ``"valid"`` or ``"test"``.
    modalities
        Streams to read; None: all that the folder has.

    Raises
    ------
    DataError
        If the folder is unfinished, damaged or of another format, or has no recording in the
        split, or lacks a stream that is asked for.
    ValueError
        If `modalities` are none of the three, or not in their order.
    """
    place = Path(folder)
    document = read_stream_document(place)
    held = tuple(document["modalities"])
    wanted = held if modalities is None else tuple(modalities)
    check_modalities(wanted)
    if lacking := [name for name in wanted if name not in held]:
        raise DataError(f"{place}: has no {lacking[0]}; its streams are {', '.join(held)}")
    path = place / "recordings.parquet"
    table = read_parquet(path)
    if tuple(table.column_names[: len(FIXED_COLUMNS)]) != FIXED_COLUMNS:
        raise DataError(f"{path}: starts with {table.column_names[:5]}; expected {FIXED_COLUMNS}")
    chosen = tuple(
        StreamRecording(
            row["id"],
            row["split"],
            row["person"],
            row["frames"],
            row["sha256"],
            {name: value for name, value in row.items() if name not in FIXED_COLUMNS},
        )
        for row in table.to_pylist()
        if row["split"] == split
    )
    if not chosen:
        raise DataError(f"{place}: no recording is in the split {split!r}")
    return StreamSet(place, chosen, wanted, float(document["fps"]), str(document["corpus"]))


def read_stream_document(folder: Path) -> dict[str, Any]:
    """``dataset.json`` of a finished folder of aligned streams.

    Raises
    ------
    DataError
        If it is missing, damaged, or of another format or version.
    """
    needs = ("corpus", "fps", "modalities")
    again = "run `mien datasets prepare` (again)"
    return read_dataset(folder, "aligned streams", (FORMAT, VERSION), needs, again)


def _metric(
    stored: npt.NDArray[Any] | None, scale: float, zero: int, there: npt.NDArray[np.bool_]
) -> FloatArray | None:
    """Stored numbers (T, H, W) to float32 in the unit; NaN where nothing was measured."""
    if stored is None:
        return None
    # whole numbers are exact in float32, so subtracting first loses nothing
    values: FloatArray = (stored.astype(np.float32) - np.float32(zero)) * np.float32(scale)
    values[stored == 0] = np.nan
    values[~there] = np.nan
    return values
