"""`mien analyze --mran` as people call it, and the same from Python."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")

import mien
from mien.cli import cli
from mien.demo import write_demo_clip
from mien.errors import MienError
from mien.video import VideoWriter
from tiny_models import tiny_affect, tiny_mran


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mran")
    write_demo_clip(folder / "clip.mp4", 0.8)
    tiny_mran(folder / "all.onnx")
    tiny_mran(folder / "color.onnx", ("color",))
    tiny_affect(folder / "affect.onnx")
    for name, level in (("depth", 800), ("thermal", 30700)):
        with VideoWriter(folder / f"{name}.mkv", codec="ffv1-gray16", fps=25) as writer:
            for k in range(20):
                writer.write(np.full((240, 320), level + k, np.uint16), k / 25)
    return folder


def run(*arguments: object) -> tuple[int, str, BaseException | None]:
    result = CliRunner().invoke(cli, ["analyze", *map(str, arguments)])
    return result.exit_code, result.output, result.exception


@pytest.mark.slow
def test_everything_at_once(place: Path, tmp_path: Path) -> None:
    arguments = [place / "clip.mp4", "--out", tmp_path, "--format", "csv", "--layout", "pyfeat"]
    arguments += ["--affect", place / "affect.onnx", "--mran-model", place / "all.onnx"]
    arguments += ["--depth", place / "depth.mkv", "--thermal", place / "thermal.mkv"]
    code, said, _ = run(*arguments, "--attention")
    assert code == 0 and "mran: means of pictures" in said
    folder = tmp_path / "clip"
    assert {p.name for p in folder.iterdir()} == {
        "frames.csv", "pyfeat.csv", "video.json", "report.html", "attention.npz", "attention.mp4",
        "player.mp4", "mran-views.npz",
    }  # fmt: skip
    with (folder / "frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[-2:] == ["mran_valence", "mran_arousal"] and len(rows) == 20
    # Thermal alone would be (33.9 - 32) / 6 where the crop lies within the frame; it grows warmer.
    found = np.array([float(r["mran_arousal"]) for r in rows])
    assert (np.abs(found - 0.31) < 0.15).all() and found[-1] > found[0]
    document = json.loads((folder / "video.json").read_text())
    assert document["mran"]["streams"] == ["color", "depth", "thermal"]
    assert document["settings"]["mran_model"] == str(place / "all.onnx")
    assert "valence, MRAN" in (folder / "report.html").read_text()
    with np.load(folder / "attention.npz") as stored:
        assert stored["attention_0"].shape == (20, 4, 4)
    code, said, _ = run(*arguments)  # again, without attention: the old files go
    assert code == 0 and not (folder / "attention.npz").exists()


@pytest.mark.slow
def test_the_same_from_python(place: Path, tmp_path: Path) -> None:
    result = mien.analyze(
        place / "clip.mp4", affect_model=place / "affect.onnx", mran_model=place / "color.onnx",
        attention=True, reactions=False,
    )  # fmt: skip
    assert result.table.column_names[-2:] == ["mran_valence", "mran_arousal"]
    assert result.document["mran"]["streams"] == ["color"]
    values = result.table["mran_valence"].to_numpy()
    assert np.isfinite(values).all() and result.attention[0].attention.shape == (20, 4, 4)
    assert result.attention[0].frame.tolist() == list(range(20))
    saved = result.save(tmp_path / "saved")
    assert (saved / "attention.mp4").is_file() and (saved / "frames.parquet").is_file()
    plain = mien.analyze(place / "clip.mp4", affect_model=place / "affect.onnx", reactions=False)
    assert "mran_valence" not in plain.table.column_names and plain.attention == {}
    assert "mran" not in plain.document


def test_what_makes_no_sense_is_one_line(place: Path, tmp_path: Path) -> None:
    clip, depth = place / "clip.mp4", place / "depth.mkv"
    for arguments, text in (
        ([clip, "--depth", depth], "--depth: for MRAN alone; add --mran"),
        ([clip, clip, "--mran", "--depth", depth], "--depth: goes with one INPUT, a video"),
        ([place, "--mran", "--thermal", depth], "--thermal: goes with one INPUT, a video"),
        ([clip, "--mran", "--streams", depth], "--streams says what --depth and --thermal hold"),
        ([clip, "--attention"], "attention is MRAN's: ask for mran (--mran), too"),
    ):
        code, said, _ = run(*arguments, "--out", tmp_path / "out")
        assert code == 2 and text in said
    model = ["--mran-model", place / "color.onnx", "--affect", place / "affect.onnx"]
    for arguments, text in (
        ([*model, "--depth", depth], "reads color; leave --depth out"),
        (
            ["--mran-model", place / "all.onnx", "--depth", place / "none.mkv"],
            "none.mkv: there is no such file",
        ),
        (["--mran-model", place / "all.onnx", "--depth", clip], "its pictures have 8 bits; say in"),
        (["--mran-model", depth], "depth.mkv: not a readable ONNX model"),
    ):
        code, said, error = run(clip, "--out", tmp_path / "out", "--quiet", *arguments)
        assert code == 1 and text in (str(error) if isinstance(error, MienError) else said)
        assert not list((tmp_path / "out").glob("*/*"))


def test_without_weights_it_says_so(place: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("mien.runtime.mran.MRAN_MODEL", "none")
    code, _, error = run(place / "clip.mp4", "--out", tmp_path, "--mran")
    assert code == 1 and "no weights of MRAN; give a model of your own" in str(error)
