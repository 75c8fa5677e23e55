"""What the server knows of its analyses, in SQLite: it is there after a restart."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from mien.errors import OutputError

DATABASE = "serve.sqlite"
STUDY = "study-of-results"
"""Folder of the one study, beside those of the analyses."""

_ATTEMPTS = 3
_TABLE = """
CREATE TABLE IF NOT EXISTS analyses (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, state TEXT NOT NULL, message TEXT, created_s REAL NOT NULL,
    ended_s REAL, frames INTEGER, frames_total INTEGER, faces INTEGER,
    suffix TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0
)
"""


@dataclass(frozen=True)
class Analysis:
    """One upload and how far it is.

    Attributes
    ----------
    id
        Random.
    name
        What the file was called by who sent it; for showing only.
    size_bytes
        Of the upload.
    state
        ``done`` has results; ``failed`` has a message.
    message
        Why it failed, on one line.
    created_s, ended_s
        Seconds since 1970, UTC.
    frames, frames_total
        Frames read, and how many there probably are (None: unknown).
    faces
        People found; None before the end.
    """

    id: str
    name: str
    size_bytes: int
    state: Literal["queued", "running", "done", "failed"]
    message: str | None
    created_s: float
    ended_s: float | None
    frames: int | None
    frames_total: int | None
    faces: int | None


_COLUMNS = ", ".join(field.name for field in fields(Analysis))


class NoRoomError(OutputError):
    """As many analyses are kept as may be."""


class Store:
    """The table of analyses and their folders; may be used from any thread.

    Parameters
    ----------
    data
        Folder of the server. What was running when it was last left is queued again; what was
        tried three times has failed.
    """

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.data = data
        self._lock = threading.Lock()
        self._base = sqlite3.connect(data / DATABASE, check_same_thread=False, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute(_TABLE)
        self._do(
            "UPDATE analyses SET state = 'failed', ended_s = ?, message = name || "
            "': was begun three times and never ended; perhaps memory does not suffice' "
            "WHERE state = 'running' AND attempts >= ?",
            time.time(),
            _ATTEMPTS,
        )
        self._do(
            "UPDATE analyses SET state = 'queued', frames = NULL, frames_total = NULL "
            "WHERE state = 'running'"
        )
        self._sweep()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._base.close()

    def folder(self, key: str) -> Path:
        """Of an analysis that is known; nobody else's text becomes a path."""
        return self.data / key

    def add(self, key: str, name: str, suffix: str, size_bytes: int, keep: int) -> Analysis:
        """Queue an upload that lies in its folder.

        Raises
        ------
        NoRoomError
            If `keep` analyses are there.
        """
        added = self._do(
            "INSERT INTO analyses (id, name, suffix, size_bytes, state, created_s) "
            "SELECT ?, ?, ?, ?, 'queued', ? WHERE (SELECT count(*) FROM analyses) < ?",
            *(key, name, suffix, size_bytes, time.time(), keep),
        )
        if not added:
            raise NoRoomError(f"{keep} analyses are kept already; delete some first")
        found = self.get(key)
        assert found is not None
        return found

    def count(self) -> int:
        """How many analyses there are."""
        return int(self._rows("SELECT count(*) FROM analyses")[0][0])

    def get(self, key: str) -> Analysis | None:
        """One analysis; None where there is no such."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM analyses WHERE id = ?", key)
        return Analysis(*rows[0]) if rows else None

    def all(self) -> list[Analysis]:
        """All analyses, the latest first."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM analyses ORDER BY number DESC")
        return [Analysis(*row) for row in rows]

    def claim(self) -> tuple[Analysis, Path] | None:
        """The analysis that waited longest, now running, and its upload; None where none waits."""
        rows = self._rows(
            "UPDATE analyses SET state = 'running', attempts = attempts + 1 WHERE number = "
            "(SELECT min(number) FROM analyses WHERE state = 'queued') "
            f"RETURNING {_COLUMNS}, suffix"
        )
        if not rows:
            return None
        *values, suffix = rows[0]
        found = Analysis(*values)
        return found, self.folder(found.id) / f"upload{suffix}"

    def progress(self, key: str, frames: int, total: int | None) -> None:
        """Note how far a running analysis is."""
        self._do(
            "UPDATE analyses SET frames = ?, frames_total = ? WHERE id = ? AND state = 'running'",
            *(frames, total, key),
        )

    def done(self, key: str, frames: int | None, faces: int | None) -> None:
        """Its results are complete."""
        self._do(
            "UPDATE analyses SET state = 'done', ended_s = ?, frames = ?, frames_total = ?, "
            "faces = ? WHERE id = ?",
            *(time.time(), frames, frames, faces, key),
        )

    def failed(self, key: str, message: str) -> None:
        """It has no results, and why."""
        self._do(
            "UPDATE analyses SET state = 'failed', ended_s = ?, message = ? WHERE id = ?",
            *(time.time(), message, key),
        )

    def requeue(self, key: str) -> None:
        """It was stopped through no fault of its own."""
        self._do(
            "UPDATE analyses SET state = 'queued', attempts = attempts - 1, "
            "frames = NULL, frames_total = NULL WHERE id = ? AND state = 'running'",
            key,
        )

    def delete(self, key: str) -> bool:
        """Forget an analysis; True if it was there. Its folder goes with `remove`."""
        return self._do("DELETE FROM analyses WHERE id = ?", key) > 0

    def keep_study(self, made: Path) -> None:
        """Put a study in the place of the one of before."""
        self.forget_study()
        made.rename(self.data / STUDY)

    def forget_study(self) -> None:
        """Remove the study, where there is one: what it sums up may be deleted."""
        shutil.rmtree(self.data / STUDY, ignore_errors=True)

    def remove(self, key: str) -> None:
        """Remove the folder of a forgotten analysis."""
        shutil.rmtree(self.folder(key), ignore_errors=True)

    def expired(self, before_s: float) -> list[str]:
        """Analyses that ended before that time."""
        rows = self._rows(
            "SELECT id FROM analyses WHERE ended_s < ? AND state IN ('done', 'failed')", before_s
        )
        return [row[0] for row in rows]

    def _sweep(self) -> None:
        """Remove what a killed server left: uploads that are not complete, halves of results."""
        states = {entry.id: entry.state for entry in self.all()}
        for folder in self.data.iterdir():
            if folder.is_symlink() or not folder.is_dir() or not _is_key(folder.name):
                continue
            state = states.get(folder.name)
            if state is None:
                self.remove(folder.name)
            elif state == "queued":
                for left in folder.iterdir():
                    if left.is_dir():
                        shutil.rmtree(left, ignore_errors=True)
            else:
                forget_upload(folder)

    def _do(self, text: str, *values: Any) -> int:
        with self._lock, closing(self._base.execute(text, values)) as cursor:
            return cursor.rowcount

    def _rows(self, text: str, *values: Any) -> list[Any]:
        with self._lock, closing(self._base.execute(text, values)) as cursor:
            return cursor.fetchall()


def new_key() -> str:
    """A random name: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def forget_upload(folder: Path) -> None:
    """Remove the upload of an analysis that has ended: only its results are kept."""
    for upload in folder.glob("upload*"):
        upload.unlink(missing_ok=True)


def _is_key(name: str) -> bool:
    return len(name) == 32 and set(name) <= set("0123456789abcdef")
