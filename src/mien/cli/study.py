"""``mien study``: sum up many results by person and condition (needs the extra 'study')."""

from __future__ import annotations

from pathlib import Path

import click

from mien.cli import complain
from mien.errors import ConfigError, install


@click.command("study")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--participants",
    type=click.Path(path_type=Path),
    help="csv with video, person, condition, optionally face; other columns are kept.",
)
@click.option(
    "--events",
    type=click.Path(path_type=Path),
    help="csv or tsv with onset, duration (s), trial_type or label, optionally video.",
)
@click.option("--condition", default="condition", show_default=True, help="Column to compare.")
@click.option(
    "--baseline",
    metavar="rest|LABEL",
    help="Take off the person's own median (rest), or the mean during the events of that label.",
)
@click.option(
    "--measure", "measures", multiple=True, help="Column of the summary to compare; repeatable."
)
@click.option(
    "--mixed", is_flag=True, help="Put results of different versions or settings together."
)
@click.option("--frames", is_flag=True, help="Write the frames of all videos as one table, too.")
@click.option("--elan", is_flag=True, help="Write episodes per video for ELAN, too.")
@click.option("--boris", is_flag=True, help="Write episodes per video for BORIS, too.")
@click.option(
    "--fps",
    type=click.FloatRange(0, min_open=True),
    help="Frame rate of videos, for tables of other tools that do not say it.",
)
@click.option(
    "--decimal",
    type=click.Choice([".", ","]),
    default=".",
    show_default=True,
    help="Decimal sign of the csv tables; with a comma, semicolons part the cells.",
)
@click.option("--seed", default=0, show_default=True, help="Of the bootstrap.")
def command(
    results: tuple[Path, ...],
    out: Path,
    participants: Path | None,
    events: Path | None,
    condition: str,
    baseline: str | None,
    measures: tuple[str, ...],
    mixed: bool,
    frames: bool,
    elan: bool,
    boris: bool,
    fps: float | None,
    decimal: str,
    seed: int,
) -> None:
    """Sum up the results of many inputs: who showed what, when, in which condition.

    RESULTS are folders that mien analyze wrote to (--out), or csv tables of OpenFace, py-feat or
    iMotions. Writes summary.csv and .xlsx, episodes.csv,
    comparison.csv and study.html.
    """
    try:
        from mien.study.study import StudyOptions, make_study, write_study
    except ImportError as error:
        raise ConfigError(f"this needs {error.name}: {install('study')}") from error
    chosen = (participants, events, condition, baseline, measures, mixed, frames, seed, fps, elan)
    options = StudyOptions(*chosen, boris=boris, decimal=decimal)
    study = make_study(results, options)
    for note in study.notes:
        complain(note)
    written = write_study(study, out, options)
    click.echo(f"{study.summary['person'].nunique()} person(s) -> {written[-1]}")
