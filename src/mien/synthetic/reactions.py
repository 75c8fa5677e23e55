"""Simulator of 26-d affect sequences with video-level reaction labels.

No corpus of reaction ratings may be shipped or downloaded, so the reaction model is first trained
on sequences drawn from the model below. **What is learnt from it is this model, not people.**
Reaction weights made with it say so and are to be replaced by training on real ratings.

Assumptions, with what they rest on:

*Which movements a reaction shows* (`PROTOTYPES`, probability of taking part and strength):

- amusement 6, 12, 25, 26 (laughter: 7): Keltner, J. Personality and Social Psychology 68 (1995);
  Cordaro et al., Emotion 18 (2018).
- adoration: soft, mostly closed smile 6, 12 with raised inner brow 1, after the love and tenderness
  displays of Keltner & Cordaro (2017) and Cowen & Keltner, American Psychologist 75 (2020).
- anxiety 1, 4, 20, with lip tightening and pressing 23, 24, 17: Harrigan & O'Connell, Personality
  and Individual Differences 21 (1996).
- disgust 9, 10, 17, 4, 24; fear 1, 2, 4, 5, 20, 25, 26; surprise 1, 2, 5, 25, 26: Du, Tao &
  Martinez, PNAS 111 (2014), Table 1.
- empathic pain: the pain configuration 4, 6, 7, 9, 10 of Prkachin & Solomon, Pain 139 (2008), with
  the inner-brow concern 1 of Eisenberg et al., J. Personality and Social Psychology 57 (1989).

*Dynamics.* A movement has onset, apex and offset: onset 0.2-1.0 s, apex 0.2-2.5 s, offset 0.3-2.0
s, total mostly 0.5-4 s, faster for surprise and fear (Ekman, Emotions Revealed, 2003; Schmidt,
Ambadar, Cohn & Reed, J. Nonverbal Behavior 30 (2006)). AUs of one event start within 0.2 s of each
other. Events come at random times, at least one per active reaction.

*Who is active.* One to three reactions a video; fear, anxiety and surprise, and adoration and
amusement, tend to come together (Cowen & Keltner, PNAS 114 (2017)). People differ in strength
(log-normal, deviation 0.25) and in what they show (each AU takes part or not for a whole video).

*What is not a reaction* but moves the face: speech, opening lips and jaw at 2-7 Hz
(Chandrasekaran et al., PLoS Computational Biology 5 (2009)); polite smiles (12 without 6; Ekman &
Friesen, J. Nonverbal Behavior 6 (1982)); brow flashes; slow drift and a resting face of one's own.

*What the extractor makes of it.* Expressions follow from AUs by their relatedness, valence and
arousal from expressions (`mien.data.targets.votes`). Each channel carries first-order
autoregressive noise with the deviation and lag-one correlation measured from the shipped extractor
on resting stretches of a real recording (``stage1_noise.json``; see `mien.evaluation.noise`).
Frames in which a face is lost are not simulated: the sequence is what is left after they are
dropped.

*The rating.* Viewers' ratings follow the peak more than the average (Fredrickson & Kahneman,
J. Personality and Social Psychology 65 (1993)): 0.75 x the reaction's intensity + 0.25 x its
time-average relative to the apex, plus rater noise of deviation 0.04, clipped to [0, 1].
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from mien.labels import (
    ACTION_UNIT_SLICE,
    ACTION_UNITS,
    AFFECT_COLUMNS,
    AFFECTIVE_COORDINATES,
    EXPRESSION_SLICE,
    EXPRESSIONS,
    REACTIONS,
    VALENCE_AROUSAL_SLICE,
    relatedness,
)
from mien.types import FloatArray

Float64Array = npt.NDArray[np.float64]

PROTOTYPES: dict[str, dict[int, tuple[float, float]]] = {
    "adoration": {6: (0.7, 0.5), 12: (1.0, 0.6), 1: (0.5, 0.45), 25: (0.25, 0.3)},
    "amusement": {6: (0.9, 0.8), 12: (1.0, 0.95), 25: (0.9, 0.8), 26: (0.6, 0.5), 7: (0.5, 0.5)},
    "anxiety": {
        1: (0.7, 0.5),
        4: (0.7, 0.5),
        20: (0.5, 0.5),
        23: (0.4, 0.5),
        24: (0.5, 0.5),
        17: (0.4, 0.45),
    },
    "disgust": {9: (0.9, 0.8), 10: (0.85, 0.8), 17: (0.7, 0.6), 4: (0.4, 0.5), 24: (0.26, 0.4)},
    "empathic_pain": {
        4: (0.95, 0.8),
        6: (0.6, 0.6),
        7: (0.8, 0.7),
        9: (0.4, 0.5),
        10: (0.45, 0.5),
        1: (0.5, 0.5),
        25: (0.4, 0.5),
    },
    "fear": {
        1: (0.95, 0.8),
        2: (0.57, 0.6),
        4: (0.85, 0.6),
        5: (0.63, 0.7),
        20: (0.8, 0.7),
        25: (0.9, 0.7),
        26: (0.33, 0.5),
    },
    "surprise": {1: (1.0, 0.9), 2: (1.0, 0.9), 5: (0.66, 0.7), 25: (0.9, 0.8), 26: (0.9, 0.7)},
}
"""Per reaction: action unit -> (probability that a person shows it, strength at full intensity)."""

_COMPANIONS = {
    "fear": ("anxiety", "surprise"),
    "anxiety": ("fear", "empathic_pain"),
    "surprise": ("fear", "amusement"),
    "adoration": ("amusement",),
    "amusement": ("adoration", "surprise"),
    "empathic_pain": ("anxiety", "disgust"),
    "disgust": ("empathic_pain", "fear"),
}
QUICK_REACTIONS = ("surprise", "fear")

MIN_LENGTH, MAX_LENGTH = 30, 480


@dataclass(frozen=True)
class StageOneNoise:
    """Deviation and lag-one correlation of the extractor on a face at rest, (26,) each."""

    deviation: Float64Array
    correlation: Float64Array
    fps: float


@cache
def measured_noise() -> StageOneNoise:
    """The noise measured from the shipped extractor (``stage1_noise.json``)."""
    text = resources.files("mien.synthetic").joinpath("stage1_noise.json").read_text("utf-8")
    document = json.loads(text)
    return StageOneNoise(
        np.array([document["deviation"][name] for name in AFFECT_COLUMNS]),
        np.array([document["correlation"][name] for name in AFFECT_COLUMNS]),
        float(document["fps"]),
    )


def simulate_video(
    rng: np.random.Generator, length: int, fps: float, noise: StageOneNoise
) -> tuple[FloatArray, FloatArray]:
    """One video: affect float32 (length, 26) and labels float32 (7,) in [0, 1]."""
    intensity = draw_intensities(rng)
    units = np.zeros((length, len(ACTION_UNITS)))
    shape = np.zeros((length, len(REACTIONS)))
    strength = np.exp(rng.normal(0, 0.25))
    for k, reaction in enumerate(REACTIONS):
        if intensity[k] > 0:
            _add_reaction(units, shape[:, k], rng, reaction, intensity[k], strength, fps)
    _add_unrelated(units, rng, fps)
    _add_rest(units, rng, fps)
    affect = _observe(_represent(np.clip(units, 0, 1), rng), rng, noise, fps)
    rating = intensity * (0.75 + 0.25 * shape.mean(axis=0)) + rng.normal(0, 0.04, len(REACTIONS))
    label: FloatArray = np.clip(rating, 0, 1).astype(np.float32)
    return affect, label


def draw_intensities(rng: np.random.Generator) -> Float64Array:
    """Which reactions a video shows and how strongly, (7,)."""
    intensity = np.zeros(len(REACTIONS))
    current = str(rng.choice(REACTIONS))
    for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))):
        intensity[REACTIONS.index(current)] = 0.1 + 0.9 * rng.beta(1.6, 1.6)
        related = rng.random() < 0.6
        current = str(rng.choice(_COMPANIONS[current] if related else REACTIONS))
    return intensity


def _event(rng: np.random.Generator, length: int, fps: float, quick: bool) -> Float64Array:
    """Activation over time of one event with apex 1, (length,); it may reach over the ends."""
    onset = rng.uniform(0.2, 0.5 if quick else 1.0)
    apex = rng.uniform(0.2, 1.2 if quick else 2.5)
    offset = rng.uniform(0.3, 2.0)
    start = rng.uniform(-0.2 * onset, max(0.05, length / fps - onset - 0.3 * apex))
    return _profile(np.arange(length) / fps, start, onset, apex, offset)


def _profile(
    time_s: Float64Array, start: float, onset: float, apex: float, offset: float
) -> Float64Array:
    rise = np.clip((time_s - start) / onset, 0, 1)
    fall = np.clip((time_s - start - onset - apex) / offset, 0, 1)
    return _smooth(rise) * (1 - _smooth(fall))


def _smooth(x: Float64Array) -> Float64Array:
    return x * x * (3 - 2 * x)


def _add_reaction(
    units: Float64Array,
    shape: Float64Array,
    rng: np.random.Generator,
    reaction: str,
    intensity: float,
    strength: float,
    fps: float,
) -> None:
    """Add the events of one reaction to `units` in place; `shape` receives their outline."""
    length = len(units)
    shown = {
        unit: gain * np.exp(rng.normal(0, 0.15))
        for unit, (probability, gain) in PROTOTYPES[reaction].items()
        if rng.random() < probability
    }
    if not shown:  # somebody who reacts shows something: the most typical movement
        unit = max(PROTOTYPES[reaction], key=lambda u: PROTOTYPES[reaction][u][0])
        shown = {unit: PROTOTYPES[reaction][unit][1]}
    for number in range(1 + int(rng.poisson(0.12 * length / fps))):
        outline = _event(rng, length, fps, reaction in QUICK_REACTIONS)
        # The first event reaches the reaction's intensity, later ones stay at or under it.
        height = intensity * strength * (1.0 if number == 0 else rng.uniform(0.4, 1.0))
        np.maximum(shape, outline * height / (intensity * strength), out=shape)
        for unit, gain in shown.items():
            shift = int(rng.integers(0, max(1, round(0.2 * fps))))
            delayed = np.concatenate([np.full(shift, outline[0]), outline])[:length]
            column = units[:, ACTION_UNITS.index(unit)]
            np.maximum(column, delayed * height * gain, out=column)


def _add_unrelated(units: Float64Array, rng: np.random.Generator, fps: float) -> None:
    """Speech, polite smiles and brow flashes, which no reaction label counts."""
    length = len(units)
    time_s = np.arange(length) / fps
    if rng.random() < 0.3:
        rate, phase = rng.uniform(2, 7), rng.uniform(0, 2 * np.pi)
        phrase = _event(rng, length, fps, quick=False)
        mouth = phrase * 0.5 * (1 + np.sin(2 * np.pi * rate * time_s + phase))
        for unit, gain in ((25, rng.uniform(0.3, 0.7)), (26, rng.uniform(0.1, 0.35))):
            column = units[:, ACTION_UNITS.index(unit)]
            np.maximum(column, mouth * gain, out=column)
    if rng.random() < 0.25:
        column = units[:, ACTION_UNITS.index(12)]
        np.maximum(column, _event(rng, length, fps, False) * rng.uniform(0.15, 0.5), out=column)
    if rng.random() < 0.2:
        flash = _profile(time_s, rng.uniform(0, max(0.1, length / fps - 0.4)), 0.1, 0.1, 0.2)
        for unit in (1, 2):
            column = units[:, ACTION_UNITS.index(unit)]
            np.maximum(column, flash * rng.uniform(0.3, 0.7), out=column)


def _add_rest(units: Float64Array, rng: np.random.Generator, fps: float) -> None:
    """A resting face of one's own, with drift over seconds."""
    length = len(units)
    rest: Float64Array = np.asarray(rng.beta(1, 9, units.shape[1]), np.float64)
    rest *= rng.random(units.shape[1]) < 0.4
    knots = max(2, int(length / fps / 2) + 2)
    drift = rng.normal(0, 0.02, (knots, units.shape[1]))
    position = np.linspace(0, knots - 1, length)
    for column in range(units.shape[1]):
        units[:, column] += rest[column] + np.interp(position, np.arange(knots), drift[:, column])


