"""From a frame to aligned faces with stable numbers: detect, notice cuts, track, smooth, align."""

from __future__ import annotations

import numpy as np

from mien.faces.align import align
from mien.faces.cuts import SceneCutDetector
from mien.faces.detectors import FaceDetector
from mien.faces.one_euro import SteadyLandmarks
from mien.faces.track import Tracker
from mien.pipeline.companions import Guidance
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.rows import Pending
from mien.types import Face, FloatArray, Frame


class FaceFinder:
    """Finds the faces of one video, frame after frame.

    Parameters
    ----------
    detector
        Finds faces and their landmarks in a picture.
    options
        Which faces count and whether landmarks are smoothed.
    max_gap_s
        Distance of consecutive frames beyond which a face counts as lost in between.
    guidance
        Depth and thermal videos that crops are cut from as well; None where MRAN is not asked for.
    """

    def __init__(
        self,
        detector: FaceDetector,
        options: AnalysisOptions,
        max_gap_s: float,
        guidance: Guidance | None,
    ) -> None:
        self._detector, self._options, self._guidance = detector, options, guidance
        self._max_gap_s = max_gap_s
        self._tracker = Tracker(max_lost_s=options.max_lost_s)
        self._cuts = SceneCutDetector()
        self._tracked_s: dict[int, float] = {}  # when each id was last in sight, used or not
        self._steady: dict[int, SteadyLandmarks] = {}

    def find(self, frame: Frame) -> Pending:
        """The faces of the next frame, their crops ready for the extractor."""
        item = Pending(frame.index, frame.timestamp_s)
        if self._guidance is not None:
            self._guidance.advance(frame.timestamp_s)
        if self._cuts.update(frame.image, frame.timestamp_s):
            self._tracker.reset()  # whoever sits in the same place now is somebody else
        faces = [face for face in self._detector.detect(frame.image) if _is_whole(face)]
        height, width = frame.image.shape[:2]
        ids = self._tracker.update(faces, frame.timestamp_s, (width, height))
        self._tracked_s.update(dict.fromkeys(ids, frame.timestamp_s))
        kept = [(i, face) for i, face in zip(ids, faces, strict=True) if i >= 0]
        if self._options.faces == "largest" and kept:
            kept = [max(kept, key=lambda pair: float(pair[1].box[2] * pair[1].box[3]))]
        for face_id, face in sorted(kept, key=lambda pair: pair[0]):
            item.ids.append(face_id)
            item.faces.append(face)
            place = self._place(face_id, face, frame)
            crop = align(frame.image, place)
            item.places.append(place)
            item.crops.append(crop)
            if self._guidance is not None:
                item.streams.append(self._guidance.cut(crop, place, frame.image.shape))
        return item

    def forget_lost(self, now_s: float) -> list[int]:
        """Numbers that can no longer come back, which are forgotten herewith."""
        limit = now_s - self._options.max_lost_s - 1.0
        # A face may be followed for long without being used, as where only the largest counts.
        lost = [face_id for face_id, seen_s in self._tracked_s.items() if seen_s < limit]
        for face_id in lost:
            del self._tracked_s[face_id]
            self._steady.pop(face_id, None)
        return lost

    def _place(self, face_id: int, face: Face, frame: Frame) -> FloatArray:
        """The landmarks by which a face's crop is cut."""
        if not self._options.steady:
            return face.landmarks
        steady = self._steady.get(face_id)
        if steady is None or frame.timestamp_s - steady.time_s > self._max_gap_s:
            steady = self._steady[face_id] = SteadyLandmarks()  # nothing to hold on to any more
        return steady.update(face.landmarks, frame.timestamp_s)


def _is_whole(face: Face) -> bool:
    """Whether a detection has an area and landmarks that span one, which alignment needs."""
    return bool(
        np.isfinite(face.box).all()
        and np.isfinite(face.landmarks).all()
        and face.box[2:].min() > 0
        and np.ptp(face.landmarks, axis=0).max() > 1
    )
