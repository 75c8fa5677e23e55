"""A live session with its screen and its keys."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

from mien.live.keys import listening
from mien.live.screen import line, screen, shown_face
from mien.live.session import Marks, Moment, run_live
from mien.live.sources import Camera, Newest, Playback, Source
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions

_DRAWN_S, _LINE_S = 0.1, 1.0  # no more often: numbers are to be read
_MARK_KEYS, _END_KEYS = "mM ", "qQ\x1b\x03\x04"


class Screen:
    """Draws moments on a terminal; elsewhere a line a second."""

    def __init__(self, analyzer: Analyzer, marks: Marks, out: Path | None, stream: TextIO) -> None:
        self._labels, self._decisions = analyzer.labels, analyzer.affect.au_decisions
        self._marks, self._stream, self._is_terminal = marks, stream, stream.isatty()
        self._plain = "utf" not in (stream.encoding or "").lower()
        self._where = "nothing is kept" if out is None else f"recorded to {out}"
        self._drawn_s = -_LINE_S
        self._face: int | None = None

    def __call__(self, moment: Moment) -> None:
        """Draw one."""
        row = shown_face(moment.rows, self._face)
        self._face = self._face if row is None else row.face_id
        now_s = time.monotonic()
        if now_s - self._drawn_s < (_DRAWN_S if self._is_terminal else _LINE_S):
            return
        self._drawn_s = now_s
        if not self._is_terminal:
            print(line(moment, row, self._labels), file=self._stream, flush=True)
            return
        count = len(self._marks.times_s)
        status = f"q: end   m: mark ({count})   {self._where}"
        size = shutil.get_terminal_size()
        lines = screen(moment, row, self._labels, self._decisions, size, status, self._plain)
        # From the upper left corner, each line to its end, then what is left below.
        self._stream.write("\x1b[H" + "\x1b[K\r\n".join(lines) + "\x1b[K\x1b[J")
        self._stream.flush()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """The terminal's other screen, without cursor; what was there comes back."""
        if self._is_terminal:
            self._stream.write("\x1b[?1049h\x1b[?25l\x1b[2J")
        try:
            yield
        finally:
            if self._is_terminal:
                self._stream.write("\x1b[?25h\x1b[?1049l")
                self._stream.flush()


@contextmanager
def _ended_by_ctrl_c(frames: Newest) -> Iterator[None]:
    """Ctrl-C ends the session as q does: what was recorded until then is whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: frames.stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def show_live(file: Path | None, camera: int, options: AnalysisOptions, out: Path | None) -> str:
    """Read a file, or where there is none a camera, until it ends or a key ends it.

    Parameters
    ----------
    file, camera
        Where frames come from.
    options
        How they are read; ``batch`` is 1.
    out
        Where results go; None: nowhere.

    Returns
    -------
    What was read, in a line.

    Raises
    ------
    MienError
        If there is no such camera or file, or `out` cannot be written.
    """
    analyzer = Analyzer(options)
    source: Source = Camera(camera) if file is None else Playback(file)
    marks = Marks()
    show = Screen(analyzer, marks, out, sys.stdout)
    with closing(Newest(source)) as frames:

        def pressed(key: str) -> None:
            if key in _MARK_KEYS:
                marks.times_s.append(frames.now_s())
            elif key in _END_KEYS:
                frames.stop()

        with show.whole(), listening(pressed), _ended_by_ctrl_c(frames):
            summary = run_live(analyzer, frames, source.name, source.fps, show, out, marks)
        passed_over = frames.passed_over
    read, faces = summary.document["source"]["frames"], len(summary.faces)
    where = "" if out is None else f" -> {out / 'report.html'}"
    marked = f", {len(marks.times_s)} marks" if marks.times_s else ""
    return f"{read} frames read, {passed_over} passed over, {faces} face(s){marked}{where}"
