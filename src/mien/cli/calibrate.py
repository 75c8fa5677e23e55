"""``mien calibrate``: fit what makes a model's probabilities mean what they say."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mien.cli import WithAliases
from mien.cli.evaluate_extractor import path_and_split


@click.group("calibrate", cls=WithAliases)
def command() -> None:
    """Fit what makes probabilities mean what they say, and when an action unit is active."""


@command.command("extractor")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    required=True,
    help="An extractor that was exported without a calibration.",
)
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="PATH[@SPLIT]",
    help="Held-out faces, as for 'mien evaluate extractor'; repeatable.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    required=True,
    help="The JSON file to write; give it to 'mien export extractor --calibration'.",
)
@click.option(
    "--biases",
    is_flag=True,
    help="Fit a bias per expression besides: for a network that was shown rare expressions more "
    "often than these photographs have them.",
)
def extractor(model: Path, data: tuple[str, ...], to: Path, biases: bool) -> None:
    """Fit temperatures and action-unit decisions on half of the faces, measure on the rest."""
    from mien.errors import ConfigError
    from mien.evaluation.affect import without_nan
    from mien.evaluation.calibration.fit import calibrate
    from mien.evaluation.calibration.probabilities import write_calibration
    from mien.evaluation.corpora import load_labelled
    from mien.runtime.models import AffectModel

    extractor = AffectModel(model)
    if extractor.metadata.get("calibration"):
        raise ConfigError(f"{model}: is calibrated already; export it without --calibration first")
    corpora = [load_labelled(*path_and_split(text)) for text in data]
    fitted, figures = calibrate(extractor, corpora, biases)
    write_calibration(fitted, without_nan(figures), to)
    click.echo(json.dumps(without_nan(figures), indent=2))
    click.echo(f"temperatures, biases and decisions: {to}")
