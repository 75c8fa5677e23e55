from __future__ import annotations

import math

import numpy as np
import pytest

from mien.data.faces import FaceSet, framed_matrices
from mien.evaluation.affect import affect_report
from mien.labels import ACTION_UNITS, EXPRESSIONS
from mien.types import FloatArray


def face_set(majority: list[int]) -> FaceSet:
    count = len(majority)
    return FaceSet(
        corpus="made",
        names=np.array([str(i) for i in range(count)]),
        images=np.zeros((count, 8, 8), np.uint8),
        aligned=np.full((count, 2, 3), np.nan, np.float32),
        framed=framed_matrices(count, 8),
        expressions=np.full((count, 7), np.nan, np.float32),
        expression_weight=np.zeros(count, np.float32),
        majority=np.array(majority, np.int64),
        valence_arousal=np.full((count, 2), np.nan, np.float32),
        action_units=np.full((count, 17), np.nan, np.float32),
        teacher_scores=np.full((count, 17), np.nan, np.float32),
        split=np.array(["valid"] * count),
        counted=np.ones(count, bool),
    )


def predictions(expressions: list[int]) -> FloatArray:
    affect = np.zeros((len(expressions), 26), np.float32)
    affect[np.arange(len(expressions)), 2 + np.array(expressions)] = 1
    return affect


def test_expressions_by_hand() -> None:
    # neutral: 2 of 3 right; anger: 1 of 1; disgust: 0 of 1; one face without a label.
    report = affect_report(predictions([0, 0, 1, 1, 0, 5]), face_set([0, 0, 0, 1, 2, -1]))
    assert report["n"] == 5
    assert report["accuracy"] == pytest.approx(3 / 5)
    assert report["support"] == dict(zip(EXPRESSIONS, [3, 1, 1, 0, 0, 0, 0], strict=True))
    assert report["recall"]["neutral"] == pytest.approx(2 / 3)
    assert report["precision"]["neutral"] == pytest.approx(2 / 3)
    assert report["precision"]["anger"] == pytest.approx(1 / 2)
    assert report["f1"]["neutral"] == pytest.approx(2 / 3)
    assert report["f1"]["anger"] == pytest.approx(2 / 3)
    assert report["f1"]["disgust"] == 0
    assert math.isnan(report["f1"]["fear"])
    assert math.isnan(report["recall"]["fear"])
    assert report["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert report["confusion"][0] == [2, 1, 0, 0, 0, 0, 0]
    assert np.sum(report["confusion"]) == 5


def test_valence_arousal_by_hand() -> None:
    faces = face_set([0, 0, 0, 0])
    faces.valence_arousal[:3] = [[0.0, 0.5], [0.5, 0.5], [1.0, 0.5]]
    affect = predictions([0, 0, 0, 0])
    affect[:, 0] = [0.5, 1.0, 1.5, 99]  # shifted by 0.5: 2 (1/6) / (1/6 + 1/6 + 1/4)
    affect[:, 1] = [0.1, 0.2, 0.3, 99]
    report = affect_report(affect, faces)
    assert report["valence_arousal_n"] == 3
    assert report["valence_arousal_ccc"]["valence"] == pytest.approx(4 / 7, rel=1e-6)
    assert report["valence_arousal_ccc"]["arousal"] == pytest.approx(0, abs=1e-6)


def test_action_units_by_hand() -> None:
    faces = face_set([0] * 4)
    first, second = ACTION_UNITS.index(1), ACTION_UNITS.index(12)
    faces.teacher_scores[:, first] = [0, 1, 2, 3]
    faces.teacher_scores[:3, second] = [1, 2, 1]
    affect = predictions([0] * 4)
    affect[:, 9 + first] = [0, 2, 4, 6]
    affect[:, 9 + second] = [0, 1, 2, 50]
    report = affect_report(affect, faces)
    assert report["au_n"] == 4
    assert report["au_correlation"]["au01"] == pytest.approx(1)
    assert report["au_correlation"]["au12"] == pytest.approx(0, abs=1e-9)
    assert math.isnan(report["au_correlation"]["au02"])
    assert report["au_mean_correlation"] == pytest.approx(0.5)


def test_without_labels_all_is_undefined() -> None:
    report = affect_report(predictions([0, 1]), face_set([-1, -1]))
    assert report["n"] == report["valence_arousal_n"] == report["au_n"] == 0
    for key in ("accuracy", "macro_f1", "au_mean_correlation"):
        assert math.isnan(report[key])
    assert all(math.isnan(value) for value in report["f1"].values())
