"""Smoothed landmarks: landmarks whose trembling is taken out before a crop is cut.

A detector looks at every frame afresh, so its landmarks tremble by a pixel or so on a face that
rests, and everything that is read from the crop trembles along. Only the crop's place follows the
filtered landmarks; what is seen in it is the current frame, so no estimate is delayed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.types import FloatArray

# In face sizes (distance of the eyes) per second and Hz. A face at rest is followed slowly, one
# that moves at once: at 1 face size a second the cutoff is above any frame rate's half.
_REST_CUTOFF_HZ = 0.8
_CUTOFF_PER_SPEED = 20.0
_SPEED_CUTOFF_HZ = 1.5


class SteadyLandmarks:
    """1-euro filter (Casiez, Roussel & Vogel, CHI 2012) over the five landmarks of one face.

    All points share one cutoff, which grows with the speed of the face: the shape is never bent.
    Speed is relative to the face's size, so near and far faces are treated alike.

    ``time_s`` is the time of the last frame.
    """

    def __init__(self) -> None:
        self._points: npt.NDArray[np.float64] | None = None
        self._velocity = np.zeros(2)
        self.time_s = 0.0

    def update(self, landmarks: FloatArray, time_s: float) -> FloatArray:
        """Filtered landmarks of the next frame.

        Parameters
        ----------
        landmarks
            (5, 2), pixels, as detected.
        time_s
            Time of the frame in seconds, after that of the last one.

        Returns
        -------
        float32 (5, 2). The first frame's are returned as they are.
        """
        points = np.asarray(landmarks, np.float64)
        elapsed_s = time_s - self.time_s
        self.time_s = time_s
        if self._points is None or elapsed_s <= 0:
            self._points = points
            return landmarks
        size = max(1.0, float(np.hypot(*(points[1] - points[0]))))
        moved = (points - self._points).mean(axis=0) / size / elapsed_s
        self._velocity += smoothing_share(_SPEED_CUTOFF_HZ, elapsed_s) * (moved - self._velocity)
        cutoff_hz = _REST_CUTOFF_HZ + _CUTOFF_PER_SPEED * float(np.hypot(*self._velocity))
        self._points = self._points + smoothing_share(cutoff_hz, elapsed_s) * (
            points - self._points
        )
        return self._points.astype(np.float32)


def smoothing_share(cutoff_hz: Any, elapsed_s: float) -> Any:
    """How much of a new value enters: exponential smoothing with a cutoff frequency.

    ``cutoff_hz`` is a number or an array; the result, in (0, 1), has its shape.
    """
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * elapsed_s))
