"""Talking: phrases in which lips and jaw open and close syllable by syllable.

The mouth opens at 2 to 7 Hz (Chandrasekaran et al., PLoS Computational Biology 5 (2009)); here at
3.3 to 5.7 Hz on average, a rate of one's own that speeds up and slows down by up to 1.1 Hz. The
faster, the smaller the movement. Between syllables lips round (17, 23) or spread (20) a little.
Half of all people talk, in phrases of 1 to 6 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.labels import ACTION_UNITS
from mien.synthetic.faces.behaviour.profiles import Event, Float64Array, Sway, draw_sway

LOOSENING_S = 0.35
"""How long before a phrase pressed lips begin to loosen, and after it to press again."""

_RATE_WAVE_HZ = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """One person's talking in one video.

    Attributes
    ----------
    phrases
        One after the other; none for a silent video.
    rate_hz, rate_wave, phase
        Syllables per second, how far their count swings (syllables), and phases of both.
    opening
        Strength of AU25 and AU26.
    loudness
        One channel: how strongly syllables differ.
    shape
        Strengths of AU17, AU20 and AU23 for rounding and spreading.
    shaping
        Three channels: when lips round or spread.
    """

    phrases: tuple[Event, ...]
    rate_hz: float
    rate_wave: float
    phase: tuple[float, float]
    opening: tuple[float, float]
    loudness: Sway
    shape: tuple[float, float, float]
    shaping: Sway

    def voice(self, time_s: Float64Array) -> Float64Array:
        """How much the person is talking, 0 to 1, at ascending times (T,)."""
        voice = np.zeros(len(time_s))
        for phrase in self.phrases:
            window = phrase.window(time_s)
            voice[window] += phrase.outline(time_s[window])
        return voice.clip(0, 1)

    def loosening(self, time_s: Float64Array) -> Float64Array:
        """How far lips are loosened to talk, 0 to 1: from before the phrase until after it."""
        loose = np.zeros(len(time_s))
        for phrase in self.phrases:
            talking_s = phrase.end_s - phrase.start_s
            wide = Event(phrase.start_s - LOOSENING_S, LOOSENING_S, talking_s, LOOSENING_S)
            window = wide.window(time_s)
            loose[window] = np.maximum(loose[window], wide.outline(time_s[window]))
        return loose

    def units(self, time_s: Float64Array) -> Float64Array:
        """What talking moves, float64 (T, 17) in [0, 1]."""
        units = np.zeros((len(time_s), len(ACTION_UNITS)))
        if not self.phrases:
            return units
        voice = self.voice(time_s)
        wave = self.rate_wave * np.sin(2 * np.pi * _RATE_WAVE_HZ * time_s + self.phase[1])
        turns = self.rate_hz * time_s + wave
        syllable = 0.5 - 0.5 * np.cos(2 * np.pi * turns + self.phase[0])
        loud = voice * (1 + self.loudness(time_s)[:, 0]).clip(0.2, 1.4)
        for unit, strength in zip((25, 26), self.opening, strict=True):
            units[:, ACTION_UNITS.index(unit)] = strength * loud * (0.1 + 0.9 * syllable)
        shaping = self.shaping(time_s).clip(0, 1)  # (T, 3)
        for unit, strength, when in zip((17, 20, 23), self.shape, shaping.T, strict=True):
            units[:, ACTION_UNITS.index(unit)] = strength * voice * when * (1 - 0.5 * syllable)
        return units.clip(0, 1)


def draw_speech(rng: np.random.Generator, duration_s: float) -> Speech:
    """Draw one person's talking within [0, duration_s)."""
    talks = rng.random() < 0.5
    pause_s = float(rng.uniform(1.0, 6.0))
    phrases, now = [], float(rng.uniform(-1.5, pause_s))
    while talks and now < duration_s:
        onset, offset = rng.uniform(0.2, 0.4, 2)
        phrase = Event(now, float(onset), float(rng.uniform(0.6, 5.2)), float(offset))
        phrases.append(phrase)
        now = phrase.end_s + 0.3 + float(rng.exponential(pause_s))
    rate = float(rng.uniform(3.3, 5.7))
    smaller = min(1.0, 4.0 / rate)
    return Speech(
        tuple(phrases),
        rate,
        float(rng.uniform(0.1, 0.25)),
        (float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0, 2 * np.pi))),
        (smaller * float(rng.uniform(0.3, 0.65)), smaller * float(rng.uniform(0.1, 0.35))),
        draw_sway(rng, [0.25], 0.4, 2.0),
        (float(rng.uniform(0, 0.3)), float(rng.uniform(0, 0.3)), float(rng.uniform(0, 0.35))),
        draw_sway(rng, [0.4, 0.4, 0.4], 0.4, 2.0),
    )
