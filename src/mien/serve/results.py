"""Results as they are sent: files, a zip of all, and the rules for the report."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

TYPES = {
    "frames.csv": "text/csv; charset=utf-8",
    "frames.parquet": "application/vnd.apache.parquet",
    "video.json": "application/json",
}
_HASH = re.compile(rb"script-src ('sha256-[A-Za-z0-9+/]{43}=')")
_HEAD_BYTES = 2000
_CHUNK_BYTES = 1 << 20


def report_rules(report: Path) -> str:
    """The policy for a report: its own script by its hash, its styles, embedded pictures.

    The sandbox gives it an origin of its own, so that nothing in it could ask this server.
    """
    with report.open("rb") as file:
        found = _HASH.search(file.read(_HEAD_BYTES))
    script = found[1].decode("ascii") if found else "'none'"
    return (
        f"default-src 'none'; script-src {script}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "sandbox allow-scripts allow-modals allow-downloads"
    )


def zip_of(folder: Path, scratch: Path) -> IO[bytes]:
    """An open file with all results in a zip, flat; the same bytes for the same results."""
    file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  who sends it closes it
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(entry for entry in folder.iterdir() if entry.is_file()):
            entry = zipfile.ZipInfo(path.name)
            entry.external_attr = 0o644 << 16
            # Parquet is packed already.
            packed = path.suffix in (".parquet", ".mp4", ".npz")
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
    file.seek(0)
    return file


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Its bytes, piece by piece; it is closed at the end."""
    with file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece
