"""``mien cluster-plan``: how long a corpus takes on N workers, from a sample of it."""

from __future__ import annotations

from pathlib import Path

import click

from mien.cli.progress import progress_bar


@click.command("cluster-plan")
@click.argument("manifest")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many work at once, one core each.",
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Inputs that are analysed here, one after another, to measure them.",
)
@click.option("--player/--no-player", default=True, help="As of mien analyze.", show_default=True)
@click.option(
    "--json", "to", type=click.Path(path_type=Path), help="Also write the numbers to this file."
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def command(
    manifest: str, workers: int, sample: int, player: bool, to: Path | None, quiet: bool
) -> None:
    """Say what a corpus takes: hours, core-hours, memory and storage on N workers.

    MANIFEST is a csv or Parquet file with a column 'source', a video, or a folder. A sample of
    its inputs, spread evenly, is analysed on this machine with one thread; the corpus is taken to
    be like it.
    """
    from mien.io import write_json
    from mien.jobs import Batch
    from mien.jobs.cluster import Manifest
    from mien.jobs.cluster.plan import estimate, measure, peak_bytes
    from mien.output.results import Contents
    from mien.pipeline.options import AnalysisOptions

    listed = manifest.lower().endswith((".csv", ".parquet"))
    rows = Manifest.read(manifest, "-") if listed else Manifest.of([manifest], "-")
    batch = Batch(AnalysisOptions(threads=1), Contents(player=player))
    with progress_bar(min(sample, len(rows)), "input", quiet) as progress:
        sampled, failed = measure(rows, batch, sample, progress)
    found = estimate(len(rows), sampled, failed, workers, peak_bytes())
    for line in found.lines():
        click.echo(line)
    if to is not None:
        write_json(to, found.document())
