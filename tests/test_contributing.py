"""The examples of CONTRIBUTING.md, run as they stand there."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import cv2
import pyarrow.parquet
import pytest

pytest.importorskip("onnx")
from click.testing import CliRunner

from mien.cli import cli
from mien.data.registry import CORPORA, READERS
from mien.demo import demo_frames, write_demo_clip
from mien.faces.detectors import DETECTORS
from mien.report import CHARTS

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n# (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
"""(language, file name, text)."""
LONGEST = 32  # lines

# What makes the documented commands small; nothing else of them is changed.
SMALLER = {
    "analyze": "--threads 1",
    "train": "--set model.widths=[4,8] --set model.depths=[1,1] --set model.stem_width=4 "
    "--set optimizer.epochs=1 --set optimizer.small_epochs=0 --set corpora.dimples.per_batch=2 "
    "--set threads=1",
}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The packages of the page are there for one test, and a clip to try them on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    points: list[EntryPoint] = []
    for _, name, text in BLOCKS:
        if name == "pyproject.toml":
            for group, named in tomllib.loads(text)["project"]["entry-points"].items():
                points += [EntryPoint(key, value, group) for key, value in named.items()]
        else:
            Path(name).write_text(text, encoding="utf-8")
    for room in ("mien.registry", "mien.cli"):
        monkeypatch.setattr(
            f"{room}.entry_points", lambda group: [one for one in points if one.group == group]
        )
    for registry in (DETECTORS, CORPORA, READERS):
        registry.names()  # mien's own are there before the copy
        monkeypatch.setattr(registry, "_things", dict(registry._things))
    write_demo_clip(Path("clip.mp4"), 0.3)
    yield
    CHARTS.pop("smiles", None)
    for _, name, _ in BLOCKS:
        sys.modules.pop(name.removesuffix(".py"), None)


def command(start: str) -> str:
    """Run the documented command that begins so, made small; what it prints."""
    (line,) = [line.strip() for line in PAGE.splitlines() if line.startswith(f"    {start}")]
    words = shlex.split(line, comments=True)[1:]
    done = CliRunner().invoke(
        cli, words + shlex.split(SMALLER.get(words[0], "")), catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_every_example_is_complete_and_short() -> None:
    names = [name for _, name, _ in BLOCKS]
    assert [name for name in names if name.endswith(".py")] == [
        *("whole_picture.py", "smiles_for_mien.py", "dimples.py", "smiles_chart.py"),
        "people_of_mien.py",
    ]
    assert names.count("pyproject.toml") == 4
    assert len(BLOCKS) == PAGE.count("\n```") / 2
    assert {name: text.count("\n") for _, name, text in BLOCKS if text.count("\n") > LONGEST} == {}


def test_an_analysis_uses_the_detector() -> None:
    command("mien analyze clip.mp4 --detector whole")
    frames = pyarrow.parquet.read_table("results/clip/frames.parquet").to_pylist()
    assert frames and all(row["face_id"] == 0 and row["box_y"] == 0 for row in frames)
    models = json.loads(Path("results/clip/video.json").read_text())["models"]
    assert models[0]["name"] == "whole picture"


def test_the_corpus_is_listed_and_prepared() -> None:
    Path("SMILES").mkdir()
    for name in ("anna-1-0.25", "ben-1-0.75"):
        write_demo_clip(Path("SMILES", f"{name}.mp4"), 0.2)
    (line,) = [line for line in command("mien datasets list").splitlines() if "smiles " in line]
    assert line.split("  ")[-1].strip() == "Smiles: videos with one label vector each"
    assert "2 of 2 videos prepared" in command("mien datasets prepare smiles")
    labels = pyarrow.parquet.read_table("prepared/smiles/labels.parquet").to_pydict()
    assert labels["person"] == ["anna", "ben"] and labels["smile"] == [0.25, 0.75]


@pytest.mark.slow
def test_the_action_unit_is_trained_exported_and_analysed() -> None:
    Path("PICTURES").mkdir()
    for k, image in enumerate(demo_frames(0.3)):
        name = f"{'valid' if k % 3 == 2 else 'train'}-{k % 2}-{k}.png"
        cv2.imwrite(str(Path("PICTURES", name)), image[:, :, ::-1])
    about = dict.fromkeys(("name", "license", "trained_on", "caveat"), "an example")
    Path("about.toml").write_text("".join(f'{key} = "{text}"\n' for key, text in about.items()))
    for verb in ("datasets prepare dimples", "train", "export", "analyze clip.mp4 --affect"):
        command(f"mien {verb}")
    table = pyarrow.parquet.read_table("results/clip/frames.parquet")
    units = [name for name in table.column_names if re.fullmatch("au[0-9]{2}", name)]
    assert len(units) == 18 and units[10] == "au14"
    assert all(0 < value < 1 for value in table.column("au14").to_pylist())
    assert "AU14 dimpler" in Path("results/clip/report.html").read_text()


def test_the_chart_is_in_the_report() -> None:
    (lines,) = re.findall(r"^    (import mien, smiles_chart)\n    (.*)$", PAGE, re.MULTILINE)
    exec("\n".join(lines), {})
    page = Path("results/report.html").read_text()
    assert page.count("<h3>Smiles of Face 0</h3>") == 1
    assert re.search(r'aria-label="smiles"><circle cx="[0-9.]+" cy="5" r="[0-9.]+"/>', page)


def test_without_it_the_report_is_as_before() -> None:
    assert "smiles" not in CHARTS and "smiles_chart" not in sys.modules


def test_the_verb_runs_and_is_in_the_help() -> None:
    assert command("mien people") == "clip.mp4: 1\n"
    text = CliRunner().invoke(cli, ["--help"]).output
    assert re.search(r"^  people +From people_of_mien\.$", text, re.MULTILINE)
