"""What bounds a server."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path

from mien.pipeline.options import AnalysisOptions

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Settings:
    """How a server keeps and reads what it is given.

    Attributes
    ----------
    data
        Its folder: a database, and a folder for each analysis.
    host
        Address it listens at.
    token
        What every request has to show; None: nothing, which is for this machine alone.
    max_upload_bytes
        Larger requests are refused.
    jobs
        Inputs that are read at once.
    keep
        Analyses that are kept at most, queued ones included.
    keep_hours
        After which time an analysis is deleted; 0: never.
    max_minutes
        An input that takes longer fails.
    options
        How inputs are read.
    """

    data: Path
    host: str = "127.0.0.1"
    token: str | None = None
    max_upload_bytes: int = 2_000_000_000
    jobs: int = 1
    keep: int = 200
    keep_hours: float = 24.0
    max_minutes: float = 120.0
    options: AnalysisOptions = field(default_factory=AnalysisOptions)

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in _LOOPBACK

    def is_our_name(self, host: str) -> bool:
        """Whether a request may call the server so (no port, no brackets).

        A page of others can point a domain name of theirs at this address, but not a number.
        """
        if self.is_local:
            return host in _LOOPBACK
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host in {"localhost", self.host.lower(), socket.gethostname().lower()}
        return True
