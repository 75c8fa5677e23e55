"""``mien serve``: a page on this machine that reads videos and pictures dropped on it."""

from __future__ import annotations

import re
import secrets
from importlib.util import find_spec
from pathlib import Path

import click

from mien.errors import ConfigError, install

_NEEDED = ("fastapi", "uvicorn", "python_multipart")


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
@click.option(
    "--token",
    help="What others have to show, 16 letters, digits, - or _ at least; by default one is made "
    "where --host is not of this machine alone.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(click.get_app_dir("mien")) / "serve",
    show_default="a folder of yours",
    help="Folder for what is uploaded and for the results.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Inputs that are read at once.",
)
@click.option(
    "--max-upload",
    "max_upload_mb",
    type=click.FloatRange(0, 1e6, min_open=True),
    default=2000,
    show_default=True,
    metavar="MB",
    help="Larger files are refused.",
)
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    metavar="N",
    help="Analyses that are kept at once; no more are taken then.",
)
@click.option(
    "--keep-hours",
    type=click.FloatRange(0, 1e6),
    default=24,
    show_default=True,
    help="After this time an analysis is deleted; 0: never.",
)
@click.option(
    "--max-minutes",
    type=click.FloatRange(0, 1e6, min_open=True),
    default=120,
    show_default=True,
    help="An input that takes longer fails.",
)
def command(
    host: str,
    port: int,
    token: str | None,
    data: Path,
    jobs: int,
    max_upload_mb: float,
    keep: int,
    keep_hours: float,
    max_minutes: float,
) -> None:
    """Serve a page that reads videos and pictures dropped on it, until Ctrl-C.

    Nothing leaves this machine. An upload is deleted when it has been read, its results after
    --keep-hours. Any other --host than this machine needs the token; the link has it.
    """
    if any(find_spec(name) is None for name in _NEEDED):
        raise ConfigError(f"the server needs packages that are missing: {install('serve')}")
    if token is not None and not re.fullmatch(r"[\w-]{16,}", token, re.ASCII):
        raise click.UsageError("--token: 16 or more letters, digits, - or _")
    from mien.serve.listen import listen
    from mien.serve.settings import Settings

    settings = Settings(
        data=data,
        host=host,
        token=token,
        max_upload_bytes=round(max_upload_mb * 1e6),
        jobs=jobs,
        keep=keep,
        keep_hours=keep_hours,
        max_minutes=max_minutes,
    )
    if not settings.is_local and token is None:
        from dataclasses import replace

        settings = replace(settings, token=secrets.token_urlsafe(24))
    listen(settings, port, click.echo)
