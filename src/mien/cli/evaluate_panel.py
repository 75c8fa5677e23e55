"""``mien evaluate panel``: action units against the eye panel."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mien.labels import ACTION_UNITS

HALVES = ("A", "B", "both")


@click.command("panel")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the panel: tests/data/eye_panel of mien's source.",
)
@click.option("--model", type=click.Path(path_type=Path), help="Default: the shipped extractor.")
@click.option(
    "--half",
    type=click.Choice(HALVES),
    default="B",
    show_default=True,
    help="A chose the shipped levels, B reports.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def panel(data: Path, model: Path | None, half: str, as_json: bool) -> None:
    """Measure action units on faces that were coded by eye.

    Per unit: how many faces show it, the coders' agreement on all faces (Cohen's kappa), F1 at the
    model's level, at the best level of these faces, and the area under the ROC curve.
    """
    from mien.evaluation.affect import without_nan
    from mien.evaluation.eye_panel import load_eye_panel, measure_panel
    from mien.runtime.models import AffectModel

    report = measure_panel(AffectModel(model), load_eye_panel(data), half)
    if as_json:
        click.echo(json.dumps(without_nan(report), indent=2))
        return
    click.echo(f"half {half}, {report['faces']} faces; coders are not certified (see its README)")
    click.echo(
        "| AU | positives | kappa | F1 | best F1 | AUC |\n| --- | --- | --- | --- | --- | --- |"
    )
    for unit in ACTION_UNITS:
        row = report["units"][f"au{unit:02d}"]
        cells = [f"{row[name]:.2f}" for name in ("kappa", "f1", "best_f1", "auc")]
        click.echo(f"| {unit} | {int(row['positives'])} | " + " | ".join(cells) + " |")
    names = ", ".join(name.upper() for name in report["counted"])
    click.echo(f"mean of units with 10 or more positives in the panel ({names}):")
    click.echo(
        f"F1 {report['mean_f1']:.3f}, at the best level {report['mean_best_f1']:.3f}, "
        f"AUC {report['mean_auc']:.3f}"
    )
