"""``mien report``: write report.html of saved results again."""

from __future__ import annotations

from pathlib import Path

import click

from mien.errors import one_line


@click.command("report")
@click.argument(
    "folders", nargs=-1, required=True, metavar="FOLDER...", type=click.Path(path_type=Path)
)
@click.option(
    "--pictures/--no-pictures",
    default=True,
    show_default=True,
    help="Cut the pictures at the peaks from the source again, where it is still there.",
)
@click.option(
    "--poorer", is_flag=True, help="Replace a report also by one that shows less than it did."
)
def command(folders: tuple[Path, ...], pictures: bool, poorer: bool) -> None:
    """Write report.html of saved results again, from their table and video.json.

    A report is left as it is where the new one would lack pictures that it has, because the source
    is gone; --no-pictures and --poorer say that this is meant.

    FOLDER is one folder of results: what mien analyze wrote for one input.
    """
    from mien.api import read

    for folder in folders:
        result = read(folder, pictures=pictures)
        path = result.write_report(folder / "report.html", poorer=poorer or not pictures)
        click.echo(one_line(path))
