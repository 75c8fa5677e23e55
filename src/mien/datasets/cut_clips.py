"""``mien datasets crops``: the face crops of a corpus, which training of both stages reads.

A clip is on disk when it is finished, so a run that is killed goes on where it was; videos that
could not be read are tried again. One clip per process is in memory.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien._version import __version__
from mien.datasets.claims import cannot_write, claim
from mien.datasets.clips import VideoCorpus
from mien.datasets.extraction import reason_of
from mien.datasets.face_cutting import open_detector
from mien.datasets.frame_clips import (
    FORMAT,
    count_crops,
    crops_path,
    cut_clip,
    write_clip_labels,
    write_crops,
)
from mien.datasets.prepared_files import write_text
from mien.errors import ConfigError, DataError, InputError
from mien.faces.detectors import FaceDetector
from mien.workers import Tick, run

MOST_POSITIONS = 480
"""Positions of one window of the papers' network; a longer clip is listed as failed."""

_FAILURES = ".failed"


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
class CutTask:
    """One video to be cut; ``str`` names it in messages."""

    source: Path
    crops: Path
    failure: Path
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
        The folder, of the format of `mien.datasets.frame_clips`; a stopped run goes on from there.
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
    identity = {"corpus": corpus.name, "outputs": list(corpus.outputs)}
    claim(out, {**identity, "format": FORMAT, "fps": float(fps), "most": most})
    failures = out / _FAILURES
    shutil.rmtree(failures, ignore_errors=True)  # what failed may have been mended
    tasks = [
        CutTask(clip.path, crops_path(out, clip.id), failures / clip.id, float(fps), most)
        for clip in corpus.clips
        if count_crops(crops_path(out, clip.id)) is None
    ]
    if progress is not None:
        progress(len(corpus) - len(tasks))
    run(_cut, tasks, factory or open_detector, jobs, progress)
    try:
        return _finish(corpus, out, float(fps))
    except OSError as error:
        raise cannot_write(out, error) from error


def _cut(detector: FaceDetector, task: CutTask, tick: Tick) -> None:
    """Write the crops of one video, or why there are none."""
    try:
        write_crops(task.crops, cut_clip(task.source, detector, task.fps, task.most))
    except (InputError, DataError) as error:
        task.failure.parent.mkdir(parents=True, exist_ok=True)
        write_text(task.failure, reason_of(task.source, error))
    tick()


def _finish(corpus: VideoCorpus, out: Path, fps: float) -> CutClips:
    """Write labels and document of a folder whose videos have all been tried."""
    rows = []
    failed: list[tuple[str, str]] = []
    counts: dict[str, int] = {"videos": len(corpus), "cut": 0, "crops": 0}
    for clip in corpus.clips:
        crops = count_crops(crops_path(out, clip.id))
        if crops is None:
            reason = (out / _FAILURES / clip.id).read_text(encoding="utf-8")
            failed.append((clip.id, reason))
            continue
        rows.append((clip.id, clip.split, clip.labels))
        counts["cut"] += 1
        counts["crops"] += crops
        counts[clip.split] = counts.get(clip.split, 0) + 1
    extra: dict[str, Any] = {
        "mien_version": __version__,
        "counts": counts,
        "failed": [{"id": name, "reason": reason} for name, reason in failed],
        "notes": list(corpus.notes),
    }
    write_clip_labels(out, corpus.name, corpus.outputs, fps, rows, extra)
    shutil.rmtree(out / _FAILURES, ignore_errors=True)
    for left in out.glob("crops/.*.partial"):  # of runs that were killed while they wrote
        left.unlink(missing_ok=True)
    return CutClips(counts, tuple(failed))
