"""Reading a video as overlapping clips and averaging what they say of a frame. Torch-free.

Clips start half a clip apart; a last one is moved back so that it ends with the video. A video that
is shorter than a clip is one clip whose tail is marked as missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.faces.modalities import (
    CHANNELS,
    STREAMS,
    color_to_network,
    depth_to_network,
    thermal_to_network,
)
from mien.types import FloatArray, ImageArray, TimeArray

IntArray = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]

_SAME_RATE = 0.02  # frame rates that differ by less are taken for the same


def grid_frames(times_s: TimeArray, fps: float) -> IntArray:
    """Which frames a network that reads `fps` frames per second is shown.

    Parameters
    ----------
    times_s
        float64 (n,), rising.
    fps
        Frames per second that the network was trained at.

    Returns
    -------
    int64 (m,), rising: all frames where the video has that rate anyway (to 2 %), else the frame
    nearest to each point of a grid, so a slower video repeats frames and a faster one leaves
    some out.

    Examples
    --------
    >>> grid_frames(np.arange(6) / 50, 25.0).tolist()
    [0, 2, 4]
    """
    count = len(times_s)
    if count < 2:
        return np.arange(count, dtype=np.int64)
    period = float(np.median(np.diff(times_s)))
    if abs(period * fps - 1) < _SAME_RATE:
        return np.arange(count, dtype=np.int64)
    grid = np.arange(times_s[0], times_s[-1] + 1e-6, 1 / fps)
    after = np.searchsorted(times_s, grid).clip(1, count - 1)
    nearer = grid - times_s[after - 1] <= times_s[after] - grid
    chosen: IntArray = np.where(nearer, after - 1, after).astype(np.int64)
    return chosen


def clip_starts(frames: int, clip_frames: int, hop: int | None = None) -> list[int]:
    """Where the clips of a video start.

    Parameters
    ----------
    frames
        Length of the video, 1 or more.
    clip_frames
        Frames of a clip.
    hop
        Frames from a start to the next; None: half a clip.

    Returns
    -------
    Rising starts, so that every frame is in a clip. A single 0 where the video is no longer than
    a clip.

    Raises
    ------
    ValueError
        If `frames` is below 1 or `hop` outside 1 to `clip_frames`.

    Examples
    --------
    >>> clip_starts(40, 16)
    [0, 8, 16, 24]
    >>> clip_starts(18, 16)
    [0, 2]
    """
    step = hop if hop is not None else max(1, clip_frames // 2)
    if frames < 1 or not 1 <= step <= clip_frames:
        raise ValueError(f"no clips of {clip_frames} frames, hop {step}, in {frames} frames")
    last = max(0, frames - clip_frames)
    starts = list(range(0, last + 1, step))
    return starts if starts[-1] == last else [*starts, last]


class OverlapAverage:
    """Averages the estimates of overlapping clips, frame by frame, as clips come in.

    Memory is bounded by a clip: frames that no later clip can reach are given out at once.

    Examples
    --------
    >>> average = OverlapAverage()
    >>> average.add(0, np.array([[1.0], [1.0], [1.0], [1.0]])).tolist()
    []
    >>> average.add(2, np.array([[3.0], [3.0], [3.0], [3.0]])).ravel().tolist()
    [1.0, 1.0]
    >>> average.finish().ravel().tolist()
    [2.0, 2.0, 3.0, 3.0]
    """

    def __init__(self) -> None:
        self._first = 0  # the frame that the held sums begin with
        self._sums: Float64Array | None = None
        self._counts: Float64Array = np.zeros(0)

    def add(self, start: int, estimates: npt.NDArray[Any]) -> Float64Array:
        """Add a clip's estimates.

        Parameters
        ----------
        start
            The frame that the clip begins with; not before an earlier clip's.
        estimates
            (k, ...), those of the clip's real frames, without its padding.

        Returns
        -------
        float64 (m, ...), averages of the next m frames that are final now, in order of time.

        Raises
        ------
        ValueError
            If the clip starts before an earlier one or leaves a gap.
        """
        values = np.asarray(estimates, np.float64)
        if self._sums is None:
            self._sums = np.zeros((0, *values.shape[1:]))
        offset = start - self._first
        if not 0 <= offset <= len(self._sums):
            raise ValueError(
                f"a clip at frame {start} does not follow: expected {self._first} to "
                f"{self._first + len(self._sums)}"
            )
        done = self._mean(offset)
        self._sums, self._counts = self._sums[offset:], self._counts[offset:]
        self._first = start
        missing = max(0, len(values) - len(self._sums))
        self._sums = np.concatenate([self._sums, np.zeros((missing, *values.shape[1:]))])
        self._counts = np.concatenate([self._counts, np.zeros(missing)])
        self._sums[: len(values)] += values
        self._counts[: len(values)] += 1
        return done

    def finish(self) -> Float64Array:
        """Averages of the frames that are left; what was added is forgotten."""
        if self._sums is None:
            return np.zeros(0)
        left = self._mean(len(self._sums))
        self._first, self._sums, self._counts = 0, None, np.zeros(0)
        return left

    def _mean(self, count: int) -> Float64Array:
        assert self._sums is not None
        shape = (count,) + (1,) * (self._sums.ndim - 1)
        mean: Float64Array = self._sums[:count] / self._counts[:count].reshape(shape)
        return mean


@dataclass(frozen=True)
class ClipInputs:
    """A clip as a network reads it.

    Attributes
    ----------
    streams
        float32 (clip_frames, channels, side, side) in [-1, 1] per modality, zero where missing.
    present
        float32 (clip_frames, 3), 1 where a frame is there, in the order of `STREAMS`.
    """

    streams: dict[str, FloatArray]
    present: FloatArray


def clip_inputs(
    color: ImageArray | None,
    depth_mm: FloatArray | None,
    thermal_c: FloatArray | None,
    present: npt.NDArray[Any],
    modalities: tuple[str, ...],
    clip_frames: int,
    side: int,
) -> ClipInputs:
    """Bring a clip of k <= `clip_frames` frames to what a network reads.

    Parameters
    ----------
    color, depth_mm, thermal_c
        uint8 (k, side, side, 3), float32 (k, side, side) each; None: the modality is missing.
    present
        (k, 3), true where a frame is there.
    modalities
        Modalities that the network has; others are left out.
    clip_frames, side
        What the network expects; shorter clips get a tail that is marked as missing.

    Raises
    ------
    ValueError
        If there are more frames than a clip holds.
    """
    count = len(present)
    if count > clip_frames:
        raise ValueError(f"a clip holds {clip_frames} frames, got {count}")
    there = np.zeros((clip_frames, len(STREAMS)), np.float32)
    there[:count] = present
    found: dict[str, FloatArray] = {}
    if color is not None:
        found["color"] = color_to_network(color)
    if depth_mm is not None:
        found["depth"] = depth_to_network(depth_mm)
    if thermal_c is not None:
        found["thermal"] = thermal_to_network(thermal_c)
    streams = {}
    for index, name in enumerate(STREAMS):
        if name not in modalities:
            there[:, index] = 0
            continue
        values = np.zeros((clip_frames, CHANNELS[name], side, side), np.float32)
        if name in found:
            values[:count] = found[name] * there[:count, index, None, None, None]
        else:
            there[:, index] = 0
        streams[name] = values
    return ClipInputs(streams, there)
