"""Sets of action units that the field averages over, for each corpus whose units people coded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

_DISFA_12 = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
_DISFA_8 = (1, 2, 4, 6, 9, 12, 25, 26)
_AFF_WILD2 = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)

UNIT_SETS: dict[str, dict[str, tuple[int, ...]]] = {
    "disfa": {"8 units of DISFA": _DISFA_8, "12 units of DISFA": _DISFA_12},
    "disfa-plus": {"8 units of DISFA": _DISFA_8, "12 units of DISFA": _DISFA_12},
    "bp4d": {"12 units of BP4D": (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)},
    "aff-wild2": {"12 units of Aff-Wild2": _AFF_WILD2},
    "s-aff-wild2": {"12 units of Aff-Wild2": _AFF_WILD2},
    "emotionet": {"11 units of EmotioNet 2017": (1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26)},
}
"""Corpus -> name of a set -> numbers of its units."""


def set_means(
    corpus: str, units: Sequence[int], scores: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float | int]]:
    """Means of scores over the usual sets of a corpus.

    Parameters
    ----------
    units
        The n units that scores are of, in their order.
    scores
        Name -> (n,), NaN where not defined.

    Returns
    -------
    By name of the set: ``units``, ``of`` (how many of how many have a defined first score), and the
    mean of each score over those of the set that have it; NaN where none has.

    Examples
    --------
    >>> means = set_means("bp4d", (1, 5, 12), {"f1": np.array([0.5, 0.1, 0.7])})
    >>> means["12 units of BP4D"]
    {'units': 2, 'of': 12, 'f1': 0.6}
    """
    found: dict[str, dict[str, float | int]] = {}
    for name, members in UNIT_SETS.get(corpus, {}).items():
        chosen = np.array([unit in members for unit in units], bool)
        counts = next(iter(scores.values()))
        row: dict[str, float | int] = {
            "units": int(np.isfinite(counts[chosen]).sum()),
            "of": len(members),
        }
        for score, values in scores.items():
            there = values[chosen][np.isfinite(values[chosen])]
            row[score] = float(there.mean()) if len(there) else float("nan")
        found[name] = row
    return found
