"""``mien demo``: analyse the sample that comes with mien and say where the report is."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("mien-demo"),
    show_default=True,
    help="Folder for the clip and its results.",
)
@click.option("--seconds", type=click.FloatRange(1, 60), default=4.0, show_default=True)
@click.option(
    "--mran", is_flag=True, help="Read a SYNTHETIC clip of color, depth and thermal in the dark."
)
def command(out: Path, seconds: float, mran: bool) -> None:
    """Analyse the sample that comes with mien and say where the report is.

    The sample is a NASA portrait (public domain). The demo turns it into a short clip by moving
    a camera over the still picture, so the face keeps its expression: expect flat curves.

    With --mran the sample is a drawn face in near dark: color, depth and thermal go through the
    multi-modal network, and report and attention.mp4 show what it was given and where it attended.
    """
    from mien.api import analyze
    from mien.demo import write_demo_clip, write_demo_streams
    from mien.output.folder import prepare_root

    prepare_root(out)
    if mran:
        files = write_demo_streams(out / "streams")
        result = analyze(
            files["color"],
            depth=files["depth"],
            thermal=files["thermal"],
            streams=files["streams"],
            mran=True,
            attention=True,
        )
        folder = result.save(out / "dark")
    else:
        result = analyze(write_demo_clip(out / "astronaut.mp4", seconds))
        folder = result.save(out / "astronaut")
    click.echo(repr(result).split("\n  .frames")[0])
    for face in result.document["faces"]:
        if face["reactions"]["video"]:
            listed = ", ".join(f"{k} {v:.2f}" for k, v in face["reactions"]["video"].items())
            click.echo(f"  face {face['face_id']} reactions: {listed}")
    click.echo(f"report: {(folder / 'report.html').resolve()}")
