"""Reads inputs one after another: whatever one of them does costs that one alone."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from mien.errors import MienError
from mien.jobs.job import Job, Outcome
from mien.output.attention import to_records
from mien.output.results import Contents, ResultWriter
from mien.output.schema import frame_schema, to_table
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.companions import GuidanceFiles
from mien.pipeline.summary import source_text

Bar = Callable[[int | None, str], AbstractContextManager[Callable[[int], object]]]
"""Makes a progress bar of that many frames (None: unknown) with those words before it."""


def _no_bar(total: int | None, words: str) -> AbstractContextManager[Callable[[int], object]]:
    return nullcontext(lambda _: None)


def analyze_all(
    jobs: Sequence[Job | Outcome],
    analyzer: Analyzer,
    contents: Contents,
    guidance: GuidanceFiles | None = None,
    bar: Bar = _no_bar,
) -> Iterator[Outcome]:
    """Read all inputs; yields what came of each, in their order.

    Parameters
    ----------
    jobs
        From `plan_jobs`. An outcome among them stands for a name that is no input.
    analyzer
        The loaded models.
    contents
        What to write.
    guidance
        Depth and thermal videos of the one input.
    bar
        Shows progress.
    """
    for job in jobs:
        yield job if isinstance(job, Outcome) else try_one(analyzer, job, contents, guidance, bar)


def try_one(
    analyzer: Analyzer,
    job: Job,
    contents: Contents,
    guidance: GuidanceFiles | None = None,
    bar: Bar = _no_bar,
) -> Outcome:
    """As `analyze_one`, but whatever goes wrong is an outcome."""
    started = time.perf_counter()
    trace = None
    try:
        return analyze_one(analyzer, job, contents, guidance, bar)
    except MienError as error:
        message = str(error)
    except MemoryError:
        message = f"{job}: memory does not suffice; give smaller pictures, or fewer at once"
        trace = traceback.format_exc()
    except Exception as error:  # noqa: BLE001  whatever it is, the others go on
        reason = " ".join(str(error).split())
        message = (
            f"{job}: {type(error).__name__}: {reason}; this should not happen, please report it "
            "(MIEN_DEBUG=1 shows where it comes from)"
        )
        trace = traceback.format_exc()
    seconds = time.perf_counter() - started
    return Outcome(job.source, "failed", message=message, seconds=seconds, trace=trace)


def analyze_one(
    analyzer: Analyzer,
    job: Job,
    contents: Contents,
    guidance: GuidanceFiles | None = None,
    bar: Bar = _no_bar,
) -> Outcome:
    """Read one input into its folder, which appears whole or not at all.

    Raises
    ------
    MienError
        If it cannot be read or the folder cannot be written.
    """
    started = time.perf_counter()
    mran, columns, labels = analyzer.mran is not None, analyzer.options.columns, analyzer.labels
    schema = frame_schema(columns, mran, labels)
    decisions = analyzer.affect.au_decisions.tolist()
    with (
        analyzer.open(job.source, guidance) as analysis,
        ResultWriter(job.folder, job.source, contents, schema, decisions) as writer,
    ):
        with bar(analysis.info.frame_count_hint, source_text(Path(job.source).name)) as told:
            for rows in analysis.rows(told):
                writer.write(to_table(rows, mran, columns, labels), to_records(rows))
        summary = analysis.summary()
        frames: int = summary.document["source"]["frames"]
        with bar(frames, "overlay") if contents.overlay else nullcontext() as told_of_overlay:
            summary = writer.finish(summary, job.source, told_of_overlay)
    return Outcome(
        source=job.source,
        status="analysed",
        folder=job.folder,
        warnings=tuple(summary.document["warnings"]),
        seconds=time.perf_counter() - started,
        frames=frames,
        faces=len(summary.faces),
        reacted=any(face.reactions is not None for face in summary.faces),
    )
