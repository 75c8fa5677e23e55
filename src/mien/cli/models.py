"""``mien models``: list, check, fetch and share models."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mien.errors import ModelError


@click.group("models")
def command() -> None:
    """List, check, fetch and share models (exported ONNX files).

    Options that take a model, such as --affect, take the name of a pulled one, too.
    """


@command.command("list")
def list_models() -> None:
    """List the models that ship and those that were pulled."""
    from mien.runtime.collection import models

    rows = []
    for one in models():
        try:
            told = one.metadata()
        except ModelError:
            told = {"role": "damaged"}
        size = f"{one.path.stat().st_size / 1e6:.1f} MB"
        where = "ships" if one.ships else "pulled"
        rows.append((one.name, told["role"], where, size, str(told.get("license") or "")[:60]))
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[4]]).rstrip())


@command.command("info")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="All that the file says, as JSON.")
def info(model: str, as_json: bool) -> None:
    """Say what MODEL, a name or a file, says of itself."""
    from mien.runtime.collection import find_model

    one = find_model(model)
    told = one.metadata()
    if as_json:
        click.echo(json.dumps(told, indent=1, ensure_ascii=False))
        return
    for key in ("role", "name", "version", "license", "trained_on", "caveat"):
        click.echo(f"{key.replace('_', ' ')}: {told.get(key) or 'not said'}")
    click.echo(f"file: {one.path} ({one.path.stat().st_size / 1e6:.2f} MB)\nsha256: {one.sha256}")
    if one.path.with_suffix(".md").is_file():
        click.echo(f"card: {one.path.with_suffix('.md')}")


@command.command("verify")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
def verify(names: tuple[str, ...]) -> None:
    """Check checksums and metadata, of all models without MODEL."""
    from mien.runtime.collection import find_model, models

    faults = 0
    for one in [find_model(name) for name in names] or models():
        fault = one.fault()
        faults += fault is not None
        click.echo(f"{one.name}: {fault or 'good'}")
    if faults:
        raise ModelError(f"{faults} of the models are damaged: pull them again, or reinstall mien")


@command.command("pull")
@click.argument("source")
@click.option("--revision", help="Branch, tag or commit of the repository. Default: the newest.")
def pull(source: str, revision: str | None) -> None:
    """Fetch the models of SOURCE: OWNER/NAME on the Hugging Face hub (extra hub), or a folder."""
    from mien.runtime.collection import models
    from mien.runtime.hub import pull as fetch

    paths = {one.path for one in fetch(source, revision)}
    for one in models():
        if one.path in paths:
            click.echo(f"{one.name}: {one.metadata()['role']}, {one.path}")


@command.command("push")
@click.argument("model")
@click.argument("target")
@click.option("--private", is_flag=True, help="A repository that is made is shown to you alone.")
def push(model: str, target: str, private: bool) -> None:
    """Put MODEL with card and checksum to TARGET: OWNER/NAME on the hub, or ./FOLDER."""
    from mien.runtime.hub import push as send

    click.echo(send(Path(model) if Path(model).is_file() else model, target, private))
