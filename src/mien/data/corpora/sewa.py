"""SEWA: pairs of people discussing advertisements, with gold-standard traces at 10 Hz.

``<labels>/<id>.csv``, in a folder called ``labels`` at or below the root: separated by ``;``, a
header with ``time``, ``arousal`` and ``valence`` (``liking`` and others may follow and are
ignored), times in seconds. Videos are ``<id>.avi`` (or another suffix) anywhere below the folder.

Ids that start with ``Train``, ``Devel`` or ``Test``, as the AVEC challenges name them, say the
split; others are split by a hash of the recording. The layout is known from descriptions only: what
is not as expected is refused.
"""

from __future__ import annotations

from pathlib import Path

from mien.data.formats.traces import read_trace_table
from mien.data.recordings import (
    StreamCorpus,
    StreamFile,
    StreamSource,
    check_id,
    split_by_hash,
    with_videos,
)
from mien.data.registry import ON_REQUEST, Corpus, register_corpus
from mien.errors import DataError

FPS = 12.5
"""Frames per second kept of videos of 50."""

_SPLITS = {"train": "train", "devel": "valid", "test": "test"}


@register_corpus(
    Corpus(
        name="sewa",
        title="SEWA DB",
        kind="streams",
        labels="10 times a second: valence and arousal",
        access="from its authors (db.sewaproject.eu), by a licence agreement",
        terms=ON_REQUEST,
        layout=(
            "labels/<id>.csv: time;arousal;valence;... (known from descriptions only)",
            "<id>.avi anywhere below the folder; Train_, Devel_, Test_ in front say the split",
        ),
    )
)
def load_sewa(root: str | Path) -> StreamCorpus:
    """The annotated recordings that have a video.

    Raises
    ------
    DataError
        If the folder is not laid out as expected; the message names file and line.
    """
    folder = Path(root)
    labels = [folder] if folder.name == "labels" else sorted(folder.rglob("labels"))
    files: dict[str, Path] = {}
    for path in (p for place in labels for p in sorted(place.glob("*.csv"))):
        if path.stem in files:
            raise DataError(f"{path}: there is another file of this name, {files[path.stem]}")
        files[path.stem] = check_id(path)
    if not files:
        raise DataError(
            f"{folder}: looked for labels/<id>.csv (time;arousal;valence;...), found none"
        )
    videos, notes = with_videos(folder, files, "the name of its csv file")
    splits = {name: _SPLITS.get(_prefix(name)) for name in files}
    if unnamed := [name for name, split in splits.items() if split is None]:
        notes.append(
            f"{len(unnamed)} recordings name no split (Train, Devel, Test) and are split by a "
            f"hash of the recording (ours; first: {unnamed[0]})"
        )
    recordings = tuple(
        StreamSource(
            name,
            splits[name] or split_by_hash(name),
            None,
            {"color": StreamFile(videos[name])},
            read_trace_table(path, ";", time="time"),
        )
        for name, path in files.items()
        if name in videos
    )
    return StreamCorpus("sewa", FPS, recordings, notes=tuple(notes))


def _prefix(name: str) -> str:
    return name.replace("-", "_").split("_")[0].lower()
