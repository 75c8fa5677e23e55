"""Work spread over processes: one tool and one thread each, stopped without leaving a mess.

A tool is whatever is dear to make and used by every task: a renderer, loaded models.

Tasks are independent and leave their results on disk, so a run that ends early, for whatever
reason, loses only the tasks it was at.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import cv2

from mien.errors import MienError, OutputError

Tool = TypeVar("Tool")
Task = TypeVar("Task")
Tick = Callable[[], object]
Work = Callable[[Tool, Task, Tick], None]
"""A task's doing: a function of a module (it travels by name) that calls ``tick`` every frame."""

_POLL_S = 0.2
# What the numerical libraries read when they are loaded.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def usable_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    work: Work[Tool, Task],
    tasks: Sequence[Task],
    factory: Callable[[], Tool],
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Do all tasks.

    Parameters
    ----------
    work
        What to do with a task.
    tasks
        Picklable; their ``str`` names them in messages.
    factory
        Makes the tool, once in every process. It is called here first, so that what is missing
        is said once and what it caches is built once.
    jobs
        Processes; None: one per core. 1 works in this process.
    progress
        Receives the number of frames done since it was called last.

    Raises
    ------
    MienError
        If a task fails; its text names the task. `OutputError` where a file cannot be written.
    """
    if not tasks:
        return
    told = progress or (lambda _: None)
    wanted = min(usable_cores() if jobs is None else jobs, len(tasks))
    tool = factory()
    if wanted > 1:
        del tool
        _run_pool(work, tasks, factory, wanted, told)
        return
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for task in tasks:
            try:
                work(tool, task, lambda: told(1))
            except Exception as error:
                raise _for_people(error, str(task)) from error
    finally:
        cv2.setNumThreads(threads)


def _run_pool(
    work: Work[Tool, Task],
    tasks: Sequence[Task],
    factory: Callable[[], Tool],
    jobs: int,
    progress: Callable[[int], object],
) -> None:
    # A fork would inherit this process's threads in the middle of whatever they do.
    context = multiprocessing.get_context("spawn")
    # A dead worker may hold a lock: none is needed to say stop.
    done, stop = context.Value("Q", 0), context.RawValue("b", 0)
    waiting = iter(tasks)
    running: dict[Future[None], Task] = {}
    shown = 0
    with _single_threaded_children():
        pool = ProcessPoolExecutor(jobs, context, _enter, (factory, done, stop))
        try:
            while True:
                for task in list(islice(waiting, 2 * jobs - len(running))):
                    running[pool.submit(_do, work, task)] = task
                if not running:
                    break
                finished, _ = wait(running, _POLL_S, FIRST_COMPLETED)
                count = int(done.get_obj().value)  # without its lock: a dead worker may hold it
                progress(count - shown)
                shown = count
                for future in finished:
                    task = running.pop(future)
                    error = future.exception()
                    if isinstance(error, Exception):
                        raise _for_people(error, str(task)) from error
        except BrokenProcessPool as error:
            raise _for_people(error, "") from error
        finally:
            stop.value = 1
            pool.shutdown(wait=True, cancel_futures=True)


def _for_people(error: Exception, task: str) -> MienError:
    """One line that names the task."""
    if isinstance(error, MienError):
        return error
    if isinstance(error, BrokenProcessPool):
        return MienError(
            "a worker process was ended from outside, perhaps for want of memory; "
            "run the same command again to go on, with fewer --jobs"
        )
    reason = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        place = error.filename or task
        return OutputError(
            f"{place}: cannot be written ({error.strerror}); check the folder and the free space, "
            "then run the same command again to go on"
        )
    return MienError(f"{task}: {type(error).__name__}: {reason}")


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Processes started in this block get numerical libraries with one thread."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# What follows runs in the workers.


class _Stopped(Exception):  # noqa: N818  a wish, not an error
    """The parent is about to leave."""


class _Worker:
    """State of one worker process."""

    def __init__(self, factory: Callable[[], Any], done: Any, stop: Any) -> None:
        self._factory = factory
        self._done = done
        self._stop = stop
        self._tool: Any = None

    @property
    def tool(self) -> Any:
        """Made by the first task, where an error finds its way to the parent."""
        if self._tool is None:
            self._tool = self._factory()
        return self._tool

    def tick(self) -> None:
        with self._done.get_lock():
            self._done.value += 1
        if self._stop.value:
            raise _Stopped


_worker: _Worker | None = None


def _enter(factory: Callable[[], Any], done: Any, stop: Any) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which says stop
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    _worker = _Worker(factory, done, stop)


def _leave_with_parent() -> None:
    """A parent that is killed outright cannot say stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(work: Work[Any, Any], task: Any) -> None:
    assert _worker is not None, "a worker enters before it works"
    try:
        work(_worker.tool, task, _worker.tick)
    except _Stopped:
        raise
    except Exception as error:  # not every exception survives the way to the parent
        raise _for_people(error, str(task)) from error
