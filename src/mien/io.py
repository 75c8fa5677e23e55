"""Files and folders that are whole or not there, and folders that belong to one run.

A file or folder is written under a hidden name beside its own, ``.<name>.<process>.partial``, and
gets its name when it is complete. What is killed in between leaves a ``.partial``, which `sweep`
removes. A folder of ours says what it is in ``dataset.json``, and `lock_folder` keeps two different
runs from writing into one.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from mien.errors import DataError, InputError, OutputError

try:
    import fcntl
except ImportError:  # Windows, where two runs into one folder are not kept apart
    fcntl = None  # type: ignore[assignment]

DOCUMENT = "dataset.json"
"""The file that says what a folder of ours is."""

LOCK = ".mien-lock"
"""The file that the one run which may write into a folder holds."""

_LOCK = ".prepare.json"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A hidden name beside `path`, for a file or a folder; it becomes `path` if the block succeeds.

    The parent folder is made. If the block raises, what was written is removed and `path` is as it
    was; else it replaces what is at `path`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "a.txt") as partial:
    ...     _ = partial.write_text("whole")
    >>> [file.name for file in folder.iterdir()]
    ['a.txt']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        if partial.is_dir():
            _remove(path)
        partial.replace(path)
    finally:
        _remove(partial)


@contextmanager
def spooled(source: bytes | BinaryIO, name: str) -> Iterator[Path]:
    """A file with these bytes, in a folder for this user alone, for as long as the block lasts.

    Decoders of video want to go back and forth in a file, which a stream need not allow.

    Raises
    ------
    InputError
        If a file object gives text; `name` is what it is called there.
    """
    with tempfile.TemporaryDirectory(prefix="mien-") as folder:
        path = Path(folder) / "input"
        with path.open("wb") as file:
            try:
                if isinstance(source, bytes):
                    file.write(source)
                else:
                    shutil.copyfileobj(source, file)
            except TypeError as error:
                raise InputError(f"{name}: gives text, not bytes; open it with 'rb'") from error
        yield path


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any, ascii_only: bool = False) -> None:
    """Write plain values as indented JSON, whole or not at all; NaN is an error."""
    text = json.dumps(document, indent=2, ensure_ascii=ascii_only, allow_nan=False)
    write_text(path, text + "\n")


def sweep(folder: Path, pattern: str = ".*.partial") -> None:
    """Remove what killed runs left in a folder; `pattern` is relative to it."""
    for left in folder.glob(pattern):
        _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that people write, which must hold an object.

    Raises
    ------
    DataError
        If it cannot be read, is no JSON (the line is named) or holds something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: is no JSON ({error.msg})") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if not isinstance(document, dict):
        raise DataError(f"{path}: holds a {type(document).__name__}; expected an object")
    return document


def read_dataset(
    folder: Path,
    what: str,
    expected: tuple[str, int] | str,
    needs: tuple[str, ...] = (),
    again: str = "",
) -> dict[str, Any]:
    """``dataset.json`` of a folder of ours.

    Parameters
    ----------
    folder
        The folder.
    what
        What messages call such a folder, as in ``"a prepared set"``.
    expected
        Its format and version, or the format where there is no version.
    needs
        Entries that must be there, with dots for those within others.
    again
        How to make it, for the message where there is no document.

    Raises
    ------
    DataError
        If the document is missing, damaged, or of another format or version.
    """
    path = folder / DOCUMENT
    keys = ("format",) if isinstance(expected, str) else ("format", "version")
    wanted = (expected,) if isinstance(expected, str) else expected
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = tuple(document[key] for key in keys)
        lacking = [name for name in needs if not _holds(document, name.split("."))]
    except FileNotFoundError as error:
        no = "not" if what.startswith("a ") else "no"
        raise DataError(
            f"{folder}: {no} {what}: there is no {DOCUMENT}{again and f'; {again}'}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read as that of {what}") from error
    if found != wanted:
        raise DataError(f"{path}: holds {_shown(found)}; expected {_shown(wanted)}")
    if lacking:
        raise DataError(f"{path}: cannot be read as that of {what}: it lacks {lacking[0]!r}")
    return document


def _holds(document: Any, keys: list[str]) -> bool:
    for key in keys:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True


def _shown(found: tuple[Any, ...]) -> str:
    return " version ".join([repr(found[0]), *map(str, found[1:])])


def lock_folder(out: Path, identity: dict[str, Any]) -> None:
    """Make a folder ours, or find that it is from an earlier run of the same.

    Parameters
    ----------
    out
        The folder; it is made if need be.
    identity
        Plain values that make the run what it is; another one is refused.

    Raises
    ------
    OutputError
        If it holds something else, was begun differently, or cannot be written to.
    """
    path = out / _LOCK
    try:
        out.mkdir(parents=True, exist_ok=True)
        sweep(out, f".{_LOCK}.*.partial")
        if not path.is_file():
            if any(file.name != LOCK for file in out.iterdir()):
                raise OutputError(
                    f"{out}: holds something else than this corpus prepared; choose another folder "
                    "with --out"
                )
            write_json(path, identity, ascii_only=True)
        begun = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OutputError(f"{path}: is damaged; choose another folder with --out") from error
    except OSError as error:
        raise cannot_write(out, error) from error
    differing = [key for key, value in identity.items() if begun.get(key) != value]
    if differing:
        raise OutputError(
            f"{out}: was begun with another {' and '.join(differing)} "
            f"({begun.get(differing[0])}, now {identity[differing[0]]}); choose another folder "
            "with --out"
        )


@contextmanager
def only_run(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Keeps other processes from writing into a folder; the system ends it with the process.

    Raises
    ------
    OutputError
        If another process has it.
    """
    path = folder / name
    try:
        file = _locked(path)
        while file is not None and not _is_there(path, file):  # its owner left meanwhile
            file.close()
            file = _locked(path)
    except OSError as error:
        raise cannot_write(folder, error) from error
    if file is None:
        raise OutputError(
            f"{folder}: another run of mien writes into it; wait for it, or choose another folder "
            "with --out"
        )
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open
            path.unlink()
        file.close()


def _locked(path: Path) -> IO[bytes] | None:
    """The file, open and locked; None if another process has the lock."""
    file = path.open("ab")
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            file.close()
            return None
        # A file system that knows no locks: better without than not at all.
    return file


def _is_there(path: Path, file: IO[bytes]) -> bool:
    """Whether the open file is the one at the path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def cannot_write(place: Path, error: OSError) -> OutputError:
    """What to say of a place that cannot be written to."""
    return OutputError(
        f"{place}: cannot be written to ({error.strerror or error}); choose another folder with "
        "--out"
    )
