"""What a face goes through in one video: emotions with their events, mood, habits and rest.

Everything is in continuous time. Dynamics are those of `mien.synthetic.reactions`, whose docstring
names the literature: onset 0.2-1.0 s, apex 0.2-2.5 s, offset 0.3-2.0 s, faster for surprise and
fear; the units of one event start within 0.2 s of each other; one to three reactions, related ones
together; people differ in strength (log-normal, 0.25) and in what they show.

What this module adds, as assumptions:

- anger or sadness, which are no reactions, appear beside them in three videos of ten, so that a
  face can be strongly moved by what no rating counts;
- *mood*: events grow or fade over the video, and under them lies a slow, weak version of the same
  expression;
- *habits*: polite smiles (12 alone, at times one-sided), brow flashes (1, 2), and movements of one
  or two random units (a squint, a pressed lip, a sniff), which mean nothing;
- a resting face of one's own, and slow drift and tremor of all units.

Overlapping movements of one unit add up with saturation, 1 - prod(1 - a_i). Where units that
exclude each other would move at the same time, the weaker movement goes without its part: a face
that presses its lips does not start to gape in the middle of it. Parts weaker than `MOOD` are left
to `reconcile`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mien.labels import ACTION_UNITS, REACTIONS
from mien.synthetic.faces.behaviour.profiles import Event, Float64Array, Sway, draw_sway
from mien.synthetic.faces.behaviour.prototypes import (
    EMOTION_PROTOTYPES,
    REACTION_PROTOTYPES,
    draw_shown,
)
from mien.synthetic.faces.behaviour.stills import UNIT_WEIGHTS
from mien.synthetic.faces.geometry.action_units import INCOMPATIBLE
from mien.synthetic.reactions import QUICK_REACTIONS as QUICK
from mien.synthetic.reactions import draw_intensities as draw_reaction_intensities
from mien.types import FloatArray

EVENTS_PER_S = 0.08
"""Events of one emotion after its first, on average."""

MOST = 0.97
"""No single movement goes further."""

MOOD = 0.3
"""Most of an emotion's intensity that its mood has; parts weaker than this may clash."""

MOST_AT_REST = 0.2
"""A resting face that shows more of a unit would be scored as showing it."""

RATING_STEP_S = 0.04

_HABIT_SHARES = np.array([UNIT_WEIGHTS[unit] for unit in ACTION_UNITS])
_HABIT_SHARES = _HABIT_SHARES / _HABIT_SHARES.sum()


@dataclass(frozen=True, slots=True)
class Movement:
    """Some units moving together.

    Attributes
    ----------
    name
        The emotion or reaction that it belongs to; "" for habits.
    event
        When, for the movement as a whole.
    height
        Intensity of the emotion at the apex, 0 to 1, apart from the person's expressiveness.
    parts
        Per unit: column in `mien.labels.ACTION_UNITS`, when, and intensity at the apex.
    lean
        Asymmetry that the movement adds to its units at the apex.
    """

    name: str
    event: Event
    height: float
    parts: tuple[tuple[int, Event, float], ...]
    lean: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """Everything that moves the face of one video but speech and eyes.

    Attributes
    ----------
    intensity
        float64 (7,), of each reaction.
    movements
        In no particular order.
    rest, resting_asymmetry
        float64 (17,).
    drift, tremor
        17 channels: added to all units, and relative to what moves.
    """

    intensity: Float64Array
    movements: tuple[Movement, ...]
    rest: Float64Array
    resting_asymmetry: Float64Array
    drift: Sway
    tremor: Sway

    def units(self, time_s: Float64Array) -> Float64Array:
        """Intensities at ascending times (T,), float64 (T, 17), incompatible ones not yet apart."""
        free = np.ones((len(time_s), len(ACTION_UNITS)))
        for movement in self.movements:
            for column, event, height in movement.parts:
                window = event.window(time_s)
                free[window, column] *= 1 - height * event.outline(time_s[window])
        moved = (1 - free) * (1 + self.tremor(time_s).clip(-0.2, 0.2))
        rest = np.maximum(self.rest + self.drift(time_s), 0)
        units: Float64Array = (1 - (1 - moved.clip(0, 1)) * (1 - rest)).clip(0, 1)
        return units

    def asymmetry(self, time_s: Float64Array) -> Float64Array:
        """Asymmetry at ascending times (T,), float64 (T, 17) in [-1, 1]."""
        lean = np.repeat(self.resting_asymmetry[None], len(time_s), axis=0)  # (T, 17)
        for movement in self.movements:
            for column, event, _ in movement.parts:
                window = event.window(time_s)
                lean[window, column] += movement.lean * event.outline(time_s[window])
        return lean.clip(-1, 1)

    def ratings(self, duration_s: float) -> FloatArray:
        """What viewers would rate, float32 (7,) in [0, 1].

        With I the reaction's intensity and s(t) the outline of its events relative to the highest,
        I (0.75 + 0.25 mean s): the model of `mien.synthetic.reactions` without the raters' noise.
        The mean is over steps of `RATING_STEP_S`, whatever the frame rate.
        """
        steps = np.arange(max(1, round(duration_s / RATING_STEP_S)), dtype=np.float64)
        time_s: Float64Array = (steps + 0.5) * RATING_STEP_S
        outline = np.zeros((len(REACTIONS), len(time_s)))
        for movement in self.movements:
            if movement.name in REACTIONS:
                row = REACTIONS.index(movement.name)
                window = movement.event.window(time_s)
                height = movement.height / self.intensity[row]
                shown = movement.event.outline(time_s[window]) * min(1.0, height)
                outline[row, window] = np.maximum(outline[row, window], shown)
        ratings: FloatArray = (self.intensity * (0.75 + 0.25 * outline.mean(axis=1))).astype(
            np.float32
        )
        return ratings


