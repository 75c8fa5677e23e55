"""Tables are run row by row; what is finished stays, what was killed goes on."""

import csv
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from mien.cli.ablate import TABLE_NAMES
from mien.data.simulated import simulate
from mien.errors import ConfigError, ModelError
from mien.synthetic.reactions import StageOneNoise
from mien.training.ablation import run as ablation
from mien.training.ablation.run import AblationData, row_config, run_table
from mien.training.ablation.tables import PAPER, TABLES
from mien.training.reactions.train import ReactionTrainConfig

RECIPE = ReactionTrainConfig(
    name="tiny",
    model={"positions": 40, "hidden": 6, "dense": 4},
    epochs=1,
    batch=16,
    lr=1e-2,
    threads=1,
)


@pytest.fixture(scope="module")
def data():
    quiet = StageOneNoise(np.full(26, 0.02), np.full(26, 0.5), 30.0)
    sets = [
        simulate(n, seed, noise=quiet, min_length=10, max_length=40)
        for seed, n in enumerate((48, 30, 30))
    ]
    return AblationData("simulated reactions", *sets)


class KilledError(Exception):
    pass


def test_a_killed_table_goes_on_with_the_rows_that_are_missing(data, tmp_path, monkeypatch):
    trained = []
    train = ablation.train_reactions

    def counted(config, *arguments, **options):
        if len(trained) == 5:
            raise KilledError
        trained.append((config.name, config.seed))
        return train(config, *arguments, **options)

    monkeypatch.setattr(ablation, "train_reactions", counted)
    with pytest.raises(KilledError):
        run_table("facernet-table2", RECIPE, data, tmp_path, seeds=2, report=lambda _: None)
    finished = {p.name for p in (tmp_path / "rows").iterdir()}
    assert finished == {"va.json", "expr.json", "au.json"}
    half = json.loads((tmp_path / "rows" / "au.json").read_text())
    assert [score["seed"] for score in half["scores"]] == [0]  # its second seed was killed
    table = (tmp_path / "facernet-table2.md").read_text()
    assert "| VA |" in table and "| VA+EXPR | - | - | 0.485 |" in table

    monkeypatch.setattr(ablation, "train_reactions", train)
    lines = []
    results = run_table("facernet-table2", RECIPE, data, tmp_path, seeds=2, report=lines.append)
    assert [line for line in lines if line.endswith("finished before")] == [
        "VA: finished before",
        "EXPR: finished before",
    ]
    assert [len(result.scores) for result in results] == [2] * 7
    assert [score["seed"] for score in results[0].scores] == [0, 1]

    with (tmp_path / "facernet-table2.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row[PAPER]) for row in rows] == [0.461, 0.476, 0.480, 0.485, 0.491, 0.491, 0.494]
    expected = [s["test"]["mean_pearson"] for s in results[0].scores]
    assert float(rows[0]["test_mean"]) == pytest.approx(np.mean(expected), abs=1e-6)
    assert float(rows[0]["test_deviation"]) == pytest.approx(np.std(expected, ddof=1), abs=1e-6)
    markdown = (tmp_path / "facernet-table2.md").read_text()
    assert PAPER in markdown and "measured on other data" in markdown
    ElementTree.parse(tmp_path / "facernet-table2.svg")

    again = []
    run_table("facernet-table2", RECIPE, data, tmp_path, seeds=2, report=again.append)
    assert len(again) == 7
    other = replace(RECIPE, lr=RECIPE.lr / 2)
    with pytest.raises(ModelError, match="made with another recipe or other data"):
        run_table("facernet-table2", other, data, tmp_path, seeds=2, report=lambda _: None)


def test_baselines_run_and_what_cannot_be_says_why(data, tmp_path):
    results = run_table("baselines", RECIPE, data, tmp_path, seeds=1, report=lambda _: None)
    by_id = {result.row.id: result for result in results}
    assert by_id["clip-cnn"].scores == [] and len(by_id["frame-label"].scores) == 1
    text = (tmp_path / "baselines.md").read_text()
    assert "- 3-D CNN on clips: not run, reads frames" in text
    assert "not run" in (tmp_path / "baselines.svg").read_text()


def test_every_row_of_every_table_is_a_recipe():
    assert tuple(TABLES) == TABLE_NAMES
    for rows in TABLES.values():
        assert len({row.id for row in rows}) == len(rows)
        for row in rows:
            config = row_config(row, RECIPE)
            assert config.name == f"tiny-{row.id}" and config.epochs == 1
    published = {row.name: row.paper for row in TABLES["facernet-table3"]}
    assert published["without Mask & Routing"] == 0.469 and published["with MSE"] == 0.481
    assert len(published) == 11
    changed = {row.id: row_config(row, RECIPE) for row in TABLES["facernet-table3"]}
    assert changed["gru256"].model["hidden"] == 256 and changed["gru256"].model["dense"] == 4
    assert changed["mse"].loss == "mse" and changed["no-mask"].model["routed"] is False


def test_mistakes_are_named(data, tmp_path):
    with pytest.raises(ConfigError, match="unknown table 'table9'"):
        run_table("table9", RECIPE, data, tmp_path)
    with pytest.raises(ConfigError, match=r"preset is one of \['facernet', 'mma-mrnnet'\], not"):
        fixed = replace(RECIPE, preset="fixed-length", model={})
        run_table("baselines", fixed, data, tmp_path)
    with pytest.raises(ConfigError, match="seeds must be 1 or more"):
        run_table("baselines", RECIPE, data, tmp_path, seeds=0)
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "fixed-length.json").write_text(json.dumps({"identity": 3}))
    with pytest.raises(ModelError, match=r"fixed-length.json: is no row of an ablation"):
        run_table("baselines", RECIPE, data, tmp_path, report=lambda _: None)
