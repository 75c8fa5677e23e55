"""``mien live``: read a camera, or a file at its own speed, and show it in the terminal."""

from __future__ import annotations

from pathlib import Path

import click

from mien.errors import ConfigError


@click.command("live")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--camera", type=click.IntRange(0), metavar="N", help="Which one; 0 is the first.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for tables, report and marks, as of mien analyze; without it nothing is kept.",
)
@click.option("--prior", default="default", show_default=True, help="As of mien analyze.")
@click.option(
    "--extractor",
    type=click.Choice(["default", "clean"]),
    default="default",
    show_default=True,
    help="As of mien analyze.",
)
@click.option("--precise", is_flag=True, help="As of mien analyze.")
def command(
    file: Path | None,
    camera: int | None,
    out: Path | None,
    prior: str,
    extractor: str,
    precise: bool,
) -> None:
    """Read a camera, or FILE at its own speed, and show the numbers in the terminal.

    q ends it, m or the space bar sets a mark. Frames are read one by one and none is kept; where
    reading takes longer than frames come, those between are passed over.
    """
    if file is not None and camera is not None:
        raise ConfigError(f"give a file or --camera, not both: {file}, --camera {camera}")
    from mien.live.terminal import show_live
    from mien.pipeline.options import AnalysisOptions

    options = AnalysisOptions(batch=1, prior=prior, extractor=extractor, precise=precise)
    click.echo(show_live(file, camera or 0, options, out))
