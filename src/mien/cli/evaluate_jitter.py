"""``mien evaluate jitter``: how much the numbers tremble on a face at rest."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("jitter")
@click.argument("video", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path), help="Default: the shipped extractor.")
@click.option(
    "--noise",
    type=click.Path(path_type=Path),
    help="Write what the simulator of reactions adds: the trembling after smoothing (JSON).",
)
def jitter(video: Path, model: Path | None, noise: Path | None) -> None:
    """Measure the trembling in VIDEO, with and without what mien does about it.

    For every output: the standard deviation around its moving average, over the stretches in which
    the largest face moves least (the same stretches in both cases).
    """
    from mien.evaluation.jitter import jitter_table, measure_jitter, noise_document
    from mien.io import write_json

    measured = measure_jitter(video, model)
    click.echo(jitter_table(measured))
    if noise is not None:
        write_json(noise, noise_document(measured, video))
