"""A live session: the pipeline's live path, what is shown of it, and what is recorded."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from mien.live.sources import Newest
from mien.output.kept.marks import write_marks
from mien.output.results import Contents, ResultWriter
from mien.output.schema import frame_schema, to_table
from mien.pipeline.analyzer import Analysis, Analyzer
from mien.pipeline.rows import FrameRow
from mien.report import exchange_marks
from mien.types import Mark, Summary

_LEAST_S = 0.001
_LOOKED_BACK = 60  # frames over which rate and latency are told


@dataclass(frozen=True)
class Moment:
    """What is known when a frame has been read.

    Attributes
    ----------
    time_s
        Of the frame.
    rows
        Of its faces; one without a face where it has none.
    fps
        Frames read per second lately; None at first.
    latency_ms
        Median time lately from when a frame was there to its numbers.
    """

    time_s: float
    rows: list[FrameRow]
    fps: float | None
    latency_ms: float


@dataclass
class Marks:
    """Moments that somebody marked, in seconds of the source; each begins a part of it."""

    times_s: list[float] = field(default_factory=list)

    def write(self, folder: Path, end_s: float) -> None:
        """``events.csv``, as ``mien study --events`` reads it, and into the report that is there.

        A part lasts to the next mark, the last one to `end_s`. Without marks there is no file.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        parts = [
            # One that was set at the very end lasts a little, too.
            Mark(onset_s, max(to_s - onset_s, _LEAST_S), f"mark {number}")
            for number, (onset_s, to_s) in enumerate(pairwise([*self.times_s, end_s]), 1)
        ]
        write_marks(folder, parts)
        report = folder / "report.html"
        if report.is_file():
            exchange_marks(report, parts)


class Pace:
    """Rate and latency of the frames that were read last."""

    def __init__(self) -> None:
        self._ended_s: deque[float] = deque(maxlen=_LOOKED_BACK)
        self._latency_s: deque[float] = deque(maxlen=_LOOKED_BACK)

    def add(self, taken_s: float, ended_s: float) -> None:
        """A frame that was there at one time and read at the other, of one clock."""
        self._ended_s.append(ended_s)
        self._latency_s.append(ended_s - taken_s)

    @property
    def fps(self) -> float | None:
        """Frames per second; None before the second one."""
        if len(self._ended_s) < 2 or self._ended_s[-1] <= self._ended_s[0]:
            return None
        return (len(self._ended_s) - 1) / (self._ended_s[-1] - self._ended_s[0])

    @property
    def latency_ms(self) -> float:
        """Median, milliseconds."""
        return 1000 * statistics.median(self._latency_s) if self._latency_s else 0.0


def run_live(
    analyzer: Analyzer,
    frames: Newest,
    name: str,
    fps: float | None,
    show: Callable[[Moment], object],
    out: Path | None,
    marks: Marks,
) -> Summary:
    """Read frames until they end or are stopped.

    Parameters
    ----------
    analyzer
        With ``batch=1``, so that rows come frame by frame.
    frames, name, fps
        The newest frames of a source, what results call it, its usual rate.
    show
        Called after every frame.
    out
        Folder of tables, report and marks, as of ``mien analyze``; None records nothing.
    marks
        What is marked meanwhile.

    Returns
    -------
    The summary of what was read.

    Raises
    ------
    MienError
        If there is no frame, or the folder cannot be written.
    """
    pace = Pace()
    with ExitStack() as stack:
        analysis = stack.enter_context(analyzer.open_frames(frames, name, fps))
        writer = None if out is None else stack.enter_context(_writer(analyzer, out, name))
        for rows in analysis:
            if not rows:
                continue
            pace.add(frames.taken_s, time.monotonic())
            if writer is not None:
                writer.write(to_table(rows, False, analyzer.options.columns, analyzer.labels))
            show(Moment(rows[0].timestamp_s, rows, pace.fps, pace.latency_ms))
        summary = _finished(analysis, writer)
    if out is not None:
        marks.write(out, frames.time_s)
    return summary


def _writer(analyzer: Analyzer, out: Path, name: str) -> ResultWriter:
    schema = frame_schema(analyzer.options.columns, False, analyzer.labels)
    return ResultWriter(out, name, Contents(), schema, analyzer.affect.au_decisions.tolist())


def _finished(analysis: Analysis, writer: ResultWriter | None) -> Summary:
    summary = analysis.summary()
    return summary if writer is None else writer.finish(summary, None)
