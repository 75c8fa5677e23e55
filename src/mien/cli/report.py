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
def command(folders: tuple[Path, ...], pictures: bool) -> None:
    """Write report.html of saved results again, from their table and video.json.

    FOLDER is one folder of results: what mien analyze wrote for one input.
    """
    from mien.api import read

    for folder in folders:
        path = read(folder, pictures=pictures).write_report(folder / "report.html")
        click.echo(one_line(path))
