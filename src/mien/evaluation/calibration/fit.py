"""What makes probabilities true: fitted on half of the held-out faces, measured on the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.faces import FaceSet
from mien.data.relabel import relabelled
from mien.evaluation.affect import affect_report
from mien.evaluation.calibration.affect_scale import fit_affect_scale
from mien.evaluation.calibration.probabilities import (
    Calibration,
    fit_expressions,
    fit_unit_temperatures,
)
from mien.evaluation.calibration.thresholds import fit_decisions
from mien.evaluation.corpora import LabelledFaces
from mien.evaluation.models.extractor import predict_faces
from mien.labels import VALENCE_AROUSAL, VALENCE_AROUSAL_SLICE, LabelSet
from mien.runtime.models import AffectModel
from mien.types import FloatArray


def calibrate(
    extractor: AffectModel, corpora: Sequence[LabelledFaces], biases: bool = False
) -> tuple[Calibration, dict[str, Any]]:
    """What makes the numbers of an extractor exported without a calibration mean what they say.

    Every corpus counts as much as every other, however large: the expressions' temperature and
    biases are fitted on photographs alone (a drawn mixture is not a rater's choice; these are
    pooled), the units' on all targets there are, and so are the levels from which on a unit counts
    as active (the corpora's mean F1) and the reach of valence and arousal (the corpora's mean CCC).
    Half of the faces, chosen by a hash of their names, are used; the other half tells what it
    brought.

    Parameters
    ----------
    extractor
        The model.
    corpora
        Held-out faces; at least one corpus of photographs with expression labels.
    biases
        Fit a bias per expression besides the temperature, for the mixture of expressions that
        these photographs have.

    Returns
    -------
    Temperatures, decisions and scales, and per corpus the calibration errors, the action units'
    mean F1 and the CCC of valence and arousal of the other half ``before`` and ``after``.
    """
    labels = extractor.labels
    corpora = [replace(one, faces=relabelled(one.faces, labels)) for one in corpora]
    predicted = [predict_faces(extractor, labelled.faces) for labelled in corpora]
    halves = [_first_half(labelled.faces) for labelled in corpora]
    photographs = [labelled.faces.corpus != "synthetic" for labelled in corpora]
    pooled = [
        (affect[half], labelled.faces.select(half))
        for affect, half, labelled in zip(predicted, halves, corpora, strict=True)
    ]
    affect = np.concatenate([affect for affect, _ in pooled])
    targets = np.concatenate([faces.action_units for _, faces in pooled])
    weights = np.concatenate(
        [np.full(len(affect), 1 / max(1, len(affect))) for affect, _ in pooled]
    )
    corpus = np.concatenate([np.full(len(affect), k) for k, (affect, _) in enumerate(pooled)])
    temperature, added = _fit_expressions(
        [pair for pair, real in zip(pooled, photographs, strict=True) if real], labels, biases
    )
    gains, offsets = fit_affect_scale(
        affect[:, VALENCE_AROUSAL_SLICE],
        np.concatenate([faces.valence_arousal for _, faces in pooled]),
        corpus,
    )
    fitted = Calibration(
        temperature,
        fit_unit_temperatures(affect[:, labels.action_unit_slice], targets, weights),
        expression_biases=added,
        affect_gains=gains,
        affect_offsets=offsets,
        decisions=Calibration.neutral(labels).decisions,
        labels=labels,
    )
    fitted = replace(
        fitted,
        decisions=fit_decisions(fitted.apply(affect)[:, labels.action_unit_slice], targets, corpus),
    )
    before = Calibration.neutral(labels)
    figures = {
        labelled.data: {
            "split": labelled.split,
            "faces": int((~half).sum()),
            "before": _errors(affect[~half], labelled.faces.select(~half), before),
            "after": _errors(fitted.apply(affect[~half]), labelled.faces.select(~half), fitted),
        }
        for labelled, affect, half in zip(corpora, predicted, halves, strict=True)
    }
    return fitted, {"measured on the other half": figures}


def _fit_expressions(
    pooled: list[tuple[FloatArray, FaceSet]], labels: LabelSet, biases: bool
) -> tuple[float, tuple[float, ...]]:
    if not pooled:
        return 1.0, Calibration.neutral(labels).expression_biases
    return fit_expressions(
        np.concatenate([affect[:, labels.expression_slice] for affect, _ in pooled]),
        np.concatenate([faces.majority for _, faces in pooled]),
        biases,
    )


def _errors(affect: FloatArray, faces: FaceSet, fitted: Calibration) -> dict[str, float]:
    report = affect_report(affect, faces, np.array(fitted.decisions))
    names = ("accuracy", "macro_f1", "expression_ece", "au_ece", "au_decided_mean_f1")
    scores = {name: report[name] for name in names}
    return scores | {f"{name}_ccc": report["valence_arousal_ccc"][name] for name in VALENCE_AROUSAL}


def _first_half(faces: FaceSet) -> npt.NDArray[np.bool_]:
    """The same half whatever the order of the faces."""
    return np.array([hashlib.sha256(name.encode()).digest()[0] < 128 for name in faces.names])
