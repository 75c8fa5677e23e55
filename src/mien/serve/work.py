"""What a worker process does with one upload."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet

from mien.errors import one_line
from mien.jobs import Batch, Job, Outcome
from mien.jobs.run import try_one
from mien.output.sinks import FileSink
from mien.pipeline.analyzer import Analyzer

RESULTS = "results"
_PROGRESS = "progress"
_EVERY_S = 0.2


def read_upload(analyzer: Analyzer, job: Job, batch: Batch) -> Outcome:
    """Read one upload into its folder, with the frames table as Parquet and as csv.

    A message names the upload as its sender did.
    """
    place = job.folder.parent

    @contextmanager
    def bar(total: int | None, words: str) -> Iterator[Callable[[int], object]]:
        count, next_s = 0, 0.0

        def told(frames: int) -> None:
            nonlocal count, next_s
            count += frames
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + _EVERY_S
                _write_progress(place, count, total)

        yield told

    outcome = try_one(analyzer, job, batch, bar)
    if outcome.status == "analysed":
        _add_csv(job.folder)
    if outcome.message is None or job.title is None:
        return outcome
    message = outcome.message.replace(job.source, job.title)
    return replace(outcome, message=one_line(message))


def read_progress(place: Path) -> tuple[int, int | None] | None:
    """Frames read and in all (None: unknown), as a worker noted them; None where it has not."""
    try:
        count, total = (place / _PROGRESS).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(count), None if total == "-" else int(total)


def _write_progress(place: Path, count: int, total: int | None) -> None:
    partial = place / f"{_PROGRESS}.partial"
    with suppress(OSError):  # it is only shown
        partial.write_text(f"{count} {'-' if total is None else total}", encoding="ascii")
        partial.replace(place / _PROGRESS)


def _add_csv(folder: Path) -> None:
    with (folder / "frames.parquet").open("rb") as stream:
        file = pyarrow.parquet.ParquetFile(stream)
        sink = FileSink(folder, "csv", file.schema_arrow)
        try:
            for group in range(file.num_row_groups):
                sink.write(file.read_row_group(group))
        finally:
            sink.close()
