"""MRAN's attention volumes as data: ``attention.npz``.

Per face ``<id>`` of ``face_ids`` (int32), all of the same length T:

* ``attention_<id>`` float32 (T, h, w): over the aligned crop, every frame sums to one;
* ``time_s_<id>`` float64 (T,) and ``frame_<id>`` int64 (T,): as in the frames table;
* ``crop_to_frame_<id>`` float64 (T, 2, 3): from pixels of the 112 x 112 crop to pixels of the
  upright frame. Cell (i, j) of (h, w) covers the crop's pixels [112 j / w, 112 (j + 1) / w) across.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from mien.pipeline.rows import FrameRow
from mien.types import FloatArray, TimeArray

ATTENTION_FILE = "attention.npz"

Records = npt.NDArray[np.void]
"""Structured rows in order of time: frame, time_s, face_id, affect, matrix, attention."""

_CHUNK = 4096  # rows in memory at once
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes in every run


@dataclass(frozen=True)
class FaceAttention:
    """Where MRAN looked in one face: see the module docstring for shapes."""

    attention: FloatArray
    time_s: TimeArray
    frame: npt.NDArray[np.int64]
    crop_to_frame: npt.NDArray[np.float64]


def to_records(rows: Sequence[FrameRow]) -> Records | None:
    """The rows that have attention; None where none has."""
    seen = [row for row in rows if row.attention is not None]
    if not seen or seen[0].attention is None:
        return None
    records = np.zeros(len(seen), _kind(seen[0].attention.volume.shape))
    records["frame"] = [row.frame for row in seen]
    records["time_s"] = [row.timestamp_s for row in seen]
    records["face_id"] = [row.face_id for row in seen]
    records["affect"] = [row.mran for row in seen]
    records["matrix"] = [row.attention.crop_to_frame for row in seen if row.attention]
    records["attention"] = [row.attention.volume for row in seen if row.attention]
    return records


def by_face(records: Records | None) -> dict[int, FaceAttention]:
    """The volumes of each face."""
    if records is None:
        return {}
    faces = {}
    for face_id in np.unique(records["face_id"]).tolist():
        part = records[records["face_id"] == face_id]
        faces[face_id] = FaceAttention(
            np.ascontiguousarray(part["attention"]),
            np.ascontiguousarray(part["time_s"]),
            np.ascontiguousarray(part["frame"]),
            np.ascontiguousarray(part["matrix"]),
        )
    return faces


class AttentionFile:
    """Collects records on disk, so that memory does not grow with the video; a context manager.

    Parameters
    ----------
    folder
        Where a hidden file is kept until `close`.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".attention.rows"
        self._file: IO[bytes] | None = None
        self._kind: np.dtype[np.void] | None = None

    def __enter__(self) -> AttentionFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, records: Records | None) -> None:
        """Add records of one kind, or nothing."""
        if records is None:
            return
        if self._file is None:
            self._file, self._kind = self._path.open("wb"), records.dtype
        self._file.write(records.tobytes())

    def records(self) -> Records | None:
        """All that was written, as a memory map; None where nothing was."""
        if self._file is None or self._kind is None:
            return None
        self._file.flush()
        return np.memmap(self._path, self._kind, mode="r")

    def close(self) -> None:
        """Remove the hidden file."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._path.unlink(missing_ok=True)


def write_attention(records: Records | None, path: Path) -> None:
    """Write ``attention.npz``; a part of the records is in memory at a time."""
    face_ids = np.empty(0, np.int32)
    if records is not None:
        face_ids = np.unique(records["face_id"]).astype(np.int32)
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        _add(archive, "face_ids", np.int32, face_ids.shape, iter([face_ids]))
        for face_id in face_ids.tolist():
            if records is None:
                break
            rows = np.flatnonzero(records["face_id"] == face_id)
            for name in ("attention", "time_s", "frame", "crop_to_frame"):
                column = "matrix" if name == "crop_to_frame" else name
                kind, shape = records.dtype[column].base, records.dtype[column].shape
                parts = _parts(records, rows, column)
                _add(archive, f"{name}_{face_id}", kind, (len(rows), *shape), parts)


def _parts(
    records: Records, rows: npt.NDArray[np.int64], column: str
) -> Iterator[npt.NDArray[Any]]:
    for start in range(0, len(rows), _CHUNK):
        yield records[rows[start : start + _CHUNK]][column]


def _add(
    archive: zipfile.ZipFile,
    name: str,
    kind: npt.DTypeLike,
    shape: tuple[int, ...],
    parts: Iterator[npt.NDArray[Any]],
) -> None:
    """One array of an npz file, part by part."""
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(kind)),
        "fortran_order": False,
        "shape": shape,
    }
    with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part).tobytes())


def _kind(shape: tuple[int, ...]) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("frame", "<i8"),
            ("time_s", "<f8"),
            ("face_id", "<i4"),
            ("affect", "<f4", (2,)),
            ("matrix", "<f8", (2, 3)),
            ("attention", "<f4", shape),
        ]
    )
