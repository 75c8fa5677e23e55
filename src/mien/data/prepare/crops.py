"""``mien datasets crops``: the face crops of a corpus, which training of both stages reads.

One clip per process is in memory.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien._version import __version__
from mien.data.formats.face_crops import (
    FORMAT,
    count_crops,
    crops_path,
    write_clip_labels,
    write_crops,
)
from mien.data.prepare.face_cutting import LargestFace, open_detector
from mien.data.prepare.job import NO_FACE, Failed, Found, Job, run_job, without_path
from mien.data.videos import VideoCorpus
from mien.errors import ConfigError, DataError
from mien.faces.detectors import FaceDetector
from mien.pipeline.resample import Resampler, longest_step_s
from mien.types import ImageArray
from mien.video import VideoReader

MOST_POSITIONS = 480
"""Positions of one window of the papers' network; a longer clip is listed as failed."""


@dataclass(frozen=True)
class CutClips:
    """What was cut.

    Attributes
    ----------
    counts
        ``videos`` of the corpus, ``cut`` ones, ``crops`` in all, and cut ones per split.
    failed
        (id, reason) of the others.
    """

    counts: dict[str, int]
    failed: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Video:
    source: Path
    crops: Path
    fps: float
    most: int

    def __str__(self) -> str:
        return str(self.source)


def cut_corpus(
    corpus: VideoCorpus,
    out: Path,
    fps: float = 30.0,
    most: int = MOST_POSITIONS,
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
    factory: Callable[[], FaceDetector] | None = None,
) -> CutClips:
    """Cut the largest face out of every video of a corpus and write a folder of frame clips.

    Parameters
    ----------
    corpus
        Its clips; a video that cannot be read, has no face or is longer than one window becomes a
        line of ``failed`` and is left out.
    out
        The folder, of the format of `mien.data.formats.face_crops`; a stopped run goes on from
        there.
    fps
        Crops per second: that of the reaction model that training starts from.
    most
        Most crops of a clip: the reaction model's positions.
    jobs
        Processes, one thread each; None: one per core.
    progress
        Called with the number of videos finished since the last call.
    factory
        Makes the detector, once per process; None for RetinaFace as `mien analyze` has it.

    Raises
    ------
    ConfigError
        If `fps` or `most` is not positive.
    OutputError
        If the folder holds something else, was begun with other arguments, or cannot be written.
    """
    if not 0 < fps < math.inf or most < 1:
        raise ConfigError(f"--fps and --most must be positive, not {fps:g} and {most}")
    rate = float(fps)
    identity = {"corpus": corpus.name, "outputs": list(corpus.outputs), "format": FORMAT}
    job = Job(
        out,
        {**identity, "fps": rate, "most": most},
        {c.id: _Video(c.path, crops_path(out, c.id), rate, most) for c in corpus.clips},
        _cut,
        lambda name: count_crops(crops_path(out, name)),
        "crops/.*.partial",
        without_path,
    )

    def finish(found: Found, failed: Failed) -> CutClips:
        rows = [(c.id, c.split, c.labels) for c in corpus.clips if c.id in found]
        cut = {"videos": len(corpus), "cut": len(found), "crops": sum(found.values())}
        counts = {**cut, **Counter(split for _, split, _ in rows)}
        extra = {
            "mien_version": __version__,
            "counts": counts,
            "failed": [{"id": name, "reason": reason} for name, reason in failed.items()],
            "notes": list(corpus.notes),
        }
        write_clip_labels(out, corpus.name, corpus.outputs, rate, rows, extra)
        return CutClips(counts, tuple(failed.items()))

    return run_job(job, factory or open_detector, finish, jobs, progress)


def _cut(detector: FaceDetector, video: _Video) -> None:
    write_crops(video.crops, cut_clip(video.source, detector, video.fps, video.most))


def cut_clip(video: Path, detector: FaceDetector, fps: float, most: int = 480) -> ImageArray:
    """Aligned crops of the largest face of each frame, at a steady rate, uint8 (n, 112, 112, 3).

    The positions are those of `mien.pipeline.resample.Resampler`, which the analysis puts affect
    on; a position takes the crop of the frame that is nearest in time. Time in which no face was
    found is left out. At most `most` crops are held.

    Raises
    ------
    DataError
        If no face is found, or more than `most` positions are.
    InputError
        If the video cannot be read.
    """
    chosen: list[ImageArray] = []
    last: ImageArray | None = None
    count, last_frame = 0, -1
    with VideoReader(video) as reader:
        resampler = Resampler(fps, longest_step_s(reader.info.nominal_fps))
        cutter = LargestFace(detector, reader.info.nominal_fps)
        for frame in reader:
            found = cutter.cut(frame)
            if found is None:
                continue
            crop, _ = found
            # What is resampled is the number of the frame: between two frames it says which of
            # them is nearer.
            number = np.array([count], np.float32)
            contiguous = frame.index - 1 == last_frame
            for _, place in resampler.push(frame.timestamp_s, number, contiguous):
                nearer = last is None or place[0] > count - 0.5
                chosen.append(crop if nearer else last)  # type: ignore[arg-type]
            if len(chosen) > most:
                raise DataError(
                    f"{video}: has a face at more than the {most} positions of one window, at "
                    f"{fps:g} fps"
                )
            last, last_frame, count = crop, frame.index, count + 1
    if not chosen:
        raise DataError(f"{video}: {NO_FACE}")
    return np.stack(chosen)
