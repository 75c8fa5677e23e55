"""The pool of processes with a tool and tasks of no particular kind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import pytest

from mien.errors import InputError, MienError, OutputError
from mien.workers import run


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
