"""``mien evaluate reactions``: a reaction model against ratings."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click


@click.command("reactions")
@click.option(
    "--data",
    required=True,
    metavar="PREPARED|simulated",
    help="Folder written by 'mien datasets prepare', or the word simulated.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "valid", "test"]),
    default="valid",
    show_default=True,
)
@click.option(
    "--model", type=click.Path(path_type=Path), help="Exported ONNX. Default: the shipped one."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for metrics.json, predictions.csv and scatter.svg.",
)
@click.option(
    "--submission",
    type=click.Path(path_type=Path),
    help="Write the challenge's csv: File_ID and one column per reaction.",
)
@click.option(
    "--fill",
    is_flag=True,
    help="In the submission, give videos that could not be prepared the means of the others.",
)
@click.option(
    "--draws",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Resamples for the confidence intervals.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reactions(
    data: str,
    split: str,
    model: Path | None,
    out: Path | None,
    submission: Path | None,
    fill: bool,
    draws: int,
    as_json: bool,
) -> None:
    """Measure a reaction model: Pearson's rho per reaction, with 95 % intervals."""
    from tqdm import tqdm

    from mien.data.reaction_sets import SimulationConfig, failed_videos, load_split
    from mien.evaluation.affect import without_nan
    from mien.evaluation.models.reactions import evaluate_reactions, write_submission
    from mien.runtime.models import ReactionModel

    network = ReactionModel(model)
    usual = SimulationConfig()
    longest = max(usual.shortest, min(usual.longest, network.positions))
    sequences = load_split(data, split, network.fps, replace(usual, longest=longest))
    with tqdm(
        total=len(sequences), unit="video", disable=not sys.stderr.isatty(), leave=False
    ) as bar:
        evaluation = evaluate_reactions(network, sequences, data, split, draws, bar.update)
    if out is not None:
        evaluation.write(out)
    if submission is not None:
        write_submission(evaluation, submission, failed_videos(data, split), fill)
    if as_json:
        click.echo(json.dumps(without_nan(evaluation.report), indent=2))
    else:
        click.echo(_text(evaluation.report))


def _text(report: dict[str, Any]) -> str:
    way = report["bootstrap"]
    lines = [
        f"{report['data']}, split {report['split']}, {report['n']} videos; "
        f"model {report['model']} {report['model_version']}",
        f"{'reaction':<16}{'rho':>8}   95 % interval",
    ]
    for name, rho in report["pearson"].items():
        lines.append(f"{name:<16}{_figure(rho):>8}   {_range(report['interval'][name])}")
    mean = report["mean_pearson"]
    lines.append(f"{'mean':<16}{_figure(mean):>8}   {_range(report['mean_interval'])}")
    lines.append(f"intervals: {way['draws']} resamples of {way['units']} {way['unit']}s")
    if not math.isfinite(mean):
        lines.append(
            "note: '-' is undefined: labels are withheld, or labels or estimates do not vary"
        )
    lines += [f"note: {note}" for note in report["notes"]]
    if report["caveat"]:
        lines.append(f"note: {report['caveat']}")
    return "\n".join(lines)


def _range(interval: list[float]) -> str:
    return f"{_figure(interval[0])} to {_figure(interval[1])}"


def _figure(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"
