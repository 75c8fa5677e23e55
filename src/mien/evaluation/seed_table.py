"""Several models on several corpora in one table: mean and spread."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Report = dict[str, Any]

FIGURES: dict[str, Callable[[Report], float]] = {
    "n": lambda r: float(r["n"]),
    "accuracy": lambda r: r["accuracy"],
    "macro-F1": lambda r: r["macro_f1"],
    "macro recall": lambda r: _mean_defined(r["recall"].values()),
    "CCC valence": lambda r: r["valence_arousal_ccc"]["valence"],
    "CCC arousal": lambda r: r["valence_arousal_ccc"]["arousal"],
    "AU r": lambda r: r["au_mean_correlation"],
    "AU F1 at 0.5": lambda r: r["au_mean_f1"],
    "AU F1 decided": lambda r: r["au_decided_mean_f1"],
    "ECE expressions": lambda r: r["expression_ece"],
    "ECE AUs": lambda r: r["au_ece"],
    "contradictions": lambda r: r["contradictions"]["rate"],
}
"""Column -> where it stands in a report of `mien.evaluation.models.extractor.measure`."""


def spread_table(reports: Sequence[Sequence[Report]]) -> str:
    """Markdown table, a row per corpus.

    Parameters
    ----------
    reports
        Per corpus the reports of all models, in the same order of models.

    Returns
    -------
    One model: its figures. Several: the mean and, behind the plus-minus sign, the standard
    deviation over models (denominator: models - 1).
    """
    head = ["data", "split", *FIGURES]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in reports:
        cells = [row[0]["data"], f"{row[0]['split']}, {row[0]['framing']}"]
        for name, read in FIGURES.items():
            cells.append(mean_and_spread([read(report) for report in row], 0 if name == "n" else 3))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def mean_and_spread(values: Sequence[float], digits: int = 3) -> str:
    """A cell of a table: the mean and, of several values, the standard deviation (of a sample).

    Examples
    --------
    >>> mean_and_spread([0.5, 0.6]), mean_and_spread([0.5]), mean_and_spread([0.5, float("nan")])
    ('0.550 ± 0.071', '0.500', '-')
    """
    if not np.isfinite(values).all():
        return "-"
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) == 1 or not digits:
        return mean
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def _mean_defined(values: Any) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
