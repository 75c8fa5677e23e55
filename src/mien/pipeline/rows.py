"""Rows of the frames table on their way through the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mien.faces.crops import Crop
from mien.runtime.mran import MranFrame
from mien.types import Face, FaceDetails, FaceEstimates, FloatArray


@dataclass(frozen=True, slots=True)
class Attention:
    """Where MRAN looked in one face.

    Attributes
    ----------
    volume
        float32 (h, w), sums to one over the aligned crop.
    crop_to_frame
        float64 (2, 3), from pixels of the 112 x 112 crop to pixels of the upright frame.
    """

    volume: FloatArray
    crop_to_frame: npt.NDArray[np.float64]


@dataclass(slots=True)
class FrameRow:
    """One row of the frames table: a face in a frame, or a frame without a usable face.

    ``face_id``, ``face`` and ``affect`` are None for the latter. ``details`` are what the extractor
    says beside the 26 numbers, in the frame's pixels; ``low_quality`` rows keep their numbers but
    do not enter what is said of the whole video. ``mran`` is float32 (2,), valence
    and arousal, where MRAN was asked for; ``attention`` where that was.
    """

    frame: int
    timestamp_s: float
    face_id: int | None = None
    face: Face | None = None
    affect: FloatArray | None = None
    mran: FloatArray | None = None
    attention: Attention | None = None
    details: FaceDetails | None = None
    low_quality: bool = False


@dataclass(slots=True)
class Pending:
    """A frame whose faces wait for the extractor.

    ``places`` are the landmarks (5, 2) that each crop was cut by; ``streams`` are its crops of all
    modalities, where MRAN reads them. ``followed``: the detector was not asked, and ``faces`` are
    as of the frame before until the frame is settled. ``read`` is what the extractor says of the
    faces, where it has been asked. ``pictures`` are JPEG bytes of crops, or None, in the place of
    ``crops`` where a frame was read by an earlier run.
    """

    frame: int
    timestamp_s: float
    ids: list[int] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)
    places: list[FloatArray] = field(default_factory=list)
    crops: list[Crop] = field(default_factory=list)
    streams: list[MranFrame] = field(default_factory=list)
    followed: bool = False
    read: list[FaceEstimates | None] | None = None
    pictures: list[bytes | None] | None = None
