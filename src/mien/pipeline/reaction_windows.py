"""Reaction intensities of a stream of any length, by windows of the model's size.

A window holds at most ``positions`` usable frames; the next one starts half a window later.
What is left at the end forms a last, shorter window, so every frame is read by at least one. The
whole video's intensities are the mean of its windows weighted by routed length.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mien.types import FloatArray, ReactionWindow


class ReactionWindows:
    """Collects positions of one face and runs the model on each full window.

    Parameters
    ----------
    predict
        Maps float32 (n, 26), 1 <= n <= positions, to intensities (reactions,).
    positions
        Most positions in a window.
    fps
        Positions per second.
    hop
        Positions between the starts of windows; None for half a window.
    """

    def __init__(
        self,
        predict: Callable[[FloatArray], FloatArray],
        positions: int,
        fps: float,
        hop: int | None = None,
    ) -> None:
        self.hop = hop if hop is not None else max(1, positions // 2)
        if not 1 <= self.hop <= positions:
            raise ValueError(f"hop must lie in 1..{positions}, not {self.hop}")
        self._predict, self._positions, self._fps = predict, positions, fps
        self._times: list[float] = []
        self._values: list[FloatArray] = []
        self._fresh = 0  # positions that no window has read yet
        self.windows: list[ReactionWindow] = []
        self.undefined = 0  # positions of windows for which the model gives no numbers

    def push(self, time_s: float, value: FloatArray) -> None:
        """Add one position: its time in seconds and its affect (26,)."""
        self._times.append(time_s)
        self._values.append(value)
        self._fresh += 1
        if len(self._values) == self._positions:
            self._run()
            del self._times[: self.hop], self._values[: self.hop]

    def finish(self) -> FloatArray | None:
        """Run what is left and combine all windows; None if there never was a position."""
        if self._fresh:
            self._run()
        if not self.windows:
            return None
        weights = np.array([window.routed for window in self.windows], float)
        table = np.stack([window.intensities for window in self.windows])
        return np.average(table, axis=0, weights=weights).astype(np.float32)

    def _run(self) -> None:
        intensities = self._predict(np.stack(self._values))
        if not np.isfinite(intensities).all():
            self.undefined += self._fresh
            self._fresh = 0
            return
        # Half-open: the last position lasts one period.
        end_s = self._times[-1] + 1 / self._fps
        self.windows.append(ReactionWindow(self._times[0], end_s, len(self._values), intensities))
        self._fresh = 0
