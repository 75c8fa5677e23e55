"""A list of inputs too long for a command line: a csv or Parquet file with a column ``source``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import overload

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mien.errors import DataError, InputError
from mien.jobs.cluster.places import (
    RemoteJob,
    find_media,
    is_free,
    is_url,
    open_place,
    version_of,
)
from mien.jobs.inputs import find_inputs
from mien.output.folder import choose_folder

_PER_FOLDER = 1000  # results in one folder: file systems and stores list a thousand well


class Manifest(Sequence[RemoteJob]):
    """Inputs in order; a job is made when it is asked for, so that a million cost little.

    Parameters
    ----------
    sources
        Paths and URLs.
    versions
        Texts that change when an input does.
    out
        Folder of the results.
    folders
        Their names below it; None: row 1234 goes to ``<out>/0001/0001234-<stem>``.
    faults
        What is wrong with rows that no worker need look at, by row.
    """

    def __init__(
        self,
        sources: pa.Array,
        versions: pa.Array,
        out: str,
        folders: Sequence[str] | None = None,
        faults: Mapping[int, str] | None = None,
    ) -> None:
        self.sources, self.versions = sources, versions
        self.faults = dict(faults or {})
        self._out, self._folders = out.rstrip("/"), folders

    @classmethod
    def read(cls, path: str, out: str) -> Manifest:
        """From a file with a column ``source`` and, if there is one, ``version``.

        Raises
        ------
        DataError
            If it cannot be read, has no such column, or an empty row.
        """
        try:
            files, place = open_place(path) if is_url(path) else (None, path)
            with files.open(place, "rb") if files else Path(place).open("rb") as file:
                is_csv = path.lower().endswith(".csv")
                table = pa.csv.read_csv(file) if is_csv else pa.parquet.read_table(file)
            sources = table.column("source").cast(pa.large_string()).combine_chunks()
        except (OSError, KeyError, pa.ArrowException) as error:
            raise DataError(
                f"{path}: cannot be read as a manifest ({error}); it is a csv or Parquet file "
                "with a column 'source'"
            ) from error
        if sources.null_count or pa.compute.any(pa.compute.equal(sources, "")).as_py():
            raise DataError(f"{path}: a row has no source; every row names one input")
        if "version" in table.column_names:
            versions = table.column("version").cast(pa.large_string()).combine_chunks()
            versions = versions.fill_null("")
        else:
            versions = pa.repeat(pa.scalar("", pa.large_string()), len(sources))
        return cls(sources, versions, out)

    @classmethod
    def of(
        cls, names: Sequence[str], out: str, complain: Callable[[object], None] = print
    ) -> Manifest:
        """From files and folders that are named, in stores or not; results are named after them.

        A folder without media is a row of its own, with its fault.
        """
        found: dict[str, str | None] = {}
        for name in names:
            try:
                media = find_media(name) if is_url(name) else find_inputs(name, complain)
                found |= dict.fromkeys(media)
            except InputError as error:
                found.setdefault(name, str(error))
        sources = list(found)
        versions = [version_of(source) for source in sources]
        taken: set[str] = set()
        folders = [_folder(out, source, taken) for source in sources]
        text = pa.large_string()
        faults = {row: fault for row, fault in enumerate(found.values()) if fault is not None}
        return cls(pa.array(sources, text), pa.array(versions, text), out, folders, faults)

    @property
    def is_named(self) -> bool:
        """Whether results are named after their inputs, and not by their row."""
        return self._folders is not None

    def __len__(self) -> int:
        return len(self.sources)

    @overload
    def __getitem__(self, row: int) -> RemoteJob: ...
    @overload
    def __getitem__(self, row: slice) -> list[RemoteJob]: ...
    def __getitem__(self, row: int | slice) -> RemoteJob | list[RemoteJob]:
        if isinstance(row, slice):
            return [self[k] for k in range(*row.indices(len(self)))]
        source = self.sources[row].as_py()
        name = self.folder(row, source) if self._folders is None else self._folders[row]
        return RemoteJob(source, f"{self._out}/{name}")

    @staticmethod
    def folder(row: int, source: str) -> str:
        """Where the results of a row lie below ``out``.

        Examples
        --------
        >>> Manifest.folder(1234, "s3://bucket/a/smile.mp4")
        '0001/0001234-smile'
        """
        stem = PurePosixPath(source).stem or "input"
        return f"{row // _PER_FOLDER:04d}/{row:07d}-{stem}"


def _folder(out: str, source: str, taken: set[str]) -> str:
    """The name of a result, which is not another input's."""
    if not is_url(out) and not is_url(source):
        return choose_folder(Path(out), source, taken).name
    stem = name = PurePosixPath(source).stem or "input"
    while name in taken or not is_free(f"{out}/{name}", source):
        number = int(name.removeprefix(f"{stem}_")) + 1 if name != stem else 2
        name = f"{stem}_{number}"
    taken.add(name)
    return name
