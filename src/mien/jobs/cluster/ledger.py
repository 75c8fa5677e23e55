"""``summary.parquet``: what came of every input, readable meanwhile; resuming rests on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mien.errors import OutputError
from mien.io import atomic_path
from mien.jobs.cluster.manifest import Manifest
from mien.jobs.cluster.places import RemoteJob, is_url, open_place
from mien.jobs.job import Outcome

LEDGER = "summary.parquet"
STATUSES = ("waiting", "analysed", "failed")
_IDENTITY = b"mien_identity"
_EVERY_S, _SHARE = 2.0, 0.02  # written so often at most, and in so much of the time


class Ledger:
    """One row per input, in the order of a manifest; a few bytes of memory each.

    Parameters
    ----------
    manifest
        The inputs.
    out
        Folder or URL that holds the file.
    identity
        What results hang on, as one text; a file of another one counts for nothing.
    redo
        Whether what is done is done again.

    Attributes
    ----------
    skipped
        How many rows an earlier run has done.
    caveats
        What the numbers are worth, of models that gave any in this run.

    Raises
    ------
    OutputError
        If there is such a file of somebody else.
    """

    def __init__(self, manifest: Manifest, out: str, identity: str, redo: bool = False) -> None:
        self._manifest, self._identity = manifest, identity
        self._path = f"{out.rstrip('/')}/{LEDGER}"
        count = len(manifest)
        self._status = np.zeros(count, np.int8)
        self._seconds = np.zeros(count, np.float32)
        self._frames = np.zeros(count, np.int32)
        self._faces = np.zeros(count, np.int32)
        self._messages: dict[int, str] = {}
        self._next_s = 0.0
        self.skipped = 0
        self.caveats: list[str] = []
        earlier = self._earlier()
        if earlier is not None and _IDENTITY not in (earlier.schema.metadata or {}):
            raise OutputError(
                f"{self._path}: is there already and is not of mien; move it, or choose another "
                "--out"
            )
        if not redo:
            self._take_up(earlier)

    def waiting(self) -> Iterator[int]:
        """Rows that this run has not been at; what failed in an earlier one is among them."""
        for row in np.flatnonzero(self._status == 0):
            yield int(row)

    def check(self, is_there: Callable[[RemoteJob], bool]) -> None:
        """Let what is said to be analysed, but is not there any more, wait again."""
        for row in np.flatnonzero(self._status == 1):
            if not is_there(self._manifest[int(row)]):
                self._status[row] = 0
                self._seconds[row] = self._frames[row] = self._faces[row] = 0
                self.skipped -= 1

    def count(self, status: str) -> int:
        """How many rows have it."""
        return int(np.count_nonzero(self._status == STATUSES.index(status)))

    def line(self) -> str:
        """Such as ``58 of 60 analysed, 40 of them earlier, 2 failed``."""
        analysed, failed = self.count("analysed"), self.count("failed")
        earlier = f", {self.skipped} of them earlier" if self.skipped else ""
        told = f", {failed} failed: see {self._path}" if failed else ""
        return f"{analysed} of {len(self._status)} analysed{earlier}{told}"

    def add(self, row: int, outcome: Outcome) -> None:
        """One more input is done with."""
        self._status[row] = STATUSES.index(outcome.status)
        self._seconds[row] = outcome.seconds
        self._frames[row], self._faces[row] = outcome.frames or 0, outcome.faces or 0
        self._messages.pop(row, None)
        if outcome.message is not None:
            self._messages[row] = outcome.message
        if time.monotonic() >= self._next_s:
            try:
                self.write()
            except Exception:  # noqa: BLE001  of every store another; the last time counts
                self._next_s = time.monotonic() + _EVERY_S

    def write(self) -> None:
        """Write the file anew; it is never seen half-written."""
        started_s = time.monotonic()
        table = self._table()
        if is_url(self._path):
            files, path = open_place(self._path)
            data = BytesIO()
            pa.parquet.write_table(table, data)
            files.pipe_file(path, data.getvalue())
        else:
            with atomic_path(Path(self._path)) as partial, partial.open("wb") as file:
                pa.parquet.write_table(table, file)
        ended_s = time.monotonic()
        self._next_s = ended_s + max(_EVERY_S, (ended_s - started_s) / _SHARE)

    def _table(self) -> pa.Table:
        messages = [None] * len(self._status)
        for row, text in self._messages.items():
            messages[row] = text  # type: ignore[call-overload]
        status = pa.DictionaryArray.from_arrays(pa.array(self._status), pa.array(STATUSES))
        columns = {
            "source": self._manifest.sources,
            "version": self._manifest.versions,
            "status": status,
            "message": pa.array(messages, pa.string()),
            "seconds": pa.array(self._seconds),
            "frames": pa.array(self._frames),
            "faces": pa.array(self._faces),
        }
        return pa.table(columns).replace_schema_metadata({_IDENTITY: self._identity})

    def _take_up(self, table: Any) -> None:
        """Take what an earlier run has done of the same inputs with the same settings."""
        if table is None or (table.schema.metadata or {}).get(_IDENTITY) != self._identity.encode():
            return
        table = self._in_order(table)
        count = min(len(table), len(self._status))  # a manifest may have grown
        same = np.ones(count, bool)
        for name, now in (("source", self._manifest.sources), ("version", self._manifest.versions)):
            then = table.column(name).combine_chunks().cast(pa.large_string())[:count]
            same &= _true(pa.compute.equal(then, now[:count]))
        status = table.column("status").combine_chunks().cast(pa.string())[:count]
        done = same & _true(pa.compute.equal(status, "analysed"))
        self._status[:count][done] = 1
        for name, values in (
            ("seconds", self._seconds),
            ("frames", self._frames),
            ("faces", self._faces),
        ):
            values[:count][done] = table.column(name).to_numpy()[:count][done]
        self.skipped = int(done.sum())

    def _in_order(self, table: pa.Table) -> pa.Table:
        """Rows of an earlier run as this one has them; inputs of a folder may have moved."""
        if not self._manifest.is_named:
            return table
        there = {name: row for row, name in enumerate(table.column("source").to_pylist())}
        rows = [there.get(name) for name in self._manifest.sources.to_pylist()]
        return table.take(pa.array(rows, pa.int64()))

    def _earlier(self) -> Any:
        try:
            if is_url(self._path):
                files, path = open_place(self._path)
                return pa.parquet.read_table(BytesIO(files.cat_file(path)))
            with Path(self._path).open("rb") as file:
                return pa.parquet.read_table(file)
        except (OSError, pa.ArrowException):
            return None


def _true(answers: pa.BooleanArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """As an array; what is not known is not so."""
    return np.asarray(pa.compute.fill_null(answers, False))
