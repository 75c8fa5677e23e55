"""The command line: thin verbs over the Python API.

One verb a module: a new file here is a new verb. They are imported when called, so that
``mien --help`` is quick and ``mien analyze`` never touches what only training needs.
"""

from __future__ import annotations

import pkgutil
import re
import signal
import sys
from difflib import get_close_matches
from functools import wraps
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, ClassVar

import click

from mien._version import __version__
from mien.errors import ConfigError, MienError, install, one_line

_FIRST = ("analyze", "demo")  # in the help; the others follow by name
_ENTRY_POINTS = "mien.verbs"
_OPENING = re.compile(r'"""``mien ([\w-]+)``: (.+?)"""')


def verbs() -> dict[str, str]:
    """Verb to help line, from the first lines of the modules here: --help imports none of them.

    A module whose docstring starts with ``mien NAME``: is the verb NAME; its ``command`` is run.
    Packages of others add theirs by an entry point of the group ``mien.verbs``.
    """
    found = {}
    for module in pkgutil.iter_modules(__path__):
        spec = find_spec(f"{__name__}.{module.name}")
        loader = None if spec is None else spec.loader
        source = loader.get_source(spec.name) if isinstance(loader, InspectLoader) and spec else ""
        told = _OPENING.match(source or "")
        if told is not None:
            found[told[1]] = told[2][0].upper() + told[2][1:]
    found |= {point.name: f"From {point.module}." for point in entry_points(group=_ENTRY_POINTS)}
    return dict(sorted(found.items(), key=lambda verb: (verb[0] not in _FIRST, verb[0])))


def complain(problem: object) -> None:
    """Say something on stderr, on one line whatever a file name holds."""
    click.echo("mien: " + one_line(problem), err=True)


class Verbs(click.Group):
    """Verbs that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        return list(verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb; None where there is no such."""
        if cmd_name not in verbs():
            return None
        for point in entry_points(group=_ENTRY_POINTS):
            if point.name == cmd_name:
                found = point.load()
                break
        else:
            found = import_module(f"{__name__}.{cmd_name.replace('-', '_')}").command
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb; a misspelt one names the nearest."""
        near = get_close_matches(args[0], verbs(), n=1)
        if args[0] not in verbs() and near:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(verbs().items()))


class WithAliases(click.Group):
    """A group in which some verbs have an older name, which help does not show."""

    aliases: ClassVar[dict[str, str]] = {"mma": "extractor"}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name, or of the older name."""
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))


class NeedsTorch(WithAliases):
    """A group whose verbs need torch when they run; their help does not."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Guard the verb."""
        run = cmd.callback
        assert run is not None

        @wraps(run)
        def guarded(*args: Any, **settings: Any) -> Any:
            require_torch()
            return run(*args, **settings)

        cmd.callback = guarded
        super().add_command(cmd, name)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
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
        raise ConfigError(f"this needs torch, which is not installed: {install('train')}")


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
