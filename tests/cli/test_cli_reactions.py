"""From labelled sequences with outputs of their own to a report, by commands alone."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")
from mien.cli import cli
from mien.data.sequences import SequenceSet
from mien.demo import write_demo_clip
from mien.errors import DataError, ModelError
from mien.runtime.models import ReactionModel
from mien.synthetic.reactions import StageOneNoise, simulate
from tiny_models import tiny_affect

EMOTIONS = ("anger", "disgust", "fear", "happy", "neutral", "sad")
QUIET = StageOneNoise(np.full(26, 0.02), np.full(26, 0.5), 30.0)
SMALL = ("model.hidden=8", "model.dense=4", "epochs=1", "batch=16", "threads=1")


def invoke(*arguments):
    result = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def emotions(source, split, fps, simulation=None):
    """Six outputs instead of seven reactions, as a corpus of acted emotions has them."""
    data = simulate(40, ("train", "valid", "test").index(split), fps, QUIET, 20, 60)
    labels = data.labels[:, :6].copy()
    labels[::7, 0] = np.nan
    ids = tuple(f"{split}-{i}" for i in range(len(data)))
    return replace(data, labels=labels, reactions=EMOTIONS, ids=ids)


@pytest.fixture
def corpus(monkeypatch):
    monkeypatch.setattr("mien.data.reaction_sets.load_split", emotions)
    monkeypatch.setattr("mien.data.reaction_sets.splits_of", lambda _: ("train", "valid"))
    return "prepared"


def recipe(tmp_path, text="fps = 25.0"):
    path = tmp_path / "recipe.toml"
    path.write_text(f'name = "emotions"\n{text}\n')
    return path


def train(tmp_path, *changes):
    settings = [part for change in (*SMALL, *changes) for part in ("--set", change)]
    run = tmp_path / "run"
    return run, invoke(
        "train", "reactions", "--config", recipe(tmp_path), "--data", "prepared", "--out", run,
        *settings,
    )  # fmt: skip


ABOUT = 'name = "emotions"\nlicense = "none"\ntrained_on = "a test"\ncaveat = "six EMOTIONS"\n'


@pytest.mark.slow
def test_a_model_with_its_own_outputs_goes_all_the_way_to_the_report(tmp_path, corpus):
    run, said = train(tmp_path)
    scores = json.loads((run / "metrics.json").read_text())
    assert scores["data"] == "prepared, valid split" and set(scores["pearson"]) == set(EMOTIONS)
    assert json.loads(said.splitlines()[-2]) == scores
    (tmp_path / "about.toml").write_text(ABOUT)
    onnx = tmp_path / "emotions.onnx"
    invoke("export", "reactions", "--run", run, "--to", onnx, "--about", tmp_path / "about.toml")
    model = ReactionModel(onnx)
    assert (model.reactions, model.fps, model.positions) == (EMOTIONS, 25.0, 480)

    text = invoke("evaluate", "reactions", "--model", onnx, "--data", corpus, "--draws", 20)
    assert "happy" in text and "note: six EMOTIONS" in text

    clip = write_demo_clip(tmp_path / "clip.mp4", 2.0)
    affect = tiny_affect(tmp_path / "a.onnx")
    out = tmp_path / "out"
    said = invoke("analyze", clip, "--out", out, "--reactions", onnx, "--affect", affect)
    assert "reactions: six EMOTIONS" in said
    document = json.loads((out / "clip" / "video.json").read_text())
    reactions = document["faces"][0]["reactions"]
    assert tuple(reactions["video"]) == EMOTIONS
    assert tuple(reactions["windows"][0]["intensities"]) == EMOTIONS
    assert all(0 <= value <= 1 for value in reactions["video"].values())
    assert [m["name"] for m in document["models"] if m["role"] == "reactions"] == ["emotions"]
    page = (out / "clip" / "report.html").read_text()
    assert "six EMOTIONS" in page and "empathic" not in page
    assert all(f">{name}</th>" in page for name in EMOTIONS)
    assert pq.ParquetFile(out / "clip" / "frames.parquet").metadata.num_rows == 50


@pytest.mark.slow
def test_what_cannot_be_exported_says_so(tmp_path, corpus):
    (tmp_path / "about.toml").write_text(ABOUT)
    for change, message in (
        ("preset=lstm-regressor", "is a baseline"),
        ("model.routed=false", "without Mask & Routing"),
    ):
        folder = tmp_path / change.split("=")[0]
        folder.mkdir()
        run, _ = (
            train(folder, change, "model.positions=64")
            if "routed" in change
            else train(folder, change)
        )
        arguments = ["--run", run, "--to", tmp_path / "x.onnx", "--about", tmp_path / "about.toml"]
        result = CliRunner().invoke(cli, ["export", "reactions", *map(str, arguments)])
        assert isinstance(result.exception, ModelError) and message in str(result.exception)


@pytest.mark.slow
def test_ablate_writes_a_table_beside_its_rows(tmp_path, corpus):
    settings = [part for change in SMALL for part in ("--set", change)]
    out = tmp_path / "table"
    said = invoke(
        "ablate", "facernet-table2", "--data", corpus, "--out", out, "--seeds", 1, *settings
    )
    assert said.splitlines()[-1] == f"table: {out / 'facernet-table2.md'}"
    assert {p.name for p in out.iterdir()} == {
        "rows", "runs", "facernet-table2.md", "facernet-table2.csv", "facernet-table2.svg",
    }  # fmt: skip
    assert "# facernet-table2 on prepared" in (out / "facernet-table2.md").read_text()


def test_splits_and_folders_that_are_none(tmp_path):
    from mien.data.reaction_sets import SimulationConfig, load_split, splits_of

    with pytest.raises(DataError, match="split is one of"):
        load_split("simulated", "validation", 30.0)
    with pytest.raises(DataError, match=r"holds no dataset\.json"):
        load_split(str(tmp_path), "train", 30.0)
    with pytest.raises(DataError, match=r"not a prepared set: there is no dataset\.json"):
        splits_of(str(tmp_path))
    data = load_split("simulated", "valid", 30.0, SimulationConfig(1, 3, 1, seed=5))
    assert isinstance(data, SequenceSet) and len(data) == 3
    assert np.array_equal(data.values, simulate(3, 6).values)
    short = load_split("simulated", "test", 10.0, SimulationConfig(1, 1, 9, 5, 40, 50))
    assert np.array_equal(short.values, simulate(9, 7, 10.0, None, 40, 50).values)
    assert short.lengths.min() >= 40 and short.lengths.max() <= 50
    with pytest.raises(ValueError, match=r"longest \(20\) is below shortest \(30\)"):
        SimulationConfig(longest=20)
    with pytest.raises(ValueError, match="must be 1 or more"):
        SimulationConfig(train=0)


def test_the_table_names_of_the_command_are_those_of_the_tables():
    assert "facernet-table3" in invoke("ablate", "--help")
