"""Results as they are sent: files, a zip of all, and the rules for the report."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Container, Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import IO

TYPES = {
    "frames.csv": "text/csv; charset=utf-8",
    "frames.parquet": "application/vnd.apache.parquet",
    "video.json": "application/json",
}
_HASH = re.compile(rb"script-src ('sha256-[A-Za-z0-9+/]{43}=')")
_HEAD_BYTES = 2000
_NAME_LENGTH = 60  # so that no file name becomes too long in bytes
_CHUNK_BYTES = 1 << 20


def report_rules(report: Path, framed_by: str = "'none'") -> str:
    """The policy for a report: its own script by its hash, its styles, embedded pictures.

    The sandbox gives it an origin of its own, so that nothing in it could ask this server.
    `framed_by` says who may show it in a frame.
    """
    with report.open("rb") as file:
        found = _HASH.search(file.read(_HEAD_BYTES))
    script = found[1].decode("ascii") if found else "'none'"
    return (
        f"default-src 'none'; script-src {script}; style-src 'unsafe-inline'; img-src data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {framed_by}; "
        "sandbox allow-scripts allow-modals allow-downloads"
    )


def zip_of(folders: Mapping[str, Path], scratch: Path) -> IO[bytes]:
    """An open file with all files of folders in a zip; the same bytes for the same results.

    `folders` by what stands before their files' names: ``""``, or ``"clip/"``.
    """
    file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  who sends it closes it
    with zipfile.ZipFile(file, "w") as archive:
        found = (
            (f"{name}{path.name}", path)
            for name, folder in folders.items()
            for path in sorted(folder.iterdir())
            if path.is_file()
        )
        for name, path in found:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            # Parquet is packed already.
            packed = path.suffix in (".parquet", ".mp4", ".npz")
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
    file.seek(0)
    return file


def folder_name(name: str, taken: Container[str]) -> str:
    """A free name of a folder after an upload's name, of letters that every system takes.

    Examples
    --------
    >>> folder_name("a/b*.mp4", ()), folder_name("b_.avi", {"b_"})
    ('b_', 'b__2')
    """
    stem = (
        re.sub(r"[^\w .-]", "_", PureWindowsPath(name).stem)[:_NAME_LENGTH].strip(" .") or "video"
    )
    number, found = 1, stem
    while found in taken:
        number += 1
        found = f"{stem}_{number}"
    return found


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Its bytes, piece by piece; it is closed at the end."""
    with file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece
