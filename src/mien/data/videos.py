"""`VideoCorpus`: whole videos with one label vector each, as a corpus on disk describes them.

Nothing is decoded here. `mien.data.prepare.videos` runs the extractor over the videos once;
training then reads what it wrote (`mien.data.formats.prepared_videos`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from mien.data.formats.text_tables import Row
from mien.errors import DataError
from mien.types import FloatArray

SPLITS = ("train", "valid", "test")

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class Clip:
    """One video.

    Attributes
    ----------
    id
        Its name in the corpus; safe as a file name (`check_id`).
    path
        Where the video is, or should be.
    split
        One of `SPLITS`.
    person
        Who is seen, where the corpus says so.
    labels
        float32 (outputs,), NaN where withheld.
    """

    id: str
    path: Path
    split: str
    person: str | None
    labels: FloatArray


@dataclass(frozen=True)
class VideoCorpus:
    """Clips of one corpus.

    Attributes
    ----------
    name
        Its name in `mien.data.registry`.
    outputs
        Names of the labels, in order.
    clips
        In the order of the corpus's own list.
    notes
        What is worth knowing, one sentence each.
    """

    name: str
    outputs: tuple[str, ...]
    clips: tuple[Clip, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def labels(self) -> FloatArray:
        """float32 (n, outputs), NaN where withheld."""
        rows = [clip.labels for clip in self.clips]
        return np.stack(rows) if rows else np.empty((0, len(self.outputs)), np.float32)

    def counts(self) -> dict[str, int]:
        """Clips per split, and people where they are known."""
        return split_counts("videos", self.clips)


class _Part(Protocol):
    @property
    def split(self) -> str: ...
    @property
    def person(self) -> str | None: ...


def split_counts(what: str, parts: Sequence[_Part]) -> dict[str, int]:
    """Parts of a corpus in all and per split, and people where they are known."""
    found = Counter(part.split for part in parts)
    counts = {what: len(parts), **{split: found[split] for split in SPLITS}}
    people = {part.person for part in parts if part.person is not None}
    return {**counts, "people": len(people)} if people else counts


def check_id(name: str, row: Row) -> str:
    """The name, if it can be a file name everywhere.

    Raises
    ------
    DataError
        If it holds anything but letters, digits, ``.``, ``_`` and ``-``, or starts with one of the
        latter three.
    """
    if not is_safe_id(name):
        raise row.error(
            f"the id {name!r} cannot be a file name; expected letters, digits, '.', '_' and '-'"
        )
    return name


def is_safe_id(name: str) -> bool:
    """Whether a name can be a file name everywhere.

    Examples
    --------
    >>> is_safe_id("1001_DFA_ANG_XX"), is_safe_id("../x"), is_safe_id(".x")
    (True, False, False)
    """
    return _SAFE_ID.fullmatch(name) is not None


def without_brackets(name: str) -> str:
    """The id in ``[12345]``; other names as they are.

    Examples
    --------
    >>> without_brackets("[12345]"), without_brackets("12345"), without_brackets("[1")
    ('12345', '12345', '[1')
    """
    return name[1:-1].strip() if name.startswith("[") and name.endswith("]") else name


class FirstSeen:
    """Remembers on which line a key was, and stops at the second."""

    def __init__(self) -> None:
        self._lines: dict[object, int] = {}

    def add(self, key: object, name: str, row: Row) -> None:
        """Note the key of a row; `name` is how messages call it.

        Raises
        ------
        DataError
            If an earlier row had it.
        """
        if key in self._lines:
            raise row.error(f"{name} is there twice: first on line {self._lines[key]}")
        self._lines[key] = row.line


def find_videos(
    root: Path, suffixes: tuple[str, ...], wanted: Sequence[str] | None = None
) -> dict[str, Path]:
    """Videos below a folder by id: the name without suffix and brackets; None wants all.

    Raises
    ------
    DataError
        If two files have the same id: which one the labels mean cannot be told.
    """
    found: dict[str, Path] = {}
    names = None if wanted is None else set(wanted)
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        key = without_brackets(path.stem)
        if names is not None and key not in names:
            continue
        if key in found:
            raise DataError(f"{root}: two videos are called {key!r}: {found[key]} and {path}")
        found[key] = path
    return found
