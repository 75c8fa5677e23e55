"""Several raters' traces of one recording to one trace.

The evaluator-weighted estimator (EWE) of Grimm & Kroschel, "Evaluation of natural emotions using
self assessment manikins", ASRU 2005: the mean of the raters, each weighted by how well it agrees
with the others,

    x(t) = sum_k r_k x_k(t) / sum_k r_k.

Here r_k is Pearson's correlation of rater k with the mean of all *other* raters over the recording
(with the mean of all, rater k would agree with itself), and 0 where it is negative. Before that,
each rater is centred: its mean over the recording is replaced by the mean of all raters' means,
because raters differ in where they put neutral much more than in when they see a change (Ringeval
et al., AVEC 2015, centre for the same reason). Leaving one out, cutting at 0 and the unweighted
mean of the means are ours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]


def merge_raters(ratings: Float64Array) -> tuple[Float64Array, Float64Array]:
    """One trace of several raters', by the evaluator-weighted estimator.

    Parameters
    ----------
    ratings
        float64 (raters, n), finite, at least one rater.

    Returns
    -------
    The trace, float64 (n,), within the range of the ratings or that of a scale of -1 to 1, and the
    weights, float64 (raters,), summing to 1. Where nobody agrees with the others (or there is one
    rater, or nobody moves), all weigh the same.

    Raises
    ------
    ValueError
        If `ratings` has another shape or is not finite.

    Examples
    --------
    >>> ramp = np.linspace(-0.5, 0.5, 11)
    >>> trace, weights = merge_raters(np.stack([ramp, ramp + 0.2, ramp - 0.2, -ramp]))
    >>> weights.round(3).tolist()
    [0.333, 0.333, 0.333, 0.0]
    >>> float(trace[0].round(3)), float(trace[-1].round(3))
    (-0.5, 0.5)
    """
    if ratings.ndim != 2 or not ratings.size or not np.isfinite(ratings).all():
        raise ValueError(f"ratings are finite and (raters, n), not {ratings.shape}")
    means = ratings.mean(axis=1)
    centred = ratings - means[:, None]  # (raters, n)
    weights = np.zeros(len(ratings))
    for k in range(len(ratings) if len(ratings) > 1 else 0):
        others = np.delete(centred, k, axis=0).mean(axis=0)
        spread = np.sqrt((centred[k] ** 2).sum() * (others**2).sum())
        if spread > 1e-12:
            weights[k] = max(0.0, float((centred[k] * others).sum() / spread))
    if weights.sum() <= 1e-12:
        weights[:] = 1
    weights /= weights.sum()
    return np.clip(weights @ centred + means.mean(), -1, 1), weights
