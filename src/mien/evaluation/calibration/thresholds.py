"""From which probability on an action unit counts as active. Torch-free.

A calibrated probability of a unit that is seldom shown or hard to see hardly ever reaches 0.5; read
at 0.5 such a unit is never active. The level with the best F1 lies lower (at half of that F1, for
probabilities that mean what they say; Lipton, Elkan & Narayanaswamy, ECML 2014), so it is chosen
on held-out faces and travels with the model. The same authors warn that F1 rewards calling a unit
that cannot be told at all active everywhere; a level at which a unit would be claimed more than
twice as often as it is shown is therefore not taken.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.types import FloatArray

UNDECIDED = 0.5
"""The level of a unit about which nothing is known."""

_MOST_CLAIMS = 2.0

_LEVELS = np.linspace(0.05, 0.95, 91)


def fit_decisions(
    probabilities: FloatArray, targets: FloatArray, groups: npt.ArrayLike | None = None
) -> tuple[float, ...]:
    """The level with the best F1 per action unit.

    Parameters
    ----------
    probabilities, targets
        (n, units), calibrated probabilities, and targets in [0, 1] of which 0.5 and more is
        active; NaN where unknown.
    groups
        (n,), e.g. the corpus of each face; None: all one. The mean of the groups' F1 counts, over
        the groups that show the unit: F1 over all faces at once would follow the group that shows
        it most.

    Returns
    -------
    One number from 0.05 to 0.95, in hundredths, per unit; `UNDECIDED` for a unit that no face with
    a target shows, and for one that no level tells apart.

    Examples
    --------
    >>> fit_decisions(np.array([[0.1], [0.2], [0.3], [0.4]]), np.array([[0], [0], [1], [1.0]]))
    (0.25,)
    """
    group = np.zeros(len(probabilities), int) if groups is None else np.asarray(groups)
    return tuple(
        _best_level(p[known], target[known] >= 0.5, group[known])
        for p, target, known in (
            (probabilities[:, unit], targets[:, unit], np.isfinite(targets[:, unit]))
            for unit in range(targets.shape[1])
        )
    )


def _best_level(
    p: FloatArray, active: npt.NDArray[np.bool_], group: npt.NDArray[np.generic]
) -> float:
    scores, claims = [], []
    for name in np.unique(group[active]):
        of_group = group == name
        claimed = p[of_group, None] >= _LEVELS  # (n, levels)
        shown = active[of_group].sum()
        scores.append(2 * (active[of_group].astype(int) @ claimed) / (claimed.sum(0) + shown))
        claims.append(claimed.sum(0) / shown)
    if not scores:
        return UNDECIDED
    f1 = np.where(np.mean(claims, 0) <= _MOST_CLAIMS, np.mean(scores, 0), 0.0)
    if f1.max() == 0:
        return UNDECIDED
    # The middle of the best stretch: its ends are where the next face would fall out.
    best = np.flatnonzero(np.isclose(f1, f1.max(), rtol=1e-9))
    stretches = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    longest = max(stretches, key=len)
    return round(float(_LEVELS[longest[(len(longest) - 1) // 2]]), 2)
