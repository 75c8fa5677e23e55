"""The streaming path from a video to affect: decode, detect, track, align, extract, react.

Memory does not grow with the length of the video: a batch of crops, the finished rows of that
batch, and a bounded state per face are all that is held.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from copy import deepcopy
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mien._version import __version__
from mien.errors import InputError, MienError, ModelError
from mien.faces.detectors import FaceDetector, make_detector
from mien.faces.detectors.whole import WholePictures
from mien.labels import AFFECT_COLUMNS, VALENCE_AROUSAL, LabelSet
from mien.pipeline.companions import Guidance, GuidanceFiles
from mien.pipeline.details import has_undefined
from mien.pipeline.extractor_stage import PASSES_BESIDE, AffectStage
from mien.pipeline.face_states import FaceStates
from mien.pipeline.finding.finder import FaceFinder
from mien.pipeline.finding.looking import LOOKERS, LookTimes, looked_at
from mien.pipeline.mran.stage import MranStage
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.parts import (
    FaceNumbers,
    Found,
    PartStore,
    ReadFacts,
    Reading,
    Recorder,
    Relay,
    Step,
)
from mien.pipeline.parts.relay import WARM_LONGER_S
from mien.pipeline.resample import longest_step_s
from mien.pipeline.rows import FrameRow, Pending
from mien.pipeline.summary import document, file_stamp, source_text
from mien.runtime.metadata import Trust, read_trust, trust_of
from mien.runtime.models import AffectModel, ReactionModel, shipped_extractor
from mien.runtime.mran import MranModel
from mien.runtime.prior import Prior, choose_prior
from mien.runtime.stopwatch import Stopwatch
from mien.sessions import chosen_device
from mien.types import (
    FaceDetails,
    FaceEstimates,
    FaceSummary,
    ImageArray,
    MranView,
    SourceInfo,
    Summary,
)
from mien.video.reader import VideoReader
from mien.video.source import FrameFeed, FrameSource
from mien.workers import Ahead, usable_cores

SCHEMA_VERSIONS = {"v1": 1, "v2": 2}
"""Of the outputs, by the columns that are asked for."""

_LATER = frozenset(
    {
        *("stream", "max_pixels", "crops", "precise", "device", "extractor"),
        *("start_s", "end_s", "every", "fps", "part_s"),
    }
)
_MOST_NAMED = 5  # faces in a warning
# What waits between threads: enough to even out, little in memory.
_FRAMES_AHEAD, _BATCHES_AHEAD = 4, 2

WITHOUT_REACTIONS = (
    "The reaction model that ships learned from simulated sequences, not from people's ratings, so "
    "it is not used unless asked for: --simulated-reactions shows it, --reactions PATH reads a "
    "model of your own (mien train reactions)."
)
"""Why a result has no reactions by default, in words for the report."""


class Analyzer:
    """Loads the models once and analyses any number of inputs.

    Parameters
    ----------
    options
        See `AnalysisOptions`.
    detector
        Another face detector; None for RetinaFace.
    threads
        Threads of the models where they are not those of the options, which the results name.

    Raises
    ------
    ModelError
        If a model cannot be loaded, or does not know the prior that is asked for.
    ConfigError
        If the file of a prior is wrong.
    """

    def __init__(
        self,
        options: AnalysisOptions | None = None,
        detector: FaceDetector | None = None,
        threads: int | None = None,
    ) -> None:
        self.options = options or AnalysisOptions()
        self._threads = self.options.threads if threads is None else threads
        self.device = chosen_device(self.options.device)
        self.detector: FaceDetector = detector or make_detector(
            self.options.detector,
            max_side_px=self.options.detect_side_px,
            score_threshold=self.options.min_score,
            min_face_px=self.options.min_face_px,
            # Several looks run beside each other.
            threads=max(1, self.threads // LOOKERS),
            device=self.device,
        )
        self.affect = AffectModel(
            self.options.affect_model,
            # One thread is busy decoding, and single faces gain little from more.
            max(1, self.threads - 1),
            self.device,
            ships=shipped_extractor(self.options.precise, self.device, self.options.extractor),
        )
        if self.options.crops:
            self.detector = WholePictures(self.detector)
        self.reactions = self._open_reactions()
        self.mran = MranModel(self.options.mran_model, self._threads) if self.options.mran else None
        _ = self.prior, self.channels  # what is wrong with them is said before a video is opened

    @property
    def threads(self) -> int:
        """How many threads may be used."""
        return self._threads or usable_cores()

    @property
    def labels(self) -> LabelSet:
        """Which expressions and action units the extractor says."""
        return self.affect.labels

    @cached_property
    def prior(self) -> Prior:
        """Shares of the expressions that are assumed."""
        name = self.affect.metadata.get("name")
        return choose_prior(self.options.prior, self.affect.priors, name, self.labels)

    def _open_reactions(self) -> ReactionModel | None:
        """The reaction model; None if it is not asked for, or the one that ships does not fit.

        Raises
        ------
        ModelError
            If it cannot be loaded, or one that was chosen does not fit the extractor.
        """
        own = self.options.reaction_model
        if not self.options.reactions or not (own or self.options.simulated_reactions):
            return None
        if self._other_labels is None:
            return ReactionModel(own, self._threads)
        if own is not None:
            raise ModelError(f"{own}: {self._other_labels}; leave one of the two models out")
        return None

    @property
    def _other_labels(self) -> str | None:
        """Why the reaction model cannot read what the extractor says; None if it can."""
        if self.labels.affect_columns == AFFECT_COLUMNS:
            return None
        return (
            f"no reactions: the reaction model reads 7 expressions and 17 action units, and the "
            f"extractor {self.affect.metadata.get('name')!r} says others"
        )

    @property
    def without_reactions(self) -> str | None:
        """Why there are no reactions in any video; None if there may be."""
        if self.reactions is not None:
            return None
        if not self.options.reactions:
            return "reactions were not asked for"
        if not (self.options.reaction_model or self.options.simulated_reactions):
            return WITHOUT_REACTIONS
        return self._other_labels

    @property
    def min_quality(self) -> float | None:
        """Least quality of a face that counts; None where all count."""
        asked = self.options.min_quality
        level = self.affect.quality_level if asked is None else asked
        return level if level and "quality" in self.affect.details else None

    def open(
        self,
        path: str | Path,
        guidance: GuidanceFiles | None = None,
        store: PartStore | None = None,
    ) -> Analysis:
        """Open one input; iterate the result for rows, then take its summary.

        Parameters
        ----------
        path
            A video or image file.
        guidance
            Depth and thermal videos of the same recording, for MRAN.
        store
            Finished parts of a long video: those that are there are not read again, others are
            added. It has to be of this very input, analyzer and version.

        Raises
        ------
        InputError
            If a file cannot be read.
        ModelError
            If MRAN does not read a modality that is given.
        ValueError
            If `guidance` is given and the options leave MRAN out.
        """
        self._check_guidance(guidance)
        options = self.options
        reader = VideoReader(path, options.stream, options.max_pixels, options.excerpt)
        try:
            return Analysis(self, reader, source_text(path), file_stamp(path), guidance, store)
        except MienError:
            reader.close()
            raise

    def open_frames(
        self,
        frames: Iterable[tuple[float, ImageArray]],
        name: str = "frames",
        nominal_fps: float | None = None,
    ) -> Analysis:
        """Open frames of a camera or from memory, as `open` does a file.

        Rows come a batch of faces at a time (``options.batch``; 1 for live video), while frames
        are still arriving, and memory does not grow with their number.

        Parameters
        ----------
        frames, name, nominal_fps
            As in `mien.video.source.FrameFeed`: time in seconds and RGB image, one by one.

        Raises
        ------
        InputError
            If there is no frame, or the first is of another kind; later ones while iterating.
        """
        if not self.options.excerpt.is_whole:
            raise ValueError("start_s, end_s, every and fps are for files: give fewer frames")
        name = source_text(name)
        return Analysis(self, FrameFeed(frames, name, nominal_fps), name)

    def _check_guidance(self, guidance: GuidanceFiles | None) -> None:
        """Depth and thermal need a model that reads them."""
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
        if self.mran is not None and not {"color", *given} & {*readable}:
            raise ModelError(
                f"the MRAN model {self.mran.metadata.get('name')!r} reads "
                f"{' and '.join(readable)} only; give --{' or --'.join(readable)}"
            )

    @cached_property
    def channels(self) -> Trust:
        """How far to trust every channel: columns, ``landmarks`` as one, and ``reactions``."""
        names = (*self.labels.affect_columns, *self.labels.detail_columns, "landmarks")
        told = {name: trust_of(self.affect.trust, name) for name in names}
        if self.mran is not None:
            trust = read_trust(self.mran.metadata, Path("the MRAN model"))
            told |= {f"mran_{name}": trust_of(trust, name) for name in VALENCE_AROUSAL}
        if self.reactions is not None:
            trust = read_trust(self.reactions.metadata, Path("the reaction model"))
            told["reactions"] = trust_of(trust, "reactions")
        return told

    def models(self) -> list[dict[str, object]]:
        """What the models say of themselves."""
        loaded = (self.detector, self.affect, self.reactions, self.mran)
        return [model.describe() for model in loaded if model is not None]

    def settings(self) -> dict[str, object]:
        """The options as plain values; the detector stands among the models.

        What came after the first documents is named only where it is not the default.
        """
        return {
            key: _plain(value)
            for key, value in asdict(self.options).items()
            if key != "detector" and (key not in _LATER or value != getattr(AnalysisOptions, key))
        }


def _plain(value: Any) -> Any:
    """As JSON can hold it; a length without end is null."""
    if isinstance(value, float) and math.isinf(value):
        return None
    return str(value) if isinstance(value, Path) else value


class Analysis:
    """One input being analysed: an iterator over batches of rows, in time order.

    Use it as a context manager. `summary` is available once the iteration has ended. Of a file,
    frames are decoded, found and summed up in three threads where more than one may be used; rows
    are the same whatever their number.

    Attributes
    ----------
    watch
        Where the time goes.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        reader: FrameSource,
        path: str,
        stamp: tuple[int | None, int | None] = (None, None),
        guidance: GuidanceFiles | None = None,
        store: PartStore | None = None,
    ) -> None:
        self._analyzer, self._reader, self._path = analyzer, reader, path
        self._stamp = stamp
        self.watch = Stopwatch()
        # Frames of a program come from its own thread and are read while it waits.
        self._overlaps = isinstance(reader, VideoReader) and analyzer.threads > 1
        self._threads = ExitStack()
        options = analyzer.options
        self._max_gap_s = max_gap_s = longest_step_s(reader.info.nominal_fps)
        self._without_face = 0
        self._undefined = self._undefined_details = self._undefined_mran = 0
        self._summary: Summary | None = None
        self._mran: MranStage | None = None
        self._guidance: Guidance | None = None
        info = reader.info
        if guidance is not None and info.is_image and guidance.paths():
            raise InputError(f"{path}: is an image; depth and thermal go with a video")
        if analyzer.mran is not None and not info.is_image:
            self._mran = MranStage(analyzer.mran, max_gap_s, options.attention, self._take_mran)
            self._guidance = Guidance(guidance or GuidanceFiles(), info.nominal_fps)
        reactions = None if info.is_image else analyzer.reactions
        self._states = FaceStates(max_gap_s, reactions, options, analyzer.labels)
        # Clips of MRAN, and frames that a program gives, go on over all time.
        parted = isinstance(reader, VideoReader) and not info.is_image and self._mran is None
        self._part_s = options.part_s if parted else math.inf
        is_long = info.duration_s is None or info.duration_s > self._part_s
        self._store = store if is_long else None
        self._done = [] if self._store is None else self._store.finished()
        self._relay = Relay(
            self._begin,
            self._part_s,
            options.max_lost_s + WARM_LONGER_S,
            self._done[-1] if self._done else None,
        )
        self._numbers = FaceNumbers()
        self._part: int | None = None
        self._recorders: dict[int, Recorder] = {}
        beside = analyzer.device == "cpu" and analyzer.threads > 1
        self._pool = ThreadPoolExecutor(PASSES_BESIDE) if beside else None

    def _begin(self, part: int) -> Reading:
        """All that remembers frames, anew."""
        analyzer, options = self._analyzer, self._analyzer.options
        follows = (
            options.detect == "auto"
            and not self.info.is_image
            and "landmarks" in analyzer.affect.details
        )
        finder = FaceFinder(
            analyzer.detector, options, self._max_gap_s, self._guidance, follows, self.watch
        )
        on_cpu = analyzer.device == "cpu"
        affect = AffectStage(analyzer.affect, options, self._max_gap_s, on_cpu, self._pool)
        return Reading(part, finder, affect, LookTimes(every=not follows))

    @property
    def info(self) -> SourceInfo:
        """What the file says of itself."""
        return self._reader.info

    def __enter__(self) -> Analysis:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.close()  # where the iteration has not ended
        if self._pool is not None:
            self._pool.shutdown()
        self._abandon()
        self._reader.close()
        if not self.info.is_image:
            gc.collect()  # the decoder's pool of frames hangs in a cycle: tens of MB a video

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
        told = progress or (lambda _: None)
        for part in tuple(self._done):
            assert self._store is not None, "what is done lies in it"
            for found in self._store.read(part, self._analyzer.labels):
                with self.watch("reactions"):
                    rows = self._finish(found)
                if found.items and not found.warm:
                    yield rows
                    told(len(found.items))
        for found in () if self._is_read() else self._live():
            with self.watch("reactions"):
                self._steady(found)
                rows = self._finish(found)
            if found.items and not found.warm:
                yield rows
                told(len(found.items))
        if self._mran is not None:
            yield self._mran.finish()
        with self.watch("reactions"):
            self._summary = self._summarise()

    def read_parts(self, first: int, last: int, to_end: bool) -> None:
        """Write parts of a long video to the store, for a run that puts all of them together.

        Parameters
        ----------
        first, last
            Their numbers.
        to_end
            Whether what follows is read as well, up to the end of the file.
        """
        if self._store is None:
            return
        self._relay.pass_over(first - 1)
        for found in self._live():
            if first <= found.part <= last or (to_end and found.part > last):
                self._steady(found)
            if found.part == last and found.ends and not to_end:
                return

    def _is_read(self) -> bool:
        """Whether parts that were there reach to the end of the file, which is then not opened."""
        facts = self._store.facts(self._done[-1]) if self._store and self._done else None
        if facts is not None:
            self._reader.close()
            self._reader = ReadFacts.again(self.info, facts)
        return facts is not None

    def _live(self) -> Iterator[Found]:
        """What is read by this run, from several threads where more than one may be used."""
        with ExitStack() as stack:
            steps = self._steps()
            if self._overlaps:
                self._threads = stack
                steps = stack.enter_context(Ahead(steps, _FRAMES_AHEAD))
            batches = self._batches(self._looked_at(steps))
            if self._overlaps:
                batches = stack.enter_context(Ahead(batches, _BATCHES_AHEAD))
            yield from batches

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

    def _steps(self) -> Iterator[Step]:
        """Frames, what reads them, and whether a new shot begins with each."""
        for step in self._relay.steps(self.watch.each(self._reader, "decode")):
            with self.watch("find"):
                step.look()
            yield step

    def _looked_at(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The same, where the detector may look ahead with what it sees."""
        detector = self._analyzer.detector
        if self._overlaps and getattr(detector, "parallel", False):
            return looked_at(steps, detector, self.watch)
        return steps

    def _batches(self, steps: Iterator[Step]) -> Iterator[Found]:
        """Frames with what the extractor says of their faces, and faces that are gone since."""
        now: Reading | None = None
        for step in steps:
            if step.now is not now:
                if now is not None:
                    yield self._read_all(now, ends=True)
                now = step.now
                if now is not None and now.pending:
                    yield self._read_all(now, warm=True)
            for reading, said in ((step.now, step.said), (step.soon, step.soon_said)):
                if reading is not None and self._add(reading, step, *said):
                    yield self._read_all(reading, warm=reading is step.soon)
        if now is not None:
            yield self._read_all(now, ends=True, is_last=True)

    def _add(self, reading: Reading, step: Step, cut: bool, due: bool) -> bool:
        """Find the faces of the next frame; whether enough wait for the extractor."""
        batch = self._analyzer.options.batch
        item = self._find(reading, step, cut, due)
        reading.pending.append(item)
        reading.faces += len(item.faces)
        # Frames without faces cost nothing to hold, but time must go on in the output.
        return reading.faces >= batch or len(reading.pending) >= (4 * batch if batch > 1 else 1)

    def _read_all(self, reading: Reading, warm: bool = False, **where: bool) -> Found:
        """Read the faces that wait."""
        pending, reading.pending, reading.faces = reading.pending, [], 0
        self._read(reading, pending)
        lost = reading.finder.forget_lost()
        return Found(reading.part, pending, lost, warm, reading=reading, **where)

    def _find(self, reading: Reading, step: Step, cut: bool, due: bool) -> Pending:
        """The faces of the next frame; where they are followed, read at once."""
        frame, finder = step.frame, reading.finder
        with self.watch("find"):
            item = finder.find(frame, cut, due, step.faces if due else None)
            if not finder.follows:
                return item
            for _ in range(2):  # in doubt once more, as the detector sees it
                self._read(reading, [item])
                said = [None if one is None else one.details for one in item.read or []]
                if finder.settle(item, said, frame):
                    break
                item = finder.detect(frame)
            return item

    def _read(self, reading: Reading, pending: list[Pending]) -> None:
        """Run the extractor on all crops that wait for it."""
        with self.watch("extract"):
            unread = [item for item in pending if item.read is None]
            for item, said in zip(unread, reading.affect.read(unread), strict=True):
                item.read = said

    def _steady(self, found: Found) -> None:
        """Take the trembling out of what was read, and write it down where there is a store."""
        reading = found.reading
        assert reading is not None, "it was read by this run"
        for item in found.items:
            item.read = reading.affect.steadied(item, item.read or [])
        for own in found.lost:
            reading.affect.forget(own)
        if self._store is not None:
            try:
                self._record(found, self._store)
            except OSError:  # such as a full disk: parts are a help, not a need
                self._abandon()
                self._store = None

    def _record(self, found: Found, store: PartStore) -> None:
        """Write down what was read."""
        if found.part not in self._recorders:
            self._recorders[found.part] = Recorder(store, found.part, self._analyzer.labels)
        recorder = self._recorders[found.part]
        recorder.add(found)
        for item in () if found.warm else found.items:
            for own, crop, said in zip(item.ids, item.crops, item.read or (), strict=True):
                if said is not None and not self._is_low(said.details):
                    affect = self._analyzer.prior.apply(said.affect)
                    recorder.pictures.see(item.frame, own, affect, crop)
        if found.ends:
            facts = ReadFacts.of(self._reader).plain() if found.is_last else None
            recorder.close(self._relay.before[found.part], facts)
            del self._recorders[found.part]

    def _abandon(self) -> None:
        """Leave no part half-written."""
        while self._recorders:
            _, recorder = self._recorders.popitem()
            with suppress(OSError):
                recorder.abandon()

    def _finish(self, found: Found) -> list[FrameRow]:
        """Hand what was read to the faces' states; the rows that are done."""
        if found.warm:
            self._numbers.warm(found.items)
            return []
        if found.part != self._part and found.items:
            self._part = found.part
            staying = self._numbers.begin(found.items)
            for face_id in sorted(self._states.open() - staying):
                self._retire(face_id)
        rows: list[FrameRow] = []
        for item in found.items:
            first = len(rows)
            self._numbers.see(item, self._relay.overlaps(item.timestamp_s))
            rows += sorted(self._face_rows(item), key=lambda row: row.face_id or 0)
            if len(rows) == first:
                self._without_face += 1
                rows.append(FrameRow(item.frame, item.timestamp_s))
            if self._mran is not None:
                self._mran.add(item, rows[first:])
        for own in found.lost:
            gone = self._numbers.known(own)
            if gone is not None:
                self._retire(gone)
        return rows if self._mran is None else self._mran.release()

    def _face_rows(self, item: Pending) -> Iterator[FrameRow]:
        """The rows of one frame's faces, which their states have taken."""
        pictures = item.crops if item.pictures is None else item.pictures
        for own, face, picture, values in zip(
            item.ids, item.faces, pictures, item.read or (), strict=True
        ):
            if values is None:
                self._undefined += 1
                continue
            row = FrameRow(item.frame, item.timestamp_s, self._numbers.of(own), face)
            self._fill(row, values)
            self._states.of(row.face_id or 0).push(
                row.timestamp_s,
                values.affect if row.affect is None else row.affect,
                picture,
                row.frame,
                details=row.details,
                reading=values.affect,
                low=row.low_quality,
            )
            yield row

    def _fill(self, row: FrameRow, said: FaceEstimates) -> None:
        """What the extractor said, as the table has it."""
        row.affect = self._analyzer.prior.apply(said.affect)
        row.details = said.details
        self._undefined_details += has_undefined(said.details, self._analyzer.affect.details)
        row.low_quality = self._is_low(said.details)

    def _is_low(self, details: FaceDetails) -> bool:
        """Whether a face is too poor to count."""
        least = self._analyzer.min_quality
        return least is not None and bool(details.quality < least)

    def _take_mran(self, row: FrameRow, view: MranView | None) -> None:
        """Values of MRAN have come for a row."""
        if row.mran is not None and not np.isfinite(row.mran).all():
            self._undefined_mran += 1
        elif row.face_id is not None and row.mran is not None and not row.low_quality:
            self._states.of(row.face_id).push_mran(row.timestamp_s, row.mran, row.frame, view)

    def _retire(self, face_id: int) -> None:
        """A face cannot come back under its number."""
        self._numbers.forget(face_id)
        if self._mran is not None:
            self._mran.close(face_id)
        self._states.retire(face_id)

    def _summarise(self) -> Summary:
        faces = self._states.finish()
        warnings = list(self._reader.warnings)
        if self._guidance is not None:
            warnings += self._guidance.finish()
        if not faces and not self._undefined:
            warnings.append("no face was found in any frame")
        if self._states.reduced:
            warnings.append(
                f"of {len(faces)} faces the {self._states.reduced} seen most briefly are summed up "
                "without curves, pictures and windows; frames and means are complete"
            )
        if self._undefined:
            warnings.append(
                f"{self._undefined} faces gave undefined numbers and count as not usable"
            )
        warnings += [
            f"{what}: undefined in {count} {of}, which count for nothing"
            for what, count, of in (
                (
                    "quality, pose, eyes, gaze, intensities or landmarks",
                    self._undefined_details,
                    "rows",
                ),
                ("MRAN's valence or arousal", self._undefined_mran, "rows"),
                ("reactions", sum(face.undefined_positions for face in faces), "positions"),
            )
            if count
        ]
        warnings += self._quality_warnings(faces)
        analyzer = self._analyzer
        no_reactions = analyzer.without_reactions
        asked = analyzer.options.reactions and no_reactions != WITHOUT_REACTIONS
        if no_reactions is not None and asked and not self.info.is_image:
            warnings.append(no_reactions)
        return Summary(
            document(
                schema_version=SCHEMA_VERSIONS[analyzer.options.columns],
                mien_version=__version__,
                path=self._path,
                stamp=self._stamp,
                reader=self._reader,
                models=analyzer.models(),
                settings=analyzer.settings(),
                faces=faces,
                without_face=self._without_face,
                min_reaction_s=analyzer.options.min_reaction_s,
                warnings=warnings,
                mran=self._describe_mran(),
                prior=analyzer.prior.describe(),
                min_quality=analyzer.min_quality,
                channels=deepcopy(analyzer.channels),
                without_reactions=no_reactions,
            ),
            faces,
        )

    def _quality_warnings(self, faces: list[FaceSummary]) -> list[str]:
        """One line where faces are mostly of too low quality, one where it cannot be told."""
        analyzer = self._analyzer
        least = analyzer.min_quality
        if least is None:
            if analyzer.options.min_quality and "quality" not in analyzer.affect.details:
                return ["the extractor gives no quality: min_quality had no effect"]
            return []
        poor = [face for face in faces if face.low_quality_frames > face.usable_frames]
        if not poor:
            return []
        named = ", ".join(str(face.face_id) for face in poor[:_MOST_NAMED])
        more = f" and {len(poor) - _MOST_NAMED} more" if len(poor) > _MOST_NAMED else ""
        low = sum(face.low_quality_frames for face in poor)
        seen = low + sum(face.usable_frames for face in poor)
        return [
            f"face{'s' if len(poor) > 1 else ''} {named}{more}: {low} of {seen} frames lie below "
            f"quality {least:g} and count for no mean, peak, curve or reaction "
            "(min_quality 0 keeps them)"
        ]

    def _describe_mran(self) -> dict[str, Any] | None:
        """Which modalities MRAN was given; None where it was not asked for."""
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
