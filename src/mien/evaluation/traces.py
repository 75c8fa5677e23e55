"""Scores of valence and arousal traces: RMSE, CC and CCC, per recording and pooled. Torch-free."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.evaluation.metrics import PairMoments
from mien.labels import VALENCE_AROUSAL

METRICS: tuple[str, ...] = ("rmse", "cc", "ccc")


def trace_scores(estimates: npt.ArrayLike, truths: npt.ArrayLike) -> dict[str, dict[str, float]]:
    """RMSE, Pearson's CC and CCC of one series, per dimension.

    Parameters
    ----------
    estimates, truths
        (n, 2), valence and arousal; a frame that is NaN on either side is left out.

    Returns
    -------
    ``{"valence": {"rmse", "cc", "ccc"}, "arousal": ...}``; NaN where undefined.

    Examples
    --------
    >>> scores = trace_scores([[0.0, 0.1], [0.5, 0.2]], [[0.0, 0.1], [0.5, 0.4]])
    >>> scores["valence"]
    {'rmse': 0.0, 'cc': 1.0, 'ccc': 1.0}
    """
    x, y = np.asarray(estimates, np.float64), np.asarray(truths, np.float64)
    moments = PairMoments(len(VALENCE_AROUSAL))
    moments.update(x, y)
    known = np.isfinite(x) & np.isfinite(y)
    squares = np.where(known, x - y, 0.0) ** 2
    cc, ccc = moments.pearson(), moments.concordance()
    scores = {}
    for column, name in enumerate(VALENCE_AROUSAL):
        n = int(known[:, column].sum())
        rmse = math.sqrt(float(squares[:, column].sum()) / n) if n else float("nan")
        scores[name] = {"rmse": rmse, "cc": float(cc[column]), "ccc": float(ccc[column])}
    return scores


def trace_report(
    estimates: list[npt.NDArray[Any]], truths: list[npt.NDArray[Any]]
) -> dict[str, Any]:
    """Scores of several recordings.

    Parameters
    ----------
    estimates, truths
        Per recording (n, 2), valence and arousal, NaN where there is none.

    Returns
    -------
    ``recordings`` and ``frames`` (those with an estimate and a truth), ``pooled`` (all frames of
    all recordings as one series) and ``per_recording`` (the mean over recordings for which a metric
    is defined), each as `trace_scores` plus ``mean_ccc``, the mean of both dimensions. NaN where
    undefined: a recording in which a trace does not vary has no correlation.
    """
    if not estimates:
        raise ValueError("no recording to score")
    estimate, truth = np.concatenate(estimates), np.concatenate(truths)
    pooled: dict[str, Any] = dict(trace_scores(estimate, truth))
    single = [trace_scores(x, y) for x, y in zip(estimates, truths, strict=True)]
    mean: dict[str, Any] = {
        name: {metric: _mean([scores[name][metric] for scores in single]) for metric in METRICS}
        for name in VALENCE_AROUSAL
    }
    for scores in (pooled, mean):
        scores["mean_ccc"] = float(np.mean([scores[name]["ccc"] for name in VALENCE_AROUSAL]))
    return {
        "recordings": len(estimates),
        "frames": int((np.isfinite(estimate) & np.isfinite(truth)).any(axis=1).sum()),
        "pooled": pooled,
        "per_recording": mean,
    }


def _mean(values: list[float]) -> float:
    defined = [value for value in values if math.isfinite(value)]
    return float(np.mean(defined)) if defined else float("nan")
