"""`StreamCorpus`: recordings with traces, as a corpus on disk describes them. Nothing is decoded.

`mien.data.prepare.streams` cuts the faces out and writes a folder of aligned streams.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.data.formats.stream_files import ABSOLUTE_ZERO_C
from mien.data.formats.traces import Traces
from mien.data.videos import find_videos, is_safe_id, split_counts
from mien.errors import DataError
from mien.faces.modalities import STREAMS

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".flv", ".mpg", ".m4v")
UNITS_16_BIT = {"depth": (1.0, 0.0), "thermal": (0.01, ABSOLUTE_ZERO_C)}
"""Scale and offset from 16-bit numbers to mm and degrees C: whole mm, hundredths of a kelvin."""


@dataclass(frozen=True)
class StreamFile:
    """One stream of a recording.

    Attributes
    ----------
    path
        A video, or a folder of images.
    fps
        Of a folder of images, whose frames have no times: image k is at ``k / fps`` seconds.
    scale, offset
        Stored number times scale plus offset is millimetres or degrees Celsius. None: as in
        `UNITS_16_BIT`, for 16-bit pictures only. Not for color.
    missing
        Stored number that is no measurement; None: there is none.
    homography
        float64 (3, 3), pixels of this stream to pixels of the color stream (x, y, 1; the centre
        of the first pixel is (0, 0)); None: the pictures coincide.
    shift_s
        Added to this stream's times to get the color stream's.
    tolerance_s
        A frame belongs to a color frame at most so far away; None: half a frame of the color
        stream.
    """

    path: Path
    fps: float | None = None
    scale: float | None = None
    offset: float | None = None
    missing: int | None = 0
    homography: npt.NDArray[np.float64] | None = None
    shift_s: float = 0.0
    tolerance_s: float | None = None


@dataclass(frozen=True)
class StreamSource:
    """One recording of a corpus.

    Attributes
    ----------
    id, split, person, attributes
        As in `mien.data.formats.stream_tables.StreamRecording`.
    streams
        By name; ``"color"`` is always there. A stream that the corpus has and this recording
        lacks is marked missing in all frames.
    traces
        Valence and arousal, and action units where the corpus has them.
    """

    id: str
    split: str
    person: str | None
    streams: dict[str, StreamFile]
    traces: Traces
    attributes: dict[str, str | float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamCorpus:
    """Recordings of one corpus.

    Attributes
    ----------
    name
        Its name in `mien.data.registry`.
    fps
        Frames per second that are kept of each recording (fewer where it has fewer); None: all.
    recordings
        In the order of the corpus.
    aligned
        The pictures are the 112 x 112 crops already; no face is looked for.
    notes
        What is worth knowing, one sentence each.
    """

    name: str
    fps: float | None
    recordings: tuple[StreamSource, ...]
    aligned: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.recordings)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Streams that any recording has."""
        held = {name for one in self.recordings for name in one.streams}
        return tuple(name for name in STREAMS if name in held)

    def counts(self) -> dict[str, int]:
        """Recordings per split, and people where they are known."""
        return split_counts("recordings", self.recordings)


def split_by_hash(key: str) -> str:
    """Split for a corpus that has none: by sha256 of a person or, if unknown, a recording.

    80 of 100 keys are for training, 10 for validation, 10 for testing; ours, not the corpus's.

    Examples
    --------
    >>> [split_by_hash(f"P{k}") for k in (16, 17, 19)]
    ['train', 'valid', 'train']
    """
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 100
    return "train" if share < 80 else "valid" if share < 90 else "test"


def check_id(path: Path, name: str | None = None) -> Path:
    """The path itself, if its name without suffix (or `name`) can be a recording's id.

    Raises
    ------
    DataError
        If it cannot.
    """
    if not is_safe_id(path.stem if name is None else name):
        raise DataError(
            f"{path}: its name cannot be an id; expected letters, digits, '.', '_', '-'"
        )
    return path


def with_videos(root: Path, names: Iterable[str], what: str) -> tuple[dict[str, Path], list[str]]:
    """Videos of recordings, and a note on those that have none.

    Raises
    ------
    DataError
        If no recording has a video, or one has two.
    """
    listed = list(names)
    videos = find_videos(root, VIDEO_SUFFIXES, listed)
    if not videos:
        raise DataError(
            f"{root}: no video of the {len(listed)} annotated recordings is there; looked for "
            f"{listed[0]} with one of {', '.join(VIDEO_SUFFIXES)} ({what})"
        )
    lost = [name for name in listed if name not in videos]
    if not lost:
        return videos, []
    return videos, [
        f"{len(lost)} of {len(listed)} annotated recordings have no video and are left out "
        f"(first: {lost[0]})"
    ]
