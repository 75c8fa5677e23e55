"""Reads inputs one after another: whatever one of them does costs that one alone."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from mien.errors import MienError, OutputError
from mien.io import only_run, sweep
from mien.jobs.done import Done
from mien.jobs.inputs import plan_jobs
from mien.jobs.job import Job, Outcome
from mien.jobs.parts import part_store, sweep_parts
from mien.jobs.summary import Caveats, RunSummary
from mien.output.attention import to_records
from mien.output.folder import SUMMARY, prepare_root, sweep_results
from mien.output.results import Contents, ResultWriter
from mien.output.schema import frame_schema, to_table
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.companions import GuidanceFiles
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.summary import source_text
from mien.workers import isolated, usable_cores

Bar = Callable[[int | None, str], AbstractContextManager[Callable[[int], object]]]
"""Makes a progress bar of that many frames (None: unknown) with those words before it."""


def no_bar(total: int | None, words: str) -> AbstractContextManager[Callable[[int], object]]:
    """Shows nothing."""
    return nullcontext(lambda _: None)


@dataclass(frozen=True)
class Batch:
    """How the inputs of a run are read.

    Attributes
    ----------
    options
        Settings of the analysis.
    contents
        What to write.
    guidance
        Depth and thermal videos of the one input.
    workers
        Processes that read; with 1 it is this process. An input that takes its process down (a
        crash of a decoder, want of memory) costs itself alone where it is not this one.
    keeps_parts
        Whether the finished parts of a long video are kept beside its folder until it is done.
    """

    options: AnalysisOptions
    contents: Contents = field(default_factory=Contents)
    guidance: GuidanceFiles | None = None
    workers: int = 1
    keeps_parts: bool = False

    @property
    def is_guided(self) -> bool:
        """Whether other videos guide the one input: what was read of them is not known again."""
        return self.guidance is not None and bool(self.guidance.paths())

    @property
    def threads(self) -> int:
        """Of each process: as asked for, else a share of the cores."""
        return self.options.threads or max(1, usable_cores() // self.workers)


def run_all(
    names: Sequence[str],
    out: Path,
    batch: Batch,
    tell: Callable[[Outcome], object],
    complain: Callable[[object], None],
    redo: bool = False,
    bar: Bar = no_bar,
) -> RunSummary:
    """All of ``mien analyze``: find the inputs, read what is not done, sum up.

    Parameters
    ----------
    names
        Files and folders.
    out
        Folder of the result folders. One run at a time writes into it.
    batch
        How to read.
    tell
        Called with what came of each input, in their order.
    complain
        Called with a line about what is worth knowing of the inputs.
    redo
        Whether what an earlier run has done is done again.
    bar
        Shows the progress of a batch of one worker.

    Raises
    ------
    MienError
        If a model cannot be loaded, or `out` cannot be written to or belongs to another run.
    """
    prepare_root(out)
    with only_run(out):
        sweep_results(out)
        sweep(out, f".{SUMMARY}.*.partial")
        analyzer: Analyzer | None
        analyzer, done, caveats = _load(batch)
        known = None if redo or batch.is_guided else done
        planned = [
            (known and isinstance(job, Job) and known.outcome(job)) or job
            for job in plan_jobs(names, out, complain)
        ]
        waiting = [] if redo else [job for job in planned if isinstance(job, Job)]
        sweep_parts(out, analyzer, waiting)
        batch = replace(batch, keeps_parts=not batch.is_guided)
        analyzer = analyzer if batch.workers == 1 else None  # workers have their own
        summary = RunSummary(out, len(planned), complain, caveats)
        try:
            with closing(analyze_all(planned, batch, analyzer, bar)) as outcomes:
                for outcome in outcomes:
                    tell(outcome)
                    summary.add(outcome)
        finally:
            sweep_results(out)  # of workers that died
            summary.write()
    return summary


def _load(batch: Batch) -> tuple[Analyzer | None, Done, Caveats]:
    """Models for this process, what knows earlier results, and what the models say they are worth.

    They are loaded even where workers have their own: what is wrong with one is said once.
    """
    analyzer = Analyzer(batch.options)
    return analyzer, Done(analyzer, batch.contents), Caveats(analyzer)


def analyze_all(
    jobs: Sequence[Job | Outcome], batch: Batch, analyzer: Analyzer | None, bar: Bar = no_bar
) -> Generator[Outcome]:
    """Read all inputs; yields what came of each, in their order. Close it to stop early.

    Parameters
    ----------
    jobs
        From `plan_jobs`. An outcome among them stands for an input that needs no reading.
    batch
        How to read them.
    analyzer
        The loaded models, for a batch of one worker; others load their own.
    bar
        Shows the progress of a batch of one worker.
    """
    if batch.workers == 1:
        analyzer = analyzer or Analyzer(batch.options)
        for job in jobs:
            yield job if isinstance(job, Outcome) else try_one(analyzer, job, batch, bar)
        return
    waiting = [job for job in jobs if isinstance(job, Job)]
    answers = isolated(
        partial(try_one, batch=batch),
        waiting,
        partial(Analyzer, batch.options, threads=batch.threads),
        batch.workers,
        batch.threads,
    )
    with closing(answers):
        for job in jobs:
            answer = job if isinstance(job, Outcome) else next(answers)
            if isinstance(answer, MienError):
                answer = Outcome(str(job), "failed", message=str(answer))
            yield answer


def try_one(
    analyzer: Analyzer,
    job: Job,
    batch: Batch,
    bar: Bar = no_bar,
) -> Outcome:
    """As `analyze_one`, but whatever goes wrong is an outcome."""
    started = time.perf_counter()
    trace, fault = None, None
    try:
        return analyze_one(analyzer, job, batch, bar)
    except MienError as error:
        fault = error
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
    if batch.keeps_parts and not isinstance(fault, OutputError):  # space may be made
        part_store(analyzer, job).remove()
    seconds = time.perf_counter() - started
    return Outcome(job.source, "failed", message=message, seconds=seconds, trace=trace)


def analyze_one(
    analyzer: Analyzer,
    job: Job,
    batch: Batch,
    bar: Bar = no_bar,
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
    store = part_store(analyzer, job) if batch.keeps_parts else None
    decisions = analyzer.affect.au_decisions.tolist()
    with (
        analyzer.open(job.source, batch.guidance, store) as analysis,
        ResultWriter(
            job.folder, job.title or job.source, batch.contents, schema, decisions
        ) as writer,
    ):
        with bar(analysis.info.frame_count_hint, source_text(Path(job.source).name)) as told:
            for rows in analysis.rows(told):
                with analysis.watch("write"):
                    writer.write(to_table(rows, mran, columns, labels), to_records(rows))
        summary = analysis.summary()
        if job.title is not None:
            summary.document["source"]["path"] = job.title
        frames: int = summary.document["source"]["frames"]
        videos = batch.contents.videos
        second = bar(frames * len(videos), " and ".join(videos)) if videos else nullcontext()
        with second as told_again, analysis.watch("write"):
            summary = writer.finish(summary, job.source, told_again)
    if store is not None:
        store.remove()
    return Outcome(
        source=job.source,
        status="analysed",
        folder=job.folder,
        warnings=tuple(summary.document["warnings"]),
        seconds=time.perf_counter() - started,
        frames=frames,
        faces=len(summary.faces),
        reacted=any(face.reactions is not None for face in summary.faces),
        profile=dict(analysis.watch.seconds),
    )
