"""Scores of affect representations against whatever labels a `FaceSet` has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.faces import FaceSet
from mien.evaluation.calibration.probabilities import calibration_error
from mien.evaluation.consistency import contradictions
from mien.evaluation.metrics import Confusion, PairMoments, area_under_curve
from mien.evaluation.unit_sets import set_means
from mien.labels import VALENCE_AROUSAL, VALENCE_AROUSAL_SLICE
from mien.types import FloatArray


def affect_report(
    predicted: FloatArray,
    faces: FaceSet,
    decisions: npt.ArrayLike | None = None,
    intensities: FloatArray | None = None,
) -> dict[str, Any]:
    """Score predictions on a set of faces.

    Parameters
    ----------
    predicted
        float32 (n, 26), in the order of ``faces.labels.affect_columns``.
    faces
        The n faces; those without a label for a task are left out of its scores.
    decisions
        (17,), from which probability on a unit counts as active in ``au_decided_f1``
        (`mien.runtime.models.AffectModel.au_decisions`); None: 0.5.
    intensities
        float32 (n, 17), 0 to 5, as predicted; compared with the faces' where these have any.

    Returns
    -------
    ``n`` (faces with a single majority among the 7 expressions), ``accuracy``, ``macro_f1``,
    ``recall``, ``precision`` and ``f1`` per expression, ``confusion`` (rows true), and, where
    there is something to compare with, ``valence_arousal_ccc`` against the documented target and
    ``au_correlation`` (Pearson against the raw score, per action unit) and ``au_f1`` (unit on at
    0.5 or more on both sides; NaN where no face has it) and ``au_decided_f1`` (predicted on at its
    decision) and ``au_auc`` (area under the ROC curve) with their means, ``expression_ece`` and
    ``au_ece`` (expected calibration error; for units the mean over those with targets), and
    ``contradictions`` (`mien.evaluation.consistency`, over all faces, labelled or not). ``au_icc``
    and its mean are ICC(3,1) of intensities, ``au_sets`` means over the sets of units that the
    field uses for this corpus (`mien.evaluation.unit_sets`).
    Undefined entries are NaN.
    """
    labels = faces.labels
    names, columns = labels.expressions, labels.action_unit_columns
    confusion = Confusion(len(names))
    confusion.update(faces.majority, predicted[:, labels.expression_slice].argmax(axis=1))
    affect = PairMoments(len(VALENCE_AROUSAL))
    affect.update(predicted[:, VALENCE_AROUSAL_SLICE], faces.valence_arousal)
    probabilities = predicted[:, labels.action_unit_slice]
    units = PairMoments(len(columns))
    units.update(probabilities, faces.teacher_scores)
    correlation = units.pearson()
    unit_f1, unit_ece = _units(probabilities, faces.action_units, np.full(len(columns), 0.5))
    decided_f1 = unit_f1
    if decisions is not None:
        decided_f1, _ = _units(probabilities, faces.action_units, np.asarray(decisions))
    auc = _areas(probabilities, faces.action_units)
    icc = np.full(len(columns), np.nan)
    if intensities is not None and faces.intensities is not None:
        strong = PairMoments(len(columns))
        strong.update(intensities, faces.intensities)
        icc = strong.consistency()
    scores = {"f1": decided_f1, "auc": auc, "icc": icc}
    labelled = faces.majority >= 0
    leading = predicted[labelled, labels.expression_slice]
    return {
        "n": int(confusion.matrix.sum()),
        "accuracy": confusion.accuracy(),
        "macro_f1": confusion.macro_f1(),
        "recall": _named(names, confusion.recall()),
        "precision": _named(names, confusion.precision()),
        "f1": _named(names, confusion.f1()),
        "support": dict(zip(names, confusion.matrix.sum(axis=1).tolist(), strict=True)),
        "confusion": confusion.matrix.tolist(),
        "valence_arousal_n": int(affect.count.max(initial=0)),
        "valence_arousal_ccc": _named(VALENCE_AROUSAL, affect.concordance()),
        "au_n": int(units.count.max(initial=0)),
        "au_correlation": _named(columns, correlation),
        "au_mean_correlation": _mean(correlation),
        "au_f1": _named(columns, unit_f1),
        "au_mean_f1": _mean(unit_f1),
        "au_decided_f1": _named(columns, decided_f1),
        "au_decided_mean_f1": _mean(decided_f1),
        "au_auc": _named(columns, auc),
        "au_mean_auc": _mean(auc),
        "au_icc": _named(columns, icc),
        "au_mean_icc": _mean(icc),
        "au_sets": set_means(faces.corpus, labels.action_units, scores),
        "expression_ece": calibration_error(
            leading.max(axis=1, initial=0), leading.argmax(axis=1) == faces.majority[labelled]
        ),
        "au_ece": _mean(unit_ece),
        "contradictions": contradictions(predicted, labels),
    }


def _units(
    predicted: FloatArray, targets: FloatArray, levels: npt.NDArray[np.floating[Any]]
) -> tuple[FloatArray, FloatArray]:
    """F1 and calibration error per unit, (17,) each, NaN where nothing is defined."""
    f1, ece = np.full((2, targets.shape[1]), np.nan, np.float32)
    for unit in range(targets.shape[1]):
        known = np.isfinite(targets[:, unit])
        truth = targets[known, unit] >= 0.5
        confusion = Confusion(2)
        confusion.update(truth, predicted[known, unit] >= levels[unit])
        f1[unit] = confusion.f1()[1]
        ece[unit] = calibration_error(predicted[known, unit], truth)
    return f1, ece


def _areas(probabilities: FloatArray, targets: FloatArray) -> FloatArray:
    """Area under the ROC curve per unit, (17,); NaN where a unit is always or never active."""
    areas = np.full(targets.shape[1], np.nan, np.float32)
    for unit in range(targets.shape[1]):
        known = np.isfinite(targets[:, unit])
        active = targets[known, unit] >= 0.5
        if active.any() and not active.all():
            areas[unit] = area_under_curve(active, probabilities[known, unit])
    return areas


def _mean(values: np.ndarray[Any, Any]) -> float:
    """Mean of the defined entries; NaN where there are none."""
    defined = np.isfinite(values)
    return float(values[defined].mean()) if defined.any() else float("nan")


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
