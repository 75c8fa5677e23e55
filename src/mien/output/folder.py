"""Folders that appear whole or not at all.

What is being written lies beside its place, in ``.mien-<host>-<process>-<random>``. What is being
replaced lies in ``.mien-old-...`` for the moment of two renames. A process that is killed leaves
them, and `sweep_results` of a later run removes the first and gives back what was in the second.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mien.errors import OutputError
from mien.pipeline.summary import file_stamp, source_text

_DOCUMENT = "video.json"
# What mien writes into a result folder, and may therefore replace or remove.
OURS = frozenset(
    {
        *(_DOCUMENT, "report.html", "frames.parquet", "frames.csv", "openface.csv", "pyfeat.csv"),
        *("attention.npz", "attention.mp4", "overlay.mp4", "overlay.png", "player.mp4"),
        *("mran-views.npz", "peaks.json"),
    }
)
"""Files of a result."""

PARTS = ".mien-parts-"
"""How folders of finished parts of long videos begin; a run that goes on reads them."""

SUMMARY = "summary.json"
"""What a run writes beside the result folders."""

# No process in the name: of before there was one there.
_LEFT = re.compile(r"\.mien-(?:old-)?(?:(?P<host>.*)-(?P<process>\d+)-)?[a-z0-9_]{8}")
_OLD = ".mien-old-"
_ABANDONED_S = 7 * 86400.0
_open: set[Path] = set()  # temporary folders of this process


def prepare_root(root: Path) -> None:
    """Make the output folder and check that it can be written to.

    Raises
    ------
    OutputError
        If it cannot.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        raise _cannot_write(root, error) from error


def choose_folder(root: Path, source: str, taken: set[str]) -> Path:
    """Where the results of an input go: ``<stem>``, or with a number where that is taken.

    A folder from an earlier run of the same input is used again (and replaced when the new
    results are complete); one of another input is left alone.

    Parameters
    ----------
    root
        The output folder.
    source
        The input's path as given.
    taken
        Names already given to other inputs of this run; the chosen one is added.
    """
    stem = Path(source).stem or "input"
    number = 1
    while True:
        name = stem if number == 1 else f"{stem}_{number}"
        folder = root / name
        if name not in taken and (not folder.exists() or is_result_of(folder, source)):
            taken.add(name)
            return folder
        number += 1


def is_result_of(folder: Path, source: str) -> bool:
    """Whether a folder holds results of this very input: path, size and time of change."""
    try:
        document = json.loads((folder / _DOCUMENT).read_text(encoding="utf-8"))
        earlier = document["source"]
        # The path is kept as it was given, and from another folder it may mean another file.
        if Path(earlier["path"]).resolve() != Path(source_text(source)).resolve():
            return False
        return (earlier["size_bytes"], earlier["modified_ns"]) == file_stamp(source)
    except (OSError, ValueError, KeyError, TypeError):
        return False  # not a folder of ours: leave it alone


@contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """A temporary folder beside `final` that takes its place if the block succeeds.

    If the block raises, the temporary folder is removed and `final` is as it was. An earlier
    result at `final` is replaced; anything else that is there is never touched.

    Raises
    ------
    OutputError
        If the folder cannot be made or moved, or `final` holds something else than a result.
    """
    if not _is_replaceable(final):
        raise OutputError(
            f"{final}: is there already and holds something else than results of mien; "
            "choose another folder"
        )
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        # The name of the input is left out: with it a legal name could become too long.
        partial = _temporary(".mien-", final.parent)
        # mkdtemp makes folders for one user only; results are for whoever may read the parent.
        partial.chmod(0o777 & ~_umask())
    except OSError as error:
        raise _cannot_write(final.parent, error) from error
    try:
        yield partial
        _replace(partial, final)
    except OSError as error:
        raise _cannot_write(final, error) from error
    finally:
        if partial.exists():
            shutil.rmtree(partial, ignore_errors=True)
        _open.discard(partial)


def _temporary(prefix: str, parent: Path) -> Path:
    host = _host()
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{host}-{os.getpid()}-", dir=parent))
    _open.add(folder)
    return folder


