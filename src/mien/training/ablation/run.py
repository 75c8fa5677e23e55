"""Running a table: each row with several seeds, finished rows kept, killed ones taken up again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.datasets.sequences import SequenceSet
from mien.errors import ConfigError
from mien.training.ablation.rows import finished_scores, keep_scores, row_identity
from mien.training.ablation.tables import TABLES, AblationRow
from mien.training.ablation.write import RowResult, write_tables
from mien.training.config import from_dict
from mien.training.reactions import (
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
    progress: bool = False,
) -> list[RowResult]:
    """Run the rows of a table that are not finished yet and write the tables after each.

    Parameters
    ----------
    table
        One of `TABLES`.
    recipe
        What all rows have in common.
    data
        The sequences.
    out
        Folder: ``rows/<id>.json`` for each finished row, ``runs/`` for the trainings, and
        ``<table>.md``, ``.csv`` and ``.svg``. A run that was killed goes on from there.
    seeds
        How many trainings a row is the mean of; their seeds count up from the recipe's.
    report, progress
        Receives one line per event; whether bars are shown.

    Returns
    -------
    The rows in the order of the table.

    Raises
    ------
    ConfigError
        If the table is unknown, `seeds` is below 1, or the recipe does not fit a row.
    ModelError
        If `out` holds rows of another recipe or other data.
    """
    if table not in TABLES:
        raise ConfigError(f"unknown table {table!r}: choose one of {sorted(TABLES)}")
    if seeds < 1:
        raise ConfigError(f"seeds must be 1 or more, not {seeds}")
    rows = TABLES[table]
    configs = {row.id: row_config(row, recipe) for row in rows if row.not_run is None}
    (out / "rows").mkdir(parents=True, exist_ok=True)
    finger = [data.train.fingerprint(), data.valid.fingerprint()]
    finger += [data.test.fingerprint()] if data.test is not None else []
    results: list[RowResult] = []
    for row in rows:
        file = out / "rows" / f"{row.id}.json"
        if row.not_run is not None:
            results.append(RowResult(row, []))
            continue
        identity = row_identity(configs[row.id], seeds, finger)
        scores = finished_scores(file, identity)
        if scores is None:
            scores = [
                _train(row, configs[row.id], seed, data, out, report, progress)
                for seed in range(seeds)
            ]
            keep_scores(file, identity, row.id, row.name, scores)
        else:
            report(f"{row.name}: finished before")
        results.append(RowResult(row, scores))
        missing = [RowResult(other, []) for other in rows[len(results) :]]
        write_tables(table, data.name, results + missing, out)
    return results


def row_config(row: AblationRow, recipe: ReactionTrainConfig) -> ReactionTrainConfig:
    """The recipe with a row's changes."""
    values = asdict(recipe)
    changes = dict(row.changes)
    if "preset" in changes:  # the recipe's sizes are those of another network
        values["model"] = {}
    values["model"] = {**values["model"], **changes.pop("model", {})}
    values |= {**changes, "name": f"{recipe.name}-{row.id}"}
    return from_dict(ReactionTrainConfig, values, f"row {row.id}")


def _train(
    row: AblationRow,
    config: ReactionTrainConfig,
    seed: int,
    data: AblationData,
    out: Path,
    report: Callable[[str], object],
    progress: bool,
) -> dict[str, Any]:
    """One training of a row; it resumes by itself where it was killed."""
    values = {**asdict(config), "seed": config.seed + seed}
    own = from_dict(ReactionTrainConfig, values, f"row {row.id}")
    folder = out / "runs" / row.id / f"seed-{own.seed}"
    silent: Callable[[str], object] = lambda _: None  # noqa: E731
    model = train_reactions(own, data.train, data.valid, folder, silent, progress=progress)
    scores: dict[str, Any] = {"seed": own.seed}
    for split, sequences in (("valid", data.valid), ("test", data.test)):
        if sequences is not None:
            scores[split] = reaction_report(predict_scores(model, sequences).numpy(), sequences)
    text = ", ".join(f"{s} {scores[s]['mean_pearson']:.4f}" for s in scores if s != "seed")
    report(f"{row.name}, seed {own.seed}: {text}")
    return scores


def usable_test(test: SequenceSet) -> SequenceSet | None:
    """The test split if any of its labels is known."""
    return test if np.isfinite(test.labels).any() else None
