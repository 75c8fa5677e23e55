"""The job that all preparation shares: what is read, gone on with, listed and refused."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from mien.data.prepare.job import Job, run_job, with_path, without_path
from mien.errors import InputError, ModelError, OutputError
from mien.io import only_run

TEXTS = {"a": "one", "b": "two", "c": ""}


def write_result(tool: list[str], source: Path) -> None:
    tool.append(source.name)
    text = source.read_text()
    if not text:
        raise InputError(f"{source}: is empty")
    (source.parents[1] / "out" / f"{source.name}.done").write_text(text.upper())


def job(tmp_path: Path, identity: str = "x", reason=without_path) -> Job[list[str], Path]:
    def result(name: str) -> str | None:
        path = tmp_path / "out" / f"{name}.done"
        return path.read_text() if path.is_file() else None

    (tmp_path / "in").mkdir(exist_ok=True)
    for name, text in TEXTS.items():
        path = tmp_path / "in" / name
        if not path.exists():
            path.write_text(text)
    inputs = {name: tmp_path / "in" / name for name in TEXTS}
    return Job(
        tmp_path / "out", {"identity": identity}, inputs, write_result, result, ".*.partial", reason
    )


def test_results_and_failures_by_id_in_order(tmp_path: Path) -> None:
    tool: list[str] = []
    told: list[int] = []
    found, failed = run_job(
        job(tmp_path), lambda: tool, lambda found, failed: (found, failed), 1, told.append
    )
    assert found == {"a": "ONE", "b": "TWO"} and failed == {"c": "is empty"}
    assert tool == ["a", "b", "c"] and told == [0, 1, 1, 1]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        ".prepare.json", "a.done", "b.done",
    ]  # fmt: skip


def test_it_goes_on_where_it_was_and_tries_failures_again(tmp_path: Path) -> None:
    run_job(job(tmp_path), list[str], lambda found, failed: None, 1)
    (tmp_path / "out" / "b.done").unlink()
    (tmp_path / "out" / ".b.done.7.partial").write_text("half")
    (tmp_path / "in" / "c").write_text("mended")
    tool: list[str] = []
    told: list[int] = []
    found = run_job(job(tmp_path), lambda: tool, lambda found, failed: found, 1, told.append)
    assert tool == ["b", "c"] and told == [1, 1, 1]
    assert found == {"a": "ONE", "b": "TWO", "c": "MENDED"}
    assert not list((tmp_path / "out").glob(".*.partial"))


def write_or_fall(tool: list[str], source: Path) -> None:
    """Does what the source says, as damaged inputs and libraries do."""
    text = source.read_text()
    if text == "raise":
        raise KeyError("no such thing")
    if text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    write_result([], source)


@pytest.mark.parametrize("jobs", [1, 2])
def test_whatever_one_input_does_costs_that_one(tmp_path: Path, jobs: int) -> None:
    this = replace(job(tmp_path), read=write_or_fall)
    (tmp_path / "in" / "a").write_text("die" if jobs > 1 else "raise")
    (tmp_path / "in" / "c").write_text("raise")
    told: list[int] = []
    found, failed = run_job(
        this, list[str], lambda found, failed: (found, failed), jobs, told.append
    )
    assert found == {"b": "TWO"} and failed["c"] == "KeyError: 'no such thing'"
    assert ("died (signal 9)" if jobs > 1 else "KeyError") in failed["a"]
    assert sum(told) == 3 and not any("\n" in line for line in failed.values())


def test_a_second_run_into_a_folder_is_refused(tmp_path: Path) -> None:
    run_job(job(tmp_path), list[str], lambda found, failed: None, 1)
    with only_run(tmp_path / "out"), pytest.raises(OutputError, match="another run of mien"):
        run_job(job(tmp_path), list[str], lambda found, failed: None, 1)
    assert run_job(job(tmp_path), list[str], lambda found, _: len(found), 1) == 2


def test_what_is_told_of_failures_and_refused(tmp_path: Path) -> None:
    failed = run_job(job(tmp_path, reason=with_path), list[str], lambda _, failed: failed, 1)
    assert failed == {"c": f"{tmp_path / 'in' / 'c'}: is empty"}
    with pytest.raises(OutputError, match=r"begun with another identity \(x, now y\)"):
        run_job(job(tmp_path, "y"), list[str], lambda found, failed: None, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"out: cannot be written to \(No space left"):
        run_job(job(tmp_path), list[str], full, 1)


def blame_the_model(tool: list[str], source: Path) -> None:
    raise ModelError(f"x.onnx: gives 985548 for {source.name}")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fault_of_the_model_ends_the_run_and_is_no_inputs(tmp_path: Path, jobs: int) -> None:
    with pytest.raises(ModelError, match="gives 985548"):
        run_job(
            replace(job(tmp_path), read=blame_the_model), list[str], lambda found, failed: 0, jobs
        )
