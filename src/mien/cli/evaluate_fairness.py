"""``mien evaluate fairness``: errors by skin tone, age and gender, on synthetic faces."""

from __future__ import annotations

import json
from pathlib import Path

import click
from tqdm import tqdm


@click.command("fairness")
@click.option("--people", type=click.IntRange(2), default=20, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--model", type=click.Path(path_type=Path), help="Default: the shipped extractor.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fairness(people: int, seed: int, model: Path | None, as_json: bool) -> None:
    """Show the same SYNTHETIC people the same way in several skin tones, ages and genders.

    Everything else stays as it is, so a difference between groups is the model's. Needs the extra
    'synthetic'.
    """
    from mien.evaluation.affect import without_nan
    from mien.evaluation.fairness import audit, fairness_table
    from mien.runtime.models import AffectModel

    with tqdm(desc="faces", unit="face") as bar:
        groups = audit(AffectModel(model), people, seed, bar.update)
    if as_json:
        click.echo(json.dumps(without_nan(groups), indent=2))
    else:
        click.echo(fairness_table(groups))
