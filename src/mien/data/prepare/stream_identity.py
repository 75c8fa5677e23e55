"""What a recording's crops were made from, as a hash: another one means that they are stale."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

import numpy as np

from mien.data.recordings import StreamFile, StreamSource


def source_digest(source: StreamSource) -> str:
    """Hash of a recording's files (names, sizes, times of change), calibration and traces."""
    digest = hashlib.sha256()
    for name, stream in sorted(source.streams.items()):
        digest.update(f"{name} {_calibration(stream)} {_state(stream.path)}\n".encode())
    digest.update(source.traces.time_s.tobytes())
    digest.update(source.traces.affect.tobytes())
    if source.traces.units is not None:
        digest.update(source.traces.units.tobytes())
    return digest.hexdigest()


def _calibration(stream: StreamFile) -> list[object]:
    values = [getattr(stream, field.name) for field in fields(stream) if field.name != "path"]
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in values]


def _state(path: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and times of change of a file, or of what is in a folder; nothing: not there."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        states = [(file.name, file.stat()) for file in files]
    except OSError:  # reading it will say what is wrong
        return []
    return [(name, state.st_size, state.st_mtime_ns) for name, state in states]
