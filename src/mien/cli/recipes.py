"""``mien recipes``: list and copy the recipes that ship with mien."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("recipes")
def command() -> None:
    """List and copy the recipes that ship with mien."""


@command.command("list")
def list_recipes() -> None:
    """List the recipes, each with the first words of its file."""
    from mien.recipes import recipes

    found = recipes()
    width = max(len(name) for name in found)
    for name, words in found.items():
        click.echo(f"{name:<{width}}  {words}".rstrip())


@command.command("copy")
@click.argument("names", nargs=-1)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder to copy to. Default: this one.",
)
def copy(names: tuple[str, ...], to: Path) -> None:
    """Copy recipes, each with those that it is based on; without names all, scripts included."""
    from mien.recipes import copy_recipes

    for path in copy_recipes(names, to):
        click.echo(str(path))
