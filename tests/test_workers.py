"""The pool of processes with a tool and tasks of no particular kind."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import pytest

from mien.errors import InputError, MienError, OutputError
from mien.workers import isolated, run


@dataclass(frozen=True)
class Note:
    """Writes which process and which tool served it."""

    path: Path

    def __str__(self) -> str:
        return self.path.name


def make_tool(folder: Path) -> str:
    (folder / f"tool-{os.getpid()}").touch()
    return f"tool of {os.getpid()}"


def write_note(tool: str, task: Note, tick) -> None:
    if task.path.stem == "bad":
        raise ValueError("two\nlines")
    if task.path.stem == "unreadable":
        raise InputError("unreadable: it is empty; copy it again")
    if task.path.stem == "unwritable":
        (task.path / "x").write_text("")
    task.path.write_text(tool)
    tick()


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_is_done_with_the_tool_of_its_process(jobs: int, tmp_path: Path) -> None:
    tasks = [Note(tmp_path / f"{k}.txt") for k in range(6)]
    told: list[int] = []
    threads = cv2.getNumThreads()
    run(write_note, tasks, partial(make_tool, tmp_path), jobs, told.append)
    assert sum(told) == 6 and cv2.getNumThreads() == threads
    served = {task.path.read_text() for task in tasks}
    tools = {f"tool of {path.name.removeprefix('tool-')}" for path in tmp_path.glob("tool-*")}
    assert served <= tools
    assert (served == {f"tool of {os.getpid()}"}) == (jobs == 1)


def test_nothing_to_do_makes_no_tool(tmp_path: Path) -> None:
    run(write_note, [], partial(make_tool, tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_goes_wrong_is_one_line_that_names_the_task(jobs: int, tmp_path: Path) -> None:
    factory = partial(make_tool, tmp_path)
    good = Note(tmp_path / "good.txt")
    with pytest.raises(MienError, match=r"^bad\.txt: ValueError: two lines$"):
        run(write_note, [good, Note(tmp_path / "bad.txt")], factory, jobs)
    with pytest.raises(InputError, match=r"^unreadable: it is empty; copy it again$"):
        run(write_note, [good, Note(tmp_path / "unreadable.txt")], factory, jobs)
    with pytest.raises(OutputError, match=r"cannot be written \(No such file .* to go on"):
        run(write_note, [good, Note(tmp_path / "unwritable.txt")], factory, jobs)


def answer(tool: str, task: str) -> tuple[str, str, int]:
    if task == "raise":
        raise ValueError("two\nlines")
    if task == "leave":
        sys.exit(3)
    if task == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "slow":
        time.sleep(0.5)
    return task, os.environ["OMP_NUM_THREADS"], cv2.getNumThreads()


@pytest.mark.slow
def test_isolated_tasks_fail_alone_and_answer_in_order(tmp_path: Path) -> None:
    tasks = ["slow", "raise", "a", "kill", "b", "leave"]
    before = os.environ.get("OMP_NUM_THREADS")
    found = list(isolated(answer, tasks, partial(make_tool, tmp_path), 2, threads=3))
    assert os.environ.get("OMP_NUM_THREADS") == before
    assert [found[k] for k in (0, 2, 4)] == [(task, "3", 3) for task in ("slow", "a", "b")]
    assert str(found[1]) == "raise: ValueError: two lines"
    assert "kill: the process that read it died (signal 9); " in str(found[3])
    assert "leave: the process that read it died (exit code 3); " in str(found[5])
    assert all(isinstance(found[k], MienError) for k in (1, 3, 5))
    assert len(list(tmp_path.glob("tool-*"))) == 3  # two at first, one more for each that died


def test_isolated_with_nothing_to_do(tmp_path: Path) -> None:
    assert list(isolated(answer, [], partial(make_tool, tmp_path), 2)) == []


def _fails_at_two(tool: Path, task: int, tick) -> None:
    if task == 2:
        raise ValueError("two is wrong")
    if task == 7:
        raise OSError(28, "No space left on device", "there")
    (tool / str(task)).touch()
    tick()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_task_that_fails_may_cost_itself_alone(tmp_path: Path, jobs: int) -> None:
    factory = partial(Path, tmp_path)
    with pytest.raises(MienError, match=r"^2: ValueError: two is wrong$"):
        run(_fails_at_two, range(5), factory, jobs, go_on=True)
    assert {file.name for file in tmp_path.iterdir()} == {"0", "1", "3", "4"}
    with pytest.raises(MienError, match="2 of 3 failed, the others are done; the first: 2: Val"):
        run(_fails_at_two, [2, 5, 2], factory, jobs, go_on=True)
    with pytest.raises(OutputError, match="there: cannot be written"):
        run(_fails_at_two, [7, 8], factory, 1, go_on=True)
    assert (tmp_path / "5").exists() and not (tmp_path / "8").exists()
