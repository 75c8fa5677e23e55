"""Runs the application until it is told to end."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn

from mien.errors import ConfigError
from mien.io import only_run, sweep
from mien.output.folder import prepare_root
from mien.serve.app import create_app
from mien.serve.runner import Runner
from mien.serve.settings import Settings


class _Server(uvicorn.Server):
    """Ends the events, which would never end by themselves, before it waits for requests."""

    runner: Runner

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Told to end."""
        self.runner.stopping.set()
        super().handle_exit(sig, frame)


def listen(settings: Settings, port: int, say: Callable[[str], object]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises
    ------
    ConfigError
        If nobody can listen at that address.
    OutputError
        If the data folder cannot be written, or another server has it.
    """
    prepare_root(settings.data)
    settings.data.chmod(0o700)
    with only_run(settings.data), _socket(settings.host, port) as listener:
        # Uploads are gathered on the disk that keeps them: the system's place may be memory.
        incoming = settings.data / "incoming"  # ours alone: the folder itself is the user's
        incoming.mkdir(exist_ok=True)
        tempfile.tempdir = str(incoming)
        sweep(incoming, "*")
        app, runner = create_app(settings)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # it would show names of analyses
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        server = _Server(config)
        server.runner = runner
        say(f"mien: open {_link(settings, listener.getsockname()[1])}  (Ctrl-C ends)")
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
        # What it accepts is like it: an answer's head and body are two writes, and without this the
        # second waits for the other side to say that it has the first, 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {host}, port {port} ({error.strerror}); choose another --port"
        ) from error


def _link(settings: Settings, port: int) -> str:
    host = socket.gethostname() if settings.host in ("0.0.0.0", "::") else settings.host
    place = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    return place if settings.token is None else f"{place}?token={settings.token}"
