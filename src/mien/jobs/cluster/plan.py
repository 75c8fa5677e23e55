"""What a corpus will take, from a sample of it: hours, core-hours, memory, storage."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import InputError
from mien.jobs.cluster.manifest import Manifest
from mien.jobs.cluster.places import RemoteJob, try_remote
from mien.jobs.run import Batch
from mien.pipeline.analyzer import Analyzer

_DRAWS = 2000


@dataclass(frozen=True)
class Sampled:
    """One input of the sample; seconds are those of the processor, with one thread."""

    source: str
    seconds: float
    duration_s: float
    source_bytes: int
    result_bytes: int


@dataclass(frozen=True)
class Estimate:
    """What is expected of a whole manifest.

    Attributes
    ----------
    inputs, sampled, failed
        Rows of the manifest, how many of them were measured, and how many of these failed.
    video_hours
        Of the inputs that can be read.
    core_hours, core_hours_low, core_hours_high
        On cores like the one it was measured on, waiting for a store left out; the middle 95 % of
        what other samples would say.
    workers, hours
        How many work at once, one core each, and how long they take.
    memory_bytes
        Peak of one worker.
    source_bytes, result_bytes
        Storage of inputs and of results.
    """

    inputs: int
    sampled: int
    failed: int
    video_hours: float
    core_hours: float
    core_hours_low: float
    core_hours_high: float
    workers: int
    hours: float
    memory_bytes: int
    source_bytes: int
    result_bytes: int

    def lines(self) -> list[str]:
        """For people."""
        speed = self.video_hours / self.core_hours if self.core_hours else 0.0
        return [
            f"inputs        {self.inputs:,} ({self.sampled} measured, {self.failed} failed)",
            f"video         {self.video_hours:,.1f} hours",
            f"core-hours    {self.core_hours:,.1f} ({self.core_hours_low:,.1f} to "
            f"{self.core_hours_high:,.1f}); one core reads {speed:.1f} hours of video an hour",
            f"hours         {self.hours:,.1f} with {self.workers:,} workers of one core",
            f"memory        {self.memory_bytes / 1e9:.2f} GB a worker, "
            f"{self.workers * self.memory_bytes / 1e9:,.1f} GB in all",
            f"storage       {self.source_bytes / 1e9:,.2f} GB of inputs, "
            f"{self.result_bytes / 1e9:,.2f} GB of results",
        ]

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def choose_rows(count: int, sample: int) -> list[int]:
    """Rows spread evenly over a manifest, the first of each stretch's middle.

    Examples
    --------
    >>> choose_rows(10, 3), choose_rows(2, 5)
    ([1, 5, 8], [0, 1])
    """
    sample = min(sample, count)
    return [int((k + 0.5) * count / sample) for k in range(sample)]


def measure(
    manifest: Manifest,
    batch: Batch,
    sample: int,
    progress: Callable[[int], object] | None = None,
) -> tuple[list[Sampled], int]:
    """Analyse a sample with one thread; what was measured, and how many inputs failed.

    Raises
    ------
    InputError
        If none of it can be read.
    """
    analyzer = Analyzer(batch.options, threads=1)
    found: list[Sampled] = []
    rows = choose_rows(len(manifest), sample)
    for row in rows:
        source = manifest[row].source
        with tempfile.TemporaryDirectory(prefix="mien-") as place:
            target = Path(place, "result")
            started = time.process_time()
            outcome = try_remote(analyzer, RemoteJob(source, str(target)), batch)
            seconds = time.process_time() - started
            if outcome.status == "analysed":
                found.append(_sampled(source, seconds, target))
        if progress is not None:
            progress(1)
    if not found:
        raise InputError(f"none of the {len(rows)} inputs that were tried can be read")
    return found, len(rows) - len(found)


def _sampled(source: str, seconds: float, folder: Path) -> Sampled:
    document = json.loads((folder / "video.json").read_text(encoding="utf-8"))
    size = sum(file.stat().st_size for file in folder.iterdir())
    source_bytes = int(document["source"]["size_bytes"] or 0)
    return Sampled(source, seconds, document["source"]["duration_s"] or 0.0, source_bytes, size)


def estimate(
    inputs: int, sampled: Sequence[Sampled], failed: int, workers: int, memory_bytes: int
) -> Estimate:
    """What all inputs take, if they are like the sample.

    Parameters
    ----------
    inputs
        How many there are.
    sampled
        What was measured, with one thread.
    failed
        Inputs of the sample that could not be read; as large a share of all is left out.
    workers
        How many work at once, one core each.
    memory_bytes
        Peak of one worker.
    """
    readable = inputs * len(sampled) / (len(sampled) + failed)
    seconds = np.array([one.seconds for one in sampled])
    low, high = _interval(seconds)
    core_hours = readable * float(seconds.mean()) / 3600

    def total(values: Sequence[float]) -> float:
        return readable * float(np.mean(values))

    return Estimate(
        inputs=inputs,
        sampled=len(sampled) + failed,
        failed=failed,
        video_hours=total([one.duration_s for one in sampled]) / 3600,
        core_hours=core_hours,
        core_hours_low=readable * low / 3600,
        core_hours_high=readable * high / 3600,
        workers=workers,
        # Not more at once than there are inputs, and no less than the longest one takes.
        hours=max(core_hours / min(workers, inputs), float(seconds.max()) / 3600),
        memory_bytes=memory_bytes,
        source_bytes=round(total([one.source_bytes for one in sampled])),
        result_bytes=round(total([one.result_bytes for one in sampled])),
    )


def _interval(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Middle 95 % of the means of samples drawn from the sample."""
    draws = np.random.default_rng(0).integers(0, len(values), (_DRAWS, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def peak_bytes() -> int:
    """Most memory that this process has held; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts in bytes
