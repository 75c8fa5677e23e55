"""``mien bids``: write results as a derivative dataset of BIDS."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("bids")
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new dataset.")
@click.option("--task", default="video", show_default=True, help="Where a name has no task-LABEL.")
def command(results: Path, out: Path, task: str) -> None:
    """Write RESULTS, the --out of mien analyze, as a derivative dataset of BIDS.

    Names such as sub-01_ses-2_task-story_run-1_video.mp4 keep their entities.
    """
    from mien.study.bids import write_bids

    folders = write_bids(results, out, task)
    click.echo(f"{len(folders)} subject(s) -> {out}")
