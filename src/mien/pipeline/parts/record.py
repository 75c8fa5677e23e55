"""Finished parts on disk, from which an analysis goes on that was killed.

One Arrow file a part, ``<number>.arrow``, that appears whole: every batch of frames as it was
found, what lay before the part included, and last the pictures of peaks. Nothing in it is code.
"""

from __future__ import annotations

import json
import shutil
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from mien.faces.crops import Crop
from mien.io import atomic_path
from mien.labels import FACE_LANDMARKS, LabelSet
from mien.parquet import numbers
from mien.pipeline.face_state import WORTH_A_PICTURE, encode_crop, strength
from mien.pipeline.parts.relay import Found
from mien.pipeline.rows import Pending
from mien.types import Face, FaceDetails, FaceEstimates, FloatArray, ImageArray

_KEY = b"mien"
_BOX, _FACE = 4, 14  # a box, then five points


class PeakPictures:
    """The crops at the peaks of one part, by frame and the part's number of the face."""

    def __init__(self) -> None:
        self._peaks: dict[int, FloatArray] = {}
        self._frames: dict[int, dict[int, int]] = {}  # by face: by channel
        self._crops: dict[tuple[int, int], Crop | ImageArray] = {}

    def see(self, frame: int, own: int, affect: FloatArray, crop: Crop | ImageArray) -> None:
        """Take a face in a frame that counts, its numbers as the table has them."""
        strong = strength(affect)
        peak = self._peaks.setdefault(own, np.full(len(affect), -np.inf, np.float32))
        higher = strong > peak
        if not higher.any():
            return
        peak[higher] = strong[higher]
        frames = self._frames.setdefault(own, {})
        left = {frames.get(int(channel)) for channel in np.flatnonzero(higher)}
        frames.update(dict.fromkeys(map(int, np.flatnonzero(higher)), frame))
        self._crops[frame, own] = crop
        for old in left - set(frames.values()):
            self._crops.pop((old, own), None)  # type: ignore[arg-type]

    def encoded(self) -> Iterator[tuple[int, int, bytes]]:
        """Frame, face and JPEG of those that are worth a picture."""
        for own, frames in sorted(self._frames.items()):
            worth = {f for c, f in frames.items() if self._peaks[own][c] >= WORTH_A_PICTURE}
            for frame in sorted(worth):
                yield frame, own, encode_crop(self._crops[frame, own])


class Recorder:
    """Writes one part, a batch at a time.

    Parameters
    ----------
    store
        Where it goes.
    part
        Its number.
    labels
        Of the extractor.
    """

    def __init__(self, store: PartStore, part: int, labels: LabelSet) -> None:
        self._schema = _schema(len(labels.affect_columns) + len(labels.detail_columns))
        self.pictures = PeakPictures()
        self._atomic = atomic_path(store.path(part))
        self._partial = self._atomic.__enter__()
        self._file = self._partial.open("wb")
        self._out = pa.ipc.new_file(self._file, self._schema)

    def add(self, found: Found) -> None:
        """Add frames; estimates are steadied."""
        self._write(
            [row for item in found.items for row in _rows(item)],
            {"warm": found.warm, "lost": found.lost},
        )

    def close(self, after: int | None, facts: dict[str, Any] | None = None) -> None:
        """End the part.

        Parameters
        ----------
        after
            Number of the part before; None where it is the first.
        facts
            Of the last part: what is known of the whole file, plain values.
        """
        pictures = [
            (frame, own, b64encode(data).decode()) for frame, own, data in self.pictures.encoded()
        ]
        self._write([], {"after": after, "facts": facts, "pictures": pictures})
        self._out.close()
        self._file.close()
        self._atomic.__exit__(None, None, None)

    def abandon(self) -> None:
        """Leave nothing."""
        self._out.close()
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def _write(self, rows: Sequence[tuple[Any, ...]], about: dict[str, Any]) -> None:
        width = self._schema.field("numbers").type.list_size
        values = np.full((len(rows), width), np.nan, np.float32)
        for k, row in enumerate(rows):
            values[k, : len(row[-1])] = row[-1]
        columns = [
            numbers(np.array([row[k] for row in rows]), kind)
            for k, kind in enumerate(self._schema.types[:-1])
        ]
        flat = numbers(values.ravel(), pa.float32())
        columns.append(pa.FixedSizeListArray.from_arrays(flat, width))
        batch = pa.record_batch(columns, schema=self._schema)
        self._out.write_batch(batch, custom_metadata={_KEY: json.dumps(about).encode()})


