"""Values that pass between the rooms of the package. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
TimeArray = npt.NDArray[np.float64]
ImageArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame, upright.

    Attributes
    ----------
    index
        0-based position among the decoded frames.
    timestamp_s
        Presentation time in seconds, from the stream itself.
    image
        uint8 (height, width, 3), RGB, rotation already applied.
    """

    index: int
    timestamp_s: float
    image: ImageArray


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a file says of itself before it is decoded.

    ``width_px`` and ``height_px`` are those of the upright frame; ``rotation_deg`` is how far,
    counter-clockwise, decoded frames are turned to stand upright (0, 90, 180 or 270).
    """

    path: str
    width_px: int
    height_px: int
    nominal_fps: float | None
    duration_s: float | None
    frame_count_hint: int | None
    rotation_deg: int
    codec: str
    is_image: bool


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face in pixels of the upright frame.

    Attributes
    ----------
    score
        Detector's confidence, 0 to 1.
    box
        float32 (4,): x, y of the upper left corner, width, height.
    landmarks
        float32 (5, 2): x, y of the points named in `mien.labels.LANDMARKS`.
    """

    score: float
    box: FloatArray
    landmarks: FloatArray


@dataclass(slots=True)
class Timeline:
    """A curve of bounded length: bin centres and the mean of each channel in each bin.

    Attributes
    ----------
    time_s
        float64 (n,), increasing.
    values
        float32 (n, 26), in the order of `mien.labels.AFFECT_COLUMNS` (of MRAN: (n, 2), valence and
        arousal); NaN where a bin holds no usable frame of this face.
    bin_s
        Width of a bin in seconds; 0 where each bin is one frame.
    """

    time_s: TimeArray
    values: FloatArray
    bin_s: float


@dataclass(slots=True)
class ReactionWindow:
    """Reaction intensities of one window ``[start_s, end_s)`` of a face.

    ``routed`` is the number of usable positions that the window holds, its weight in the whole.
    """

    start_s: float
    end_s: float
    routed: int
    intensities: FloatArray  # (number of reactions,), 0 to 1


@dataclass(slots=True)
class MranSummary:
    """What MRAN says of one face: valence and arousal in every array's order.

    ``peak`` is the value farthest from 0. ``timeline`` has the times of stage 1's.
    """

    frames: int
    mean: FloatArray  # (2,)
    peak: FloatArray  # (2,)
    peak_time_s: TimeArray  # (2,)
    timeline: Timeline


@dataclass(slots=True)
class FaceSummary:
    """All that is kept of one face once the video has been read.

    Channels are in the order of `mien.labels.AFFECT_COLUMNS`. ``thumbnails`` holds JPEG bytes of
    the aligned crop at the peak of a channel, by channel name. ``reactions`` is None where the
    face had too few usable frames; ``reaction_names`` are the names of its entries. ``mran`` is
    None where MRAN was not asked for.
    """

    face_id: int
    first_s: float
    last_s: float
    usable_frames: int
    mean: FloatArray  # (26,)
    peak: FloatArray  # (26,), largest value; for valence and arousal the one farthest from 0
    peak_time_s: TimeArray  # (26,)
    timeline: Timeline
    thumbnails: dict[str, bytes] = field(default_factory=dict)
    reaction_names: tuple[str, ...] = ()
    reactions: FloatArray | None = None
    reaction_windows: list[ReactionWindow] = field(default_factory=list)
    mran: MranSummary | None = None


@dataclass(slots=True)
class Summary:
    """One analysed input: the content of ``video.json`` plus what the report draws.

    ``document`` is the JSON document itself (schema version 1); ``faces`` hold curves and
    thumbnails that the document leaves out.
    """

    document: dict[str, Any]
    faces: list[FaceSummary]
