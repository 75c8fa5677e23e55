"""What an extractor says of a face beside the 26 numbers: from crop to frame, and in sum."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mien.labels import DETAIL_COLUMNS, PAPERS_LABELS, LabelSet
from mien.pipeline.timeline import TimelineBuilder
from mien.runtime.models import DETAIL_OUTPUTS
from mien.types import DetailsSummary, FaceDetails, FloatArray

CURVES = 6
"""Channels of the timeline: the first of `mien.labels.DETAIL_COLUMNS`, up to the eyes."""

_QUALITY = DETAIL_COLUMNS.index("quality")


def crop_roll_deg(crop_to_frame: npt.NDArray[np.float64]) -> float:
    """How far, counter-clockwise, a crop is turned in its frame; -180 to 180 degrees.

    Parameters
    ----------
    crop_to_frame
        (2, 3), as `mien.faces.align.crop_to_image`.

    Examples
    --------
    >>> crop_roll_deg(np.array([[0.0, 2.0, 5.0], [-2.0, 0.0, 9.0]]))
    90.0
    """
    # y points down: a matrix that turns the x axis towards y turns clockwise in the image.
    return -math.degrees(math.atan2(crop_to_frame[1, 0], crop_to_frame[0, 0]))


def to_frame(details: FaceDetails, crop_to_frame: npt.NDArray[np.float64]) -> FaceDetails:
    """Details of one face as seen in the frame: landmarks in its pixels, roll against its upright.

    Yaw and pitch are those seen when the picture is turned until the eyes are level, which is what
    alignment does; only the roll counts that turn.
    """
    points = details.landmarks.astype(np.float64) @ crop_to_frame[:, :2].T + crop_to_frame[:, 2]
    pose = details.pose_deg.copy()
    roll = float(pose[2]) + crop_roll_deg(crop_to_frame)
    pose[2] = roll - 360 * math.ceil((roll - 180) / 360) if math.isfinite(roll) else roll
    return FaceDetails(
        details.quality,
        pose,
        details.eye_open,
        details.gaze_deg,
        details.au_intensity,
        points.astype(np.float32),
    )


def has_undefined(details: FaceDetails, outputs: Sequence[str]) -> bool:
    """Whether something that the extractor has an output for is undefined of a face.

    `outputs`: as of `mien.runtime.models.AffectModel.details`.
    """
    return not all(np.isfinite(getattr(details, DETAIL_OUTPUTS[name])).all() for name in outputs)


class DetailsState:
    """Running summary of one face's details, bounded whatever the video's length.

    Parameters
    ----------
    max_gap_s
        As of `mien.pipeline.face_state.FaceState`.
    labels
        Of the extractor.
    """

    def __init__(self, max_gap_s: float, labels: LabelSet = PAPERS_LABELS) -> None:
        columns, units = len(labels.detail_columns), len(labels.action_units)
        self._timeline = TimelineBuilder(max_gap_s, channels=CURVES)
        self._sum = np.zeros(columns)
        self._count = np.zeros(columns, np.int64)
        self._peak = np.full(units, np.nan, np.float32)
        self._peak_time_s = np.full(units, np.nan)
        self._last_frame: int | None = None
        self._told = False

    def push(self, time_s: float, details: FaceDetails, frame: int | None, low: bool) -> None:
        """Add one frame; one of `low` quality counts for the curves and the mean quality only."""
        numbers = details.numbers()
        known = np.isfinite(numbers)
        contiguous = frame is not None and frame - 1 == self._last_frame
        self._last_frame = frame
        if not (known.any() or np.isfinite(details.landmarks).any()):
            return
        self._told = True
        self._timeline.push(time_s, numbers[:CURVES], contiguous)
        if low:
            known[np.arange(len(known)) != _QUALITY] = False
        self._sum[known] += numbers[known]
        self._count += known
        if not low:
            self._peaks(time_s, details.au_intensity)

    def _peaks(self, time_s: float, intensity: FloatArray) -> None:
        higher = np.isfinite(intensity) & ~(intensity <= self._peak)
        self._peak[higher] = intensity[higher]
        self._peak_time_s[higher] = time_s

    def finish(self) -> DetailsSummary | None:
        """The summary; None where the extractor said nothing."""
        if not self._told:
            return None
        mean = np.full(len(self._sum), np.nan, np.float32)
        known = self._count > 0
        mean[known] = self._sum[known] / self._count[known]
        return DetailsSummary(mean, self._peak, self._peak_time_s, self._timeline.finish())
