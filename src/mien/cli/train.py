"""``mien train``: train models from a configuration file."""

from __future__ import annotations

import math
from pathlib import Path

import click

from mien.cli import require_torch
from mien.errors import ConfigError


@click.group("train")
def command() -> None:
    """Train a model. Needs the extra: pip install ".[train]"."""
    require_torch()


_config = click.option(
    "--config", type=click.Path(path_type=Path), required=True, help="TOML file of the recipe."
)
_out = click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for checkpoints and logs; a stopped run goes on from there.",
)
_set = click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Change one setting; repeatable."
)


@command.command("mma")
@_config
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="Folder that holds the corpora."
)
@_out
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    help="Run folder of an earlier training to start from.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for landmarks that are found once. Default: the --out folder.",
)
@_set
def mma(
    config: Path,
    data: Path,
    out: Path,
    init: Path | None,
    cache: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Train the per-frame MMA extractor (valence-arousal, expressions, action units)."""
    from mien.training.config import load_config
    from mien.training.corpora import load_corpora
    from mien.training.mma import MMATrainConfig, train_mma

    recipe = load_config(MMATrainConfig, config, list(overrides))
    corpora = load_corpora(recipe, data, cache or out)
    start = init / "model.safetensors" if init else None
    train_mma(recipe, corpora, out, report=click.echo, init=start)
    click.echo(f"trained model: {out / 'model.safetensors'}")


@command.command("reactions")
@_config
@_out
@_set
def reactions(config: Path, out: Path, overrides: tuple[str, ...]) -> None:
    """Train the masked RNN on simulated reactions (no open corpus of ratings exists)."""
    import json

    from mien.synthetic.reactions import simulate
    from mien.training.config import load_config
    from mien.training.reactions import (
        ReactionTrainConfig,
        predict_scores,
        reaction_report,
        train_reactions,
    )

    recipe = load_config(ReactionTrainConfig, config, list(overrides))
    counts = recipe.simulation
    train, valid, test = (
        simulate(count, counts.seed + number)
        for number, count in enumerate((counts.train, counts.valid, counts.test))
    )
    model = train_reactions(recipe, train, valid, out, report=click.echo)
    scores = reaction_report(predict_scores(model, test).numpy(), test)
    if not math.isfinite(scores["mean_pearson"]):
        raise ConfigError("the test set is too small for a correlation: raise simulation.test")
    scores = {"data": "simulated reactions, test split", **scores}
    (out / "metrics.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    click.echo(json.dumps(scores))
    click.echo(f"trained model: {out / 'model.safetensors'}")
