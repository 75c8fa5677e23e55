"""From which probability on an action unit counts as active. Torch-free.

A calibrated probability of a unit that is seldom shown or hard to see hardly ever reaches 0.5; read
at 0.5 such a unit is never active. The level with the best F1 lies lower (at half of that F1, for
probabilities that mean what they say; Lipton, Elkan & Narayanaswamy, ECML 2014), so it is chosen
on held-out faces and travels with the model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.types import FloatArray

UNDECIDED = 0.5
"""The level of a unit about which nothing is known."""

# Below, a unit would be "active" on nearly every face; above, on none.
_LEVELS = np.linspace(0.05, 0.95, 91)


def fit_decisions(
    probabilities: FloatArray, targets: FloatArray, weights: npt.ArrayLike | None = None
) -> tuple[float, ...]:
    """The level with the best F1 per action unit.

    Parameters
    ----------
    probabilities, targets
        (n, units), calibrated probabilities, and targets in [0, 1] of which 0.5 and more is
        active; NaN where unknown.
    weights
        (n,), how much a face counts; None: all alike.

    Returns
    -------
    One number from 0.05 to 0.95, in hundredths, per unit; `UNDECIDED` for a unit that no face with
    a target shows.

    Examples
    --------
    >>> fit_decisions(np.array([[0.1], [0.2], [0.3], [0.4]]), np.array([[0], [0], [1], [1.0]]))
    (0.25,)
    """
    share = np.ones(len(probabilities)) if weights is None else np.asarray(weights, np.float64)
    return tuple(
        _best_level(p[known], target[known] >= 0.5, share[known])
        for p, target, known in (
            (probabilities[:, unit], targets[:, unit], np.isfinite(targets[:, unit]))
            for unit in range(targets.shape[1])
        )
    )


def _best_level(
    p: FloatArray, active: npt.NDArray[np.bool_], weight: npt.NDArray[np.float64]
) -> float:
    if not (active & (weight > 0)).any():
        return UNDECIDED
    claimed = p[:, None] >= _LEVELS  # (n, levels)
    hits = (weight * active) @ claimed
    f1 = 2 * hits / (weight @ claimed + (weight * active).sum())
    # The middle of the best stretch: its ends are where the next face would fall out.
    best = np.flatnonzero(np.isclose(f1, f1.max(), rtol=1e-9))
    run = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    longest = max(run, key=len)
    return round(float(_LEVELS[longest[(len(longest) - 1) // 2]]), 2)
