"""Comparing conditions: differences with intervals over persons.

The unit of analysis is the person: a person's value in a condition is the mean of their videos (or
events) of it. Two conditions are compared **within** persons where at least `LEAST` persons have
both (mean of the differences), else **between** persons (difference of the means). Intervals and
p-values are of the symmetric studentised bootstrap over persons (bootstrap-t; Efron & Tibshirani,
1993, ch. 12; Hall, 1988), so that an interval leaves out 0 exactly where p is below 0.05; it keeps
its level also with few persons. No interval reaches beyond what a channel's values allow. With
several channels tested at once p-values are corrected by Holm (1979).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

LEAST = 4
"""Persons that a comparison needs, of each condition."""

RESAMPLES = 4999

_MOST_NAMED = 8

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """A difference, its 95 % interval, its p-value, and persons counted."""

    difference: float
    low: float
    high: float
    p: float
    persons: int


def compare_conditions(
    summary: pd.DataFrame,
    measures: list[str],
    condition: str = "condition",
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every pair of conditions on every measure.

    Parameters
    ----------
    summary
        One row per person and video or event, with the columns ``person``, `condition` and
        `measures`.
    measures
        Columns to compare.
    condition
        Column of the conditions.
    seed
        Of the bootstrap.

    Returns
    -------
    One row per pair and measure: ``measure, first, second, design, difference`` (second less
    first)``, low, high, p, p_holm, persons``. Pairs with too few persons are left out.
    """
    summary = summary[summary[condition].notna() & (summary[condition] != "")]
    persons = summary.groupby(["person", condition])[measures].mean()
    names = sorted(summary[condition].unique().tolist())
    rows = []
    for measure in measures:
        values = persons[measure].unstack(condition)
        for first, second in combinations(names, 2):
            a, b = values[first], values[second]
            both = (a.notna() & b.notna()).to_numpy()
            rng = np.random.default_rng(seed)
            if both.sum() >= LEAST:
                design = "within"
                effect = paired_effect((b - a).to_numpy(np.float64)[both], rng)
            elif min(a.notna().sum(), b.notna().sum()) >= LEAST:
                design = "between"
                effect = group_effect(a.dropna().to_numpy(), b.dropna().to_numpy(), rng)
            else:
                continue
            most = _largest_difference(measure)
            effect = replace(effect, low=max(effect.low, -most), high=min(effect.high, most))
            named = {"measure": measure, "first": first, "second": second, "design": design}
            rows.append({**named, **effect.__dict__})
    columns = ["measure", "first", "second", "design", "difference", "low", "high", "p", "persons"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(8, "p_holm", holm(table["p"].to_numpy(np.float64)))
    return table


def not_compared(summary: pd.DataFrame, condition: str, comparison: pd.DataFrame) -> list[str]:
    """Sentences on who is not in a comparison, and why.

    Parameters
    ----------
    summary, condition
        As of `compare_conditions`.
    comparison
        What it gave.
    """
    known = summary[condition].notna() & (summary[condition].astype(str) != "")
    told = []
    if not known.all():
        rows = [f"{row['person']} in {row['video']}" for row in summary[~known].to_dict("records")]
        told.append(f"no {condition} is said of {_named(rows)}: not compared")
    there = summary[known & (summary["frames"] > 0)].groupby("person")[condition].agg(set)
    pairs = comparison[comparison["design"] == "within"][["first", "second"]].drop_duplicates()
    for first, second in pairs.itertuples(index=False):
        half = [f"{name}" for name, has in there.items() if len(has & {first, second}) == 1]
        if half:
            told.append(f"{first} and {second} are not both there of {_named(half)}: not compared")
    empty = summary[known & (summary["frames"] == 0)]
    if len(empty):
        rows = [f"{row['person']} in {row['video']}" for row in empty.to_dict("records")]
        told.append(f"no frame is usable of {_named(rows)}: not compared")
    return told


def _named(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def paired_effect(differences: Floats, rng: np.random.Generator) -> Effect:
    """Mean of differences within persons, (n,), n >= 2."""
    n = len(differences)
    mean, error = _mean_and_error(differences[None])
    drawn = differences[rng.integers(0, n, (RESAMPLES, n))]
    means, errors = _mean_and_error(drawn)
    return _studentised(float(mean[0]), float(error[0]), means - mean[0], errors, n)


def group_effect(first: Floats, second: Floats, rng: np.random.Generator) -> Effect:
    """Difference of the means of two groups of persons, second less first."""
    drawn = [
        group[rng.integers(0, len(group), (RESAMPLES, len(group)))] for group in (first, second)
    ]
    (a, a_error), (b, b_error) = _mean_and_error(first[None]), _mean_and_error(second[None])
    (x, x_error), (y, y_error) = map(_mean_and_error, drawn)
    difference = float((b - a)[0])
    error = float(np.hypot(a_error, b_error)[0])
    return _studentised(
        difference,
        error,
        (y - x) - difference,
        np.hypot(x_error, y_error),
        len(first) + len(second),
    )


def holm(p: Floats) -> Floats:
    """Holm's step-down correction of p-values, (n,).

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    factors = len(p) - np.arange(len(p))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(1, np.maximum.accumulate(factors * p[order]))
    return corrected


def _mean_and_error(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard error over the last axis."""
    n = values.shape[-1]
    return values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(n)


def _studentised(
    estimate: float, error: float, deviations: Floats, errors: Floats, persons: int
) -> Effect:
    if error == 0:  # all persons differ by the same
        return Effect(estimate, estimate, estimate, 0.0 if estimate else 1.0, persons)
    # A resample of one person over and over has no error and says nothing.
    t = deviations[errors > 0] / errors[errors > 0]
    reach = float(np.quantile(np.abs(t), 0.95)) * error
    beyond = (np.abs(t) >= abs(estimate / error)).sum()
    p = float((1 + beyond) / (1 + len(t)))
    return Effect(estimate, estimate - reach, estimate + reach, p, persons)


def _largest_difference(measure: str) -> float:
    """Between two means of a channel; infinite where its values have no end."""
    if re.fullmatch(r"(valence|arousal)_mean", measure):
        return 2.0
    return 1.0 if re.fullmatch(r"(expr_[a-z_]+|au\d+)_mean", measure) else math.inf
