"""Long videos in parts that several workers read: a part is the same whoever reads it.

A worker decodes what comes before its part and passes over it. The parts lie in the store from
which a killed run goes on; the run that finds all of them there puts them together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
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
_PASSING = 0.2  # of the time that reading a stretch takes, decoding it alone


@dataclass(frozen=True)
class PartJob:
    """Some parts of one input, one after the other.

    Attributes
    ----------
    job
        The whole input, on disks that all workers share.
    first, last
        Numbers of the parts.
    to_end
        Whether the last one is thought to be the input's last.
    """

    job: RemoteJob
    first: int
    last: int
    to_end: bool

    def __str__(self) -> str:
        return f"{self.job}, part {self.first} to {self.last}"


def part_jobs(jobs: Iterable[RemoteJob], analyzer: Analyzer, workers: int) -> Iterator[PartJob]:
    """Parts of those inputs that are long, without those that are there.

    Where there are long videos enough for all workers, none is split.
    """
    options = analyzer.options
    if options.mran or not options.excerpt.is_whole or math.isinf(options.part_s):
        return
    here = [job for job in jobs if not is_url(job.source) and not is_url(job.target)]
    spans = [(job, *_span(job.source, options)) for job in here]
    long = [
        (job, first, lengths_s) for job, first, lengths_s in spans if len(lengths_s) >= LEAST_PARTS
    ]
    if not long:
        return
    shares = min(workers, math.ceil(2 * workers / len(long)))
    for job, start, lengths_s in long if shares > 1 else ():
        store = part_store(analyzer, Job(job.source, Path(job.target)))
        for first, last in stretches(lengths_s, shares):
            waiting = [k for k in range(first, last + 1) if not store.path(start + k).exists()]
            if waiting:
                is_last = last == len(lengths_s) - 1
                yield PartJob(job, start + waiting[0], start + last, is_last)


def stretches(lengths_s: Sequence[float], count: int) -> list[tuple[int, int]]:
    """First and last of the parts of each worker, so that all end at about the same time.

    A worker decodes what comes before its parts, so later ones get fewer.

    Examples
    --------
    >>> stretches([300] * 10, 2)
    [(0, 5), (6, 9)]
    """
    low_s, high_s = 0.0, sum(lengths_s)
    best = [(0, len(lengths_s) - 1)]
    for _ in range(30):
        most_s = (low_s + high_s) / 2
        found = _within(lengths_s, most_s)
        if len(found) > count:
            low_s = most_s
        else:
            best, high_s = found, most_s
    return best


def _within(lengths_s: Sequence[float], most_s: float) -> list[tuple[int, int]]:
    """As many parts to each worker as fit into this time; one at least."""
    found: list[tuple[int, int]] = []
    first, before_s, own_s = 0, 0.0, 0.0
    for part, length_s in enumerate(lengths_s):
        if part > first and _PASSING * before_s + own_s + length_s > most_s:
            found.append((first, part - 1))
            first, before_s, own_s = part, before_s + own_s, 0.0
        own_s += length_s
    return [*found, (first, len(lengths_s) - 1)]


def _span(source: str, options: AnalysisOptions) -> tuple[int, list[float]]:
    """Number of the first part, and seconds of each, as far as the file says."""
    try:
        if Path(source).stat().st_size < _LEAST_BYTES:
            return 0, []
        with VideoReader(source, options.stream, options.max_pixels) as reader:
            start_s, length_s = next(reader).timestamp_s, reader.info.duration_s or 0.0
    except (OSError, MienError, StopIteration, ValueError):
        return 0, []  # whoever reads it says what is wrong
    end_s, part_s = start_s + length_s, options.part_s
    first, last = math.floor(start_s / part_s), math.floor(end_s / part_s)
    edges_s = [start_s, *(k * part_s for k in range(first + 1, last + 1)), end_s]
    return first, [after_s - before_s for before_s, after_s in pairwise(edges_s)]


def try_any(analyzer: Analyzer, task: RemoteJob | PartJob, batch: Batch) -> Outcome:
    """One input, or parts of one; what goes wrong with a part is told of the input later."""
    if isinstance(task, RemoteJob):
        return try_remote(analyzer, task, batch)
    store = part_store(analyzer, Job(task.job.source, Path(task.job.target)))
    try:
        with analyzer.open(task.job.source, store=store) as analysis:
            analysis.read_parts(task.first, task.last, task.to_end)
    except Exception as error:  # noqa: BLE001  the input is read in one piece then
        return Outcome(str(task), "failed", message=f"{task}: {error}")
    return Outcome(str(task), "analysed")
