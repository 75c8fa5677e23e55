"""Inputs and results in object stores: fetched, analysed on the worker's disk, put back.

Whatever fsspec knows is a place: ``s3://``, ``gs://``, ``memory://``, and plain paths.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from mien.errors import ConfigError, InputError
from mien.jobs.inputs import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from mien.jobs.job import Job, Outcome
from mien.jobs.run import Batch, try_one
from mien.output.folder import OURS
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.summary import source_text

_LAST = "video.json"  # what says that a result is whole is put last, and taken away first


@dataclass(frozen=True)
class RemoteJob:
    """One input and the folder for its results, each a URL or a path."""

    source: str
    target: str

    def __str__(self) -> str:
        return self.source


def is_url(name: str) -> bool:
    """Whether this names a place of fsspec and not a path.

    Examples
    --------
    >>> is_url("s3://bucket/a.mp4"), is_url("C:/a.mp4"), is_url("a.mp4")
    (True, False, False)
    """
    return "://" in name


def open_place(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it.

    Raises
    ------
    ConfigError
        If fsspec, or what it needs for this protocol, is not installed.
    """
    try:
        import fsspec.core

        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"{url}: cannot be opened ({error}); pip install 'mien[scale]', and what fsspec needs "
            "for this protocol, such as s3fs"
        ) from error


def find_media(url: str) -> list[str]:
    """The URL itself, or those of the media below a folder, in order of name.

    Raises
    ------
    InputError
        If there is nothing, or the store does not answer.
    """
    files, path = open_place(url)
    try:
        if not files.isdir(path):
            return [url]
        found = sorted(files.find(path))
    except Exception as error:  # of every store another
        raise InputError(f"{url}: cannot be listed ({_reason(error)})") from error
    media = VIDEO_SUFFIXES | IMAGE_SUFFIXES
    results = {str(PurePosixPath(name).parent) for name in found if name.endswith(f"/{_LAST}")}
    names = [
        files.unstrip_protocol(name)
        for name in found
        if Path(name).suffix.lower() in media
        and str(PurePosixPath(name).parent) not in results  # an overlay is no recording
        and not any(part.startswith(".") for part in PurePosixPath(name).parts)
    ]
    if not names:
        raise InputError(f"{url}: holds no videos or images")
    return names


def version_of(url: str) -> str:
    """What changes when the content does: size, and tag or time of change; empty if unknown."""
    try:
        if not is_url(url):
            status = Path(url).stat()
            return f"{status.st_size}-{status.st_mtime_ns}"
        files, path = open_place(url)
        info = files.info(path)
    except (OSError, ValueError):
        return ""
    changed = info.get("ETag") or info.get("LastModified") or info.get("created")
    return f"{info.get('size')}-{changed}"


def is_there(job: RemoteJob) -> bool:
    """Whether there is a whole result, on disks that machines share; of stores it is believed."""
    return is_url(job.target) or Path(job.target, _LAST).is_file()


def is_free(target: str, source: str) -> bool:
    """Whether results of an input may go there: nothing is there, or what it gave earlier."""
    try:
        if is_url(target):
            files, path = open_place(f"{target}/{_LAST}")
            if not files.exists(path):
                return True
            text = files.cat_file(path)
        elif not os.path.lexists(target):
            return True
        else:
            text = Path(target, _LAST).read_bytes()
        return bool(json.loads(text)["source"]["path"] == source_text(source))
    except (OSError, ValueError, KeyError, TypeError):
        return False  # not of mien: it is left alone


def try_remote(analyzer: Analyzer, job: RemoteJob, batch: Batch) -> Outcome:
    """As `mien.jobs.run.try_one`, of an input and for results that may lie in a store."""
    with tempfile.TemporaryDirectory(prefix="mien-") as place:
        source, target = job.source, job.target
        try:
            if is_url(source):
                source = _fetch(job.source, Path(place))
            folder = Path(place, "result") if is_url(target) else Path(target)
            named = Job(source, folder, job.source)
            told = try_one(analyzer, named, batch)
            if told.status == "analysed" and is_url(target):
                _put(folder, target)
        except Exception as error:  # noqa: BLE001  of every store another
            message = f"{job.source}: cannot be read or written ({_reason(error)})"
            return Outcome(job.source, "failed", message=message)
    return replace(
        told,
        source=job.source,
        folder=None if is_url(target) else told.folder,
        message=told.message
        and told.message.replace(source, job.source).replace(str(folder), job.target),
        warnings=tuple(text.replace(source, job.source) for text in told.warnings),
    )


def _fetch(url: str, folder: Path) -> str:
    """A copy on this disk; its time of change is that of the original, where that is known."""
    files, path = open_place(url)
    local = folder / Path(path).name
    files.get_file(path, str(local))
    try:
        changed_s = files.modified(path).timestamp()
    except (NotImplementedError, AttributeError, KeyError):
        changed_s = 0.0
    os.utime(local, (changed_s, changed_s))
    return str(local)


def _put(folder: Path, target: str) -> None:
    files, path = open_place(target)
    if files.exists(f"{path}/{_LAST}"):
        files.rm_file(f"{path}/{_LAST}")
    files.makedirs(path, exist_ok=True)
    names: Sequence[str] = sorted(file.name for file in folder.iterdir())
    for old in files.find(path):  # of an earlier run that wrote other files
        if PurePosixPath(old).name in OURS and PurePosixPath(old).name not in names:
            files.rm_file(old)
    for name in sorted(names, key=lambda name: name == _LAST):
        files.put_file(str(folder / name), f"{path}/{name}")


def _reason(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
