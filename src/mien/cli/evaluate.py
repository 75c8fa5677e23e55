"""``mien evaluate``: measure a model on labelled data."""

from __future__ import annotations

import click

from mien.cli import WithAliases
from mien.cli.evaluate_extractor import extractor
from mien.cli.evaluate_fairness import fairness
from mien.cli.evaluate_jitter import jitter
from mien.cli.evaluate_mran import mran
from mien.cli.evaluate_panel import panel
from mien.cli.evaluate_reactions import reactions


@click.group("evaluate", cls=WithAliases)
def command() -> None:
    """Measure a model on labelled data."""


for _measurement in (extractor, reactions, mran, panel, fairness, jitter):
    command.add_command(_measurement)
