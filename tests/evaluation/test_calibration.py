from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.errors import ConfigError
from mien.evaluation.calibration.probabilities import (
    Calibration,
    calibration_error,
    fit_expressions,
    fit_unit_temperatures,
    read_calibration,
    write_calibration,
)
from mien.labels import ACTION_UNIT_SLICE, EXPRESSION_SLICE


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def some_affect(count: int = 50, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    affect = rng.uniform(-1, 1, (count, 26))
    affect[:, EXPRESSION_SLICE] = softmax(rng.normal(0, 2, (count, 7)))
    affect[:, ACTION_UNIT_SLICE] = sigmoid(rng.normal(0, 2, (count, 17)))
    return affect.astype(np.float32)


def test_error_by_hand() -> None:
    # Two bins: 0.2 and 0.4 with one hit of two (gap 0.2), 0.9 without a hit (gap 0.9).
    assert calibration_error([0.2, 0.4, 0.9], [0, 1, 0], bins=2) == pytest.approx(
        (2 * 0.2 + 0.9) / 3
    )
    assert calibration_error([1.0, np.nan], [1, 1]) == 0
    assert np.isnan(calibration_error([], []))


def test_a_known_temperature_and_known_biases_of_expressions_are_found() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (20_000, 7))
    truth = (softmax(logits).cumsum(axis=1) > rng.random((len(logits), 1))).argmax(axis=1)
    lent = np.array([0.5, -0.2, 0.9, -0.6, 0.1, -0.4, -0.3])  # what training lent to each
    sure = softmax((logits + lent) * 2.5).astype(np.float32)  # and two and a half times too sure
    temperature, biases = fit_expressions(sure, truth)
    assert temperature == pytest.approx(2.5, rel=0.03)
    np.testing.assert_allclose(biases, lent.mean() - lent, atol=0.08)
    alone = fit_expressions(softmax(logits * 2.5).astype(np.float32), truth, biases=False)
    assert alone == (pytest.approx(2.5, rel=0.03), (0.0,) * 7)
    unlabelled = np.full(len(truth), -1)
    assert fit_expressions(sure, unlabelled) == (1, (0.0,) * 7)
    before = calibration_error(sure.max(axis=1), sure.argmax(axis=1) == truth)
    after = softmax(np.log(sure) / temperature + biases)
    assert calibration_error(after.max(axis=1), after.argmax(axis=1) == truth) < before / 5

    # An independent look at the optimum: no step in any direction makes the labels likelier.
    def loss(t: float, b: np.ndarray) -> float:
        shares = softmax(np.log(sure.astype(np.float64)) / t + b)
        return -float(np.log(shares[np.arange(len(truth)), truth]).mean())

    least = loss(temperature, np.array(biases))
    for direction in np.eye(7):
        for size in (-0.05, 0.05):
            assert loss(temperature, np.array(biases) + size * direction) > least
    assert (
        min(loss(temperature * 0.95, np.array(biases)), loss(temperature * 1.05, np.array(biases)))
        > least
    )


def test_an_expression_that_hardly_occurs_gets_no_bias() -> None:
    rng = np.random.default_rng(3)
    probabilities = softmax(rng.normal(0, 1, (400, 7))).astype(np.float32)
    truth = rng.integers(0, 6, 400)  # never the seventh
    truth[:3] = 6
    _, biases = fit_expressions(probabilities, truth)
    assert biases[6] == 0 and all(biases[:6]) and abs(sum(biases)) < 1e-9


def test_known_temperatures_of_units_are_found_and_unknown_ones_left_alone() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, (20_000, 17))
    targets = (rng.random(logits.shape) < sigmoid(logits)).astype(np.float32)
    targets[:, 8] = np.nan
    stretch = np.linspace(0.5, 3, 17)
    found = np.array(fit_unit_temperatures(sigmoid(logits * stretch).astype(np.float32), targets))
    assert found[8] == 1
    known = np.arange(17) != 8
    np.testing.assert_allclose(found[known], stretch[known], rtol=0.05)


def test_weights_decide_whose_targets_count() -> None:
    probabilities = np.full((4, 17), 0.9, np.float32)
    targets = np.repeat([[1.0], [1.0], [0.5], [0.5]], 17, axis=1).astype(np.float32)
    sure = fit_unit_temperatures(probabilities, targets, [1, 1, 0, 0])
    unsure = fit_unit_temperatures(probabilities, targets, [0, 0, 1, 1])
    assert max(sure) < 0.25 and min(unsure) > 4.5


@settings(deadline=None, max_examples=30)
@given(st.floats(0.3, 4), st.floats(0.3, 4), st.integers(0, 1000))
def test_temperatures_keep_order_sides_and_sums(t_expr: float, t_unit: float, seed: int) -> None:
    affect = some_affect(seed=seed)
    after = Calibration(t_expr, (t_unit,) * 17).apply(affect)
    np.testing.assert_array_equal(after[:, :2], affect[:, :2])
    expressions = after[:, EXPRESSION_SLICE]
    np.testing.assert_array_equal(
        expressions.argmax(axis=1), affect[:, EXPRESSION_SLICE].argmax(axis=1)
    )
    np.testing.assert_allclose(expressions.sum(axis=1), 1, atol=1e-5)
    units, old = after[:, ACTION_UNIT_SLICE], affect[:, ACTION_UNIT_SLICE]
    np.testing.assert_array_equal(units >= 0.5, old >= 0.5)
    for unit in range(17):
        assert (np.diff(units[np.argsort(old[:, unit]), unit]) >= 0).all()