def _host() -> str:
    return re.sub(r"[^\w.]", "_", platform.node())[:64]


def sweep_results(root: Path) -> None:
    """Remove what killed runs left in a folder of results, and give back what they had set aside.

    What processes that are alive have there stays, and what other machines wrote within a week.
    """
    for left in sorted(root.glob(".mien-*")):
        if not left.is_dir() or left.is_symlink() or not _is_left(left):
            continue
        if not left.name.startswith(_OLD):
            shutil.rmtree(left, ignore_errors=True)
            continue
        with suppress(OSError):  # what cannot be given back now is kept for another time
            for old in left.iterdir():
                _give_back(old, root / old.name)
            shutil.rmtree(left, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Whether no process that could be alive is writing it."""
    found = _LEFT.fullmatch(folder.name)
    if found is None:
        return folder.name.startswith(_OLD)  # nothing of it is lost
    if found["process"] is None:
        return True
    process = int(found["process"])
    if folder in _open:
        return False
    if found["host"] != _host():  # nobody can ask that machine: a container, say, that is gone
        return time.time() - folder.stat().st_mtime > _ABANDONED_S
    return process == os.getpid() or not _is_alive(process)


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # there is no asking there: the signal would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _give_back(old: Path, final: Path) -> None:
    """Put an earlier result back, or what others laid beside it into the one that replaced it."""
    if not final.exists():
        old.rename(final)
        return
    for entry in old.iterdir():
        if entry.name not in OURS:
            entry.rename(_free(final / entry.name))


def _free(path: Path) -> Path:
    """The path, or with a number where something is there."""
    number = 1
    found = path
    while os.path.lexists(found):
        number += 1
        found = path.with_name(f"{path.stem}_{number}{path.suffix}")
    return found


def is_result(file: Path) -> bool:
    """Whether mien wrote this file, in a folder of results or beside them."""
    if file.name == SUMMARY:
        return is_summary(file)
    return file.name in OURS and _is_result_folder(file.parent)


def is_summary(file: Path) -> bool:
    """Whether this is the summary of a run."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return "inputs" in document and "mien_version" in document
    except (OSError, ValueError, TypeError):  # nothing there, or somebody else's document
        return False


def read_result(folder: Path) -> tuple[dict[str, Any], set[str]] | None:
    """``video.json`` of a result and the names of its files; None where there is none."""
    try:
        document = json.loads((folder / _DOCUMENT).read_text(encoding="utf-8"))
        return document, {file.name for file in folder.iterdir()} & OURS
    except (OSError, ValueError):
        return None


def _is_result_folder(folder: Path) -> bool:
    try:
        document = json.loads((folder / _DOCUMENT).read_text(encoding="utf-8"))
        return "schema_version" in document and "mien_version" in document
    except (OSError, ValueError, TypeError):  # nothing there, or somebody else's document
        return False


def _is_replaceable(final: Path) -> bool:
    """Whether nothing, an empty folder or an earlier result is there."""
    try:
        if (final / _DOCUMENT).is_file():
            return _is_result_folder(final)
        return not any(final.iterdir())
    except FileNotFoundError:
        return not final.is_symlink()
    except (OSError, ValueError, TypeError):  # a file in the way, or somebody else's document
        return False


def _replace(partial: Path, final: Path) -> None:
    """Put `partial` in the place of `final`; what others laid beside the old results stays."""
    if not final.exists():
        partial.rename(final)
        return
    aside = _temporary(_OLD, final.parent)
    old = aside / final.name
    final.rename(old)
    try:
        partial.rename(final)
    except OSError:
        old.rename(final)
        aside.rmdir()
        _open.discard(aside)
        raise
    _give_back(old, final)
    shutil.rmtree(aside, ignore_errors=True)
    _open.discard(aside)


def write_document(document: dict[str, Any], folder: Path) -> None:
    """Write ``video.json``; a NaN in it is an error, not a file that parsers refuse."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / _DOCUMENT).write_text(text + "\n", encoding="utf-8")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _cannot_write(place: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(
        f"{place}: cannot be written to ({reason}); choose another folder with --out"
    )
