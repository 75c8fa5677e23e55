"""Running a table: each row with several seeds, finished rows kept, killed ones taken up again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.config import from_dict
from mien.data.sequences import SequenceSet
from mien.errors import ConfigError
from mien.models.masked_rnn import PRESETS
from mien.training.ablation.rows import Table, run_rows
from mien.training.ablation.tables import TABLES, AblationRow
from mien.training.ablation.write import RowResult, write_tables
from mien.training.reactions.train import (
    ReactionTrainConfig,
    predict_scores,
    reaction_report,
    train_reactions,
)


@dataclass(frozen=True)
class AblationData:
    """What a table is run on: the test split is None where its labels are withheld."""

    name: str
    train: SequenceSet
    valid: SequenceSet
    test: SequenceSet | None


def run_table(
    table: str,
    recipe: ReactionTrainConfig,
    data: AblationData,
    out: Path,
    seeds: int = 3,
    report: Callable[[str], object] = print,
    only: Collection[str] = (),
) -> list[RowResult]:
    """Run the rows of a table that are not finished yet and write the tables after each.

    Parameters
    ----------
    table, recipe, data
        One of `TABLES`, what all rows have in common, and the sequences.
    out
        Folder: ``<table>.md``, ``.csv`` and ``.svg``, and see `run_rows` for the rest.
    seeds, report, only
        See `run_rows`.

    Raises
    ------
    ConfigError
        If the table or a row of `only` is unknown, `seeds` is below 1, or the recipe does not fit
        a row.
    ModelError
        If `out` holds rows of another recipe or other data.
    """
    if table not in TABLES:
        raise ConfigError(f"unknown table {table!r}: choose one of {sorted(TABLES)}")
    if recipe.preset not in PRESETS:
        raise ConfigError(
            f"the rows of {table} are changes of FaceRNET: preset is one of {sorted(PRESETS)}, not "
            f"{recipe.preset!r}"
        )
    rows, name = TABLES[table], data.name
    if recipe.model:  # the rows' names speak of the paper's sizes
        name += f" (FaceRNET's rows with {recipe.model})"
    splits = {"valid": data.valid}
    if data.test is not None:
        splits["test"] = data.test

    def train(row: AblationRow, config: ReactionTrainConfig, folder: Path) -> dict[str, Any]:
        model = train_reactions(config, data.train, data.valid, folder, lambda _: None)
        scores = {
            split: reaction_report(predict_scores(model, sequences).numpy(), sequences)
            for split, sequences in splits.items()
        }
        text = ", ".join(f"{split} {said['mean_pearson']:.4f}" for split, said in scores.items())
        report(f"{row.name}, seed {config.seed}: {text}")
        return scores

    runs = Table(
        rows,
        {row.id: row_config(row, recipe) for row in rows if row.not_run is None},
        [sequences.fingerprint() for sequences in (data.train, *splits.values())],
        train,
        lambda results: write_tables(table, name, results, out),
    )
    return run_rows(runs, out, seeds, report, only)


def row_config(row: AblationRow, recipe: ReactionTrainConfig) -> ReactionTrainConfig:
    """The recipe with a row's changes."""
    values = asdict(recipe)
    changes = dict(row.changes)
    if "preset" in changes:  # the recipe's sizes are those of another network
        values["model"] = {}
    values["model"] = {**values["model"], **changes.pop("model", {})}
    values |= {**changes, "name": f"{recipe.name}-{row.id}"}
    return from_dict(ReactionTrainConfig, values, f"row {row.id}")


def usable_test(test: SequenceSet) -> SequenceSet | None:
    """The test split if any of its labels is known."""
    return test if np.isfinite(test.labels).any() else None
