"""``mien evaluate``: measure models; each kind of measurement has a module of its own."""

from __future__ import annotations

import click

from mien.cli.evaluate_fairness import fairness
from mien.cli.evaluate_jitter import jitter
from mien.cli.evaluate_mma import mma
from mien.cli.evaluate_mran import mran
from mien.cli.evaluate_panel import panel
from mien.cli.evaluate_reactions import reactions


@click.group("evaluate")
def command() -> None:
    """Measure a model on labelled data."""


for _measurement in (mma, reactions, mran, panel, fairness, jitter):
    command.add_command(_measurement)
