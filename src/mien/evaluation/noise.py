"""How much the extractor trembles on a face at rest, measured from a real recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.types import FloatArray, TimeArray


@dataclass(frozen=True)
class RestNoise:
    """Noise per channel on resting stretches.

    ``deviation`` and ``correlation`` (lag one, in [0, 1)) are float64 (26,); ``frames`` is how
    many frames counted as rest, ``fps`` their rate.
    """

    deviation: npt.NDArray[np.float64]
    correlation: npt.NDArray[np.float64]
    frames: int
    fps: float


def rest_noise(
    affect: FloatArray,
    timestamp_s: TimeArray,
    window_s: float = 0.5,
    rest_share: float = 0.3,
    rest: npt.NDArray[np.bool_] | None = None,
) -> RestNoise:
    """Deviation around a moving average over the stretches where that average moves least.

    Parameters
    ----------
    affect
        (n, 26), one face, frames in time order, no gaps.
    timestamp_s
        (n,).
    window_s
        Length of the centred moving average; slower change counts as movement, not noise.
    rest_share
        Share of frames with the slowest average that counts as rest.
    rest
        From `resting_frames`, to compare several estimates on the same stretches; None: found
        here.

    Raises
    ------
    ValueError
        If there are fewer frames than four windows, or fewer than two.
    """
    fps, width = _window(affect, timestamp_s, window_s)
    if rest is None:
        rest = resting_frames(affect, timestamp_s, window_s, rest_share)
    half = width // 2
    residual = affect[half : len(affect) - half] - _trend(affect, width)
    # A moving average of `width` frames takes 1/width of white noise's variance with it.
    residual *= np.sqrt(width / (width - 1))
    pairs = rest[1:] & rest[:-1]
    left, right = residual[:-1][pairs], residual[1:][pairs]
    variance = residual[rest].var(axis=0)
    covariance = (left * right).mean(axis=0) - left.mean(axis=0) * right.mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(variance > 0, covariance / variance, 0)
    return RestNoise(np.sqrt(variance), np.clip(correlation, 0, 0.99), int(rest.sum()), fps)


def resting_frames(
    affect: FloatArray, timestamp_s: TimeArray, window_s: float = 0.5, rest_share: float = 0.3
) -> npt.NDArray[np.bool_]:
    """Where the moving average of a face's numbers moves least; see `rest_noise`.

    Returns
    -------
    bool (n - window + 1,), one for every full window.
    """
    _, width = _window(affect, timestamp_s, window_s)
    trend = _trend(affect, width)
    half = width // 2
    speed = np.abs(trend[width:] - trend[:-width]).sum(axis=1)
    speed = np.concatenate([np.full(half, np.inf), speed, np.full(width - half, np.inf)])
    return np.asarray(speed <= np.quantile(speed[np.isfinite(speed)], rest_share))


def _window(affect: FloatArray, timestamp_s: TimeArray, window_s: float) -> tuple[float, int]:
    """Frames per second, and the odd length of the window in frames."""
    if len(timestamp_s) < 2:
        raise ValueError(f"need at least two frames, got {len(timestamp_s)}")
    fps = 1 / float(np.median(np.diff(timestamp_s)))
    width = max(3, round(window_s * fps) | 1)
    if len(affect) < 4 * width:
        raise ValueError(f"need at least {4 * width} frames, got {len(affect)}")
    return fps, width


def _trend(affect: FloatArray, width: int) -> npt.NDArray[np.float64]:
    """Centred moving average, (n - width + 1, 26)."""
    kernel = np.ones(width) / width
    return np.stack(
        [np.convolve(channel, kernel, mode="valid") for channel in affect.T.astype(float)], axis=1
    )
