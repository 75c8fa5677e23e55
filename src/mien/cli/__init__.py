"""The command line: thin verbs over the Python API.

Verbs live in modules of their own that are imported when called, so that ``mien --help`` is quick
and ``mien analyze`` never touches what only training needs.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from importlib.util import find_spec

import click

from mien._version import __version__
from mien.errors import ConfigError, MienError

# verb -> (module, help line). The help line stands here so that --help imports nothing.
_VERBS = {
    "analyze": (
        "mien.cli.analyze",
        "Read the faces in videos and images; write tables and reports.",
    ),
    "demo": (
        "mien.cli.demo",
        "Analyse the sample that comes with mien and say where the report is.",
    ),
    "evaluate": ("mien.cli.evaluate", "Measure a model on labelled data."),
    "calibrate": (
        "mien.cli.calibrate",
        "Fit the temperatures that make a model's probabilities mean what they say.",
    ),
    "train": ("mien.cli.train", "Train a model (needs the extra 'train')."),
    "datasets": ("mien.cli.datasets", "List, describe and prepare corpora of real faces."),
    "ablate": (
        "mien.cli.ablate",
        "Run the tables of FaceRNET again on your data (needs the extra 'train').",
    ),
    "synthesize": (
        "mien.cli.synthesize",
        "Draw synthetic faces with exact truth (needs the extra 'synthetic').",
    ),
    "export": ("mien.cli.export", "Turn a trained model into the ONNX file that mien reads."),
}


def complain(problem: object) -> None:
    """Say something on stderr, on one line even where a file name holds line breaks."""
    click.echo("mien: " + " ".join(str(problem).splitlines()), err=True)


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        command = import_module(_VERBS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _VERBS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mien")
def cli() -> None:
    """Read faces in video: valence-arousal, expressions, action units, reactions."""


def _exit_on_signal(number: int, _: object) -> None:
    sys.exit(128 + number)


def require_torch() -> None:
    """Say in one line that training and export need an extra, where it is missing.

    Raises
    ------
    ConfigError
        If torch cannot be imported.
    """
    if find_spec("torch") is None:
        raise ConfigError("this needs torch, which is not installed: pip install '.[train]'")


def main() -> None:
    """Entry point: errors made for people become one line on stderr and exit code 1."""
    for name in ("SIGTERM", "SIGHUP"):  # leave like Ctrl-C: unfinished folders are removed
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _exit_on_signal)
    try:
        cli.main(prog_name="mien", standalone_mode=True)
    except MienError as error:
        complain(error)
        sys.exit(1)
    except ImportError as error:
        if ".so" not in str(error):
            raise  # not a system library: a broken installation wants its traceback
        click.echo(
            f"mien: a system library is missing ({error}); "
            "on Debian or Ubuntu: apt-get install libgl1 libglib2.0-0",
            err=True,
        )
        sys.exit(1)
