"""``mien synthesize``: draw synthetic faces with exact truth (needs the extra 'synthetic')."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mien.cli.progress import progress_bar
from mien.errors import ConfigError

if TYPE_CHECKING:
    from mien.synthetic.faces.generation import SetSummary

_Function = TypeVar("_Function", bound=Callable[..., Any])
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_SHEETS = (".png", ".jpg")


@click.group("synthesize")
def command() -> None:
    """Draw faces with all labels known. Needs the extra 'synthetic'.

    Nobody in the pictures is real: every face is computed from random numbers.
    """
    # Sums in one thread: the same bytes on any number of cores. NumPy reads this when it loads.
    if "numpy" not in sys.modules:
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))


def _modalities(_: click.Context, __: click.Parameter, text: str) -> tuple[str, ...]:
    from mien.synthetic.faces.generation.arguments import ordered_modalities

    try:
        return ordered_modalities([name.strip() for name in text.split(",") if name.strip()])
    except ConfigError as error:
        raise click.UsageError(str(error)) from error


def _with(*options: Callable[[Any], Any]) -> Callable[[_Function], _Function]:
    """A decorator that adds options, listed in this order."""

    def add(function: _Function) -> _Function:
        for option in reversed(options):
            function = option(function)
        return function

    return add


_pictures = _with(
    click.option(
        "--seed",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Another seed, other people.",
    ),
    click.option(
        "--size",
        "size_px",
        type=click.IntRange(32, 1024),
        default=112,
        show_default=True,
        help="Side of the pictures in pixels.",
    ),
    click.option(
        "--modalities",
        default="color,depth,thermal",
        show_default=True,
        callback=_modalities,
        help="Which cameras, separated by commas.",
    ),
    click.option(
        "--framing",
        type=click.Choice(["portrait", "aligned"]),
        default="portrait",
        show_default=True,
        help="Head and shoulders, or the face as the models' crop shows it.",
    ),
    click.option(
        "--light",
        type=click.Choice(["any", "even", "harsh", "dark"]),
        default="any",
        show_default=True,
        help="How the faces are lit.",
    ),
    click.option("--quiet", is_flag=True, help="No progress bar and no summary."),
)
_frontal = click.option("--frontal", is_flag=True, help="Keep heads straight.")
_set = _with(
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        required=True,
        help="Folder of the set; a stopped run goes on from there.",
    ),
    click.option("--count", type=click.IntRange(1), required=True, help="Size of the set."),
    click.option("--jobs", type=click.IntRange(1), help="Processes. Default: one per core."),
)


@command.command("images")
@_set
@_pictures
@click.option(
    "--per-person",
    "images_per_person",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Images of one person, each with another scene and another face.",
)
@_frontal
@click.option(
    "--speech",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of faces that talk without its changing what they express.",
)
def images(out: Path, count: int, quiet: bool, **arguments: Any) -> None:
    """Make an image set: PNG files and a table of truth."""
    from mien.synthetic.faces.generation import stage, synthesize_images

    with progress_bar(count, "image", quiet) as update:
        summary = synthesize_images(
            out, count, progress=update, factory=stage.open_stage, **arguments
        )
    if not quiet:
        _report(summary, "images")


@command.command("videos")
@_set
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="Length of every video.",
)
@click.option(
    "--fps", type=click.FloatRange(1), default=25.0, show_default=True, help="Frames per second."
)
@_pictures
@click.option(
    "--per-person",
    "videos_per_person",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Videos of one person, each with another scene.",
)
def videos(
    out: Path, count: int, seconds: float, fps: float, quiet: bool, **arguments: Any
) -> None:
    """Make a video set: clips, annotations and the truth of every frame."""
    from mien.synthetic.faces.generation import stage, synthesize_videos

    expected = int(count * seconds * fps) if seconds * fps < 1e9 else None  # nan: refused below
    with progress_bar(expected, "frame", quiet) as update:
        summary = synthesize_videos(
            out, count, seconds, fps=fps, progress=update, factory=stage.open_stage, **arguments
        )
    if not quiet:
        _report(summary, "videos")


@command.command("trimodal")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the set; a stopped run goes on from there.",
)
@click.option(
    "--train",
    type=click.IntRange(1),
    default=1200,
    show_default=True,
    help="Training clips, one of each person.",
)
@click.option(
    "--valid", type=click.IntRange(1), default=120, show_default=True, help="Validation clips."
)
@click.option(
    "--test",
    type=click.IntRange(1),
    default=90,
    show_default=True,
    help="Test people, each in all three lights.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=1.92,
    show_default=True,
    help="Length of every clip.",
)
@click.option(
    "--fps", type=click.FloatRange(1), default=12.5, show_default=True, help="Frames per second."
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Another seed, other people.",
)
@click.option("--jobs", type=click.IntRange(1), help="Processes. Default: one per core.")
@click.option("--quiet", is_flag=True, help="No progress bar and no summary.")
def trimodal(out: Path, quiet: bool, **arguments: Any) -> None:
    """Make the tri-modal benchmark: color, depth and thermal in even, harsh and dark light."""
    from mien.synthetic.faces.generation import stage, synthesize_trimodal

    clips = arguments["train"] + arguments["valid"] + 3 * arguments["test"]
    frames = clips * arguments["seconds"] * arguments["fps"]
    with progress_bar(int(frames) if frames < 1e9 else None, "frame", quiet) as update:
        summary = synthesize_trimodal(
            out, progress=update, factory=stage.open_condition_stage, **arguments
        )
    if not quiet:
        _report(summary, "videos")


@command.command("preview")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The picture: .png or .jpg."
)
@click.option("--count", type=click.IntRange(1, 1000), default=64, show_default=True)
@click.option("--labels", is_flag=True, help="Say under each face what it expresses.")
@_pictures
@_frontal
def preview(out: Path, labels: bool, quiet: bool, **arguments: Any) -> None:
    """Draw a contact sheet of many people, one picture of each."""
    from mien.synthetic.faces.generation import ImageSet, contact_sheet, stage
    from mien.synthetic.faces.generation.preview import write_sheet

    if out.suffix.lower() not in _SHEETS:
        raise click.UsageError(f"--out is {out}: a contact sheet ends in {' or '.join(_SHEETS)}")
    plan = ImageSet(images_per_person=1, **arguments)
    with progress_bar(plan.count, "image", quiet) as update:
        sheet = contact_sheet(plan, labels=labels, progress=update, factory=stage.open_stage)
    write_sheet(sheet, out)
    if not quiet:
        click.echo(f"{out}: {plan.count} face(s)")


def _report(summary: SetSummary, unit: str) -> None:
    """What there is, what was drawn and how fast."""
    splits = ", ".join(f"{name} {count}" for name, count in summary.splits.items())
    done = [f"{summary.made_frames} frames drawn"]
    if summary.made_frames:
        done.append(f"{summary.made_frames / summary.seconds:.1f} frames/s")
    if summary.kept_frames:
        done.append(f"{summary.kept_frames} there already")
    click.echo(f"{summary.count} {unit} ({splits}), {', '.join(done)} -> {summary.manifest}")