def draw_scenario(rng: np.random.Generator, duration_s: float) -> Scenario:
    """Draw what happens to one person's face within [0, duration_s)."""
    strength = float(np.exp(rng.normal(0, 0.25)))
    intensity = draw_reaction_intensities(rng)
    emotions = {
        name: float(value) for name, value in zip(REACTIONS, intensity, strict=True) if value > 0
    }
    if rng.random() < 0.3:
        emotions[str(rng.choice(["anger", "sadness"]))] = 0.2 + 0.8 * float(rng.beta(1.6, 1.6))
    tendency = float(rng.uniform(-0.8, 0.8))  # from fading to growing over the video
    movements: list[Movement] = []
    for name, level in emotions.items():
        movements += _emotion(rng, name, level, strength, tendency, duration_s)
    movements += _habits(rng, strength, duration_s)
    movements = _without_clashes(movements)
    at_rest = rng.beta(1, 9, len(ACTION_UNITS)) * (rng.random(len(ACTION_UNITS)) < 0.35)
    rest = np.minimum(at_rest, MOST_AT_REST)
    return Scenario(
        intensity,
        tuple(movements),
        rest,
        rng.normal(0, 0.1, len(ACTION_UNITS)),
        draw_sway(rng, rng.uniform(0.006, 0.02, len(ACTION_UNITS)), 0.05, 0.7, 4),
        draw_sway(rng, np.full(len(ACTION_UNITS), 0.05), 0.3, 1.5, 4),
    )


def draw_event(rng: np.random.Generator, duration_s: float, quick: bool = False) -> Event:
    """An event of an expression's usual duration; it may reach over the ends of the video."""
    onset = rng.uniform(0.2, 0.5 if quick else 1.0)
    apex = rng.uniform(0.2, 1.2 if quick else 2.5)
    offset = rng.uniform(0.3, 2.0)
    start = rng.uniform(-0.2 * onset, max(0.05, duration_s - onset - 0.3 * apex))
    return Event(float(start), float(onset), float(apex), float(offset))


