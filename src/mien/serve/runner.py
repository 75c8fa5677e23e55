"""Reads what is queued, each input in a process of its own, and deletes what is old."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from mien.errors import MienError, one_line
from mien.jobs import Batch, Job
from mien.output.results import Contents
from mien.pipeline.analyzer import Analyzer
from mien.serve.settings import Settings
from mien.serve.store import Analysis, Store, forget_upload
from mien.serve.work import RESULTS, read_progress, read_upload
from mien.workers import isolated

_LOG = logging.getLogger(__name__)

_TIDY_S = 30.0
_IDLE_S = 1.0


class Runner:
    """Threads that take queued analyses; a context manager.

    An input that takes its process down costs itself alone. Leaving ends what is running and
    queues it again.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.stopping = threading.Event()
        self._wake = threading.Semaphore(0)
        self._running: set[str] = set()
        self._lock = threading.Lock()
        works = [self._work] * settings.jobs
        self._threads = [threading.Thread(target=work) for work in (*works, self._tidy)]

    def __enter__(self) -> Runner:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for _thread in self._threads:
            self._wake.release()
        for thread in self._threads:
            thread.join()

    def wake(self) -> None:
        """Something was queued."""
        self._wake.release()

    def delete(self, key: str) -> bool:
        """Forget an analysis, running or not; True if it was there."""
        with self._lock:
            was_there = self.store.delete(key)
            if was_there:
                self.store.forget_study()  # it would still show what is deleted
            if was_there and key not in self._running:
                self.store.remove(key)
        return was_there  # the folder of one that runs goes when its process has ended

    def _work(self) -> None:
        while not self.stopping.is_set():
            try:
                self._next()
            except (sqlite3.Error, OSError) as error:  # a full disk: it may have room again
                _LOG.error("the queue cannot be kept (%s); tried again", one_line(str(error)))
                self.stopping.wait(_IDLE_S)

    def _next(self) -> None:
        """Read one queued analysis, or wait for one."""
        with self._lock:
            claimed = self.store.claim()
            if claimed is not None:
                self._running.add(claimed[0].id)
        if claimed is None:
            self._wake.acquire(timeout=_IDLE_S)
            return
        entry, upload = claimed
        try:
            try:
                self._read(entry, upload)
            except Exception as error:  # noqa: BLE001  whatever it is, the others go on
                self.store.failed(entry.id, one_line(f"{entry.name}: {error}"))
        finally:
            with self._lock:
                self._running.discard(entry.id)
        with self._lock:
            now = self.store.get(entry.id)
            if now is None:
                self.store.remove(entry.id)
            elif now.state in ("done", "failed"):
                forget_upload(self.store.folder(entry.id))

    def _read(self, entry: Analysis, upload: Path) -> None:
        contents = Contents(pictures=True)  # the upload goes, and people may be named later
        batch = Batch(self.settings.options, contents, workers=self.settings.jobs)
        place = self.store.folder(entry.id)
        started_s = time.monotonic()
        shown: tuple[int, int | None] | None = None

        def is_late() -> bool:
            return time.monotonic() - started_s > self.settings.max_minutes * 60

        def should_stop() -> bool:
            nonlocal shown
            told = read_progress(place)
            if told is not None and told != shown:
                shown = told
                self.store.progress(entry.id, *told)
            return self.stopping.is_set() or is_late() or self.store.get(entry.id) is None

        (place / "progress").unlink(missing_ok=True)
        answers = isolated(
            partial(read_upload, batch=batch),
            [Job(str(upload), place / RESULTS, entry.name)],
            partial(Analyzer, batch.options, threads=batch.threads),
            jobs=1,
            threads=batch.threads,
            should_stop=should_stop,
        )
        with closing(answers):
            outcome = next(answers, None)
        if isinstance(outcome, MienError):
            text = str(outcome).replace(str(upload), entry.name)
            self.store.failed(entry.id, one_line(text))
        elif outcome is not None and outcome.status == "analysed":
            self.store.done(entry.id, outcome.frames, outcome.faces)
        elif outcome is not None:
            self.store.failed(entry.id, outcome.message or f"{entry.name}: failed")
        elif self.stopping.is_set():
            self.store.requeue(entry.id)
        elif is_late():
            minutes = self.settings.max_minutes
            self.store.failed(entry.id, f"{entry.name}: took longer than {minutes:g} minutes")
        if outcome is None or isinstance(outcome, MienError):
            for left in (*place.glob(".mien-*"), place / RESULTS):  # of a process that was ended
                shutil.rmtree(left, ignore_errors=True)

    def _tidy(self) -> None:
        while not self.stopping.is_set():
            try:
                if self.settings.keep_hours:
                    for key in self.store.expired(time.time() - self.settings.keep_hours * 3600):
                        self.delete(key)
            except (sqlite3.Error, OSError) as error:
                _LOG.error("what is old cannot be deleted (%s)", one_line(str(error)))
            self.stopping.wait(_TIDY_S)
