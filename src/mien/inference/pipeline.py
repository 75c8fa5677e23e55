"""The streaming path from a video to affect: decode, detect, track, align, stage 1, stage 2.

Memory does not grow with the length of the video: a batch of crops, the finished rows of that
batch, and a bounded state per face are all that is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mien._version import __version__
from mien.errors import InputError, MienError, ModelError
from mien.faces.align import align
from mien.faces.cuts import SceneCutDetector
from mien.faces.detect import FaceDetector, RetinaFaceDetector
from mien.faces.steady import SteadyLandmarks
from mien.faces.track import Tracker
from mien.inference.face_state import FaceState
from mien.inference.guidance import Guidance, GuidanceFiles
from mien.inference.models import AffectModel, ReactionModel
from mien.inference.mran import MranModel
from mien.inference.mran_stage import MranStage
from mien.inference.options import AnalysisOptions
from mien.inference.resample import longest_step_s
from mien.inference.rows import FrameRow, Pending
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
        self.mran = (
            MranModel(self.options.mran_model, self.options.threads) if self.options.mran else None
        )

    def open(self, path: str | Path, guidance: GuidanceFiles | None = None) -> Analysis:
        """Open one input; iterate the result for rows, then take its summary.

        Parameters
        ----------
        path
            A video or image file.
        guidance
            Depth and thermal videos of the same recording, for MRAN.

        Raises
        ------
        InputError
            If a file cannot be read.
        ModelError
            If MRAN does not read a stream that is given.
        ValueError
            If `guidance` is given and the options leave MRAN out.
        """
        given = tuple(guidance.paths()) if guidance is not None else ()
        if given and self.mran is None:
            raise ValueError(f"{' and '.join(given)} are for MRAN: set the option mran, too")
        readable = () if self.mran is None else self.mran.modalities
        unread = [name for name in given if name not in readable]
        if self.mran is not None and unread:
            raise ModelError(
                f"the MRAN model {self.mran.metadata.get('name')!r} reads "
                f"{', '.join(readable)}; leave --{' and --'.join(unread)} out"
            )
        reader = VideoReader(path)
        try:
            return Analysis(self, reader, source_text(path), file_stamp(path), guidance)
        except MienError:
            reader.close()
            raise

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
        guidance: GuidanceFiles | None = None,
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
        self._mran: MranStage | None = None
        self._guidance: Guidance | None = None
        info = reader.info
        if guidance is not None and info.is_image and guidance.paths():
            raise InputError(f"{path}: is an image; depth and thermal go with a video")
        if analyzer.mran is not None and not info.is_image:
            self._mran = MranStage(
                analyzer.mran, self._max_gap_s, options.attention, self._take_mran
            )
            self._guidance = Guidance(guidance or GuidanceFiles(), info.nominal_fps)

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

        With MRAN a row comes when the clips that hold it have been read, up to a clip later, and a
        batch may be empty.

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
        pending: list[Pending] = []
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
        if self._mran is not None:
            yield self._mran.finish()
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

    def _find_faces(self, frame: Frame) -> Pending:
        item = Pending(frame.index, frame.timestamp_s)
        if self._guidance is not None:
            self._guidance.advance(frame.timestamp_s)
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
            place = self._place(face_id, face, frame)
            crop = align(frame.image, place)
            item.places.append(place)
            item.crops.append(crop)
            if self._guidance is not None:
                item.streams.append(self._guidance.cut(crop, place, frame.image.shape))
        return item

    def _place(self, face_id: int, face: Face, frame: Frame) -> FloatArray:
        """The landmarks by which a face's crop is cut."""
        if not self._analyzer.options.steady:
            return face.landmarks
        steady = self._steady.get(face_id)
        if steady is None or frame.timestamp_s - steady.time_s > self._max_gap_s:
            steady = self._steady[face_id] = SteadyLandmarks()  # nothing to hold on to any more
        return steady.update(face.landmarks, frame.timestamp_s)

    def _estimate(self, pending: list[Pending]) -> list[FrameRow]:
        """Run stage 1 on all waiting crops and hand its results to the faces' states."""
        crops = [crop for item in pending for crop in item.crops]
        affect = self._affect(crops)
        rows: list[FrameRow] = []
        position = 0
        for item in pending:
            first, seen = len(rows), 0
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
            if self._mran is not None:
                self._mran.add(item, rows[first:])
        if pending:
            self._retire(pending[-1].timestamp_s)
        return rows if self._mran is None else self._mran.release()

    def _take_mran(self, row: FrameRow) -> None:
        """Values of MRAN have come for a row."""
        if row.face_id is not None and row.mran is not None:
            self._state(row.face_id).push_mran(row.timestamp_s, row.mran, row.frame)

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
            if self._mran is not None:
                self._mran.close(face_id)
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
            if briefest.mran is not None:
                briefest.mran.timeline = Timeline(np.empty(0), np.empty((0, 2), np.float32), 0.0)
            self._reduced += 1

    def _summarise(self) -> Summary:
        self._finished += [state.finish() for state in self._states.values()]
        self._states.clear()
        faces = sorted(self._finished, key=lambda face: face.face_id)
        warnings = list(self._reader.warnings)
        if self._guidance is not None:
            warnings += self._guidance.finish()
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
                    for model in (
                        analyzer.detector,
                        analyzer.affect,
                        analyzer.reactions,
                        analyzer.mran,
                    )
                    if model is not None
                ],
                settings=analyzer.settings(),
                faces=faces,
                without_face=self._without_face,
                min_reaction_s=analyzer.options.min_reaction_s,
                warnings=warnings,
                mran=self._describe_mran(),
            ),
            faces,
        )

    def _describe_mran(self) -> dict[str, Any] | None:
        """Which streams MRAN was given; None where it was not asked for."""
        model = self._analyzer.mran
        if model is None:
            return None
        if self._guidance is None:
            note = "a still image has no MRAN estimate: it reads clips"
            return {"streams": [], "note": note}
        used = ("color", *self._guidance.streams)
        return {
            "streams": [name for name in model.modalities if name in used],
            "missing_streams": [name for name in model.modalities if name not in used],
            "files": self._guidance.describe(),
            "clip_frames": model.clip_frames,
            "fps": model.fps,
            "note": None,
        }


def _is_whole(face: Face) -> bool:
    """Whether a detection has an area and landmarks that span one, which alignment needs."""
    return bool(
        np.isfinite(face.box).all()
        and np.isfinite(face.landmarks).all()
        and face.box[2:].min() > 0
        and np.ptp(face.landmarks, axis=0).max() > 1
    )