class PartStore:
    """The finished parts of one input.

    Parameters
    ----------
    folder
        Where they lie; it is made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, part: int) -> Path:
        """The file of a part."""
        return self.folder / f"{part}.arrow"

    def finished(self) -> list[int]:
        """Numbers of the parts that are there without a break from the first on."""
        after: dict[int | None, int] = {}
        for file in self.folder.glob("*.arrow"):
            try:
                after[self._ended(file)["after"]] = int(file.stem)
            except (OSError, ValueError, KeyError, pa.ArrowException):
                continue  # damaged: it is read again
        found: list[int] = []
        while (part := after.pop(found[-1] if found else None, None)) is not None:
            found.append(part)
        return found

    def read(self, part: int, labels: LabelSet) -> Iterator[Found]:
        """The batches of a part as they were found."""
        with self.path(part).open("rb") as file:
            batches = pa.ipc.open_file(file)
            last = batches.num_record_batches - 1
            pictures = {
                (frame, own): b64decode(text) for frame, own, text in _about(batches)["pictures"]
            }
            for k in range(last):
                about = _about(batches, k)
                items = _items(batches.get_batch(k), labels, pictures)
                yield Found(part, items, about["lost"], about["warm"])
            yield Found(part, [], [], ends=True)

    def facts(self, part: int) -> dict[str, Any] | None:
        """What is known of the whole file, where this is its last part."""
        facts: dict[str, Any] | None = self._ended(self.path(part))["facts"]
        return facts

    @staticmethod
    def _ended(path: Path) -> dict[str, Any]:
        with path.open("rb") as file:
            return _about(pa.ipc.open_file(file))

    def remove(self) -> None:
        """Forget all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _about(batches: Any, number: int = -1) -> dict[str, Any]:
    """What a batch of an open file says beside its rows; by default the last one."""
    _, metadata = batches.get_batch_with_custom_metadata(number % batches.num_record_batches)
    about: dict[str, Any] = json.loads(metadata[_KEY])
    return about


def _schema(estimates: int) -> pa.Schema:
    width = _FACE + estimates + 2 * len(FACE_LANDMARKS)
    return pa.schema(
        {
            "frame": pa.int64(),
            "timestamp_s": pa.float64(),
            "face": pa.int32(),  # -1: a frame without faces
            "score": pa.float64(),
            "is_read": pa.int8(),
            "numbers": pa.list_(pa.float32(), width),
        }
    )


def _rows(item: Pending) -> Iterator[tuple[Any, ...]]:
    if not item.ids:
        yield item.frame, item.timestamp_s, -1, 0.0, False, ()
    for own, face, said in zip(item.ids, item.faces, item.read or (), strict=True):
        parts = [face.box, face.landmarks.ravel()]
        if said is not None:
            parts += [said.affect, said.details.numbers(), said.details.landmarks.ravel()]
        told = np.concatenate(parts)
        yield item.frame, item.timestamp_s, own, float(face.score), said is not None, told


def _items(
    batch: pa.RecordBatch, labels: LabelSet, pictures: dict[tuple[int, int], bytes]
) -> list[Pending]:
    columns = [batch.column(k).to_pylist() for k in range(5)]
    width = batch.schema.field("numbers").type.list_size
    values = batch.column(5).flatten().to_numpy().reshape(-1, width)
    items: list[Pending] = []
    for row, frame, time_s, own, score, is_read in zip(values, *columns, strict=True):
        if not items or items[-1].frame != frame:
            items.append(Pending(frame, time_s, read=[], pictures=[]))
        if own < 0:
            continue
        item = items[-1]
        item.ids.append(own)
        item.faces.append(Face(score, row[:_BOX], row[_BOX:_FACE].reshape(-1, 2)))
        read, shown = cast(Any, item.read), cast(Any, item.pictures)
        read.append(_estimates(row[_FACE:], labels) if is_read else None)
        shown.append(pictures.get((frame, own)))
    return items


def _estimates(row: FloatArray, labels: LabelSet) -> FaceEstimates:
    affect, rest = np.split(row, [len(labels.affect_columns)])
    details, landmarks = np.split(rest, [len(labels.detail_columns)])
    quality, pose, eyes, gaze, units = np.split(details, [1, 4, 6, 8])
    told = FaceDetails(quality[0], pose, eyes, gaze, units, landmarks.reshape(-1, 2))
    return FaceEstimates(affect, told)
