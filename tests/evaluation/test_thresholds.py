"""From which probability on a unit counts as active."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.data.faces import FaceSet, framed_matrices
from mien.errors import ConfigError, ModelError
from mien.evaluation.affect import affect_report
from mien.evaluation.calibration.fit import calibrate
from mien.evaluation.calibration.probabilities import (
    Calibration,
    read_calibration,
    write_calibration,
)
from mien.evaluation.calibration.thresholds import UNDECIDED, fit_decisions
from mien.evaluation.corpora import LabelledFaces
from mien.labels import LabelSet
from mien.runtime.models import AffectModel, _decisions


def f1(p, active, level):
    claimed = p >= level
    return 2 * (claimed & active).sum() / (claimed.sum() + active.sum())


def mean_f1(p, active, level, group):
    found = [k for k in set(group.tolist()) if active[group == k].any()]
    claims = np.mean([(p[group == k] >= level).sum() / active[group == k].sum() for k in found])
    if claims > 2:  # claimed more than twice as often as shown
        return 0.0
    return np.mean([f1(p[group == k], active[group == k], level) for k in found])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_no_level_is_better(seed, count):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0, 1, (count, 2)).astype(np.float32)
    targets = rng.uniform(0, 1, (count, 2)).astype(np.float32)
    targets[rng.random((count, 2)) < 0.2] = np.nan
    group = rng.integers(0, 3, count)
    for unit, level in enumerate(fit_decisions(p, targets, group)):
        known = np.isfinite(targets[:, unit])
        active = targets[known, unit] >= 0.5
        if not active.any():
            assert level == UNDECIDED
            continue
        assert 0.05 <= level <= 0.95
        reached = mean_f1(p[known, unit], active, level, group[known])
        for other in np.linspace(0.05, 0.95, 91):
            assert reached >= mean_f1(p[known, unit], active, other, group[known]) - 1e-6


def test_a_rare_unit_whose_probabilities_mean_what_they_say_is_decided_at_half_its_f1():
    rng = np.random.default_rng(1)
    p = rng.beta(0.3, 2, (200_000, 1))
    targets = (rng.random(p.shape) < p).astype(np.float32)
    (level,) = fit_decisions(p.astype(np.float32), targets)
    best = f1(p[:, 0], targets[:, 0] > 0, level)
    assert level == pytest.approx(best / 2, abs=0.04)
    assert f1(p[:, 0], targets[:, 0] > 0, 0.5) < 0.8 * best


def test_a_unit_that_cannot_be_told_is_not_called_active_everywhere():
    rng = np.random.default_rng(2)
    p = 0.08 + 0.001 * rng.random((5000, 1), dtype=np.float32)
    targets = (rng.random((5000, 1)) < 0.08).astype(np.float32)
    (level,) = fit_decisions(p, targets)
    assert (p >= level).mean() <= 2 * targets.mean()


def test_a_corpus_that_shows_a_unit_often_does_not_decide_for_one_that_does_seldom():
    rng = np.random.default_rng(3)
    seldom, often = rng.beta(0.3, 4, (20_000, 1)), rng.beta(2, 2, (20_000, 1))
    p = np.concatenate([seldom, often]).astype(np.float32)
    targets = (rng.random(p.shape) < p).astype(np.float32)
    group = np.repeat([0, 1], 20_000)
    (pooled,), (fair,) = fit_decisions(p, targets), fit_decisions(p, targets, group)
    rare = group == 0
    gained = f1(p[rare, 0], targets[rare, 0] > 0, fair)
    assert gained > f1(p[rare, 0], targets[rare, 0] > 0, pooled) + 0.02


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
    assert _decisions({}, 17, tmp_path).tolist() == [0.5] * 17
    for damaged in ([0.5] * 16, [0.5] * 16 + [1], "half", [0.5] * 16 + ["x"], [[0.5]] * 17):
        with pytest.raises(ModelError, match="'au_decisions' is damaged"):
            _decisions({"au_decisions": damaged}, 17, tmp_path)
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


def test_calibrate_fits_them_on_one_half_and_measures_on_the_other(monkeypatch):
    rng = np.random.default_rng(4)
    predicted = {"photos": 0, "synthetic": 0}
    corpora = []
    for name in predicted:
        p = rng.beta(0.3, 2, (4000, 17)).astype(np.float32)
        units = np.full((4000, 17), np.nan, np.float32)
        units[:, 9] = rng.random(4000) < p[:, 9]
        affect = np.full((4000, 26), 1 / 7, np.float32)
        affect[:, 9:] = p
        predicted[name] = affect
        faces = face_set(name, units)
        corpora.append(LabelledFaces(name, "valid", "aligned", faces))
    monkeypatch.setattr(
        "mien.evaluation.calibration.fit.predict_faces", lambda _, faces: predicted[faces.corpus]
    )
    fitted, figures = calibrate(SimpleNamespace(labels=LabelSet()), corpora)
    assert 0.15 < fitted.decisions[9] < 0.4
    assert set(fitted.decisions[:9]) == {UNDECIDED}
    measured = figures["measured on the other half"]["photos"]
    assert 1500 < measured["faces"] < 2500
    before, after = (measured[when]["au_decided_mean_f1"] for when in ("before", "after"))
    assert after > before + 0.03


def face_set(corpus, units):
    count = len(units)
    return FaceSet(
        corpus=corpus,
        names=np.array([f"{corpus}{k}" for k in range(count)]),
        images=np.zeros((count, 8, 8), np.uint8),
        aligned=np.full((count, 2, 3), np.nan, np.float32),
        framed=framed_matrices(count, 8),
        expressions=np.full((count, 7), np.nan, np.float32),
        expression_weight=np.zeros(count, np.float32),
        majority=np.full(count, -1),
        valence_arousal=np.full((count, 2), np.nan, np.float32),
        action_units=units,
        teacher_scores=np.full((count, 17), np.nan, np.float32),
        split=np.array(["valid"] * count),
        counted=np.ones(count, bool),
    )


@pytest.fixture
def one_face_set():
    units = np.full((6, 17), np.nan, np.float32)
    units[:, 9] = [1, 0, 1, 0, 0, 0]
    return face_set("hand", units)
