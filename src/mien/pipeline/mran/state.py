"""Running summary of what MRAN says of one face."""

from __future__ import annotations

import numpy as np

from mien.labels import VALENCE_AROUSAL
from mien.pipeline.timeline import TimelineBuilder
from mien.types import FloatArray, MranSummary, MranView


class MranState:
    """Mean, peak and curve of valence and arousal, bounded whatever the video's length.

    Parameters
    ----------
    max_gap_s
        As of `mien.pipeline.face_state.FaceState`, so that both curves have the same points.
    """

    def __init__(self, max_gap_s: float) -> None:
        channels = len(VALENCE_AROUSAL)
        self._timeline = TimelineBuilder(max_gap_s, channels=channels)
        self._count = 0
        self._sum = np.zeros(channels)
        self._peak = np.full(channels, np.nan, np.float32)
        self._peak_time_s = np.full(channels, np.nan)
        self._last_frame: int | None = None
        self._strength = -1.0
        self._view: MranView | None = None

    def push(
        self, time_s: float, affect: FloatArray, frame: int, view: MranView | None = None
    ) -> None:
        """Add one frame: time in seconds, valence and arousal (2,), index, what was read."""
        self._timeline.push(time_s, affect, frame - 1 == self._last_frame)
        self._last_frame = frame
        strength = float(np.hypot(*affect))
        if view is not None and strength > self._strength:
            self._strength, self._view = strength, view
        self._count += 1
        self._sum += affect
        higher = ~(np.abs(affect) <= np.abs(self._peak))  # also where there is no peak yet
        self._peak[higher] = affect[higher]
        self._peak_time_s[higher] = time_s

    def finish(self) -> MranSummary:
        """The summary."""
        mean = (self._sum / max(1, self._count)).astype(np.float32)
        return MranSummary(
            self._count, mean, self._peak, self._peak_time_s, self._timeline.finish(), self._view
        )
