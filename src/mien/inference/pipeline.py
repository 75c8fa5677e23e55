"""The streaming path from a video to affect: decode, detect, track, align, stage 1, stage 2.

Memory does not grow with the length of the video: a batch of crops, the finished rows of that
batch, and a bounded state per face are all that is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mien._version import __version__
from mien.faces.align import align
from mien.faces.cuts import SceneCutDetector
from mien.faces.detect import FaceDetector, RetinaFaceDetector
from mien.faces.steady import SteadyLandmarks
from mien.faces.track import Tracker
from mien.inference.face_state import FaceState
from mien.inference.models import AffectModel, ReactionModel
from mien.inference.options import AnalysisOptions
from mien.inference.resample import longest_step_s
from mien.inference.steady import SteadyAffect
from mien.inference.summary import document, file_stamp, source_text
from mien.labels import AFFECT_COLUMNS
from mien.types import (
    Face,
    FaceSummary,
    FloatArray,
    Frame,
    ImageArray,
    SourceInfo,
    Summary,
    Timeline,
)
from mien.video.reader import VideoReader

SCHEMA_VERSION = 1

# A film has thousands of face numbers; curves and pictures are kept of the longest seen ones.
_DETAILED_FACES = 100


@dataclass(slots=True)
class FrameRow:
    """One row of the frames table: a face in a frame, or a frame without a usable face.

    ``face_id``, ``face`` and ``affect`` are None for the latter.
    """

    frame: int
    timestamp_s: float
    face_id: int | None = None
    face: Face | None = None
    affect: FloatArray | None = None


@dataclass(slots=True)
class _Pending:
    """A frame whose faces wait for stage 1."""

    frame: int
    timestamp_s: float
    ids: list[int] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)
    crops: list[ImageArray] = field(default_factory=list)


class Analyzer:
    """Loads the models once and analyses any number of inputs.

    Parameters
    ----------
    options
        See `AnalysisOptions`.
    detector
        Another face detector; None for RetinaFace.

    Raises
    ------
    ModelError
        If a model cannot be loaded.
    """

    def __init__(
        self, options: AnalysisOptions | None = None, detector: FaceDetector | None = None
    ) -> None:
        self.options = options or AnalysisOptions()
        self.detector = detector or RetinaFaceDetector(
            max_side_px=self.options.detect_side_px,
            score_threshold=self.options.min_score,
            min_face_px=self.options.min_face_px,
            threads=self.options.threads,
        )
        self.affect = AffectModel(self.options.affect_model, self.options.threads)
        self.reactions = (
            ReactionModel(self.options.reaction_model, self.options.threads)
            if self.options.reactions
            else None
        )

    def open(self, path: str | Path) -> Analysis:
        """Open one input; iterate the result for rows, then take its summary."""
        reader = VideoReader(path)
        return Analysis(self, reader, source_text(path), file_stamp(path))

    def settings(self) -> dict[str, Any]:
        """The options as plain values."""
        return {
            key: str(value) if isinstance(value, Path) else value
            for key, value in asdict(self.options).items()
        }


class Analysis:
    """One input being analysed: an iterator over batches of rows, in time order.

    Use it as a context manager. `summary` is available once the iteration has ended.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        reader: VideoReader,
        path: str,
        stamp: tuple[int | None, int | None] = (None, None),
    ) -> None:
        self._analyzer, self._reader, self._path = analyzer, reader, path
        self._stamp = stamp
        options = analyzer.options
        self._tracker = Tracker(max_lost_s=options.max_lost_s)
        self._cuts = SceneCutDetector()
        self._states: dict[int, FaceState] = {}
        self._tracked_s: dict[int, float] = {}  # when each id was last in sight, used or not
        self._steady: dict[int, SteadyLandmarks] = {}
        self._filters: dict[int, SteadyAffect] = {}
        self._finished: list[FaceSummary] = []
        self._without_face = 0
        self._undefined = 0
        self._reduced = 0  # finished faces whose details were let go
        self._max_gap_s = longest_step_s(reader.info.nominal_fps)
        self._summary: Summary | None = None

    @property
    def info(self) -> SourceInfo:
        """What the file says of itself."""
        return self._reader.info

    def __enter__(self) -> Analysis:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def __iter__(self) -> Iterator[list[FrameRow]]:
        return self.rows()

    def rows(self, progress: Callable[[int], object] | None = None) -> Iterator[list[FrameRow]]:
        """Analyse the input; yields the rows of a batch of frames at a time.

        Parameters
        ----------
        progress
            Called with the number of frames that have been finished.

        Raises
        ------
        InputError
            If the file turns out damaged; rows that were yielded before stay valid.
        """
        batch = self._analyzer.options.batch
        pending: list[_Pending] = []
        waiting = 0
        for frame in self._reader:
            item = self._find_faces(frame)
            pending.append(item)
            waiting += len(item.faces)
            # Frames without faces cost nothing to hold, but time must go on in the output.
            if waiting >= batch or len(pending) >= 4 * batch:
                yield self._estimate(pending)
                if progress is not None:
                    progress(len(pending))
                pending, waiting = [], 0
        if pending:
            yield self._estimate(pending)
            if progress is not None:
                progress(len(pending))
        self._summary = self._summarise()

    def summary(self) -> Summary:
        """The content of ``video.json`` and what the report draws.

        Raises
        ------
        RuntimeError
            Before the iteration has ended.
        """
        if self._summary is None:
            raise RuntimeError("the analysis has not ended: iterate over its rows first")
        return self._summary

    def _find_faces(self, frame: Frame) -> _Pending:
        item = _Pending(frame.index, frame.timestamp_s)
        if self._cuts.update(frame.image, frame.timestamp_s):
            self._tracker.reset()  # whoever sits in the same place now is somebody else
        faces = [face for face in self._analyzer.detector.detect(frame.image) if _is_whole(face)]
        height, width = frame.image.shape[:2]
        ids = self._tracker.update(faces, frame.timestamp_s, (width, height))
        self._tracked_s.update(dict.fromkeys(ids, frame.timestamp_s))
        kept = [(i, face) for i, face in zip(ids, faces, strict=True) if i >= 0]
        if self._analyzer.options.faces == "largest" and kept:
            kept = [max(kept, key=lambda pair: float(pair[1].box[2] * pair[1].box[3]))]
        for face_id, face in sorted(kept, key=lambda pair: pair[0]):
            item.ids.append(face_id)
            item.faces.append(face)
            item.crops.append(align(frame.image, self._place(face_id, face, frame)))
        return item

    def _place(self, face_id: int, face: Face, frame: Frame) -> FloatArray:
        """The landmarks by which a face's crop is cut."""
        if not self._analyzer.options.steady:
            return face.landmarks
        steady = self._steady.get(face_id)
        if steady is None or frame.timestamp_s - steady.time_s > self._max_gap_s:
            steady = self._steady[face_id] = SteadyLandmarks()  # nothing to hold on to any more
        return steady.update(face.landmarks, frame.timestamp_s)

    def _estimate(self, pending: list[_Pending]) -> list[FrameRow]:
        """Run stage 1 on all waiting crops and hand its results to the faces' states."""
        crops = [crop for item in pending for crop in item.crops]
        affect = self._affect(crops)
        rows: list[FrameRow] = []
        position = 0
        for item in pending:
            seen = 0
            for face_id, face, crop in zip(item.ids, item.faces, item.crops, strict=True):
                values = affect[position]
                position += 1
                if not np.isfinite(values).all():
                    self._undefined += 1
                    continue
                seen += 1
                values = self._smoothed(face_id, values, item.timestamp_s)
                self._state(face_id).push(item.timestamp_s, values, crop, item.frame)
                rows.append(FrameRow(item.frame, item.timestamp_s, face_id, face, values))
            if not seen:
                self._without_face += 1
                rows.append(FrameRow(item.frame, item.timestamp_s))
        if pending:
            self._retire(pending[-1].timestamp_s)
        return rows

    def _smoothed(self, face_id: int, affect: FloatArray, time_s: float) -> FloatArray:
        if not self._analyzer.options.steady:
            return affect
        filter_ = self._filters.get(face_id)
        if filter_ is None or time_s - filter_.time_s > self._max_gap_s:
            filter_ = self._filters[face_id] = SteadyAffect()
        return filter_.update(affect, time_s)

    def _affect(self, crops: list[ImageArray]) -> FloatArray:
        batch = self._analyzer.options.batch
        parts = [
            self._analyzer.affect.predict(np.stack(crops[i : i + batch]))
            for i in range(0, len(crops), batch)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def _state(self, face_id: int) -> FaceState:
        if face_id not in self._states:
            options = self._analyzer.options
            image = self._reader.info.is_image
            self._states[face_id] = FaceState(
                face_id,
                self._max_gap_s,
                None if image else self._analyzer.reactions,
                options.gaps,
                options.min_reaction_s,
            )
        return self._states[face_id]

    def _retire(self, now_s: float) -> None:
        """Sum up faces that cannot come back under their id, so that crowds cost no memory."""
        limit = now_s - self._analyzer.options.max_lost_s - 1.0
        # A face may be followed for long without being used, as where only the largest counts.
        for face_id in [i for i, seen_s in self._tracked_s.items() if seen_s < limit]:
            del self._tracked_s[face_id]
            self._steady.pop(face_id, None)
            self._filters.pop(face_id, None)
            if face_id in self._states:
                self._finished.append(self._states.pop(face_id).finish())
                self._keep_details_of_few()

    def _keep_details_of_few(self) -> None:
        """Let the curves and pictures of briefly seen faces go, where there are very many."""
        if len(self._finished) - self._reduced > _DETAILED_FACES:
            detailed = [face for face in self._finished if len(face.timeline.time_s)]
            briefest = min(detailed, key=lambda face: (face.usable_frames, -face.face_id))
            empty = np.empty((0, len(AFFECT_COLUMNS)), np.float32)
            briefest.timeline = Timeline(np.empty(0), empty, 0.0)
            briefest.thumbnails = {}
            briefest.reaction_windows = []
            self._reduced += 1

    def _summarise(self) -> Summary:
        self._finished += [state.finish() for state in self._states.values()]
        self._states.clear()
        faces = sorted(self._finished, key=lambda face: face.face_id)
        warnings = list(self._reader.warnings)
        if not faces and not self._undefined:
            warnings.append("no face was found in any frame")
        if self._reduced:
            warnings.append(
                f"of {len(faces)} faces the {self._reduced} seen most briefly are summed up "
                "without curves, pictures and windows; frames and means are complete"
            )
        if self._undefined:
            warnings.append(
                f"{self._undefined} faces gave undefined numbers and count as not usable"
            )
        analyzer = self._analyzer
        return Summary(
            document(
                schema_version=SCHEMA_VERSION,
                mien_version=__version__,
                path=self._path,
                stamp=self._stamp,
                reader=self._reader,
                models=[
                    model.describe()
                    for model in (analyzer.detector, analyzer.affect, analyzer.reactions)
                    if model is not None
                ],
                settings=analyzer.settings(),
                faces=faces,
                without_face=self._without_face,
                min_reaction_s=analyzer.options.min_reaction_s,
                warnings=warnings,
            ),
            faces,
        )


def _is_whole(face: Face) -> bool:
    """Whether a detection has an area and landmarks that span one, which alignment needs."""
    return bool(
        np.isfinite(face.box).all()
        and np.isfinite(face.landmarks).all()
        and face.box[2:].min() > 0
        and np.ptp(face.landmarks, axis=0).max() > 1
    )
