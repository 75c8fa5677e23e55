"""``mien datasets prepare`` for videos with one label vector each: affect of every usable frame.

Videos go through the extractor here. The analysis is that of
``mien analyze --faces largest``, reactions left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mien._version import __version__
from mien.data.formats.features import Features, features_path, write_features
from mien.data.formats.prepared_videos import PreparedDocument, write_labels
from mien.data.prepare.face_cutting import OPTIONS, settings
from mien.data.prepare.job import NO_FACE, Failed, Found, Job, run_job, without_path
from mien.data.videos import VideoCorpus
from mien.io import DOCUMENT, write_json
from mien.labels import AFFECT_COLUMNS
from mien.parquet import read_footer
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.resample import longest_step_s
from mien.runtime.metadata import require_papers_labels
from mien.runtime.models import AffectModel
from mien.types import FloatArray
from mien.weights import AFFECT_MODEL, weight_path


@dataclass(frozen=True)
class _Video:
    source: Path
    features: Path

    def __str__(self) -> str:
        return str(self.source)


def prepare_videos(
    corpus: VideoCorpus,
    out: Path,
    model: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
    factory: Callable[[], Analyzer] | None = None,
) -> PreparedDocument:
    """Run the extractor over all videos of a corpus and write a prepared set.

    Parameters
    ----------
    corpus
        Its clips; a video that is missing or cannot be read becomes a line of ``failed``.
    out
        The prepared folder; a run that was stopped goes on from there.
    model
        An exported extractor; None for the one that ships with mien.
    jobs
        Processes, one thread each; None: one per core.
    progress
        Called with the number of videos finished since the last call.
    factory
        Makes the analyzer, once per process; None for the usual one.

    Returns
    -------
    The content of ``dataset.json``. Videos without any usable frame are listed as failed, too.

    Raises
    ------
    ModelError
        If the extractor cannot be loaded.
    OutputError
        If the folder holds something else, was begun with another extractor, or cannot be written.
    """
    stage1 = describe_stage1(model)
    identity = {"corpus": corpus.name, "outputs": list(corpus.outputs), "stage1": stage1}
    job = Job(
        out,
        {**identity, "settings": settings()},
        {clip.id: _Video(clip.path, features_path(out, clip.id)) for clip in corpus.clips},
        _read_video,
        lambda name: read_footer(features_path(out, name)),
        "features/*/.*.partial",
        without_path,
    )

    def finish(found: Found, failed: Failed) -> PreparedDocument:
        rows = [(clip.id, clip.split, clip.person, clip.labels) for clip in corpus.clips]
        write_labels(out, corpus.outputs, rows)
        unseen = {name: NO_FACE for name, (frames, _) in found.items() if not frames}
        reasons = {**failed, **unseen}
        listed = tuple((clip.id, reasons[clip.id]) for clip in corpus.clips if clip.id in reasons)
        frames = sum(frames for frames, _ in found.values())
        counts = {**corpus.counts(), "prepared": len(corpus) - len(listed), "frames": frames}
        warnings = [
            {"id": name, "warning": text}
            for name, (_, facts) in found.items()
            for text in facts.get("warnings", ())
            if text != NO_FACE
        ]
        extra = {"mien_version": __version__, "settings": settings(), "notes": list(corpus.notes)}
        document = PreparedDocument(
            corpus.name, corpus.outputs, stage1, counts, listed, {**extra, "warnings": warnings}
        )
        write_json(out / DOCUMENT, document.as_dict())
        return document

    return run_job(job, factory or partial(open_analyzer, model), finish, jobs, progress)


def describe_stage1(model: Path | None) -> dict[str, Any]:
    """Name, version and sha256 of an extractor; None for the shipped one.

    Raises
    ------
    ModelError
        If it cannot be loaded.
    """
    path = model or weight_path(AFFECT_MODEL)
    extractor = AffectModel(path, threads=1)
    require_papers_labels(extractor.labels, path)
    metadata = extractor.metadata
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": metadata.get("name"), "version": metadata.get("version"), "sha256": digest}


def open_analyzer(model: Path | None) -> Analyzer:
    """The analysis that videos are prepared with, in one thread."""
    return Analyzer(replace(OPTIONS, affect_model=model))


def _read_video(analyzer: Analyzer, video: _Video) -> None:
    write_features(video.features, extract_features(analyzer, video.source))


def extract_features(analyzer: Analyzer, path: Path) -> Features:
    """Times and affect of the usable frames of a video; nothing else of it is kept.

    Raises
    ------
    InputError
        If the video cannot be read.
    """
    frames: list[int] = []
    times_s: list[float] = []
    rows: list[FloatArray] = []
    with analyzer.open(path) as analysis:
        for batch in analysis.rows():
            for row in batch:
                if row.affect is not None:
                    frames.append(row.frame)
                    times_s.append(row.timestamp_s)
                    rows.append(row.affect)
        longest_s = longest_step_s(analysis.info.nominal_fps)
        warnings = analysis.summary().document["warnings"]
    affect = np.array(rows, np.float32).reshape(-1, len(AFFECT_COLUMNS))
    time_s = np.array(times_s, np.float64)
    slow = (np.diff(time_s) > longest_s) & (np.diff(frames) == 1)
    joined = tuple(int(k) + 1 for k in np.flatnonzero(slow))
    return Features(time_s, affect, longest_s, joined, tuple(warnings))
