"""Makes action units possible together: excluded pairs yield, a raised lip parts the mouth.

Three rules, all continuous with continuous slope, so that movements stay smooth:

1. AU10 bares the teeth (at 1 it parts the lips by 4 to 5 mm), so a strong one ends pressing: AU24
   fades while AU10 goes from 0.25 to 0.4.
2. AU25 is at least what AU10 parts: 0 up to an AU10 of 0.25, 0.2 at 0.4, 0.5 from 0.6 on.
3. Of each pair in `INCOMPATIBLE` the weaker yields: each keeps its intensity times a smooth step
   that is 1 where it leads by `LEAD` and 0 where it trails. Two of the same strength both yield,
   which is what a mouth does on its way from pressed to parted. The less is seen of the weaker,
   the less either yields: nothing at 0, all from twice `UNSEEN` on.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
import numpy.typing as npt

from mien.labels import ACTION_UNITS
from mien.synthetic.faces.behaviour.profiles import Float64Array, smoothstep
from mien.synthetic.faces.geometry.action_units import INCOMPATIBLE

LEAD = 0.3
"""How much stronger a unit is that its excluded partner leaves untouched."""

UNSEEN = 0.05
"""Intensity up to which excluded units may stand side by side: nobody sees them."""


def reconcile(units: npt.ArrayLike) -> Float64Array:
    """Action units that a face can show together.

    Parameters
    ----------
    units
        (..., 17) intensities from 0 to 1 in the order of `mien.labels.ACTION_UNITS`.

    Returns
    -------
    float64 (..., 17), 0 to 1; of no pair in `INCOMPATIBLE` are both above `UNSEEN`, and where AU10
    is above 0.4, AU25 is above 0.19.

    Examples
    --------
    >>> pressed = np.zeros(17)
    >>> pressed[[ACTION_UNITS.index(24), ACTION_UNITS.index(25)]] = 0.9, 0.4
    >>> reconcile(pressed)[[ACTION_UNITS.index(24), ACTION_UNITS.index(25)]].tolist()
    [0.9, 0.0]
    """
    result = np.array(units, np.float64)
    lip, press, part = (ACTION_UNITS.index(unit) for unit in (10, 24, 25))
    result[..., press] *= 1 - smoothstep((result[..., lip] - 0.25) / 0.15)
    parted = 0.5 * smoothstep((result[..., lip] - 0.25) / 0.35)
    result[..., part] = 1 - (1 - result[..., part]) * (1 - parted)

    raw = result.copy()
    kept = {unit: [np.ones(raw.shape[:-1])] for pair in INCOMPATIBLE for unit in pair}
    for pair in INCOMPATIBLE:
        for unit, other in (pair, pair[::-1]):
            mine, theirs = (raw[..., ACTION_UNITS.index(u)] for u in (unit, other))
            # Yielding sets in gently; what of a yielding unit is left never passes 0.03.
            seen = smoothstep(np.minimum(mine, theirs) / (2 * UNSEEN))
            kept[unit].append(1 - seen * (1 - smoothstep((mine - theirs) / LEAD)))
    for unit, factors in kept.items():
        result[..., ACTION_UNITS.index(unit)] *= reduce(np.multiply, factors)
    return result
