"""Smoothed estimates: what trembles on a face at rest is smoothed, what moves is followed.

The extractor reads every frame by itself. Compression and sensor noise change its numbers a little
from frame to frame. A 1-euro filter (Casiez, Roussel & Vogel, CHI 2012) with a time constant of at
most `LAG_S` takes most of that out. It never looks ahead, so it serves live video as well.

The 26 numbers and the intensities of the action units are smoothed. Quality, pose, gaze, openness
of the eyes and landmarks are not: a blink lasts a tenth of a second.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mien.faces.one_euro import smoothing_share
from mien.labels import ACTION_UNITS, PAPERS_LABELS, VALENCE_AROUSAL_SLICE, LabelSet
from mien.types import FloatArray

LAG_S = 0.08
"""Longest time constant: slow changes come out this much later, quick ones less."""

_REST_CUTOFF_HZ = 1 / (2 * math.pi * LAG_S)
_CUTOFF_PER_SPEED = 3.0  # Hz for a change of 1 per second
_SPEED_CUTOFF_HZ = 1.5

_INTENSITY_REACH = 5.0  # intensities cross their range as fast as probabilities cross theirs


class SteadyAffect:
    """Filter over the 26 numbers of one face, or what `labels` say.

    ``time_s`` is the time of the last frame.
    """

    def __init__(self, labels: LabelSet = PAPERS_LABELS) -> None:
        self.time_s = 0.0
        # Numbers that belong together move together, or expressions would no longer sum to 1.
        self._group, self._reach = np.arange(len(labels.affect_columns)), 1.0
        for together in (VALENCE_AROUSAL_SLICE, labels.expression_slice):
            self._group[together] = together.start
        self._value: npt.NDArray[np.float64] | None = None
        self._speed = np.zeros(len(self._group))

    def update(self, affect: FloatArray, time_s: float) -> FloatArray:
        """Smoothed estimates of the next frame.

        Parameters
        ----------
        affect
            (26,) as estimated.
        time_s
            Time of the frame in seconds.

        Returns
        -------
        float32 (26,), within the range of what has been seen; expressions still sum to 1. The
        first frame's, and one that is not later than the last, are returned as they are.
        """
        elapsed_s = time_s - self.time_s
        self.time_s = time_s
        if self._value is None or elapsed_s <= 0:
            self._value = affect.astype(np.float64)
            return affect
        change = affect - self._value
        self._speed += smoothing_share(_SPEED_CUTOFF_HZ, elapsed_s) * (
            change / elapsed_s - self._speed
        )
        fastest = np.zeros(len(self._group))
        np.maximum.at(fastest, self._group, np.abs(self._speed) / self._reach)
        cutoff_hz = _REST_CUTOFF_HZ + _CUTOFF_PER_SPEED * fastest[self._group]
        self._value = self._value + smoothing_share(cutoff_hz, elapsed_s) * change
        return self._value.astype(np.float32)


class SteadyIntensities(SteadyAffect):
    """The same over the 17 intensities, 0 to 5, or `units`, every unit by itself."""

    def __init__(self, units: int = len(ACTION_UNITS)) -> None:
        super().__init__()
        self._group, self._reach = np.arange(units), _INTENSITY_REACH
        self._speed = np.zeros(len(self._group))
