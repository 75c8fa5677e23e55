"""How far valence and arousal reach: a gain and an offset each. Torch-free.

A network that learns by concordance over mixed batches of several corpora spreads its estimates as
far as all of them together do, which is farther than each by itself. The order of faces by valence
stays as it is; how far they lie apart, and around what, is what two numbers change.
"""

from __future__ import annotations

from functools import partial
from math import log

import numpy as np
import numpy.typing as npt

from mien.evaluation.calibration.golden_section import least
from mien.evaluation.metrics import concordance
from mien.types import FloatArray

Float64Array = npt.NDArray[np.float64]

_LOG_GAINS, _OFFSETS = (-log(2), log(2)), (-0.3, 0.3)
_ROUNDS = 20
_TINY = 1e-7  # what float32 estimates can still tell from -1 and 1


def scaled_affect(
    affect: npt.ArrayLike, gains: npt.ArrayLike, offsets: npt.ArrayLike
) -> Float64Array:
    """Valence and arousal (n, 2) in [-1, 1] as tanh(gain * atanh(estimate) + offset).

    One of them alone, (n,), with one gain and one offset, as well.
    """
    inner = np.arctanh(np.clip(np.asarray(affect, np.float64), _TINY - 1, 1 - _TINY))
    scaled: Float64Array = np.tanh(inner * np.asarray(gains) + np.asarray(offsets))
    return scaled


def fit_affect_scale(
    estimates: FloatArray, targets: FloatArray, corpus: npt.NDArray[np.int64]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Gains and offsets with the largest CCC, each corpus counting as much as every other.

    Parameters
    ----------
    estimates, targets
        (n, 2) in [-1, 1]; targets NaN where unknown.
    corpus
        (n,) the corpus of each face.

    Returns
    -------
    Two gains, 0.5 to 2, and two offsets, -0.3 to 0.3, before the tanh; 1 and 0 where no corpus has
    targets or estimates that vary.
    """
    fitted = [_fit_one(estimates[:, k], targets[:, k], corpus) for k in range(2)]
    gains, offsets = zip(*fitted, strict=True)
    return gains, offsets


def _fit_one(
    estimate: FloatArray, target: FloatArray, corpus: npt.NDArray[np.int64]
) -> tuple[float, float]:
    pairs = []
    for name in np.unique(corpus):
        known = (corpus == name) & np.isfinite(target)
        x, y = estimate[known], target[known]
        if len(x) >= 2 and x.std() > 0 and y.std() > 0:
            pairs.append((x, y))
    if not pairs:
        return 1.0, 0.0

    def loss(log_gain: float, offset: float) -> float:
        said = ((scaled_affect(x, np.exp(log_gain), offset), y) for x, y in pairs)
        return -float(np.mean([concordance(x, y) for x, y in said]))

    log_gain, offset = 0.0, 0.0
    for _ in range(_ROUNDS):
        before = log_gain, offset
        log_gain = least(partial(loss, offset=offset), *_LOG_GAINS)
        offset = least(partial(loss, log_gain), *_OFFSETS)
        if max(abs(log_gain - before[0]), abs(offset - before[1])) < 1e-3:
            break
    return float(np.exp(log_gain)), offset
