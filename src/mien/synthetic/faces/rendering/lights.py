"""Lights, and what happens to one of them while a video runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mien.types import FloatArray


@dataclass(frozen=True, slots=True)
class Bars:
    """Soft bars of shadow across a light, as a blind or passing trees cast them.

    Attributes
    ----------
    across
        float32 (3,), unit vector in which light and shadow alternate.
    length_mm
        From one shadow to the next.
    phase
        Place of the bars, radians.
    sharpness
        How abrupt their edges are: about 1 is soft, 6 hard.
    least
        Share of the light that is left in the shadow.
    """

    across: FloatArray
    length_mm: float
    phase: float
    sharpness: float
    least: float

    def share(self, position: FloatArray) -> FloatArray:
        """Share of the light that reaches points (n, 3) in mm, float32 (n,)."""
        angle = position @ self.across * np.float32(2 * np.pi / self.length_mm)
        open_ = 0.5 + 0.5 * np.tanh(self.sharpness * np.sin(angle + np.float32(self.phase)))
        return np.asarray(self.least + (1 - self.least) * open_, np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """A distant light.

    Attributes
    ----------
    toward
        float32 (3,), unit vector from the face to the light; x right in the image, y up, z to
        the camera.
    color
        float32 (3,), linear RGB irradiance.
    casts, softness
        Whether it casts shadows, and how wide it is (tangent of its half angle).
    bars
        What stands in its way, if anything.
    """

    toward: FloatArray
    color: FloatArray
    casts: bool = False
    softness: float = 0.1
    bars: Bars | None = None


@dataclass(frozen=True, slots=True)
class LightPlay:
    """What the main light does over time. Angles in radians, frequencies in Hz.

    Attributes
    ----------
    swing, swing_hz, swing_phase
        It moves around the head by ``swing sin(2 pi swing_hz t + swing_phase)``, and its shadows
        with it.
    pulse, pulse_hz, pulse_phase
        Its strength is multiplied by ``exp(pulse sin(...))``.
    period_s, duty, off, switch_phase
        It is switched: on for the share ``duty`` of each ``period_s``, else at the share ``off``
        of its strength; 0 seconds: it stays on. ``switch_phase`` is from 0 to 1.
    bars, bars_hz
        Shadows that pass over the face, and how many per second (either direction).
    """

    swing: float = 0.0
    swing_hz: float = 0.0
    swing_phase: float = 0.0
    pulse: float = 0.0
    pulse_hz: float = 0.0
    pulse_phase: float = 0.0
    period_s: float = 0.0
    duty: float = 1.0
    off: float = 1.0
    switch_phase: float = 0.0
    bars: Bars | None = None
    bars_hz: float = 0.0

    def at(self, main: Light, time_s: float) -> Light:
        """The light at a time.

        Examples
        --------
        >>> lamp = Light(np.array([0, 0, 1], np.float32), np.ones(3, np.float32))
        >>> play = LightPlay(period_s=1.0, duty=0.5, off=0.25)
        >>> [float(play.at(lamp, t).color[0]) for t in (0.1, 0.6, 1.1)]
        [1.0, 0.25, 1.0]
        """
        gain = np.exp(self.pulse * np.sin(2 * np.pi * self.pulse_hz * time_s + self.pulse_phase))
        if self.period_s > 0 and (time_s / self.period_s + self.switch_phase) % 1 >= self.duty:
            gain *= self.off
        turn = self.swing * np.sin(2 * np.pi * self.swing_hz * time_s + self.swing_phase)
        bars = self.bars
        if bars is not None:
            bars = replace(bars, phase=bars.phase + 2 * np.pi * self.bars_hz * time_s)
        color = (main.color * np.float32(gain)).astype(np.float32)
        return replace(main, toward=turned(main.toward, float(turn)), color=color, bars=bars)


def turned(toward: FloatArray, turn: float) -> FloatArray:
    """A direction (3,) turned about the vertical axis by an angle in radians."""
    x, y, z = (float(value) for value in toward)
    cosine, sine = np.cos(turn), np.sin(turn)
    return np.array([x * cosine + z * sine, y, z * cosine - x * sine], np.float32)
