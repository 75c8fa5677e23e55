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
from mien.runtime.mran import MranFrame
from mien.types import MranView

_Open = tuple[FrameRow, npt.NDArray[np.float64], MranFrame | None]
"""A row that waits for its values, where its crop lies, and the crops if they are held."""


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
        Called with each row of a face, and with what was read, when its values are there.
    """

    def __init__(
        self,
        model: ClipModel,
        max_gap_s: float,
        attention: bool,
        told: Callable[[FrameRow, MranView | None], object],
    ) -> None:
        self._model, self._max_gap_s = model, max_gap_s
        self._attention, self._told = attention, told
        self._tracks: dict[int, MranTrack] = {}
        self._held: deque[FrameRow] = deque()
        self._open: dict[tuple[int, int], _Open] = {}
        self._kept_s: dict[int, float] = {}

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
            self._open[row.frame, face_id] = (
                row,
                crop_to_image(place),
                crops if self._is_kept(face_id, item.timestamp_s) else None,
            )
            if face_id not in self._tracks:
                self._tracks[face_id] = MranTrack(self._model, self._max_gap_s)
            track = self._tracks[face_id]
            self._fill(face_id, track.push(row.frame, row.timestamp_s, crops))

    def close(self, face_id: int) -> None:
        """A face cannot come back under its number: fill its rows in."""
        self._kept_s.pop(face_id, None)
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
            row, matrix, crops = self._open.pop((frame, face_id))
            row.mran = estimate.affect
            if self._attention:
                row.attention = Attention(estimate.attention, matrix)
            view = None
            if crops is not None:
                seen = crops.color, crops.depth_mm, crops.thermal_c, estimate.attention
                view = MranView(row.timestamp_s, estimate.affect, *seen)
            self._told(row, view)

    def _is_kept(self, face_id: int, time_s: float) -> bool:
        """Whether the crops of this frame are held for a picture: no more often than clips are."""
        last_s = self._kept_s.get(face_id)
        if last_s is not None and 0 <= time_s - last_s < 0.99 / self._model.fps:
            return False
        self._kept_s[face_id] = time_s
        return True
