"""The folder of a set: begun once, gone on with by the same arguments only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mien.errors import ConfigError, OutputError
from mien.io import DOCUMENT, LOCK, cannot_write, only_run, sweep, write_json
from mien.parquet import read_parquet, write_whole
from mien.synthetic.faces.generation.arguments import AnySet
from mien.synthetic.faces.generation.description import describe
from mien.synthetic.faces.generation.seeds import SPLITS
from mien.synthetic.faces.generation.tables import joined

MANIFEST = "manifest.parquet"
_GROWING = ("count", "train", "valid", "test")
_PARTIALS = (".*.partial", "parts/.*.partial")  # what a killed run leaves


@dataclass(frozen=True)
class SetSummary:
    """What a run has done.

    Attributes
    ----------
    manifest
        The table of the whole set.
    count
        Images or videos in the set.
    made_frames, kept_frames
        Images, or frames of videos, that this run rendered and that were there already.
    seconds
        How long this run took.
    splits
        Images or videos in each split.
    """

    manifest: Path
    count: int
    made_frames: int
    kept_frames: int
    seconds: float
    splits: dict[str, int]


def count_splits(splits: Sequence[str]) -> dict[str, int]:
    """How often each split occurs, in the order of `SPLITS`."""
    return {split: splits.count(split) for split in SPLITS}


@contextmanager
def open_set(out: Path, plan: AnySet) -> Iterator[None]:
    """Begin a set in `out`, or check that the one which is there is the same; ours meanwhile.

    A set may only grow: another size than before is fine if it is larger.

    Raises
    ------
    ConfigError
        If the folder holds a set begun with other arguments or by another generator.
    OutputError
        If it holds something else, cannot be written to, or another run writes into it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error
    with only_run(out):
        _begin(out, describe(plan))
        yield


def _begin(out: Path, wanted: dict[str, Any]) -> None:
    try:
        for pattern in _PARTIALS:
            sweep(out, pattern)
        present = _read_document(out)
        if present is not None:
            _compare(out, present, wanted)
            if present["arguments"] == wanted["arguments"]:
                return
        write_json(out / DOCUMENT, wanted)
    except OSError as error:
        raise cannot_write(out, error) from error


def finish_set(out: Path, parts: Sequence[Path]) -> pa.Table:
    """Write the manifest, the rows of all parts; returns it."""
    manifest = joined([read_parquet(part) for part in parts])
    write_whole(out / MANIFEST, manifest)
    return manifest


def _read_document(out: Path) -> dict[str, Any] | None:
    """The document of the set in `out`, None where the folder is empty."""
    if all(file.name == LOCK for file in out.iterdir()):
        return None
    try:
        document = json.loads((out / DOCUMENT).read_text(encoding="utf-8"))
        if str(document["format"]).startswith("mien synthetic") and document["arguments"].keys():
            return dict(document)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise OutputError(
        f"{out}: holds something else than a set of synthetic faces; choose another folder"
    )


def _compare(out: Path, present: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to go on with a set that was begun differently."""
    for name in ("format", "generator"):
        if present.get(name) != wanted[name]:
            raise ConfigError(
                f"{out}: holds a set with {name} {present.get(name)!r}, this is {wanted[name]!r}; "
                "choose another folder"
            )
    before: dict[str, Any] = present["arguments"]
    for name in {**wanted["arguments"], **before}:
        value, earlier = wanted["arguments"].get(name), before.get(name)
        grows = name in _GROWING and isinstance(earlier, int)
        if earlier == value or (grows and value > earlier):
            continue
        what = "a set only grows" if grows else "give the same"
        raise ConfigError(
            f"{out}: was begun with {name} {_shown(earlier)}, not {_shown(value)}; "
            f"{what} or choose another folder"
        )


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
