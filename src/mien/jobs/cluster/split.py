"""Long videos in parts that several workers read: a part is the same whoever reads it.

A worker decodes what comes before its part and passes over it. The parts lie in the store from
which a killed run goes on; the run that finds all of them there puts them together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.errors import MienError
from mien.jobs.cluster.places import RemoteJob, is_url, try_remote
from mien.jobs.job import Job, Outcome
from mien.jobs.parts import part_store
from mien.jobs.run import Batch
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.video.reader import VideoReader

LEAST_PARTS = 3
"""A video of fewer is read by one worker: passing over would take what is won."""

_LEAST_BYTES = 2_000_000  # smaller files are not looked into


@dataclass(frozen=True)
class PartJob:
    """One part of one input.

    Attributes
    ----------
    job
        The whole input, on disks that all workers share.
    part
        Number of the part.
    to_end
        Whether it is thought to be the last one.
    """

    job: RemoteJob
    part: int
    to_end: bool

    def __str__(self) -> str:
        return f"{self.job}, part {self.part}"


def part_jobs(jobs: Iterable[RemoteJob], analyzer: Analyzer) -> Iterator[PartJob]:
    """Parts of those inputs that are long, without those that are there."""
    options = analyzer.options
    if options.mran or not options.excerpt.is_whole or math.isinf(options.part_s):
        return
    for job in jobs:
        if is_url(job.source) or is_url(job.target):
            continue
        first, last = _parts(job.source, options)
        if last - first + 1 < LEAST_PARTS:
            continue
        store = part_store(analyzer, Job(job.source, Path(job.target)))
        for part in range(last, first - 1, -1):  # the last one takes longest
            if not store.path(part).exists():
                yield PartJob(job, part, part == last)


def _parts(source: str, options: AnalysisOptions) -> tuple[int, int]:
    """Numbers of the first and of the last part, as far as the file says."""
    try:
        if Path(source).stat().st_size < _LEAST_BYTES:
            return 0, 0
        with VideoReader(source, options.stream, options.max_pixels) as reader:
            start_s, length_s = next(reader).timestamp_s, reader.info.duration_s or 0.0
    except (OSError, MienError, StopIteration, ValueError):
        return 0, 0  # whoever reads it says what is wrong
    return math.floor(start_s / options.part_s), math.floor((start_s + length_s) / options.part_s)


def try_any(analyzer: Analyzer, task: RemoteJob | PartJob, batch: Batch) -> Outcome:
    """One input, or one part of one; what goes wrong with a part is told of the input later."""
    if isinstance(task, RemoteJob):
        return try_remote(analyzer, task, batch)
    store = part_store(analyzer, Job(task.job.source, Path(task.job.target)))
    try:
        with analyzer.open(task.job.source, store=store) as analysis:
            analysis.read_part(task.part, task.to_end)
    except Exception as error:  # noqa: BLE001  the input is read in one piece then
        return Outcome(str(task), "failed", message=f"{task}: {error}")
    return Outcome(str(task), "analysed")