def test_no_calibration_changes_nothing() -> None:
    affect = some_affect()
    np.testing.assert_allclose(Calibration().apply(affect), affect, atol=2e-6)


def test_files_go_round_and_others_are_refused(tmp_path: Path) -> None:
    biases = (0.3, 0.1, 0.4, -0.3, -0.2, -0.2, -0.1)
    fitted = Calibration(
        1.7,
        tuple(np.linspace(0.5, 2, 17).tolist()),
        expression_biases=biases,
        affect_gains=(0.9, 1.1),
        affect_offsets=(0.02, -0.1),
    )
    path = tmp_path / "calibration.json"
    write_calibration(fitted, {"note": 1}, path)
    assert read_calibration(path) == fitted and json.loads(path.read_text())["note"] == 1
    path.write_text('{"temperatures": {"expressions": 1, "action_units": [1, 1]}}')
    with pytest.raises(ConfigError, match=r"calibration\.json: not a calibration; .*got 2"):
        read_calibration(path)
    with pytest.raises(ConfigError, match=r"none\.json: not a calibration"):
        read_calibration(tmp_path / "none.json")
    with pytest.raises(ValueError, match="a temperature is a number above 0, not 0"):
        Calibration(0.0)
    with pytest.raises(ValueError, match="expression_biases holds 7 numbers"):
        Calibration(expression_biases=(0.0,) * 6)
    with pytest.raises(ValueError, match="affect_gains and affect_offsets hold two numbers each"):
        Calibration(affect_offsets=(0.0, float("nan")))
    with pytest.raises(ValueError, match="affect_gains are above 0"):
        Calibration(affect_gains=(1.0, 0.0))


def test_export_takes_temperatures_in(tmp_path: Path) -> None:
    """The exported file says what `Calibration.apply` says, and remembers it."""
    torch = pytest.importorskip("torch")
    from corpus_builder import write_ferplus
    from mien.cli import cli
    from mien.export import export_mma
    from mien.models.mma import build_mma
    from mien.runtime.models import AffectModel

    torch.manual_seed(0)
    model = build_mma("compact", widths=(8, 16), depths=(1, 1), stem_width=8).eval()
    with torch.no_grad():
        for head in (model.expressions, model.action_units):
            head.weight.mul_(8)
    about = {"name": "x", "license": "x", "trained_on": "x", "caveat": "x"}
    plain, fitted = tmp_path / "plain.onnx", tmp_path / "fitted.onnx"
    levels = tuple(np.linspace(0.1, 0.9, 17).tolist())
    biases = (0.5, -0.2, 0.9, -0.6, 0.1, -0.4, -0.3)
    temperatures = Calibration(
        2.0, tuple(np.linspace(0.5, 2, 17).tolist()), levels, biases, (0.8, 1.3), (0.1, -0.05)
    )
    before = model.valence_arousal.weight.detach().clone()
    export_mma(model, plain, about)
    export_mma(model, fitted, about, temperatures)
    faces = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3)).astype(np.uint8)
    expected = temperatures.apply(AffectModel(plain).predict(faces))
    calibrated = AffectModel(fitted)
    np.testing.assert_allclose(calibrated.predict(faces), expected, atol=1e-5)
    assert torch.equal(model.valence_arousal.weight, before)  # the network itself stays as it is
    assert calibrated.metadata["calibration"]["affect_gains"] == [0.8, 1.3]
    assert calibrated.metadata["calibration"]["expressions"] == 2.0
    assert tuple(calibrated.metadata["calibration"]["expression_biases"]) == biases
    assert tuple(calibrated.au_decisions) == levels
    assert AffectModel(plain).au_decisions.tolist() == [0.5] * 17
    assert AffectModel(plain).metadata["calibration"] is None

    data, to = write_ferplus(tmp_path), tmp_path / "made.json"
    arguments = ["calibrate", "extractor", "--data", f"{data}@all", "--to", str(to), "--model"]
    result = CliRunner().invoke(cli, [*arguments, str(plain)], catch_exceptions=False)
    assert result.exit_code == 0 and read_calibration(to).expressions != 1
    made = json.loads(to.read_text())
    assert not any(made["temperatures"]["expression_biases"])
    result = CliRunner().invoke(cli, [*arguments, str(plain), "--biases"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "before" in made["measured on the other half"][data.name]
    assert made["decisions"] == [0.5] * 17  # no unit has a target there
    assert "valence_ccc" in made["measured on the other half"][data.name]["after"]
    with pytest.raises(ConfigError, match=r"fitted\.onnx: is calibrated already"):
        CliRunner().invoke(cli, [*arguments, str(fitted)], catch_exceptions=False)
