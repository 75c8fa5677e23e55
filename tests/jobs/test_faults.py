"""Whatever one input does costs that input one line, and the others go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("onnx")
from fault_detector import picture
from mien.cli import main

TESTS = Path(__file__).parents[1]


@pytest.fixture
def analyze(faults: Path, model: Path, tmp_path: Path, monkeypatch, capfd):
    """`mien analyze` in this process: exit code, lines of stdout, lines of stderr."""
    monkeypatch.syspath_prepend(str(faults))

    def run(*arguments: object, out: str = "out") -> tuple[int, list[str], list[str]]:
        command = ["mien", "analyze", *arguments, "--out", tmp_path / out, "--affect", model]
        monkeypatch.setattr(sys, "argv", [*map(str, command), "--detector", "faults"])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        said, complained = capfd.readouterr()
        return int(caught.value.code or 0), said.splitlines(), complained.splitlines()

    return run


def spawn(faults: Path, model: Path, *arguments: object) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(faults), str(TESTS), *sys.path])
    command = [sys.executable, "-m", "mien", "analyze", "--detector", "faults"]
    return subprocess.Popen(
        [*command, "--affect", str(model), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        # A run in the background of a shell inherits that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def listing(folder: Path) -> dict[str, bytes]:
    """Every file of the results but for the summary, which tells how long it took."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "summary.json"
    }


def summary(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def test_an_error_that_nobody_foresaw_costs_one_input(analyze, tmp_path: Path, monkeypatch) -> None:
    one, bad, full, two = (
        picture(tmp_path / "one.png", seed=1),
        picture(tmp_path / "\x1b[31mbad.png", "raises"),
        picture(tmp_path / "full.png", "allocates"),
        picture(tmp_path / "two.png", seed=2),
    )
    code, out, err = analyze(one, bad, full, two)
    assert code == 1
    shown = str(bad).replace("\x1b", r"\x1b")
    assert err == [
        f"mien: {shown}: ValueError: two lines; this should not happen, please report it "
        "(MIEN_DEBUG=1 shows where it comes from)",
        f"mien: {full}: memory does not suffice; give smaller pictures, or fewer at once",
    ]
    assert out[-1] == f"2 of 4 analysed, 2 failed: {shown}, {full}"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"one", "two", "summary.json"}
    told = summary(tmp_path / "out")
    assert told["planned"] == 4
    assert [item["status"] for item in told["inputs"]] == [
        *("analysed", "failed", "failed", "analysed"),
    ]
    first, second = told["inputs"][:2]
    assert first["source"] == str(one) and first["folder"] == str(tmp_path / "out" / "one")
    assert (first["frames"], first["faces"], first["message"]) == (1, 1, None)
    assert first["seconds"] > 0
    assert second["folder"] is second["frames"] is None and "ValueError" in second["message"]
    monkeypatch.setenv("MIEN_DEBUG", "1")
    code, out, err = analyze(bad, two, "--quiet")
    assert code == 1 and out == []
    assert err[0].startswith("Traceback") and 'raise ValueError("two\\nlines")' in "".join(err)
    assert err[-1] == f"0 of 2 analysed, 1 done already, 1 failed: {shown}"


@pytest.mark.slow
def test_a_process_that_dies_costs_one_input(analyze, tmp_path: Path) -> None:
    doing = ["", "crashes", "", "is killed", "raises", ""]
    inputs = [picture(tmp_path / f"{k}.png", what, seed=k) for k, what in enumerate(doing)]
    code, out, err = analyze(*inputs, "--jobs", 2)
    assert code == 1
    assert [line.split(": ")[1] for line in err] == [str(inputs[k]) for k in (1, 3, 4)]
    assert "the process that read it died (signal 11); " in err[0]
    assert "the process that read it died (signal 9); " in err[1]
    assert "ValueError: two lines; " in err[2]
    assert [line.split(": ")[0] for line in out[:-1]] == [str(inputs[k]) for k in (0, 2, 5)]
    assert out[-1].startswith("3 of 6 analysed, 3 failed: ")
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {"0", "2", "5", "summary.json"}  # nothing of the dead
    good = [path for path, what in zip(inputs, doing, strict=True) if not what]
    assert analyze(*good, out="alone")[0] == 0
    assert listing(tmp_path / "out") == listing(tmp_path / "alone")
    assert json.loads((tmp_path / "out/0/video.json").read_text())["settings"]["threads"] == 0


def wait_for(what, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not what():
        assert process.poll() is None and time.monotonic() < deadline, "ended or hung"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_at_once_and_leaves_nothing_half(
    number: signal.Signals, faults: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    inputs = [picture(tmp_path / "a.png", seed=1), picture(tmp_path / "b.png", "hangs")]
    process = spawn(faults, model, *inputs, "--out", out, "--jobs", 2)
    try:
        wait_for(lambda: (out / "a").is_dir() and list(out.glob(".mien-*-*")), process)
        began = time.monotonic()
        process.send_signal(number)
        process.communicate(timeout=60)
        assert time.monotonic() - began < 15
        assert process.returncode != 0
    finally:
        process.kill()
        process.wait(60)
    assert {path.name for path in out.iterdir()} <= {"a", "summary.json"}


@pytest.mark.slow
def test_a_killed_run_is_taken_up_again(analyze, faults: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    inputs = [picture(tmp_path / "a.png", seed=1), picture(tmp_path / "b.png", "hangs")]
    process = spawn(faults, model, *inputs, "--out", out)
    try:
        wait_for(lambda: (out / "a").is_dir() and list(out.glob(".mien-*-*")), process)
        assert "another run of mien writes into it; wait for it" in analyze(*inputs)[2][0]
        process.kill()
        process.communicate(timeout=60)
        assert list(out.glob(".mien-*-*"))
        told = summary(out)  # written while the run went on
        assert [item["status"] for item in told["inputs"]] == ["analysed"]
    finally:
        process.kill()
        process.wait(60)
    picture(inputs[1], seed=2)
    code, said, _ = analyze(*inputs)
    assert code == 0
    assert said[0] == f"{inputs[0]}: done already (use --redo to start over)"
    assert said[-1] == "1 of 2 analysed, 1 done already"
    assert {path.name for path in out.iterdir()} == {"a", "b", "summary.json"}
    assert analyze(*inputs, out="whole")[0] == 0
    assert listing(out) == listing(tmp_path / "whole")
