"""From which probability on a unit counts as active."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.errors import ConfigError, ModelError
from mien.evaluation.affect import affect_report
from mien.evaluation.calibration import Calibration, read_calibration, write_calibration
from mien.evaluation.decisions import UNDECIDED, fit_decisions
from mien.inference.models import AffectModel, _decisions


def f1(p, active, level, weight):
    claimed = p >= level
    hits = weight[claimed & active].sum()
    return 2 * hits / (weight[claimed].sum() + weight[active].sum())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_no_level_is_better(seed, count):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0, 1, (count, 2)).astype(np.float32)
    targets = rng.uniform(0, 1, (count, 2)).astype(np.float32)
    targets[rng.random((count, 2)) < 0.2] = np.nan
    weights = rng.uniform(0.1, 1, count)
    for unit, level in enumerate(fit_decisions(p, targets, weights)):
        known = np.isfinite(targets[:, unit])
        active = targets[known, unit] >= 0.5
        if not active.any():
            assert level == UNDECIDED
            continue
        assert 0.05 <= level <= 0.95
        reached = f1(p[known, unit], active, level, weights[known])
        for other in np.linspace(0.05, 0.95, 91):
            assert reached >= f1(p[known, unit], active, other, weights[known]) - 1e-6


def test_a_rare_unit_whose_probabilities_mean_what_they_say_is_decided_at_half_its_f1():
    rng = np.random.default_rng(1)
    p = rng.beta(1, 5, (200_000, 1))
    targets = (rng.random(p.shape) < p).astype(np.float32)
    (level,) = fit_decisions(p.astype(np.float32), targets)
    best = f1(p[:, 0], targets[:, 0] > 0, level, np.ones(len(p)))
    assert level == pytest.approx(best / 2, abs=0.02)
    assert f1(p[:, 0], targets[:, 0] > 0, 0.5, np.ones(len(p))) < 0.7 * best


def test_they_travel_with_the_calibration(tmp_path):
    levels = tuple(np.linspace(0.1, 0.9, 17).tolist())
    file = tmp_path / "calibration.json"
    write_calibration(Calibration(1.5, decisions=levels), {}, file)
    assert read_calibration(file) == Calibration(1.5, decisions=levels)
    document = json.loads(file.read_text())
    del document["decisions"]  # a file of before there were any
    file.write_text(json.dumps(document))
    assert read_calibration(file) == Calibration(1.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Calibration(decisions=(0.5,) * 16 + (1.0,))
    document["decisions"] = [0.5] * 16
    file.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match="not a calibration"):
        read_calibration(file)


def test_a_model_without_decisions_decides_at_a_half_and_damaged_ones_are_refused(tmp_path):
    assert _decisions({}, tmp_path).tolist() == [0.5] * 17
    for damaged in ([0.5] * 16, [0.5] * 16 + [1], "half", [0.5] * 16 + ["x"], [[0.5]] * 17):
        with pytest.raises(ModelError, match="'au_decisions' is damaged"):
            _decisions({"au_decisions": damaged}, tmp_path)
    shipped = AffectModel()
    described = shipped.describe()["au_decisions"]
    assert list(described.values()) == shipped.au_decisions.tolist()
    assert next(iter(described)) == "au01" and len(described) == 17


def test_the_report_decides_where_it_is_told(one_face_set):
    faces = one_face_set
    predicted = np.full((len(faces), 26), 0.3, np.float32)
    report = affect_report(predicted, faces, np.full(17, 0.2))
    assert report["au_f1"]["au12"] == 0
    always = 2 * faces.action_units[:, 9].sum() / (len(faces) + faces.action_units[:, 9].sum())
    assert report["au_decided_f1"]["au12"] == pytest.approx(always, rel=1e-6)
    assert report["au_decided_mean_f1"] == pytest.approx(always, rel=1e-6)
    same = affect_report(predicted, faces)
    assert same["au_decided_mean_f1"] == same["au_mean_f1"]


@pytest.fixture
def one_face_set():
    from mien.datasets.base import FaceSet, framed_matrices

    units = np.full((6, 17), np.nan, np.float32)
    units[:, 9] = [1, 0, 1, 0, 0, 0]
    return FaceSet(
        corpus="hand",
        names=np.array([str(k) for k in range(6)]),
        images=np.zeros((6, 48, 48), np.uint8),
        aligned=np.full((6, 2, 3), np.nan, np.float32),
        framed=framed_matrices(6, 48),
        expressions=np.full((6, 7), np.nan, np.float32),
        expression_weight=np.zeros(6, np.float32),
        majority=np.full(6, -1),
        valence_arousal=np.full((6, 2), np.nan, np.float32),
        action_units=units,
        teacher_scores=np.full((6, 17), np.nan, np.float32),
        split=np.array(["valid"] * 6),
        counted=np.ones(6, bool),
    )
