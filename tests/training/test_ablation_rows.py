"""Which rows of a table are trained, and what the table says meanwhile; nothing is trained here."""

import json
from dataclasses import dataclass

import pytest

from mien.errors import ConfigError, ModelError
from mien.training.ablation.rows import Table, run_rows
from mien.training.ablation.tables import AblationRow


@dataclass(frozen=True)
class Recipe:
    seed: int = 0
    size: int = 1


ROWS = [AblationRow(id, id.upper()) for id in "abc"]


def run(out, only=(), configs=None, seeds=1, train=None):
    """Ids that were trained, and the number of scores per row at every writing."""
    trained, written = [], []

    def scores(row, config, folder):
        trained.append(row.id)
        if train:
            train(row)
        return {"figure": config.size}

    table = Table(
        ROWS,
        {row.id: Recipe() for row in ROWS} if configs is None else configs,
        ["data"],
        scores,
        lambda results: written.append([len(result.scores) for result in results]),
    )
    results = run_rows(table, out, seeds, lambda _: None, only)
    return trained, written, [len(result.scores) for result in results]


def test_only_the_rows_asked_for_are_trained_and_the_table_keeps_the_others(tmp_path):
    assert run(tmp_path, ["c"]) == (["c"], [[0, 0, 1]], [0, 0, 1])
    assert run(tmp_path, ["b"]) == (["b"], [[0, 1, 1]], [0, 1, 1])
    trained, written, results = run(tmp_path)
    assert trained == ["a"] and written == [[1, 1, 1]] * 3 and results == [1, 1, 1]


def test_rows_that_another_process_finishes_meanwhile_stay_in_the_table(tmp_path):
    def another(row):
        run(tmp_path, ["a"])

    assert run(tmp_path, ["b"], train=another)[1:] == ([[1, 1, 0]], [1, 1, 0])


def test_rows_of_another_recipe_are_said_before_anything_is_trained(tmp_path):
    run(tmp_path, ["c"])
    with pytest.raises(ModelError, match=r"c\.json: made with another recipe"):
        other = {row.id: Recipe(size=2) for row in ROWS}
        run(tmp_path, ["a"], configs=other, train=lambda row: pytest.fail("trained"))


def test_a_row_gets_the_seeds_that_it_lacks_and_keeps_what_it_has(tmp_path):
    run(tmp_path, ["a", "b"])
    kept = tmp_path / "rows" / "a.json"
    first = json.loads(kept.read_text())["scores"]
    trained, _, results = run(tmp_path, ["a"], seeds=3)
    assert trained == ["a", "a"] and results == [3, 1, 0]
    scores = json.loads(kept.read_text())["scores"]
    assert scores[:1] == first and [score["seed"] for score in scores] == [0, 1, 2]
    assert run(tmp_path, ["a"], seeds=2)[0] == []  # what is there is enough
    assert [len(json.loads(kept.read_text())["scores"])] == [3]


def test_seeds_are_kept_one_by_one(tmp_path):
    def killed(row):
        if (tmp_path / "rows" / "a.json").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, ["a"], seeds=3, train=killed)
    assert run(tmp_path, ["a"], seeds=3)[0] == ["a", "a"]


def test_rows_that_cannot_be_run_have_no_scores_and_cannot_be_asked_for(tmp_path):
    some = {"a": Recipe(), "c": Recipe(seed=3)}
    assert run(tmp_path, configs=some, seeds=2)[2] == [2, 0, 2]
    kept = json.loads((tmp_path / "rows" / "c.json").read_text())["scores"]
    assert [score["seed"] for score in kept] == [3, 4]
    with pytest.raises(ConfigError, match="no row 'b' to run: choose of a, c"):
        run(tmp_path, ["b"], configs=some, seeds=2)
