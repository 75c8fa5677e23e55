"""Which action units an emotion or a reaction moves, how often and how strongly.

Reactions come from `mien.synthetic.reactions.PROTOTYPES`, whose docstring names their sources; the
six basic emotions from Du, Tao & Martinez, PNAS 111 (2014), Table 1, by way of
`mien.labels.relatedness`: prototypical units always, at 0.9 of the full strength, observational
ones with their share and at 0.65. The strengths of the basic emotions are assumptions.
"""

from __future__ import annotations

import numpy as np

from mien.labels import ACTION_UNITS, EXPRESSIONS, relatedness
from mien.synthetic.reactions import PROTOTYPES as REACTION_PROTOTYPES

Prototype = dict[int, tuple[float, float]]
"""Action unit -> (probability that a person shows it, strength at full intensity)."""

__all__ = ["EMOTION_PROTOTYPES", "REACTION_PROTOTYPES", "Prototype", "draw_shown"]


def _from_relatedness() -> dict[str, Prototype]:
    table = relatedness("weighted")
    return {
        name: {
            unit: (float(share), 0.9 if share == 1 else 0.65)
            for unit, share in zip(ACTION_UNITS, table[row], strict=True)
            if share > 0
        }
        for row, name in enumerate(EXPRESSIONS)
        if name != "neutral"
    }


EMOTION_PROTOTYPES: dict[str, Prototype] = _from_relatedness()
"""The six basic emotions, in the order of `mien.labels.EXPRESSIONS`."""


def draw_shown(
    rng: np.random.Generator, prototype: Prototype, spread: float = 0.2
) -> dict[int, float]:
    """What one person moves: action unit -> strength at full intensity, 0 to 1.

    Each unit takes part with its probability and with a strength that varies log-normally by
    `spread`. Somebody who would show nothing shows the likeliest unit. Pressed lips (24) are not
    drawn with tightened ones (23), and let AU10 be no more than 0.25, the most that keeps a mouth
    shut (`mien.synthetic.faces.behaviour.compatibility`).
    """
    draws = rng.random(len(prototype))
    factors = np.exp(rng.normal(0, spread, len(prototype)))
    rows = list(zip(prototype.items(), draws, factors, strict=True))
    shown = {
        unit: min(1.0, strength * float(factor))
        for (unit, (probability, strength)), draw, factor in rows
        if draw < probability
    }
    if not shown:
        likeliest = max(prototype, key=lambda unit: prototype[unit][0])
        shown = {likeliest: prototype[likeliest][1]}
    if 24 in shown:
        shown.pop(23, None)
        if 10 in shown:
            shown[10] = min(shown[10], 0.25)
    return shown
