"""From a frame to aligned faces with stable numbers: detect or follow, track, smooth, align."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.faces.crops import Crop
from mien.faces.detectors import FaceDetector
from mien.faces.one_euro import SteadyLandmarks
from mien.faces.track import Tracker
from mien.pipeline.companions import Guidance
from mien.pipeline.finding.following import Followed, begin, go_on
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.rows import Pending
from mien.runtime.stopwatch import Stopwatch
from mien.types import Face, FaceDetails, FloatArray, Frame

LONGEST_STEP_S = 1.0
"""More time between two frames counts as so much: without frames no face is out of sight."""


_BLANK_CONTRAST = 1.0  # grey levels


class FaceFinder:
    """Finds the faces of one video, frame after frame.

    A frame is found (`find`), read by the extractor, and settled (`settle`), in this order, unless
    ``options.detect`` is ``"every"``: then several may be found before they are read.

    Parameters
    ----------
    detector
        Finds faces and their landmarks in a picture.
    options
        Which faces count, whether landmarks are smoothed, when the detector is asked.
    max_gap_s
        Distance of consecutive frames beyond which a face counts as lost in between.
    guidance
        Depth and thermal videos that crops are cut from as well; None where MRAN is not asked for.
    follows
        Whether faces are followed between detections; they are not where the extractor gives no
        landmarks.
    watch
        Measures the time of cutting.
    """

    def __init__(
        self,
        detector: FaceDetector,
        options: AnalysisOptions,
        max_gap_s: float,
        guidance: Guidance | None,
        follows: bool = False,
        watch: Stopwatch | None = None,
    ) -> None:
        self._watch = watch or Stopwatch()
        self._detector, self._options, self._guidance = detector, options, guidance
        self._max_gap_s = max_gap_s
        self.follows = follows
        self._tracker = Tracker(max_lost_s=options.max_lost_s)
        self._clock_s = 0.0  # time that has passed, no step too long
        self._last_s: float | None = None
        self._tracked_s: dict[int, float] = {}  # when each id was last in sight, used or not
        self._steady: dict[int, SteadyLandmarks] = {}
        self._followed: dict[int, Followed] = {}
        self._doubts = False

    def find(
        self,
        frame: Frame,
        cut: bool = False,
        due: bool = True,
        seen: Sequence[Face] | None = None,
    ) -> Pending:
        """The faces of the next frame, their crops ready for the extractor.

        Parameters
        ----------
        frame
            The frame.
        cut
            Whether it begins a new shot.
        due
            Whether the detector is asked even if all faces can be followed.
        seen
            What the detector said of this frame; None where it has not been asked yet.
        """
        if self._guidance is not None:
            self._guidance.advance(frame.timestamp_s)
        if self._last_s is not None:
            self._clock_s += min(max(0.0, frame.timestamp_s - self._last_s), LONGEST_STEP_S)
        self._last_s = frame.timestamp_s
        if cut:
            self._tracker.reset()  # whoever sits in the same place now is somebody else
            self._followed.clear()
        if self.follows and not (due or self._doubts):
            item = Pending(frame.index, frame.timestamp_s, followed=True)
            for face_id, followed in sorted(self._followed.items()):
                self._add(item, face_id, followed.face, frame)
            if not any(_is_blank(crop) for crop in item.crops):
                return item
        return self.detect(frame, seen)

    def detect(self, frame: Frame, seen: Sequence[Face] | None = None) -> Pending:
        """The faces of a frame as the detector sees them, or has `seen` them."""
        item = Pending(frame.index, frame.timestamp_s)
        if seen is None:
            seen = self._detector.detect(frame.image)
        faces = [face for face in seen if _is_whole(face)]
        self._doubts = False
        height, width = frame.shape
        ids = self._tracker.update(faces, self._clock_s, (width, height))
        self._tracked_s.update(dict.fromkeys(ids, self._clock_s))
        kept = [(i, face) for i, face in zip(ids, faces, strict=True) if i >= 0]
        if self._options.faces == "largest" and kept:
            kept = [max(kept, key=lambda pair: float(pair[1].box[2] * pair[1].box[3]))]
        for face_id, face in sorted(kept, key=lambda pair: pair[0]):
            self._add(item, face_id, face, frame)
        return item

    def settle(self, item: Pending, said: Sequence[FaceDetails | None], frame: Frame) -> bool:
        """Take what the extractor saw in a frame's crops; False: ask the detector, after all.

        Parameters
        ----------
        item
            Of `find` or `detect`. The faces of one that was followed are moved to where they are.
        said
            Details of its faces in pixels of the frame, None where they are undefined.
        frame
            The frame.
        """
        if not self.follows:
            return True
        if not item.followed:
            before, self._followed = self._followed, {}
            for face_id, face, details in zip(item.ids, item.faces, said, strict=True):
                one = None if details is None else begin(face, details, before.get(face_id))
                if one is None:
                    self._doubts = True  # look again in the next frame
                else:
                    self._followed[face_id] = one
            return True
        moved = [
            None if details is None else go_on(self._followed[face_id], details, place)
            for face_id, details, place in zip(item.ids, said, item.places, strict=True)
        ]
        if None in moved:
            return False
        self._followed = {i: one for i, one in zip(item.ids, moved, strict=True) if one}
        item.faces = [one.face for one in self._followed.values()]
        height, width = frame.shape
        ids = self._tracker.update(item.faces, self._clock_s, (width, height))
        if ids != item.ids:  # the tracker sees it otherwise: let it look for itself
            self._doubts = True
        self._tracked_s.update(dict.fromkeys(item.ids, self._clock_s))
        return True

    def _add(self, item: Pending, face_id: int, face: Face, frame: Frame) -> None:
        item.ids.append(face_id)
        item.faces.append(face)
        place = self._place(face_id, face, frame)
        with self._watch("warp"):
            crop = Crop(frame, place)
        item.places.append(place)
        item.crops.append(crop)
        if self._guidance is not None:
            item.streams.append(self._guidance.cut(crop.color, place, frame.shape))

    def forget_lost(self) -> list[int]:
        """Numbers that can no longer come back, which are forgotten herewith."""
        limit = self._clock_s - self._options.max_lost_s - 1.0
        # A face may be followed for long without being used, as where only the largest counts.
        lost = [face_id for face_id, seen_s in self._tracked_s.items() if seen_s < limit]
        for face_id in lost:
            del self._tracked_s[face_id]
            self._followed.pop(face_id, None)
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


def _is_blank(crop: Crop) -> bool:
    """Whether a crop shows nothing, as of a black frame: no extractor has learned to doubt that."""
    seen = crop.color if crop.luma is None else crop.luma
    return float(seen.std()) < _BLANK_CONTRAST


def _is_whole(face: Face) -> bool:
    """Whether a detection has an area and landmarks that span one, which alignment needs."""
    return bool(
        np.isfinite(face.box).all()
        and np.isfinite(face.landmarks).all()
        and face.box[2:].min() > 0
        and np.ptp(face.landmarks, axis=0).max() > 1
    )
