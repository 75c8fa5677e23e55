"""Where the finished parts of a long video wait for a run that goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import av
import cv2
import numpy as np
import onnxruntime

from mien.jobs.done import fingerprint
from mien.jobs.job import Job
from mien.output.folder import PARTS
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.parts import PartStore
from mien.pipeline.summary import file_stamp, source_text
from mien.runtime.collection import find_model

# Other versions of these may decode or add up otherwise, in the last digit.
_NUMERICS = (av, cv2, np, onnxruntime)


def part_store(analyzer: Analyzer, job: Job) -> PartStore:
    """The store of a job's parts: its name says of which input, settings and versions they are."""
    options = analyzer.options
    identity = {
        "source": source_text(Path(job.source).resolve()),
        "stamp": file_stamp(job.source),
        "analysis": fingerprint(analyzer),
        "part_s": options.part_s,
        "own": own_stamps(analyzer),
        "libraries": [module.__version__ for module in _NUMERICS],
    }
    text = json.dumps(identity, sort_keys=True)
    return PartStore(job.folder.parent / f"{PARTS}{hashlib.sha256(text.encode()).hexdigest()[:32]}")


def own_stamps(analyzer: Analyzer) -> list[tuple[int | None, int | None]]:
    """Size and time of change of the models that are not mien's: their version may stay."""
    options = analyzer.options
    own = (options.affect_model, options.reaction_model, options.mran_model)
    return [file_stamp(find_model(file).path) for file in own if file is not None]


def sweep_parts(out: Path, analyzer: Analyzer | None, jobs: Iterable[Job]) -> None:
    """Remove parts that none of these jobs will go on from; all without an analyzer."""
    there = {folder for folder in out.glob(f"{PARTS}*") if folder.is_dir()}
    if there and analyzer is not None:
        there -= {part_store(analyzer, job).folder for job in jobs}
    for folder in there:
        shutil.rmtree(folder, ignore_errors=True)
