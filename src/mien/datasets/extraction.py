"""Stage 1 over one video of a corpus, in whichever process it is."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.datasets.features import Features, write_features
from mien.datasets.prepared_files import write_text
from mien.errors import InputError, MienError
from mien.labels import AFFECT_COLUMNS
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.resample import longest_step_s
from mien.runtime.metadata import require_papers_labels
from mien.runtime.models import AffectModel
from mien.types import FloatArray
from mien.weights import AFFECT_MODEL, weight_path
from mien.workers import Tick

_LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class VideoTask:
    """One video to be read; ``str`` names it in messages."""

    source: Path
    features: Path
    failure: Path

    def __str__(self) -> str:
        return str(self.source)


def describe_stage1(model: Path | None) -> dict[str, Any]:
    """Name, version and sha256 of an extractor; None for the shipped one.

    Raises
    ------
    ModelError
        If it cannot be loaded, or says other labels than the reaction models read.
    """
    path = model or weight_path(AFFECT_MODEL)
    extractor = AffectModel(path, threads=1)
    require_papers_labels(extractor.labels, path)
    metadata = extractor.metadata
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "name": metadata.get("name"),
        "version": metadata.get("version"),
        "sha256": digest,
    }


def analysis_options(model: Path | None) -> AnalysisOptions:
    """How videos are prepared: as `mien analyze` reads them, but only the largest face counts."""
    return AnalysisOptions(faces="largest", reactions=False, threads=1, affect_model=model)


def analysis_settings() -> dict[str, Any]:
    """The options that decide what the features are, as plain values."""
    options = asdict(analysis_options(None))
    names = ("faces", "steady", "min_score", "min_face_px", "detect_side_px", "max_lost_s")
    return {name: options[name] for name in names}


def open_analyzer(model: Path | None) -> Analyzer:
    """The analysis that videos are prepared with, in one thread."""
    return Analyzer(analysis_options(model))


def read_video(analyzer: Analyzer, task: VideoTask, tick: Tick) -> None:
    """Write the features of one video, or why there are none."""
    try:
        write_features(task.features, extract_features(analyzer, task.source))
    except InputError as error:
        task.failure.parent.mkdir(parents=True, exist_ok=True)
        write_text(task.failure, reason_of(task.source, error))
    tick()


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


def reason_of(path: Path, error: MienError) -> str:
    """What is wrong with a video, in one line without its path."""
    try:
        with path.open("rb") as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                return "is a Git LFS pointer, not the video; run `git lfs pull` in the corpus"
    except OSError:
        pass  # the error at hand says more
    return str(error).removeprefix(f"{path}: ")
