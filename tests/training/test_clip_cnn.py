"""The 3-D CNN runs from the command line, alone and as a row; so does the row of ResNet50."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from mien.cli import cli
from mien.data.formats.face_crops import load_clip_splits, write_frame_clips
from mien.data.simulated import simulate
from mien.errors import ConfigError
from mien.synthetic.reactions import StageOneNoise
from mien.training.ablation.run import AblationData, run_table
from mien.training.ablation.tables import TABLES
from mien.training.reactions.clip_cnn import (
    ClipCNNTrainConfig,
    clip_batch,
    clip_report,
    train_clip_cnn,
)
from mien.training.reactions.train import ReactionTrainConfig

SMALL = ClipCNNTrainConfig(
    name="small", widths=(4,), frames=4, epochs=3, batch=4, lr=1e-2, threads=1
)
QUIET = StageOneNoise(np.full(26, 0.02), np.full(26, 0.5), 30.0)
RECIPE = ReactionTrainConfig(
    name="tiny", model={"positions": 40, "hidden": 6, "dense": 4}, epochs=1, batch=16, threads=1
)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips whose label is how bright they are."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)

    def clips():
        for number in range(24):
            grey = rng.random()
            split = ("train", "train", "valid", "test")[number % 4]
            frames = np.full((3 + number % 4, 112, 112, 3), 255 * grey, np.uint8)
            yield f"v{number}", split, np.float32([grey, 1 - grey]), frames

    write_frame_clips(folder, "made", ("bright", "dark"), 10.0, clips())
    return folder


def test_it_learns_what_can_be_seen_and_resumes(crops: Path, tmp_path: Path) -> None:
    clips = load_clip_splits(crops)
    assert {split: len(found) for split, found in clips.items()} == {
        "train": 12, "valid": 6, "test": 6,
    }  # fmt: skip
    batch = clip_batch(clips["train"], [0, 1], 4)
    assert batch.shape == (2, 3, 4, 112, 112) and batch.abs().max() <= 1
    lines: list[str] = []
    model = train_clip_cnn(SMALL, clips["train"], clips["valid"], tmp_path / "a", lines.append)
    report = clip_report(model, clips["test"], SMALL.frames)
    assert len(lines) == 3 and report["n"] == 6 and report["mean_pearson"] > 0.5
    for _ in range(2):
        again = train_clip_cnn(
            SMALL, clips["train"], clips["valid"], tmp_path / "b", lines.append, 2
        )
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 1}, "batch must be 2 or more"),
        ({"frames": 7, "widths": (4, 4, 4)}, "frames must be 8 or more for 3 blocks"),
        ({"threads": 0}, "threads must be 1"),
    ],
)
def test_settings_that_are_wrong(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


def test_the_command(crops: Path, tmp_path: Path) -> None:
    settings = ["widths=[4]", "frames=4", "epochs=1", "batch=4", "threads=1"]
    arguments = [part for one in settings for part in ("--set", one)]
    out = tmp_path / "run"
    result = CliRunner().invoke(
        cli, ["train", "clip-cnn", "--data", str(crops), "--out", str(out), *arguments],
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    scores = json.loads((out / "metrics.json").read_text())
    assert scores["data"] == f"{crops}, test split" and set(scores["pearson"]) == {"bright", "dark"}
    assert (out / "model.safetensors").is_file()


def named(count: int, seed: int, start: str):
    data = simulate(count, seed, noise=QUIET, min_length=10, max_length=20)
    return replace(data, ids=tuple(f"{start}{k}" for k in range(count)))


def corpus(name: str, seed: int = 0) -> AblationData:
    return AblationData(name, named(24, seed, "t"), named(12, seed + 1, "v"), None)


def only(table: str, data: AblationData, out: Path, *rows: str) -> str:
    run_table(table, RECIPE, data, out, seeds=1, report=lambda _: None, only=rows)
    return (out / f"{table}.md").read_text()


def test_the_row_of_resnet50_reads_what_that_extractor_says(tmp_path: Path) -> None:
    ours, theirs = corpus("hume"), corpus("hume-resnet50", 7)
    with pytest.raises(ConfigError, match="no row 'resnet50' to run"):
        only("facernet-table3", ours, tmp_path / "a", "resnet50")
    both = replace(ours, resnet50=theirs)
    text = only("facernet-table3", both, tmp_path / "b", "resnet50")
    (line,) = [line for line in text.splitlines() if "ResNet50" in line]
    assert line.endswith("| - | 0.465 |") and "not run" not in text
    alone = only("facernet-table3", theirs, tmp_path / "c", "full")
    (full,) = [line for line in alone.splitlines() if "| FaceRNET" in line]
    # the same network on the same numbers, whatever the row is called
    assert line.split("|")[2] == full.split("|")[2]
    other = replace(ours, resnet50=replace(theirs, valid=named(12, 1, "x")))
    with pytest.raises(ConfigError, match="hume-resnet50: its valid split has other videos"):
        only("facernet-table3", other, tmp_path / "d", "resnet50")


def test_the_row_of_the_3d_cnn_reads_crops(crops: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("mien.training.ablation.run.ClipCNNTrainConfig", lambda **_: SMALL)
    data = replace(corpus("made"), clips=load_clip_splits(crops))
    text = only("baselines", data, tmp_path, "clip-cnn")
    (line,) = [line for line in text.splitlines() if line.startswith("| 3-D CNN")]
    assert all(float(cell) for cell in line.split("|")[2:4]) and "not run" not in text


def test_table_1_quotes_others_beside_a_result_of_ones_own(tmp_path: Path) -> None:
    text = only("facernet-table1", corpus("mine"), tmp_path)
    assert "| row | validation | test | paper, Hume-Reaction test |" in text
    # FaceRNET, Table 1
    published = {
        "HFUT-CVers": "0.473", "USTC-IAT-United": "0.438", "USTC-AC": "0.373",
        "NISL-2023": "0.367", "ViPER": "0.297", "FAU-Baseline": "0.280",
        "VGGface 2-Baseline": "0.183", "Fusion-Baseline": "0.203",
    }  # fmt: skip
    for name, figure in published.items():
        assert f"| {name} | not run | not run | {figure} |" in text
    (own,) = [line for line in text.splitlines() if line.startswith("| FaceRNET")]
    assert own.endswith("| - | 0.499 |") and "not run" not in own
    assert text.count(": not run, a system that others measured.") == 1
    assert len(TABLES["facernet-table1"]) == 9


def test_options_that_belong_to_another_table() -> None:
    for option, place in (("--resnet50", "facernet-table3"), ("--crops", "baselines")):
        result = CliRunner().invoke(
            cli, ["ablate", "facernet-table2", "--data", "x", "--out", "y", option, "z"]
        )
        assert result.exit_code == 2 and f"{option} belongs to the table {place}" in result.stderr
