"""AFEW-VA: 600 clips of films, valence and arousal of every frame.

``**/<id>/<id>.json`` beside the clip's frames ``00000.png``, ``00001.png`` and so on:
``{"video_id": ..., "actor": ..., "frames": {"00000": {"valence": -3.0, "arousal": 5.0, ...}}}``,
from -10 to 10, divided by 10 here. Frames carry no times: frame k is taken to be at k / 25 s. The
corpus has no split: by a hash of the actor where one is named, else of the clip (`split_by_hash`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mien.data.formats.traces import Traces
from mien.data.prepare.stream_frames import numbered_images
from mien.data.recordings import StreamCorpus, StreamSource, check_id, split_by_hash
from mien.data.registry import ON_REQUEST, Corpus, register_corpus
from mien.errors import DataError
from mien.io import read_json
from mien.video.companions.streams import StreamFile

FPS = 25.0
"""Frames per second that are assumed, as of films."""

SCALE = 10.0
"""Annotations are from minus this to this."""


@register_corpus(
    Corpus(
        name="afew-va",
        title="AFEW-VA",
        kind="streams",
        labels="per frame: valence and arousal",
        access="from its authors at Imperial College London (ibug.doc.ic.ac.uk)",
        terms=ON_REQUEST,
        layout=(
            'any/<id>/<id>.json: "frames": {"00000": {"valence": -10 to 10, "arousal": ...}}',
            "any/<id>/00000.png and so on",
        ),
        counts={"recordings": 600},
        counts_source="Kossaifi et al., Image and Vision Computing 65, 2017",
    )
)
def load_afew_va(root: str | Path) -> StreamCorpus:
    """The annotated clips.

    Raises
    ------
    DataError
        If the folder is not laid out as expected; the message names the file and the frame.
    """
    folder = Path(root)
    files = [path for path in sorted(folder.rglob("*.json")) if path.stem == path.parent.name]
    if not files:
        raise DataError(f"{folder}: looked for <id>/<id>.json below it, found none")
    ids = [path.stem for path in files]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{folder}: there are several {twice}/{twice}.json")
    recordings = tuple(_source(path) for path in files)
    unnamed = sum(one.person is None for one in recordings)
    notes = ["split by a hash of the actor (ours); frame k is taken to be at k / 25 s"]
    if unnamed:
        notes.append(f"{unnamed} of {len(files)} clips name no actor and are split by their id")
    return StreamCorpus("afew-va", None, recordings, notes=tuple(notes))


def _source(path: Path) -> StreamSource:
    document = read_json(check_id(path))
    frames = document.get("frames")
    if not isinstance(frames, dict) or not frames:
        raise DataError(f"{path}: looked for 'frames' with an entry for each frame, found none")
    samples: dict[int, tuple[float, float]] = {}
    for name, entry in frames.items():
        if not (name.isascii() and name.isdigit()):
            raise DataError(f"{path}, frame {name!r}: expected a number such as '00000'")
        values = tuple(_value(path, name, entry, key) for key in ("valence", "arousal"))
        if int(name) in samples:
            raise DataError(f"{path}, frame {name!r}: is there twice")
        samples[int(name)] = (values[0], values[1])
    images = {number for number, _ in numbered_images(path.parent)}
    if lost := sorted(set(samples) - images):
        raise DataError(f"{path}, frame {lost[0]:05d}: has no image beside the file")
    numbers = sorted(samples)
    actor = document.get("actor")
    person = actor.strip() if isinstance(actor, str) and actor.strip() else None
    return StreamSource(
        path.stem,
        split_by_hash(person or path.stem),
        person,
        {"color": StreamFile(path.parent, fps=FPS)},
        Traces(
            np.array(numbers, np.float64) / FPS,
            np.array([samples[n] for n in numbers], np.float32),
        ),
    )


def _value(path: Path, name: str, entry: Any, key: str) -> float:
    value = entry.get(key) if isinstance(entry, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= SCALE:
        raise DataError(
            f"{path}, frame {name!r}: {key!r} is {value!r}; expected a number from "
            f"{-SCALE:g} to {SCALE:g}"
        )
    return float(value) / SCALE
