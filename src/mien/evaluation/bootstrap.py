"""Percentile bootstrap of correlations, by person where it is known who is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A confidence interval; NaN where nothing is defined."""

    low: float
    high: float


def bootstrap_pearson(
    predicted: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: tuple[str, ...] | None = None,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[list[Interval], Interval]:
    """Intervals of Pearson's rho per column, and of the mean over columns.

    Videos of one person are not independent of each other, so whole persons are drawn where
    `groups` names them; an empty name stands for a person of its own.

    Parameters
    ----------
    predicted, labels
        (n, columns); a pair with a NaN is left out, per column.
    groups
        (n,) names, or None: every row is drawn by itself.
    draws, seed, level
        How many resamples, their seed, and the share of them inside the interval.

    Returns
    -------
    One interval per column, and that of the mean of all columns.

    Raises
    ------
    ValueError
        If shapes differ, `draws` is below 1 or `level` is not inside 0..1.
    """
    x, y = np.asarray(predicted, np.float64), np.asarray(labels, np.float64)
    if x.shape != y.shape or x.ndim != 2 or (groups is not None and len(groups) != len(x)):
        raise ValueError(f"expected two (n, columns) arrays, got {x.shape}, {y.shape}")
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"out of range: {draws=}, {level=}")
    groups = ("",) * len(x) if groups is None else groups
    names = [name or f"\0{row}" for row, name in enumerate(groups)]
    _, member = np.unique(np.array(names), return_inverse=True)
    rho = np.empty((draws, x.shape[1]))
    rng = np.random.default_rng(seed)
    count = int(member.max()) + 1
    known = np.isfinite(x) & np.isfinite(y)
    # Centred beforehand: sums of squares of what is far from zero would lose digits.
    x, y = (np.where(known, v - _mean(v, known), 0.0) for v in (x, y))
    sums = np.stack([known.astype(float), x, y, x * x, y * y, x * y])  # (6, n, columns)
    per_group = np.zeros((6, count, x.shape[1]))
    for total, part in zip(per_group, sums, strict=True):
        np.add.at(total, member, part)
    for draw in range(draws):
        weight = np.bincount(rng.integers(0, count, count), minlength=count).astype(float)
        rho[draw] = _pearson(np.einsum("g,sgc->sc", weight, per_group))
    tails = [50 * (1 - level), 50 * (1 + level)]
    columns = [_interval(column, tails) for column in rho.T]
    return columns, _interval(rho.mean(axis=1), tails)


def _mean(values: Float64Array, known: npt.NDArray[np.bool_]) -> Float64Array:
    total = np.where(known, values, 0.0).sum(0)
    return np.asarray(total / np.maximum(known.sum(0), 1), np.float64)


def _pearson(sums: Float64Array) -> Float64Array:
    """Correlation per column from the six sums (6, columns)."""
    n, x, y, xx, yy, xy = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (xx - x * x / n) * (yy - y * y / n)
        rho = (xy - x * y / n) / np.sqrt(variance)
    return np.where((n >= 2) & (variance > 0), np.clip(rho, -1, 1), np.nan)


def _interval(values: Float64Array, tails: list[float]) -> Interval:
    values = values[np.isfinite(values)]
    if not len(values):
        return Interval(float("nan"), float("nan"))
    low, high = np.percentile(values, tails)
    return Interval(float(low), float(high))
