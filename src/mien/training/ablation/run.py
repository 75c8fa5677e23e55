"""Running a table: each row with several seeds, finished rows kept, killed ones taken up again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.config import from_dict
from mien.data.formats.face_crops import FrameClips
from mien.data.sequences import SequenceSet
from mien.errors import ConfigError
from mien.models.masked_rnn import PRESETS
from mien.training.ablation.rows import Table, run_rows
from mien.training.ablation.tables import TABLES, AblationRow
from mien.training.ablation.write import RowResult, write_tables
from mien.training.reactions.clip_cnn import ClipCNNTrainConfig, clip_report, train_clip_cnn
from mien.training.reactions.train import (
    ReactionTrainConfig,
    predict_scores,
    reaction_report,
    train_reactions,
)


@dataclass(frozen=True)
class AblationData:
    """What a table is run on: the test split is None where its labels are withheld.

    ``resnet50``: the same corpus as an extractor of preset resnet50 says it, for the row of that
    name; ``clips``: its face crops by split, for the row of the 3-D CNN. None: the row is not run.
    """

    name: str
    train: SequenceSet
    valid: SequenceSet
    test: SequenceSet | None
    resnet50: AblationData | None = None
    clips: Mapping[str, FrameClips] | None = None

    @property
    def splits(self) -> dict[str, SequenceSet]:
        """What is measured on."""
        return {"valid": self.valid} | ({} if self.test is None else {"test": self.test})

    def fingerprints(self) -> list[str]:
        """What decides figures on it."""
        return [one.fingerprint() for one in (self.train, *self.splits.values())]


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
    rows, name = runnable(table, data), data.name
    if recipe.model:  # the rows' names speak of the paper's sizes
        name += f" (FaceRNET's rows with {recipe.model})"
    own = {} if data.resnet50 is None else {"resnet50": data.resnet50.fingerprints()}
    if data.clips is not None:
        own["clip-cnn"] = [clips.fingerprint() for clips in data.clips.values()]

    def train(row: AblationRow, config: Any, folder: Path) -> dict[str, Any]:
        scores = _row_scores(row, config, data, folder)
        text = ", ".join(f"{split} {said['mean_pearson']:.4f}" for split, said in scores.items())
        report(f"{row.name}, seed {config.seed}: {text}")
        return scores

    runs = Table(
        rows,
        {row.id: row_config(row, recipe) for row in rows if row.not_run is None},
        data.fingerprints(),
        train,
        lambda results: write_tables(table, name, results, out),
        own,
    )
    return run_rows(runs, out, seeds, report, only)


def runnable(table: str, data: AblationData) -> tuple[AblationRow, ...]:
    """The rows of a table; those are run, too, for which the data hold what they read.

    Raises
    ------
    ConfigError
        If what another extractor says is not of the same videos.
    """
    given = {"resnet50": data.resnet50, "clip-cnn": data.clips}
    other = data.resnet50
    if other is not None:
        for split, sequences in {"train": data.train, **data.splits}.items():
            theirs = {"train": other.train, **other.splits}.get(split)
            if theirs is None or theirs.ids != sequences.ids:
                raise ConfigError(
                    f"{other.name}: its {split} split has other videos than that of {data.name}; "
                    "prepare the same corpus with both extractors"
                )
    return tuple(
        replace(row, not_run=None) if given.get(row.id) is not None else row
        for row in TABLES[table]
    )


def _row_scores(row: AblationRow, config: Any, data: AblationData, folder: Path) -> dict[str, Any]:
    """Train a row on what it reads; its scores by split."""
    if row.id == "clip-cnn" and data.clips is not None:
        return _clip_scores(config, data.clips, folder)
    read = data.resnet50 if row.id == "resnet50" and data.resnet50 else data
    model = train_reactions(config, read.train, read.valid, folder, lambda _: None)
    return {
        split: reaction_report(predict_scores(model, sequences).numpy(), sequences)
        for split, sequences in read.splits.items()
    }


def _clip_scores(
    config: ClipCNNTrainConfig, clips: Mapping[str, FrameClips], folder: Path
) -> dict[str, Any]:
    model = train_clip_cnn(config, clips["train"], clips["valid"], folder, lambda _: None)
    measured = {split: found for split, found in clips.items() if split != "train"}
    return {split: clip_report(model, found, config.frames) for split, found in measured.items()}


def row_config(
    row: AblationRow, recipe: ReactionTrainConfig
) -> ReactionTrainConfig | ClipCNNTrainConfig:
    """The recipe with a row's changes; the 3-D CNN's own, with the recipe's epochs and seed."""
    if row.id == "clip-cnn":
        return ClipCNNTrainConfig(
            name=f"{recipe.name}-{row.id}",
            epochs=recipe.epochs,
            patience=recipe.patience,
            seed=recipe.seed,
            threads=recipe.threads,
            engine=recipe.engine,
        )
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
