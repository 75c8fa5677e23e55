"""What an earlier run has done is passed over; what differs is done anew."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx")
from fault_detector import picture
from mien.cli import main
from mien.io import only_run
from tiny_models import full_affect


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full_affect(tmp_path_factory.mktemp("models") / "a.onnx")


@pytest.fixture
def analyze(model: Path, tmp_path: Path, monkeypatch, capfd):
    """Whether the one input was read, by `mien analyze` in this process."""
    source = picture(tmp_path / "face.png")

    def run(*arguments: object) -> bool:
        command = ["mien", "analyze", source, "--out", tmp_path / "out", "--affect", model]
        monkeypatch.setattr(sys, "argv", [*map(str, command), *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        assert not caught.value.code
        (line,) = capfd.readouterr()[0].splitlines()
        read = line != f"{source}: done already (use --redo to start over)"
        assert not read or " -> " in line
        return read

    return run


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_done_is_passed_over(analyze, tmp_path: Path) -> None:
    assert analyze()
    result = tmp_path / "out" / "face"
    before = {path.name: path.stat().st_mtime_ns for path in result.iterdir()}
    assert not analyze()
    assert not analyze("--threads", 1, "--jobs", 2)  # they change no number
    (result / "my notes.txt").write_text("mine")
    assert not analyze("--resume")
    (result / "my notes.txt").unlink()
    assert {path.name: path.stat().st_mtime_ns for path in result.iterdir()} == before
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    (told,) = summary["inputs"]
    assert (told["status"], told["frames"], told["folder"]) == ("skipped", 1, str(result))
    assert analyze("--redo")
    assert {path.name: path.stat().st_mtime_ns for path in result.iterdir()} != before


def test_what_differs_is_done_anew(analyze, model: Path, tmp_path: Path) -> None:
    assert analyze()
    for arguments, expected in (
        (("--min-score", 0.8), None),
        (("--prior", "everyday"), None),
        (("--min-quality", 0.5), None),
        (("--max-pixels", 32), None),
        (("--columns", "v1"), None),
        (("--format", "csv"), "frames.csv"),
        (("--layout", "pyfeat"), "pyfeat.csv"),
        (("--overlay",), "overlay.png"),
    ):
        assert analyze(*arguments), arguments
        if expected is not None:
            assert not analyze(*arguments), arguments
            assert expected in files(tmp_path / "out" / "face")
    assert analyze()  # without the overlay
    later_ns = (tmp_path / "out/face/video.json").stat().st_mtime_ns + 10**9
    try:
        os.utime(model, ns=(later_ns, later_ns))  # another model of that name, perhaps
        assert analyze()
    finally:
        os.utime(model)


@pytest.mark.parametrize(("key", "value"), [("mien_version", "0"), ("models", []), ("settings", 3)])
def test_another_version_or_damage_is_done_anew(
    key: str, value: object, analyze, tmp_path: Path
) -> None:
    assert analyze()
    path = tmp_path / "out" / "face" / "video.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {key: value}))
    assert analyze()


def test_a_file_of_a_result_that_lacks_is_written_anew(analyze, tmp_path: Path) -> None:
    assert analyze()
    (tmp_path / "out" / "face" / "report.html").unlink()
    assert analyze()
    assert "report.html" in files(tmp_path / "out" / "face")


def test_a_changed_input_is_read(analyze, tmp_path: Path) -> None:
    assert analyze()
    picture(tmp_path / "face.png", seed=5)
    assert analyze()
    assert files(tmp_path / "out") == {"face", "face_2", "summary.json"}


def test_two_runs_into_one_folder_are_one_too_many(
    analyze, model: Path, tmp_path: Path, monkeypatch, capfd
) -> None:
    assert analyze()
    out = tmp_path / "out"
    with only_run(out):
        command = ["mien", "analyze", tmp_path / "face.png", "--out", out, "--redo"]
        monkeypatch.setattr(sys, "argv", [*map(str, command)])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 1
        assert capfd.readouterr().err == (
            f"mien: {out}: another run of mien writes into it; wait for it, or choose another "
            "folder with --out\n"
        )
    assert not analyze()
    assert files(out) == {"face", "summary.json"}


def test_a_summary_of_somebody_else_stays(model: Path, tmp_path: Path, monkeypatch, capfd) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text('{"mine": 1}')
    source = picture(tmp_path / "face.png")
    command = ["mien", "analyze", source, "--out", out, "--affect", model]
    monkeypatch.setattr(sys, "argv", [*map(str, command)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    assert "summary.json: is not of mien, so it stays" in capfd.readouterr().err
    assert (out / "summary.json").read_text() == '{"mine": 1}'
    assert (out / "face" / "report.html").is_file()
