"""Clips of aligned face crops with labels, for training both stages together. Torch-free.

A folder of ours, documented here:

- ``dataset.json``: ``{"format": "mien frame clips", "version": 1, "corpus": ..., "outputs":
  [...], "fps": ...}``;
- ``labels.parquet``: ``id``, ``split``, and one float32 column per output (NaN where withheld);
- ``crops/<id>.npz``: ``crops`` uint8 (n, 112, 112, 3), RGB, aligned, at ``fps`` of the folder.

``mien datasets crops`` makes one of a corpus (`mien.data.prepare.crops`).

A crop takes 37,632 bytes where an affect representation takes 104: this is for the last, short
training at a small rate, not for the first.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mien.errors import DataError
from mien.faces.align import CROP_SIZE_PX
from mien.io import DOCUMENT, atomic_path, write_json
from mien.parquet import number_columns, write_whole
from mien.types import FloatArray, ImageArray

FORMAT = "mien frame clips"


@dataclass(frozen=True)
class FrameClips:
    """Clips of one split; crops are read when asked for.

    Attributes
    ----------
    folder, ids
        Where the clips are, and their names.
    labels
        float32 (n, outputs), NaN where withheld.
    outputs, fps
        Names of the labels, and frames per second of the crops.
    """

    folder: Path
    ids: tuple[str, ...]
    labels: FloatArray
    outputs: tuple[str, ...]
    fps: float

    def __len__(self) -> int:
        return len(self.ids)

    def crops(self, index: int) -> ImageArray:
        """uint8 (n, 112, 112, 3) of one clip.

        Raises
        ------
        DataError
            If the file is missing, damaged or holds something else.
        """
        file = crops_path(self.folder, self.ids[index])
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
                crops: ImageArray = stored["crops"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{file}: cannot be read ({error}); cut the clip again") from error
        shape = (CROP_SIZE_PX, CROP_SIZE_PX, 3)
        if crops.dtype != np.uint8 or crops.shape[1:] != shape or len(crops) == 0:
            raise DataError(
                f"{file}: holds {crops.dtype} {crops.shape}, expected uint8 (n, {shape})"
            )
        return crops

    def fingerprint(self) -> str:
        """Hash of ids, labels, outputs, rate and of each file's checksum, without reading crops."""
        digest = hashlib.sha256(repr((self.ids, self.outputs, self.fps)).encode())
        digest.update(self.labels.tobytes())
        for name in self.ids:
            file = crops_path(self.folder, name)
            try:
                with zipfile.ZipFile(file) as archive:
                    digest.update(repr([(i.file_size, i.CRC) for i in archive.infolist()]).encode())
            except (OSError, zipfile.BadZipFile) as error:
                raise DataError(f"{file}: cannot be read ({error}); cut the clip again") from error
        return digest.hexdigest()


def crops_path(folder: Path, name: str) -> Path:
    """Where the crops of a clip are."""
    return folder / "crops" / f"{name}.npz"


def write_crops(path: Path, crops: ImageArray) -> None:
    """Write crops uint8 (n, 112, 112, 3); the file has its name only when it is complete."""
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez(file, crops=crops)


def count_crops(path: Path) -> int | None:
    """Crops of a file, from its header alone; None where it is missing or damaged."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("crops.npy") as file:
            version = np.lib.format.read_magic(file)
            read = {1: np.lib.format.read_array_header_1_0}.get(version[0])
            shape, _, _ = (read or np.lib.format.read_array_header_2_0)(file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return int(shape[0]) if shape else None


def write_clip_labels(
    folder: Path,
    corpus: str,
    outputs: tuple[str, ...],
    fps: float,
    rows: Sequence[tuple[str, str, npt.ArrayLike]],
    extra: dict[str, Any] | None = None,
) -> None:
    """Write ``labels.parquet`` and ``dataset.json``, which make a folder of crops a set.

    Parameters
    ----------
    folder
        Where the crops are.
    corpus, outputs, fps
        As in the module docstring.
    rows
        (id, split, labels (outputs,)) of each clip that has crops.
    extra
        Further entries of ``dataset.json``.
    """
    labels = np.array([row[2] for row in rows], np.float32).reshape(-1, len(outputs))
    columns: dict[str, pa.Array] = {
        "id": pa.array([row[0] for row in rows], pa.string()),
        "split": pa.array([row[1] for row in rows], pa.string()),
        **number_columns(labels, outputs),
    }
    write_whole(folder / "labels.parquet", pa.table(columns))
    document = {"format": FORMAT, "version": 1, "corpus": corpus, "outputs": list(outputs)}
    write_json(folder / DOCUMENT, {**document, "fps": fps, **(extra or {})}, ascii_only=True)


def write_frame_clips(
    folder: Path,
    corpus: str,
    outputs: tuple[str, ...],
    fps: float,
    clips: Iterable[tuple[str, str, npt.ArrayLike, ImageArray]],
) -> None:
    """Write a folder from (id, split, labels (outputs,), crops) of each clip, one after the other.

    For whole corpora see `mien.data.prepare.crops`, which resumes.
    """
    rows = []
    for name, split, labels, crops in clips:
        write_crops(crops_path(folder, name), crops)
        rows.append((name, split, labels))
    write_clip_labels(folder, corpus, outputs, fps, rows)


def load_clip_splits(folder: Path) -> dict[str, FrameClips]:
    """Clips by split: train, valid, and test if any of its labels is known.

    Raises
    ------
    DataError
        As of `load_frame_clips`.
    """
    found = {split: load_frame_clips(folder, split) for split in ("train", "valid")}
    try:
        test = load_frame_clips(folder, "test")
    except DataError:  # most owners keep the labels of their test split, or there is none
        return found
    return {**found, "test": test} if np.isfinite(test.labels).any() else found


def load_frame_clips(folder: Path, split: str) -> FrameClips:
    """The clips of a split.

    Raises
    ------
    DataError
        If the folder is none of this format, or has no clip of the split.
    """
    file = folder / DOCUMENT
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        table = pq.read_table(folder / "labels.parquet")
        if document.get("format") != FORMAT or document.get("version") != 1:
            raise DataError(
                f"{file}: is {document.get('format')!r}, expected {FORMAT!r}, version 1"
            )
        outputs = tuple(document["outputs"])
        rows = [i for i, s in enumerate(table["split"].to_pylist()) if s == split]
        labels = np.stack([table[name].to_numpy() for name in outputs], 1)[rows]
        ids = table["id"].to_pylist()
        fps = float(document["fps"])
    except (OSError, ValueError, KeyError, AttributeError, pa.ArrowException) as error:
        raise DataError(
            f"{folder}: is no folder of frame clips ({str(error).splitlines()[0]}); see "
            "mien.data.formats.face_crops for its layout"
        ) from error
    if not rows:
        raise DataError(f"{folder}: has no clips of the split {split!r}")
    return FrameClips(folder, tuple(ids[i] for i in rows), labels.astype(np.float32), outputs, fps)