def _emotion(
    rng: np.random.Generator,
    name: str,
    level: float,
    strength: float,
    tendency: float,
    duration_s: float,
) -> list[Movement]:
    """Events and mood of one emotion; its highest event reaches `level`."""
    shown = draw_shown(rng, REACTION_PROTOTYPES.get(name) or EMOTION_PROTOTYPES[name])
    events = [
        draw_event(rng, duration_s, name in QUICK)
        for _ in range(1 + int(rng.poisson(EVENTS_PER_S * duration_s)))
    ]
    mood = [1 + tendency * (event.start_s / duration_s - 0.5) for event in events]
    heights = rng.uniform(0.4, 1.0, len(events)) * mood
    heights *= level / heights.max()
    # Somebody whose face is lopsided in an emotion mostly is so every time.
    lean = float(rng.normal(0, 0.08) if rng.random() < 0.85 else rng.normal(0, 0.4))
    movements = [
        _movement(rng, name, event, float(height), shown, strength, lean)
        for event, height in zip(events, heights, strict=True)
    ]
    slow = Event(
        float(rng.uniform(-0.5, 0.4) * duration_s),
        max(2.0, float(rng.uniform(0.2, 0.6)) * duration_s),
        float(rng.uniform(0.1, 0.5)) * duration_s,
        max(2.0, float(rng.uniform(0.2, 0.6)) * duration_s),
    )
    height = level * float(rng.uniform(0, MOOD))
    return [*movements, _movement(rng, name, slow, height, shown, strength, lean)]


def _movement(
    rng: np.random.Generator,
    name: str,
    event: Event,
    height: float,
    shown: dict[int, float],
    strength: float,
    lean: float,
) -> Movement:
    """One event of an emotion, its units up to 0.2 s apart."""
    parts = tuple(
        (
            ACTION_UNITS.index(unit),
            event.later(float(rng.uniform(0, 0.2))),
            min(MOST, height * strength * share * float(np.exp(rng.normal(0, 0.1)))),
        )
        for unit, share in shown.items()
    )
    return Movement(name, event, height, parts, lean)


def _without_clashes(movements: list[Movement]) -> list[Movement]:
    """The movements less the weaker parts of those that exclude each other at the same time."""
    excluded: dict[int, set[int]] = {}
    for pair in (*INCOMPATIBLE, (10, 24)):  # a raised lip ends pressing; see `reconcile`
        for unit, other in (pair, pair[::-1]):
            excluded.setdefault(ACTION_UNITS.index(unit), set()).add(ACTION_UNITS.index(other))
    ranked = sorted(
        (
            (height, m, k)
            for m, one in enumerate(movements)
            for k, (_, _, height) in enumerate(one.parts)
        ),
        key=lambda row: -row[0],
    )
    kept: dict[int, list[Event]] = {column: [] for column in excluded}
    dropped: set[tuple[int, int]] = set()
    for _, m, k in ranked:
        column, event, height = movements[m].parts[k]
        if column not in excluded or height < MOOD:
            continue
        others = (other for partner in excluded[column] for other in kept[partner])
        if any(event.start_s < other.end_s and other.start_s < event.end_s for other in others):
            dropped.add((m, k))
        else:
            kept[column].append(event)
    return [
        replace(one, parts=tuple(part for k, part in enumerate(one.parts) if (m, k) not in dropped))
        for m, one in enumerate(movements)
    ]


def _habits(rng: np.random.Generator, strength: float, duration_s: float) -> list[Movement]:
    """Polite smiles, brow flashes and movements without meaning."""
    movements = []
    for _ in range(int(rng.poisson(0.025 * duration_s))):
        one_sided = rng.random() < 0.25
        lean = rng.choice([-1.0, 1.0]) * rng.uniform(0.4, 0.9) if one_sided else 0.0
        shown = {12: float(rng.uniform(0.15, 0.5))}
        event = draw_event(rng, duration_s)
        movements.append(_movement(rng, "", event, 1.0, shown, strength, float(lean)))
    for _ in range(int(rng.poisson(0.03 * duration_s))):
        start = float(rng.uniform(-0.1, max(0.1, duration_s - 0.3)))
        event = Event(start, float(rng.uniform(0.15, 0.25)), 0.1, float(rng.uniform(0.2, 0.35)))
        height = float(rng.uniform(0.3, 0.7))
        movements.append(_movement(rng, "", event, height, {1: 0.9, 2: 1.0}, 1.0, 0.0))
    for _ in range(int(rng.poisson(0.06 * duration_s))):
        units = rng.choice(ACTION_UNITS, int(rng.integers(1, 3)), replace=False, p=_HABIT_SHARES)
        shown = {int(unit): float(rng.uniform(0.2, 0.8)) for unit in units}
        event = draw_event(rng, duration_s, quick=True)
        lean = float(rng.normal(0, 0.15))
        movements.append(_movement(rng, "", event, 1.0, shown, strength, lean))
    return movements
