"""``mien draw``: a drawn face that shows given action units (needs the extra 'synthetic')."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mien.errors import ConfigError, one_line
from mien.labels import ACTION_UNIT_NAMES

_STRENGTH = click.FloatRange(0, 1)


def _unit_options(function: Callable[..., None]) -> Callable[..., None]:
    """``--au1`` (or ``--au01``) to ``--au26``, the strength of each."""
    for unit, name in reversed(ACTION_UNIT_NAMES.items()):
        spelled = dict.fromkeys((f"--au{unit}", f"--au{unit:02d}"))
        words = f"{name[0].upper()}{name[1:]}."
        option = click.option(*spelled, f"au{unit}", type=_STRENGTH, metavar="0..1", help=words)
        function = option(function)
    return function


@click.command("draw")
@_unit_options
@click.option("--yaw", "yaw_deg", type=float, default=0.0, help="Head to its own left, degrees.")
@click.option("--pitch", "pitch_deg", type=float, default=0.0, help="Head up, degrees.")
@click.option("--roll", "roll_deg", type=float, default=0.0, help="Head tilted, degrees.")
@click.option("--gaze-yaw", "gaze_yaw_deg", type=float, default=0.0, help="Eyes to the left.")
@click.option("--gaze-pitch", "gaze_pitch_deg", type=float, default=0.0, help="Eyes up.")
@click.option("--shut", type=_STRENGTH, default=0.0, help="How far the eyes are shut, 0 to 1.")
@click.option(
    "--of",
    type=click.Path(path_type=Path),
    help="A result, or a table of another tool: draw what it says at --at.",
)
@click.option("--at", "at_s", type=float, metavar="SECONDS", help="When, with --of.")
@click.option("--face", help="Face number or name, with --of. Default: longest in sight.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Which person.")
@click.option("--size", "size_px", default=256, show_default=True, help="Side in pixels.")
@click.option(
    "--framing",
    type=click.Choice(["portrait", "aligned"]),
    default="portrait",
    show_default=True,
    help="Head and shoulders, or the face as the models' crop shows it.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="FILE.png or FILE.jpg.")
def command(
    of: Path | None,
    at_s: float | None,
    face: str | None,
    seed: int,
    size_px: int,
    framing: str,
    out: Path,
    **said: Any,
) -> None:
    """Draw a face that shows these action units, to see what numbers look like.

    Strengths are 0 to 1, where 1 is a strong movement of a person (FACS level D to E). The person
    is computed and does not exist.
    """
    from mien.api import read_any
    from mien.synthetic.faces.generation.preview import write_sheet
    from mien.synthetic.faces.portrait import FaceNumbers, Portrait, Pose, draw_face

    if out.suffix.lower() not in (".png", ".jpg"):
        raise ConfigError(f"{out}: a picture ends in .png or .jpg")
    portrait = Portrait(seed, size_px, framing)
    units = {u: said.pop(f"au{u}") for u in ACTION_UNIT_NAMES}
    units = {unit: strength for unit, strength in units.items() if strength is not None}
    if of is not None:
        if units or Pose(**said) != Pose() or at_s is None:
            raise ConfigError(
                "--of goes with --at SECONDS, and without units, pose, gaze and lids of your own"
            )
        image = read_any(of).to_face(at_s=at_s, face=face, portrait=portrait)
    elif at_s is not None or face is not None:
        raise ConfigError("--at and --face say what of a result to draw: add --of RESULT")
    else:
        image = draw_face(FaceNumbers(units, Pose(**said)), portrait)
    write_sheet(image, out)
    click.echo(one_line(out))
