"""MRAN in the pipeline: rows are held until the clips that read them are done."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mien.faces.align import crop_to_image
from mien.pipeline.mran.track import ClipModel, MranTrack
from mien.pipeline.rows import Attention, FrameRow, Pending
from mien.runtime.clip_stream import ClipEstimate


class MranStage:
    """Holds rows in order and gives them out with ``mran`` filled in.

    At most about a clip of frames is held; crops are held by the tracks, a clip of each face.

    Parameters
    ----------
    model
        Reads the clips.
    max_gap_s
        As of `MranTrack`.
    attention
        Whether rows get attention volumes, too.
    told
        Called with each row of a face when its values are there.
    """

    def __init__(
        self,
        model: ClipModel,
        max_gap_s: float,
        attention: bool,
        told: Callable[[FrameRow], object],
    ) -> None:
        self._model, self._max_gap_s = model, max_gap_s
        self._attention, self._told = attention, told
        self._tracks: dict[int, MranTrack] = {}
        self._held: deque[FrameRow] = deque()
        self._open: dict[tuple[int, int], tuple[FrameRow, npt.NDArray[np.float64] | None]] = {}

    def add(self, item: Pending, rows: list[FrameRow]) -> None:
        """Add a frame: its rows, in which faces without usable numbers may be missing."""
        self._held.extend(rows)
        by_face = {row.face_id: row for row in rows if row.face_id is not None}
        for face_id, track in self._tracks.items():
            if face_id not in by_face:
                self._fill(face_id, track.miss(item.timestamp_s))
        for face_id, place, crops in zip(item.ids, item.places, item.streams, strict=True):
            row = by_face.get(face_id)
            if row is None:
                continue
            if not crops.shows(self._model.modalities):  # nothing is said of what was not seen
                if face_id in self._tracks:
                    self._fill(face_id, self._tracks[face_id].miss(item.timestamp_s))
                continue
            matrix = crop_to_image(place) if self._attention else None
            self._open[row.frame, face_id] = (row, matrix)
            if face_id not in self._tracks:
                self._tracks[face_id] = MranTrack(self._model, self._max_gap_s)
            track = self._tracks[face_id]
            self._fill(face_id, track.push(row.frame, row.timestamp_s, crops))

    def close(self, face_id: int) -> None:
        """A face cannot come back under its number: fill its rows in."""
        if face_id in self._tracks:
            self._fill(face_id, self._tracks.pop(face_id).finish())

    def finish(self) -> list[FrameRow]:
        """Read what is left of all faces; all rows that are still held."""
        for face_id in list(self._tracks):
            self.close(face_id)
        return self.release()

    def release(self) -> list[FrameRow]:
        """Rows that are done, in order."""
        done: list[FrameRow] = []
        while self._held:
            row = self._held[0]
            if row.face_id is not None and (row.frame, row.face_id) in self._open:
                break
            done.append(self._held.popleft())
        return done

    def _fill(self, face_id: int, found: list[tuple[int, ClipEstimate]]) -> None:
        for frame, estimate in found:
            row, matrix = self._open.pop((frame, face_id))
            row.mran = estimate.affect
            if matrix is not None:
                row.attention = Attention(estimate.attention, matrix)
            self._told(row)
