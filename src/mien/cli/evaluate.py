"""``mien evaluate``: measure a model on labelled data."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from mien.cli import evaluate_reactions


@click.group("evaluate")
def command() -> None:
    """Measure a model on labelled data."""


command.add_command(evaluate_reactions.command)


@command.command("mma")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="FER+ as npz, or a zip of faces with its csv beside it (or inside).",
)
@click.option(
    "--split",
    type=click.Choice(["train", "valid", "test", "all"]),
    help="Which faces count. Default: valid where the file declares splits, else all.",
)
@click.option(
    "--blendshapes",
    type=click.Path(path_type=Path),
    help="Teacher scores for the same rows. Default: NAME_blendshapes.npz beside the data.",
)
@click.option("--model", type=click.Path(path_type=Path), help="Default: the shipped extractor.")
@click.option(
    "--framing",
    type=click.Choice(["aligned", "framed"]),
    default="aligned",
    show_default=True,
    help="Align faces by landmarks, as in video, or take the corpus's crops as they are.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def mma(
    data: Path,
    split: str | None,
    blendshapes: Path | None,
    model: Path | None,
    framing: str,
    as_json: bool,
) -> None:
    """Measure the extractor: expressions, and action units where teacher scores are given."""
    from mien.evaluation.affect import without_nan
    from mien.evaluation.mma import evaluate_mma

    report = evaluate_mma(data, split, blendshapes, model, framing)
    if as_json:
        click.echo(json.dumps(without_nan(report), indent=2))
    else:
        click.echo(_text(report))


def _text(report: dict[str, Any]) -> str:
    lines = [
        f"{report['data']}, split {report['split']}, faces {report['framing']}; "
        f"model {report['model']} {report['model_version']}",
        f"n {report['n']}   accuracy {report['accuracy']:.4f}   macro-F1 {report['macro_f1']:.4f}",
        "",
        f"{'expression':<12}{'n':>6}{'recall':>9}{'F1':>9}",
    ]
    for name, count in report["support"].items():
        recall, f1 = report["recall"][name], report["f1"][name]
        lines.append(f"{name:<12}{count:>6}{_figure(recall):>9}{_figure(f1):>9}")
    if report["valence_arousal_n"]:
        ccc = report["valence_arousal_ccc"]
        lines += [
            "",
            f"CCC with the target derived from votes (n {report['valence_arousal_n']}): "
            f"valence {ccc['valence']:.3f}, arousal {ccc['arousal']:.3f}",
        ]
    if report["au_n"]:
        lines += ["", f"Pearson with the teacher's blendshapes (n up to {report['au_n']}):"]
        lines += [
            f"  {name}  {value:.3f}"
            for name, value in report["au_correlation"].items()
            if not math.isnan(value)
        ]
        lines.append(f"  mean  {report['au_mean_correlation']:.3f}")
    lines += [f"note: {note}" for note in report["notes"]]
    return "\n".join(lines)


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
