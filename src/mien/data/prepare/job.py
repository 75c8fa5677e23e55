"""The one job that prepares a corpus: many inputs, each to a result on disk, then a document.

An input leaves its result on disk when it is finished, so a job that is killed goes on where it
was. Inputs that could not be read are tried again by the next run, since they may have been mended.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from mien.errors import DataError, InputError, MienError, ModelError, OutputError
from mien.io import cannot_write, lock_folder, only_run, sweep, write_text
from mien.workers import Tick, isolated, run, usable_cores

NO_FACE = "no face was found in any frame"

_FAILURES = ".failed"
_LFS_POINTER = b"version https://git-lfs"

Tool = TypeVar("Tool")
Input = TypeVar("Input")
T = TypeVar("T")

Found = dict[str, Any]
Failed = dict[str, str]


@dataclass(frozen=True)
class Job(Generic[Tool, Input]):
    """What is to be done, with many inputs.

    Attributes
    ----------
    out
        The folder; it becomes this job's.
    identity
        Plain values that decide what the results are; a run with others is refused.
    inputs
        By id. They travel to processes; ``str`` of one is the path that messages name.
    read
        A function of a module: writes the result of one input, whole or not at all.
    result
        What is known of the result of an id that is on disk; None where it is not.
    partials
        Where in `out` killed runs leave half results, as a pattern.
    reason
        What is told of an input that could not be read.
    """

    out: Path
    identity: dict[str, Any]
    inputs: Mapping[str, Input]
    read: Callable[[Tool, Input], object]
    result: Callable[[str], Any]
    partials: str
    reason: Callable[[Path, MienError], str]


@dataclass(frozen=True)
class _Task(Generic[Tool, Input]):
    """One input on its way to a process."""

    input: Input
    read: Callable[[Tool, Input], object]
    failure: Path
    reason: Callable[[Path, MienError], str]

    def __str__(self) -> str:
        return str(self.input)

    def fail(self, error: MienError) -> None:
        """Keep why there is no result."""
        write_text(self.failure, self.reason(Path(str(self)), error))


def run_job(
    job: Job[Tool, Input],
    factory: Callable[[], Tool],
    finish: Callable[[Found, Failed], T],
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> T:
    """Read what is not there yet, then finish the folder.

    Parameters
    ----------
    job
        What is to be done.
    factory
        Makes the tool of `Job.read`, once per process.
    finish
        Writes tables and document; called with what is known of every result, and with the reason
        of every failure, by id in the order of the inputs. Its result is returned.
    jobs
        Processes, one thread each; None: one per core.
    progress
        Called with the number of inputs finished since the last call.

    Raises
    ------
    OutputError
        If the folder holds something else, was begun with another identity, or cannot be written.
    """
    lock_folder(job.out, job.identity)
    with only_run(job.out):
        return _run(job, factory, finish, jobs, progress or (lambda _: None))


def _run(
    job: Job[Tool, Input],
    factory: Callable[[], Tool],
    finish: Callable[[Found, Failed], T],
    jobs: int | None,
    progress: Callable[[int], object],
) -> T:
    """As `run_job`, in a folder that is ours alone."""
    failures = job.out / _FAILURES
    shutil.rmtree(failures, ignore_errors=True)  # what failed may have been mended
    tasks = [
        _Task(one, job.read, failures / name, job.reason)
        for name, one in job.inputs.items()
        if job.result(name) is None
    ]
    progress(len(job.inputs) - len(tasks))
    wanted = min(usable_cores() if jobs is None else jobs, len(tasks))
    if wanted > 1:
        factory()  # what is missing is said once, and what it caches is built once
        with closing(isolated(_attempt, tasks, factory, wanted)) as answers:
            for task, answer in zip(tasks, answers, strict=True):
                if isinstance(answer, OutputError | ModelError):  # not this input's
                    raise answer
                if isinstance(answer, MienError):
                    task.fail(answer)
                progress(1)
    else:
        run(_attempt_here, tasks, factory, 1, progress)
    try:
        results = {name: job.result(name) for name in job.inputs}
        found = {name: result for name, result in results.items() if result is not None}
        failed = {n: (failures / n).read_text(encoding="utf-8") for n in results if n not in found}
        document = finish(found, failed)
        shutil.rmtree(failures, ignore_errors=True)
        for pattern in (job.partials, ".*.partial"):
            sweep(job.out, pattern)
        return document
    except OSError as error:
        raise cannot_write(job.out, error) from error


def _attempt(tool: Tool, task: _Task[Tool, Input]) -> None:
    """Write the result of one input, or why there is none."""
    try:
        task.read(tool, task.input)
    except (InputError, DataError) as error:
        task.fail(error)
    except (MienError, OSError):  # not this input's: the models, the disk
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the others go on
        reason = " ".join(str(error).split())
        task.fail(MienError(f"{task}: {type(error).__name__}: {reason}"))


def _attempt_here(tool: Tool, task: _Task[Tool, Input], tick: Tick) -> None:
    _attempt(tool, task)
    tick()


def write_once(out: Path, corpus: str, write: Callable[[], T]) -> T:
    """What `write` returns, once the folder is known to be this corpus's.

    Raises
    ------
    OutputError
        If the folder holds something else or cannot be written to.
    """
    lock_folder(out, {"corpus": corpus})
    try:
        return write()
    except OSError as error:
        raise cannot_write(out, error) from error


def with_path(_: Path, error: MienError) -> str:
    """The error in one line, as it is."""
    return str(error)


def without_path(path: Path, error: MienError) -> str:
    """What is wrong with a video, in one line without its path."""
    try:
        with path.open("rb") as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                return "is a Git LFS pointer, not the video; run `git lfs pull` in the corpus"
    except OSError:
        pass  # the error at hand says more
    return str(error).removeprefix(f"{path}: ")