def _represent(units: Float64Array, rng: np.random.Generator) -> Float64Array:
    """AU activations (n, 17) to noise-free affect representations (n, 26)."""
    table = relatedness("weighted")
    evidence = units @ (table / np.maximum(table.sum(axis=1, keepdims=True), 1)).T  # (n, 7)
    logits = 9.0 * evidence
    logits[:, EXPRESSIONS.index("neutral")] = rng.normal(2.0, 0.3)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    expressions = weights / weights.sum(axis=1, keepdims=True)
    coordinates = np.array([AFFECTIVE_COORDINATES[name] for name in EXPRESSIONS])
    affect = np.empty((len(units), len(AFFECT_COLUMNS)))
    affect[:, VALENCE_AROUSAL_SLICE] = expressions @ coordinates
    affect[:, EXPRESSION_SLICE] = expressions
    affect[:, ACTION_UNIT_SLICE] = units
    return affect


def _observe(
    affect: Float64Array, rng: np.random.Generator, noise: StageOneNoise, fps: float
) -> FloatArray:
    """Add the extractor's noise and keep every channel in its range."""
    # The correlation was measured at another frame rate; the same process sampled at this one.
    correlation = np.clip(noise.correlation, 0, 0.999) ** (noise.fps / fps)
    shocks = rng.normal(size=affect.shape) * noise.deviation * np.sqrt(1 - correlation**2)
    state = rng.normal(size=affect.shape[1]) * noise.deviation
    out = np.empty_like(affect)
    for i in range(len(affect)):
        out[i] = affect[i] + state
        state = correlation * state + shocks[i]
    out[:, VALENCE_AROUSAL_SLICE] = out[:, VALENCE_AROUSAL_SLICE].clip(-1, 1)
    expressions = out[:, EXPRESSION_SLICE].clip(1e-4, None)
    out[:, EXPRESSION_SLICE] = expressions / expressions.sum(axis=1, keepdims=True)
    out[:, ACTION_UNIT_SLICE] = out[:, ACTION_UNIT_SLICE].clip(0, 1)
    return out.astype(np.float32)
