"""Shapes of movement in continuous time, so that any frame rate samples the same movement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]


def smoothstep(x: npt.ArrayLike) -> Float64Array:
    """0 up to x = 0, 1 from x = 1 on, 3 x^2 - 2 x^3 between: slope 0 at both ends.

    >>> smoothstep([-1.0, 0.0, 0.5, 1.0, 2.0]).tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    c = np.clip(np.asarray(x, np.float64), 0, 1)
    rising: Float64Array = c * c * (3 - 2 * c)
    return rising


@dataclass(frozen=True, slots=True)
class Event:
    """One movement: rises over ``onset_s``, stays for ``apex_s``, falls over ``offset_s``."""

    start_s: float
    onset_s: float
    apex_s: float
    offset_s: float

    @property
    def end_s(self) -> float:
        """When the face is back at rest."""
        return self.start_s + self.onset_s + self.apex_s + self.offset_s

    def later(self, delay_s: float) -> Event:
        """The same movement, ``delay_s`` later."""
        return Event(self.start_s + delay_s, self.onset_s, self.apex_s, self.offset_s)

    def outline(self, time_s: Float64Array) -> Float64Array:
        """Activation with apex 1 and a continuous slope, (T,) at the times (T,) in seconds."""
        rise = smoothstep((time_s - self.start_s) / self.onset_s)
        return rise * (1 - smoothstep((time_s - self.end_s + self.offset_s) / self.offset_s))

    def window(self, time_s: Float64Array) -> slice:
        """The part of ascending times (T,) in which the outline is not 0."""
        first, last = np.searchsorted(time_s, (self.start_s, self.end_s))
        return slice(int(first), int(last))


@dataclass(frozen=True, slots=True)
class Sway:
    """Smooth noise without end: for each channel a few sinusoids of random rate and phase.

    Attributes
    ----------
    amplitude, rate_hz, phase
        float64 (sinusoids, channels).
    """

    amplitude: Float64Array
    rate_hz: Float64Array
    phase: Float64Array

    def __call__(self, time_s: Float64Array) -> Float64Array:
        """Values at times (T,), float64 (T, channels)."""
        total = np.zeros((len(time_s), self.amplitude.shape[1]))
        for amplitude, rate, phase in zip(self.amplitude, self.rate_hz, self.phase, strict=True):
            total += amplitude * np.sin(2 * np.pi * rate * time_s[:, None] + phase)
        return total


def draw_sway(
    rng: np.random.Generator,
    deviation: npt.ArrayLike,
    low_hz: float,
    high_hz: float,
    sinusoids: int = 5,
) -> Sway:
    """Draw smooth noise.

    Parameters
    ----------
    rng
        Source of randomness.
    deviation
        (channels,) standard deviation over a long time.
    low_hz, high_hz
        Rates are log-uniform between these; the faster, the smaller (amplitude ~ rate^-1/2).
    sinusoids
        How many per channel.
    """
    target = np.atleast_1d(np.asarray(deviation, np.float64))
    shape = (sinusoids, len(target))
    rate = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), shape))
    amplitude = rng.uniform(0.5, 1.0, shape) / np.sqrt(rate)
    amplitude *= target * np.sqrt(2 / (amplitude**2).sum(axis=0))
    return Sway(amplitude, rate, rng.uniform(0, 2 * np.pi, shape))
