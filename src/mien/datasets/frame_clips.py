"""Clips of aligned face crops with labels, for training both stages together. Torch-free.

A folder of ours, documented here:

- ``dataset.json``: ``{"format": "mien frame clips", "version": 1, "corpus": ..., "outputs":
  [...], "fps": ...}``;
- ``labels.parquet``: ``id``, ``split``, and one float32 column per output (NaN where withheld);
- ``crops/<id>.npz``: ``crops`` uint8 (n, 112, 112, 3), RGB, aligned, at ``fps`` of the folder.

A crop takes 37,632 bytes where an affect representation takes 104: this is for the last, short
training at a small rate, not for the first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mien.errors import DataError
from mien.faces.align import CROP_SIZE_PX, align
from mien.faces.detect import FaceDetector
from mien.types import FloatArray, ImageArray
from mien.video import VideoReader

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
        file = self.folder / "crops" / f"{self.ids[index]}.npz"
        try:
            with np.load(file, allow_pickle=False) as stored:
                crops: ImageArray = stored["crops"]
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{file}: cannot be read ({error}); cut the clip again") from error
        shape = (CROP_SIZE_PX, CROP_SIZE_PX, 3)
        if crops.dtype != np.uint8 or crops.shape[1:] != shape or len(crops) == 0:
            raise DataError(
                f"{file}: holds {crops.dtype} {crops.shape}, expected uint8 (n, {shape})"
            )
        return crops


def cut_clip(video: Path, detector: FaceDetector, fps: float, most: int = 480) -> ImageArray:
    """Aligned crops of the largest face of each frame, at a steady rate, uint8 (n, 112, 112, 3).

    A grid point takes the frame that is nearest in time; frames without a face are left out.

    Raises
    ------
    DataError
        If no face is found, or more than `most` crops are.
    InputError
        If the video cannot be read.
    """
    times, crops = [], []
    with VideoReader(video) as reader:
        for frame in reader:
            faces = detector.detect(frame.image)
            if faces:
                face = max(faces, key=lambda f: float(f.box[2] * f.box[3]))
                crops.append(align(frame.image, face.landmarks))
                times.append(frame.timestamp_s)
    if not crops:
        raise DataError(f"{video}: no face was found")
    seconds = np.array(times)
    grid = np.arange(seconds[0], seconds[-1] + 1e-6, 1 / fps)
    nearest = np.abs(seconds[None, :] - grid[:, None]).argmin(axis=1)
    near = np.abs(seconds[nearest] - grid) <= max(0.5 / fps, float(np.diff(seconds).min(initial=1)))
    chosen = nearest[near]
    if len(chosen) > most:
        raise DataError(f"{video}: {len(chosen)} frames, more than the {most} of one window")
    cut: ImageArray = np.stack(crops)[chosen]
    return cut


def write_frame_clips(
    folder: Path,
    corpus: str,
    outputs: tuple[str, ...],
    fps: float,
    clips: list[tuple[str, str, npt.ArrayLike, ImageArray]],
) -> None:
    """Write a folder from (id, split, labels (outputs,), crops) of each clip."""
    (folder / "crops").mkdir(parents=True, exist_ok=True)
    for name, _, _, crops in clips:
        np.savez(folder / "crops" / f"{name}.npz", crops=crops)
    columns: dict[str, pa.Array] = {
        "id": pa.array([clip[0] for clip in clips]),
        "split": pa.array([clip[1] for clip in clips]),
    }
    labels = np.array([clip[2] for clip in clips], np.float32)
    columns |= {name: pa.array(labels[:, i]) for i, name in enumerate(outputs)}
    pq.write_table(pa.table(columns), folder / "labels.parquet")
    document = {"format": FORMAT, "version": 1, "corpus": corpus, "outputs": list(outputs)}
    text = json.dumps({**document, "fps": fps}, indent=2) + "\n"
    (folder / "dataset.json").write_text(text, encoding="utf-8")


def load_frame_clips(folder: Path, split: str) -> FrameClips:
    """The clips of a split.

    Raises
    ------
    DataError
        If the folder is none of this format, or has no clip of the split.
    """
    file = folder / "dataset.json"
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
            "mien.datasets.frame_clips for its layout"
        ) from error
    if not rows:
        raise DataError(f"{folder}: has no clips of the split {split!r}")
    return FrameClips(folder, tuple(ids[i] for i in rows), labels.astype(np.float32), outputs, fps)
