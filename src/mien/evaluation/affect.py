"""Scores of affect representations against whatever labels a `FaceSet` has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mien.datasets.base import FaceSet
from mien.labels import (
    ACTION_UNIT_COLUMNS,
    ACTION_UNIT_SLICE,
    EXPRESSION_SLICE,
    EXPRESSIONS,
    VALENCE_AROUSAL,
    VALENCE_AROUSAL_SLICE,
)
from mien.metrics import Confusion, PairMoments
from mien.types import FloatArray


def affect_report(predicted: FloatArray, faces: FaceSet) -> dict[str, Any]:
    """Score predictions on a set of faces.

    Parameters
    ----------
    predicted
        float32 (n, 26), in the order of `mien.labels.AFFECT_COLUMNS`.
    faces
        The n faces; those without a label for a task are left out of its scores.

    Returns
    -------
    ``n`` (faces with a single majority among the 7 expressions), ``accuracy``, ``macro_f1``,
    ``recall``, ``precision`` and ``f1`` per expression, ``confusion`` (rows true), and, where
    there is something to compare with, ``valence_arousal_ccc`` against the documented target and
    ``au_correlation`` (Pearson against the teacher's raw score, per action unit) with its mean.
    Undefined entries are NaN.
    """
    confusion = Confusion(len(EXPRESSIONS))
    confusion.update(faces.majority, predicted[:, EXPRESSION_SLICE].argmax(axis=1))
    affect = PairMoments(len(VALENCE_AROUSAL))
    affect.update(predicted[:, VALENCE_AROUSAL_SLICE], faces.valence_arousal)
    units = PairMoments(len(ACTION_UNIT_COLUMNS))
    units.update(predicted[:, ACTION_UNIT_SLICE], faces.teacher_scores)
    correlation = units.pearson()
    taught = np.isfinite(correlation)
    return {
        "n": int(confusion.matrix.sum()),
        "accuracy": confusion.accuracy(),
        "macro_f1": confusion.macro_f1(),
        "recall": _named(EXPRESSIONS, confusion.recall()),
        "precision": _named(EXPRESSIONS, confusion.precision()),
        "f1": _named(EXPRESSIONS, confusion.f1()),
        "support": dict(zip(EXPRESSIONS, confusion.matrix.sum(axis=1).tolist(), strict=True)),
        "confusion": confusion.matrix.tolist(),
        "valence_arousal_n": int(affect.count.max(initial=0)),
        "valence_arousal_ccc": _named(VALENCE_AROUSAL, affect.concordance()),
        "au_n": int(units.count.max(initial=0)),
        "au_correlation": _named(ACTION_UNIT_COLUMNS, correlation),
        "au_mean_correlation": float(correlation[taught].mean()) if taught.any() else float("nan"),
    }


def _named(names: tuple[str, ...], values: np.ndarray[Any, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def without_nan(value: Any) -> Any:
    """JSON has no NaN: undefined figures become null."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
