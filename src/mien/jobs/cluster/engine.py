"""Who does the work: this process, processes of this machine, or actors of a Ray cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import cv2

from mien.errors import ConfigError, MienError
from mien.jobs.job import Outcome
from mien.workers import THREAD_VARIABLES, isolated

Tool = TypeVar("Tool")
Task = TypeVar("Task")

_ATTEMPTS = 3  # a task whose worker died so often has killed it
_STORE_BYTES = 100_000_000  # nothing large goes through the object store


@dataclass(frozen=True)
class Engine:
    """How tasks are spread.

    Attributes
    ----------
    name
        ``"local"`` or ``"ray"``.
    workers
        How many; with ``"local"`` 1 is this process; with ``"ray"`` 0 is as many as fit.
    threads
        Of each worker: it is given so many cores, and takes no more.
    address
        Of a Ray cluster; None starts one on this machine for as long as the run takes.
    """

    name: str = "local"
    workers: int = 1
    threads: int = 1
    address: str | None = None

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Stay connected meanwhile, so that a cluster of our own is started once.

        Raises
        ------
        ConfigError
            If there is no Ray, or no cluster answers.
        """
        if self.name != "ray":
            yield
            return
        ray, is_ours = _open_ray(self)
        try:
            yield
        finally:
            if is_ours:
                ray.shutdown()

    def size(self) -> int:
        """How many workers there will be; of a cluster only while it is connected.

        Raises
        ------
        ConfigError
            If a worker is to have more threads than the cluster has cores.
        """
        if self.name != "ray":
            return self.workers
        ray, _ = _open_ray(self)
        cores = int(ray.cluster_resources().get("CPU", 1))
        fit = cores // self.threads
        if not fit:
            raise ConfigError(
                f"--threads {self.threads}: the cluster has {cores} core(s); take no more than "
                "one of its machines has"
            )
        return min(self.workers or fit, fit)

    def outcomes(
        self,
        work: Callable[[Tool, Task], Outcome],
        tasks: Sequence[Task],
        rows: Iterable[int],
        factory: Callable[[], Tool],
    ) -> Generator[tuple[int, Outcome]]:
        """Do these rows of the tasks; yields each with what came of it, as it is done.

        Parameters
        ----------
        work, factory
            As of `mien.workers.isolated`.
        tasks
            All of them; one is made when its turn comes.
        rows
            Which of them.
        """
        if not len(tasks):
            return
        if self.name == "ray":
            yield from _by_ray(self, work, tasks, rows, factory)
        elif self.workers == 1:
            tool = factory()
            for row in rows:
                yield row, work(tool, tasks[row])
        else:
            chosen = list(rows)
            waiting: Sequence[Task] = _Chosen(tasks, chosen)
            answers = isolated(work, waiting, factory, self.workers, self.threads)
            with closing(answers):
                for row, answer in zip(chosen, answers, strict=False):
                    yield row, _outcome(answer, tasks[row])


class _Chosen(Sequence[Any]):
    def __init__(self, tasks: Sequence[Any], rows: Sequence[int]) -> None:
        self._tasks, self._rows = tasks, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._tasks[self._rows[index]]


def _outcome(answer: Outcome | MienError, task: object) -> Outcome:
    if isinstance(answer, Outcome):
        return answer
    return Outcome(str(task), "failed", message=str(answer))


class _Worker:
    """What runs in an actor: a tool that is made once, for one task at a time."""

    def __init__(
        self, work: Callable[[Any, Any], Outcome], factory: Callable[[], Any], threads: int
    ) -> None:
        cv2.setNumThreads(threads)
        self._work, self._factory = work, factory
        self._tool: Any = None

    def do(self, task: Any) -> Outcome:
        """One task; errors of making the tool reach the run."""
        if self._tool is None:
            self._tool = self._factory()
        return self._work(self._tool, task)


def _open_ray(engine: Engine) -> tuple[Any, bool]:
    """Ray, connected, and whether it was this that connected it."""
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            "--engine ray: Ray is not installed; pip install 'mien[scale]'"
        ) from error
    if ray.is_initialized():
        return ray, False
    own: dict[str, Any] = {"address": engine.address, "log_to_driver": False, "logging_level": 40}
    if engine.address is None:
        own |= {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
        if engine.workers:
            own["num_cpus"] = engine.workers * engine.threads
    try:
        ray.init(**own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"--address {engine.address}: no Ray cluster answers ({error})"
        ) from error
    return ray, True


def _by_ray(
    engine: Engine,
    work: Callable[[Any, Any], Outcome],
    tasks: Sequence[Any],
    rows: Iterable[int],
    factory: Callable[[], Any],
) -> Generator[tuple[int, Outcome]]:
    ray, is_ours = _open_ray(engine)
    actors: list[Any] = []
    try:
        count = engine.size()
        # Ray hands a worker the variables of whoever starts it, whatever it is given.
        numbers = dict.fromkeys(THREAD_VARIABLES, str(engine.threads))
        given = {"num_cpus": engine.threads, "runtime_env": {"env_vars": numbers}}
        actor = ray.remote(**given)(_Worker)
        make = partial(actor.remote, work, factory, engine.threads)
        actors += [make() for _ in range(count)]
        yield from _shared(ray, actors, make, tasks, rows)
    except ray.exceptions.RayError as error:
        raise MienError(
            f"the Ray cluster does not answer any more ({' '.join(str(error).split())[:200]}); run "
            "the same command again to go on"
        ) from error
    finally:
        for one in actors:
            with suppress(ray.exceptions.RayError):
                ray.kill(one)
        if is_ours:
            ray.shutdown()


def _shared(
    ray: Any,
    actors: list[Any],
    make: Callable[[], Any],
    tasks: Sequence[Any],
    rows: Iterable[int],
) -> Generator[tuple[int, Outcome]]:
    """Keep all actors busy; every row is yielded once, whoever dies on the way.

    An actor has one task at a time, so that it is known which one it died of. Another one is made
    for it, wherever there is room.
    """
    fresh = iter(rows)
    again: deque[int] = deque()
    attempts: dict[int, int] = {}
    free = deque(actors)
    flying: dict[Any, tuple[int, Any]] = {}
    while True:
        while free:
            row = again.popleft() if again else next(fresh, None)
            if row is None:
                break
            actor = free.popleft()
            flying[actor.do.remote(tasks[row])] = row, actor
        if not flying:
            return
        (ready, *_), _ = ray.wait(list(flying), num_returns=1)
        row, actor = flying.pop(ready)
        try:
            answer: Outcome = ray.get(ready)
            free.append(actor)
        except (ray.exceptions.RayActorError, ray.exceptions.NodeDiedError):
            ray.kill(actor)  # where it was only out of reach
            actors[actors.index(actor)] = actor = make()
            free.append(actor)
            attempts[row] = attempts.get(row, 0) + 1
            if attempts[row] < _ATTEMPTS:
                again.append(row)
                continue
            answer = Outcome(
                str(tasks[row]),
                "failed",
                message=f"{tasks[row]}: the worker that read it died {_ATTEMPTS} times; the file "
                "may be damaged, or memory may not suffice: try it alone",
            )
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, MienError) else None
            raise cause or MienError(f"{tasks[row]}: {error.cause!r}") from error
        attempts.pop(row, None)
        yield row, answer
