"""Work spread over processes that have a tool each, stopped without leaving a mess.

A tool is whatever is dear to make and used by every task: a renderer, loaded models.

Tasks are independent and leave their results on disk, so a run that ends early, for whatever
reason, loses only the tasks it was at. `run` stops at the first error; of `isolated` a task that
fails, or takes its process down, costs that task alone.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from typing import Any, Generic, TypeVar

import cv2

from mien.errors import MienError, OutputError

Tool = TypeVar("Tool")
Task = TypeVar("Task")
Answer = TypeVar("Answer")
Item = TypeVar("Item")
Tick = Callable[[], object]
Work = Callable[[Tool, Task, Tick], None]
"""A task's doing: a function of a module (it travels by name) that calls ``tick`` every frame."""

_POLL_S = 0.2
_JOIN_S = 0.01
_GRACE_S = 3.0  # for a worker to remove what it was writing
_starting = threading.Lock()  # a child's threads are set in the environment, which all share
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""What the numerical libraries read when they are loaded."""


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
    go_on: bool = False,
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
    go_on
        Whether a task that fails costs itself alone: the error comes when the others are done.

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
        failed = _run_pool(work, tasks, factory, wanted, told, go_on)
        _complain(failed, len(tasks))
        return
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    failed = []
    try:
        for task in tasks:
            try:
                work(tool, task, lambda: told(1))
            except Exception as error:  # noqa: BLE001  it may cost the task alone
                failed.append(_may_go_on(error, str(task), go_on))
    finally:
        cv2.setNumThreads(threads)
    _complain(failed, len(tasks))


def _run_pool(
    work: Work[Tool, Task],
    tasks: Sequence[Task],
    factory: Callable[[], Tool],
    jobs: int,
    progress: Callable[[int], object],
    go_on: bool,
) -> list[MienError]:
    failed: list[MienError] = []
    # A fork would inherit this process's threads in the middle of whatever they do.
    context = multiprocessing.get_context("spawn")
    # A dead worker may hold a lock: none is needed to say stop.
    done, stop = context.Value("Q", 0), context.RawValue("b", 0)
    waiting = iter(tasks)
    running: dict[Future[None], Task] = {}
    shown = 0
    with _children_with_threads(1):
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
                        failed.append(_may_go_on(error, str(task), go_on))
        except BrokenProcessPool as error:
            raise _for_people(error, "") from error
        finally:
            stop.value = 1
            pool.shutdown(wait=True, cancel_futures=True)
    return failed


def _may_go_on(error: Exception, task: str, go_on: bool) -> MienError:
    """The error for people; raised where others need not be tried, such as on a full disk."""
    told = _for_people(error, task)
    if not go_on or isinstance(told, OutputError) or isinstance(error, BrokenProcessPool):
        raise told from error
    return told


def _complain(failed: Sequence[MienError], count: int) -> None:
    """Raise what failed, on one line."""
    if len(failed) == 1:
        raise failed[0]
    if failed:
        others = f"{len(failed)} of {count} failed, the others are done; the first: {failed[0]}"
        raise type(failed[0])(others)


def isolated(
    work: Callable[[Tool, Task], Answer],
    tasks: Sequence[Task],
    factory: Callable[[], Tool],
    jobs: int,
    threads: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[Answer | MienError]:
    """Do all tasks in other processes; yields the answers in the order of the tasks.

    A task that raises, or whose process dies (a crash in a library, a kill, want of memory), has
    the error in the place of its answer. A new process takes the place of the dead one. Close the
    generator to stop early: the processes are ended.

    Parameters
    ----------
    work
        What to do with a task: a function of a module, whose answer can be pickled.
    tasks
        Picklable; their ``str`` names them in messages.
    factory
        Makes the tool, once in every process.
    jobs
        Processes.
    threads
        Threads of the numerical libraries in each.
    should_stop
        Asked several times a second; True ends the processes, and no further answer comes.
    """
    answers: dict[int, Answer | MienError] = {}
    waiting = deque(range(len(tasks)))
    workers: list[_Isolated[Tool, Task, Answer]] = []

    def replace(dead: _Isolated[Tool, Task, Answer]) -> _Isolated[Tool, Task, Answer]:
        fresh = _Isolated(work, factory, threads)
        workers[workers.index(dead)] = fresh
        return fresh

    def send() -> None:
        for worker in list(workers):
            while worker.at is None and waiting:
                if worker.take(waiting[0], tasks[waiting[0]]):
                    waiting.popleft()
                else:  # somebody ended it while it had nothing to do
                    worker = replace(worker)

    try:
        for _ in range(min(jobs, len(tasks))):
            workers.append(_Isolated(work, factory, threads))
        for index in range(len(tasks)):
            while index not in answers:
                if should_stop():
                    return
                send()
                busy = {worker.connection: worker for worker in workers if worker.at is not None}
                for connection in wait_for_any(list(busy), _POLL_S):
                    worker = busy[connection]  # type: ignore[index]
                    done = worker.at
                    assert done is not None, "only busy workers are listened to"
                    answers[done] = worker.answer(str(tasks[done]))
                    if worker.died and waiting:
                        replace(worker)
            yield answers.pop(index)
    finally:
        _end(workers)


class Ahead(Iterator[Item]):
    """Items that another thread fetches ahead of their use; what it raises is raised here.

    A context manager; leaving it, or `close`, ends the thread and closes the items.

    Parameters
    ----------
    items
        Iterated over in a thread of its own.
    depth
        How many may wait.
    """

    def __init__(self, items: Iterator[Item], depth: int) -> None:
        self._waiting: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._fetch, args=(items,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Ahead[Item]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> Item:
        if self._ended:
            raise StopIteration
        item, error = self._waiting.get()
        if error is not None:
            self._ended = True
            self._thread.join()
            raise error
        return item  # type: ignore[return-value]

    def close(self) -> None:
        """Fetch no more."""
        self._ended = True
        self._stopped.set()
        while self._thread.is_alive():
            with suppress(queue.Empty):
                self._waiting.get_nowait()  # it may wait for room
            self._thread.join(_JOIN_S)

    def _fetch(self, items: Iterator[Item]) -> None:
        end: BaseException = StopIteration()
        try:
            for item in items:
                if not self._put((item, None)):
                    break
        except BaseException as error:  # noqa: BLE001  it is raised where the items are used
            end = error
        finally:
            if isinstance(items, Generator):
                items.close()
        self._put((None, end))

    def _put(self, what: tuple[Item | None, BaseException | None]) -> bool:
        while not self._stopped.is_set():
            with suppress(queue.Full):
                self._waiting.put(what, timeout=_POLL_S)
                return True
        return False


class _Isolated(Generic[Tool, Task, Answer]):
    """A process that does one task at a time, seen from the parent."""

    def __init__(
        self,
        work: Callable[[Tool, Task], Answer],
        factory: Callable[[], Tool],
        threads: int,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.at: int | None = None
        self.died = False
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(work, factory, threads, theirs), daemon=True
        )
        with _starting, _children_with_threads(threads):
            self.process.start()
        theirs.close()  # so that the end of the process is the end of the pipe

    def take(self, number: int, task: Task) -> bool:
        """Give it a task; False if it is gone."""
        try:
            self.connection.send(task)
        except OSError:
            self.died = True
            return False
        self.at = number
        return True

    def answer(self, task: str) -> Answer | MienError:
        """Its answer, or of what it died."""
        try:
            found: Answer | MienError = self.connection.recv()
            return found
        except (EOFError, OSError):
            self.died = True
            self.process.join(_GRACE_S)
            code = self.process.exitcode
            how = f"exit code {code}" if code is None or code >= 0 else f"signal {-code}"
            return MienError(
                f"{task}: the process that read it died ({how}); the file may be damaged, or "
                "memory may not suffice: try it alone, or with fewer --jobs"
            )
        finally:
            self.at = None


def _end(workers: Sequence[_Isolated[Any, Any, Any]]) -> None:
    """End processes: those that are at work remove what they were writing, if they can."""
    for worker in workers:
        if worker.at is not None:
            worker.process.terminate()
        worker.connection.close()
    deadline = time.monotonic() + _GRACE_S
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


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
def _children_with_threads(threads: int) -> Iterator[None]:
    """Processes started in this block get numerical libraries with that many threads."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
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


def _serve(
    work: Callable[[Any, Any], Any],
    factory: Callable[[], Any],
    threads: int,
    connection: Connection,
) -> None:
    """Do tasks until the parent says no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _leave)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    cv2.setNumThreads(threads)
    tool = None
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            tool = factory() if tool is None else tool
            answer = work(tool, task)
        except Exception as error:  # noqa: BLE001  it costs this task alone
            answer = _for_people(error, str(task))
        with suppress(OSError):  # the parent has gone
            connection.send(answer)


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)
