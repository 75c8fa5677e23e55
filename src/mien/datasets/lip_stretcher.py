"""Action unit 20, the lip stretcher, of photographs on which mouthStretch leaves little doubt.

That score rises with smiles, so it is no target (`mien.datasets.targets`). But where it is next to
nothing, on half of all faces, no lip is stretched; and where it is high without a smile, one is:
crying, fear, a grimace. What lies between could be either and stays unknown. For training alone:
faces without doubt say little of how well a unit is read. With absence alone a network would learn
that photographs show none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.datasets.blendshapes import BLENDSHAPES
from mien.datasets.targets import both_sides
from mien.labels import EXPRESSIONS

_NONE, _STRETCHED = 0.02, 0.3  # of mouthStretch
_SMILING, _HAPPY = 0.1, 0.1  # of mouthSmile, and of the votes


def lip_stretcher_targets(
    blendshapes: npt.NDArray[np.floating], expressions: npt.NDArray[np.floating]
) -> npt.NDArray[np.float32]:
    """AU 20 where there is little doubt.

    Parameters
    ----------
    blendshapes
        (n, 47) as of `mien.datasets.blendshapes`; NaN where unknown.
    expressions
        (n, 7) distributions; NaN where unknown.

    Returns
    -------
    float32 (n,); NaN where there is doubt.
    """
    stretch, smile = (_mean_of_sides(blendshapes, name) for name in ("mouthStretch", "mouthSmile"))
    happiness = expressions[:, EXPRESSIONS.index("happiness")]
    targets = np.full(len(blendshapes), np.nan, np.float32)
    targets[stretch <= _NONE] = 0.0
    targets[(stretch >= _STRETCHED) & (smile <= _SMILING) & (happiness <= _HAPPY)] = 0.9
    return targets


def _mean_of_sides(blendshapes: npt.NDArray[np.floating], name: str) -> npt.NDArray[np.floating]:
    columns = [BLENDSHAPES.index(side) for side in both_sides(name)]
    return np.asarray(blendshapes[:, columns].mean(axis=1))
