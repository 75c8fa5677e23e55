"""``mien plot``: figures of a result or a study as SVG, PNG or PDF (needs the extra 'plot')."""

from __future__ import annotations

from pathlib import Path

import click

from mien.errors import ConfigError, one_line

_KINDS = (".svg", ".png", ".pdf")
_NO_KINDS = (".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".eps", ".ps", ".html")


@click.command("plot")
@click.argument("place", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="FILE.svg, .png or .pdf; a name without such an ending is a folder for all figures.",
)
@click.option(
    "--figure", "name", help="Which one. Default: timeline of a result, effects of a study."
)
@click.option("--list", "listing", is_flag=True, help="Say which figures there are of PLACE.")
@click.option("--face", help="Face number or name. Default: the one longest in sight.")
@click.option(
    "--channel", "channels", multiple=True, help="Column to draw, such as au12; repeatable."
)
@click.option("--from", "from_s", type=float, help="First second that is drawn.")
@click.option("--to", "to_s", type=float, help="Where to end, in seconds.")
@click.option("--condition", default="condition", show_default=True, help="Column of a study.")
@click.option("--width", "width_cm", type=float, default=16.0, show_default=True, help="In cm.")
@click.option("--height", "height_cm", type=float, help="In cm. Default: as the figure needs.")
@click.option("--font", "font_pt", type=float, default=8.0, show_default=True, help="In points.")
@click.option("--dpi", type=float, default=300, show_default=True, help="Of PNG.")
@click.option("--fps", type=float, help="For tables of other tools that do not say it.")
def command(
    place: Path,
    out: Path | None,
    name: str | None,
    listing: bool,
    dpi: float,
    fps: float | None,
    **options: object,
) -> None:
    """Draw figures for a paper.

    PLACE is a folder of one result, a folder that mien study wrote, or a csv of OpenFace, py-feat
    or iMotions.
    """
    from mien.api import read_any
    from mien.plot import FIGURES, PlotOptions, StudyTables, draw, figures_of

    is_study = (place / "study.json").is_file()
    source = StudyTables.read(place) if is_study else read_any(place, fps=fps)
    if listing:
        for one, about in figures_of(source).items():
            click.echo(f"{one}: {about}")
        return
    if out is None:
        raise ConfigError("say where to with --out FILE, or --list the figures")
    chosen = PlotOptions(**options)  # type: ignore[arg-type]
    if out.suffix.lower() in _NO_KINDS:
        raise ConfigError(f"{out}: figures are {', '.join(_KINDS)}; give one of these endings")
    if out.suffix.lower() in _KINDS:
        click.echo(one_line(draw(source, name, chosen).save(out, dpi)))
        return
    for one in [name] if name else figures_of(source):
        try:
            drawing = draw(source, one, chosen)
        except ConfigError as error:
            if name or not FIGURES[one]:
                raise
            click.echo(one_line(f"{one}: left out, {error}"))
        else:
            click.echo(one_line(drawing.save(out / f"{one}.svg", dpi)))
