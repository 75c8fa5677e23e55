"""Metrics as functions and as streaming classes, in float64 NumPy. Torch-free.

An undefined metric (no pairs, no variance, no example of a class) is NaN, never a silent zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

# Values that a calculation in float64 meant to be equal differ by some 1e-16 of themselves.
_ROUNDING = 1e-14


class PairMoments:
    """Streaming first and second moments of pairs (x, y), per column.

    Feeding in batches equals feeding everything at once to 1e-6 or better, because moments are
    merged about running means (Chan, Golub & LeVeque 1983) and not summed raw. All values count
    from the first of their column, so that large ones with a small spread lose no digits.

    Parameters
    ----------
    columns
        How many columns each batch has.
    """

    def __init__(self, columns: int) -> None:
        self.count = np.zeros(columns)
        self.first_x, self.first_y = np.full((2, columns), np.nan)
        self.mean_x, self.mean_y = np.zeros((2, columns))  # from the first value
        self.sum_xx, self.sum_yy, self.sum_xy = np.zeros((3, columns))

    def update(self, x: npt.ArrayLike, y: npt.ArrayLike) -> None:
        """Add pairs (n, columns); a pair with a NaN on either side is left out, per column."""
        a, b = np.atleast_2d(np.asarray(x, np.float64)), np.atleast_2d(np.asarray(y, np.float64))
        if a.shape != b.shape or a.shape[1] != len(self.count):
            raise ValueError(
                f"expected two (n, {len(self.count)}) arrays, got {a.shape}, {b.shape}"
            )
        known = np.isfinite(a) & np.isfinite(b)
        if not len(a):
            return
        row, columns = known.argmax(0), np.arange(len(self.count))
        fresh = np.isnan(self.first_x) & known.any(0)
        self.first_x = np.where(fresh, a[row, columns], self.first_x)
        self.first_y = np.where(fresh, b[row, columns], self.first_y)
        a, b = np.where(known, a - self.first_x, 0), np.where(known, b - self.first_y, 0)
        added = known.sum(0)
        safe = np.maximum(added, 1)
        mean_a, mean_b = a.sum(0) / safe, b.sum(0) / safe
        da, db = np.where(known, a - mean_a, 0), np.where(known, b - mean_b, 0)
        total = self.count + added
        ratio = np.divide(added, total, out=np.zeros_like(total), where=total > 0)
        shift_x, shift_y = mean_a - self.mean_x, mean_b - self.mean_y
        between = self.count * ratio
        self.sum_xx += (da**2).sum(0) + shift_x**2 * between
        self.sum_yy += (db**2).sum(0) + shift_y**2 * between
        self.sum_xy += (da * db).sum(0) + shift_x * shift_y * between
        self.mean_x += shift_x * ratio
        self.mean_y += shift_y * ratio
        self.count = total

    def pearson(self) -> Float64Array:
        """Pearson's correlation per column; NaN with fewer than two pairs or no variance."""
        with np.errstate(invalid="ignore", divide="ignore"):
            rho = self.sum_xy / np.sqrt(self.sum_xx * self.sum_yy)
        floor_x, floor_y = (
            self.count * (_ROUNDING * first) ** 2 for first in (self.first_x, self.first_y)
        )
        defined = (self.count >= 2) & (self.sum_xx > floor_x) & (self.sum_yy > floor_y)
        return np.where(defined, np.clip(rho, -1, 1), np.nan)

    def concordance(self) -> Float64Array:
        """Concordance correlation coefficient per column, denominator n (Lin 1989).

        NaN with fewer than two pairs, or where both sides are constant and equal.
        """
        n = np.maximum(self.count, 1)
        apart = (self.first_x - self.first_y) + (self.mean_x - self.mean_y)
        spread = (self.sum_xx + self.sum_yy) / n + apart**2
        floor = (_ROUNDING * np.maximum(np.abs(self.first_x), np.abs(self.first_y))) ** 2
        defined = (self.count >= 2) & (spread > floor)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(defined, 2 * self.sum_xy / n / spread, np.nan)

    def consistency(self) -> Float64Array:
        """ICC(3,1) per column: two fixed raters, each face rated once (Shrout & Fleiss 1979).

        NaN with fewer than two pairs, or where both sides are constant.
        """
        spread = self.sum_xx + self.sum_yy
        largest = np.maximum(np.abs(self.first_x), np.abs(self.first_y))
        defined = (self.count >= 2) & (spread > self.count * (_ROUNDING * largest) ** 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(defined, 2 * self.sum_xy / spread, np.nan)


def pearson(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    r"""Pearson's correlation of two series; see `PairMoments.pearson`.

    .. math:: r = s_{xy} / (s_x s_y)

    Examples
    --------
    >>> round(pearson([1, 2, 3], [2, 4, 7]), 4)
    0.9934
    >>> pearson([1, 1], [0, 1])
    nan
    """
    return float(_moments(x, y).pearson()[0])


def concordance(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    r"""Concordance correlation coefficient of two series, denominator n.

    .. math:: \rho_c = 2 s_{xy} / (s_x^2 + s_y^2 + (\bar x - \bar y)^2)

    Examples
    --------
    >>> concordance([0, 1, 2], [0, 1, 2])
    1.0
    >>> round(concordance([0, 1, 2], [1, 2, 3]), 4)
    0.5714
    """
    return float(_moments(x, y).concordance()[0])


def consistency(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    r"""ICC(3,1) of two series, as intensities of action units are measured.

    Two-way mixed effects, consistency, single rater. With BMS the mean square between faces and
    EMS the residual one, k = 2 raters; for two raters it comes to the second form.

    .. math:: ICC(3,1) = \frac{BMS - EMS}{BMS + (k - 1) EMS} = \frac{2 s_{xy}}{s_x^2 + s_y^2}

    Examples
    --------
    >>> consistency([0, 1, 2], [3, 4, 5])
    1.0
    >>> consistency([0, 1, 2], [0, 2, 4])
    0.8
    """
    return float(_moments(x, y).consistency()[0])


def area_under_curve(active: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Share of pairs of an active and an inactive face that are in the right order; ties half.

    Examples
    --------
    >>> area_under_curve([1, 0, 0], [0.9, 0.2, 0.9])
    0.75
    """
    truth, values = np.asarray(active, bool), np.asarray(score, np.float64)
    yes, no = values[truth], values[~truth]
    if not len(yes) or not len(no):
        return float("nan")
    no.sort()
    below, upto = (np.searchsorted(no, yes, side=side) for side in ("left", "right"))
    return float((below + upto).sum() / 2 / (len(yes) * len(no)))


def _moments(x: npt.ArrayLike, y: npt.ArrayLike) -> PairMoments:
    moments = PairMoments(1)
    moments.update(np.asarray(x, np.float64)[:, None], np.asarray(y, np.float64)[:, None])
    return moments


class Confusion:
    """Streaming confusion matrix: rows are true classes, columns predicted ones."""

    def __init__(self, classes: int) -> None:
        self.matrix = np.zeros((classes, classes), np.int64)

    def update(self, truth: npt.ArrayLike, predicted: npt.ArrayLike) -> None:
        """Add integer labels (n,); a truth of -1 (no label) is left out.

        Raises
        ------
        ValueError
            If the lengths differ or a label is none of the classes.
        """
        t, p = np.asarray(truth, np.int64), np.asarray(predicted, np.int64)
        if t.shape != p.shape or t.ndim != 1:
            raise ValueError(f"expected two (n,) arrays of labels, got {t.shape}, {p.shape}")
        known = t >= 0
        classes = len(self.matrix)
        if (t >= classes).any() or (known & ((p < 0) | (p >= classes))).any():
            raise ValueError(f"labels must lie in 0..{classes - 1}, or -1 for an unknown truth")
        np.add.at(self.matrix, (t[known], p[known]), 1)

    def accuracy(self) -> float:
        """Share of right answers; NaN without any label."""
        total = self.matrix.sum()
        return float(np.trace(self.matrix) / total) if total else float("nan")

    def recall(self) -> Float64Array:
        """Recall per class; NaN for a class without examples."""
        return _ratio(np.diag(self.matrix), self.matrix.sum(axis=1))

    def precision(self) -> Float64Array:
        """Precision per class; NaN for a class that was never predicted."""
        return _ratio(np.diag(self.matrix), self.matrix.sum(axis=0))

    def f1(self) -> Float64Array:
        """F1 per class, 2 TP / (2 TP + FP + FN); NaN for a class without examples."""
        right = np.diag(self.matrix)
        score = _ratio(2 * right, self.matrix.sum(axis=0) + self.matrix.sum(axis=1))
        return np.where(self.matrix.sum(axis=1) > 0, score, np.nan)

    def macro_f1(self) -> float:
        """Mean F1 over the classes that have examples; NaN without any."""
        scores = self.f1()
        return float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Float64Array:
    out = np.full(len(part), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
