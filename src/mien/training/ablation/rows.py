"""Rows of a table, each with several seeds, as files, so that a killed table goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mien.errors import ConfigError, ModelError
from mien.io import write_text
from mien.training.ablation.tables import AblationRow
from mien.training.ablation.write import RowResult


@dataclass(frozen=True)
class Table:
    """Rows, and how one of them is run.

    Attributes
    ----------
    rows, configs
        The rows and, by their ids, their configurations (dataclasses with a ``seed``); a row
        without one is not run.
    fingerprints
        What else decides the figures.
    own_fingerprints
        By the id of a row that reads other data, what else decides its figures in their place.
    train
        Trains a row with one seed in a folder, where it takes up what was killed; its scores.
    write
        Writes the tables from all rows; those still to be run have no scores.
    """

    rows: Sequence[AblationRow]
    configs: Mapping[str, Any]
    fingerprints: list[str]
    train: Callable[[AblationRow, Any, Path], dict[str, Any]]
    write: Callable[[list[RowResult]], None]
    own_fingerprints: Mapping[str, list[str]] = field(default_factory=dict)


def run_rows(
    table: Table,
    out: Path,
    seeds: int,
    report: Callable[[str], object],
    only: Collection[str] = (),
) -> list[RowResult]:
    """Run the rows that are not finished yet, and write the tables after each.

    Parameters
    ----------
    out
        Folder: ``rows/<id>.json`` for finished rows, ``runs/<id>/seed-<n>`` for trainings.
    seeds
        How many trainings a row is the mean of, at least; their seeds count up from the
        configuration's. A row that was finished with fewer gets the others.
    report
        Receives one line per row that was finished before.
    only
        Ids of the rows to run now, all if empty; of the others, what was finished before stands
        in the tables.

    Raises
    ------
    ConfigError
        If `seeds` is below 1, or `only` names a row that is not there or cannot be run.
    ModelError
        If `out` holds rows of another identity.
    """
    configs, kept = table.configs, out / "rows"
    _check(configs, seeds, only)
    kept.mkdir(parents=True, exist_ok=True)
    identities = {
        id: row_identity(config, table.own_fingerprints.get(id, table.fingerprints))
        for id, config in configs.items()
    }

    def results() -> list[RowResult]:
        # Read anew every time: rows may be finished by another process on the same folder.
        found = {id: finished_scores(kept / f"{id}.json", identities[id]) for id in configs}
        return [RowResult(row, found.get(row.id) or []) for row in table.rows]

    results()  # rows of another identity are said before hours of training
    for row in table.rows:
        if row.id not in configs or (only and row.id not in only):
            continue
        file, identity = kept / f"{row.id}.json", identities[row.id]
        scores = finished_scores(file, identity) or []
        if len(scores) >= seeds:
            report(f"{row.name}: finished before")
        for seed in range(len(scores), seeds):
            scores.append(_scores_of(table, row, out / "runs" / row.id, seed))
            keep_scores(file, identity, row, scores)
        table.write(results())
    return results()


def _check(configs: Mapping[str, Any], seeds: int, only: Collection[str]) -> None:
    """Refuse what cannot be run."""
    if seeds < 1:
        raise ConfigError(f"seeds must be 1 or more, not {seeds}")
    unknown = sorted(set(only) - set(configs))
    if unknown:
        raise ConfigError(f"no row {unknown[0]!r} to run: choose of {', '.join(configs)}")


def _scores_of(table: Table, row: AblationRow, folder: Path, number: int) -> dict[str, Any]:
    config = table.configs[row.id]
    seed = config.seed + number
    return {"seed": seed, **table.train(row, replace(config, seed=seed), folder / f"seed-{seed}")}


def row_identity(config: Any, fingerprints: list[str]) -> str:
    """Hash of everything that decides a row's figures; `config` is a dataclass."""
    text = json.dumps([asdict(config), fingerprints], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def finished_scores(file: Path, identity: str) -> list[dict[str, Any]] | None:
    """Scores of a row that was finished before, None where it was not.

    Raises
    ------
    ModelError
        If the file is none of a row, or of a row with another identity.
    """
    if not file.is_file():
        return None
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        same = document["identity"] == identity
        scores: list[dict[str, Any]] = document["scores"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file}: is no row of an ablation; delete it to run the row") from error
    if not same:
        raise ModelError(
            f"{file}: made with another recipe or other data; choose "
            "another --out, or delete it to run the row again"
        )
    return scores


def keep_scores(file: Path, identity: str, row: AblationRow, scores: list[dict[str, Any]]) -> None:
    """Write a finished row, whole or not at all."""
    document = {"identity": identity, "row": row.id, "name": row.name, "scores": scores}
    write_text(file, json.dumps(document, indent=2) + "\n")
