from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.evaluation.metrics import (
    Confusion,
    PairMoments,
    area_under_curve,
    concordance,
    consistency,
    pearson,
)


def direct_ccc(x: np.ndarray, y: np.ndarray) -> float:
    """Lin 1989 with denominator n."""
    covariance = np.mean((x - x.mean()) * (y - y.mean()))
    return float(2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))


def pairs(seed: int, count: int, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count) + offset
    return x, 0.6 * x + rng.normal(size=count)


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e6])
@pytest.mark.parametrize("count", [2, 3, 50, 1000])
def test_functions_match_the_direct_formulas(count: int, offset: float) -> None:
    x, y = pairs(3, count, offset)
    assert pearson(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)
    assert concordance(x, y) == pytest.approx(direct_ccc(x, y), abs=1e-9)


def two_way_anova(ratings: np.ndarray) -> float:
    """ICC(3,1) from the table of a two-way analysis of variance, (faces, raters)."""
    n, k = ratings.shape
    rows = ratings.mean(axis=1, keepdims=True)
    columns = ratings.mean(axis=0, keepdims=True)
    between = k * ((rows - ratings.mean()) ** 2).sum() / (n - 1)
    residual = ((ratings - rows - columns + ratings.mean()) ** 2).sum() / ((n - 1) * (k - 1))
    return float((between - residual) / (between + (k - 1) * residual))


def test_consistency_is_the_icc_of_shrout_and_fleiss() -> None:
    # Table 2 of Shrout & Fleiss (1979): six targets, four judges; Table 4 says ICC(3,1) = .71
    judged = np.array(
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
    )
    assert two_way_anova(judged) == pytest.approx(0.7148, abs=1e-4)
    for first, second in [(0, 1), (0, 2), (1, 3), (2, 3)]:
        expected = two_way_anova(judged[:, [first, second]])
        assert consistency(judged[:, first], judged[:, second]) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 5)), min_size=2, max_size=40),
    st.floats(-3, 3),
)
def test_consistency_is_the_anova_and_ignores_a_shift(
    rated: list[tuple[int, float]], shift: float
) -> None:
    x, y = np.array(rated, float).T
    value = consistency(x, y)
    if np.ptp(x) == np.ptp(y) == 0:
        assert math.isnan(value)
        return
    assert -1 <= value <= 1 + 1e-12
    assert value == pytest.approx(two_way_anova(np.column_stack([x, y])), abs=1e-9)
    assert consistency(x, y + shift) == pytest.approx(value, abs=1e-6)


def test_consistency_is_undefined_without_two_pairs_or_variance() -> None:
    assert math.isnan(consistency([1], [2])) and math.isnan(consistency([0.1] * 9, [0.3] * 9))
    assert consistency([1, 1], [0, 2]) == 0


def test_the_area_under_a_curve_needs_no_table_of_pairs() -> None:
    rng = np.random.default_rng(0)
    active = rng.random(200_000) < 0.3
    score = np.round(rng.normal(active * 1.0, 1.0), 2)  # ties
    ranks = pytest.importorskip("scipy.stats").rankdata(score)
    yes = active.sum()
    u = ranks[active].sum() - yes * (yes + 1) / 2
    assert area_under_curve(active, score) == pytest.approx(u / (yes * (~active).sum()), abs=1e-12)


def test_pearson_matches_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    x, y = pairs(5, 200)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)


def test_concordance_states_its_denominator() -> None:
    x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])
    assert concordance(x, y) == pytest.approx(2 * (2 / 3) / (2 / 3 + 2 / 3 + 1))
    assert concordance(x, y) != pytest.approx(2 * 1 / (1 + 1 + 1))  # that would be n - 1


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**16),
    cuts=st.lists(st.integers(0, 120), max_size=6),
    offset=st.sampled_from([0.0, 100.0, -1e5]),
)
def test_streaming_equals_whole(seed: int, cuts: list[int], offset: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(120, 3)) + offset
    y = 0.5 * x + rng.normal(size=(120, 3))
    x[rng.random(x.shape) < 0.1] = np.nan
    whole, parts = PairMoments(3), PairMoments(3)
    whole.update(x, y)
    edges = [0, *sorted(cuts), 120]
    for start, stop in pairwise(edges):
        parts.update(x[start:stop], y[start:stop])
    np.testing.assert_array_equal(parts.count, whole.count)
    np.testing.assert_allclose(parts.pearson(), whole.pearson(), atol=1e-6)
    np.testing.assert_allclose(parts.concordance(), whole.concordance(), atol=1e-6)


def test_pairs_with_a_nan_are_left_out_per_column() -> None:
    x = np.array([[1, 1], [2, np.nan], [4, 3], [np.nan, 5], [7, 9]], float)
    y = np.array([[2, 3], [1, 2], [np.inf, 1], [3, 4], [5, 6]], float)
    moments = PairMoments(2)
    moments.update(x, y)
    assert moments.count.tolist() == [3, 4]
    assert moments.pearson()[0] == pytest.approx(np.corrcoef([1, 2, 7], [2, 1, 5])[0, 1])
    assert moments.pearson()[1] == pytest.approx(np.corrcoef([1, 3, 5, 9], [3, 1, 4, 6])[0, 1])
    assert moments.concordance()[0] == pytest.approx(
        direct_ccc(np.array([1.0, 2, 7]), np.array([2.0, 1, 5]))
    )


@pytest.mark.parametrize("value", [0.0, 0.1, 0.3, 1 / 3, -0.7, 1e6 + 0.1])
@pytest.mark.parametrize("count", [2, 3, 7, 10, 11, 100])
def test_constants_are_undefined_and_not_zero_or_one(value: float, count: int) -> None:
    constant, varied = [value] * count, np.arange(count) ** 2
    assert math.isnan(pearson(constant, varied))
    assert math.isnan(pearson(varied, constant))
    assert math.isnan(concordance(constant, constant))
    assert concordance(constant, varied) == pytest.approx(0, abs=1e-9)
    moments = PairMoments(1)  # the same in a stream
    for start in range(0, count, 3):
        part = slice(start, start + 3)
        moments.update(np.array(constant)[part, None], varied[part, None])
    assert math.isnan(moments.pearson()[0])


def exact_moments(x: np.ndarray, y: np.ndarray) -> tuple[Fraction, Fraction, Fraction]:
    """Sums of squares and products about the means, with fractions: not a digit is lost."""
    sides = [[Fraction(float(value)) for value in side] for side in (x, y)]
    a, b = ([value - sum(side) / len(side) for value in side] for side in sides)
    return (
        sum((value * value for value in a), Fraction()),
        sum((value * value for value in b), Fraction()),
        sum((one * other for one, other in zip(a, b, strict=True)), Fraction()),
    )


@pytest.mark.parametrize("deviation", [1.0, 1e-3, 1e-6])
@pytest.mark.parametrize("parts", [1, 5])
def test_scores_around_a_million_keep_their_variance(deviation: float, parts: int) -> None:
    x, y = (1e6 + deviation * side for side in pairs(7, 60))
    xx, yy, xy = exact_moments(x, y)
    moments = PairMoments(1)
    for start in range(0, 60, 60 // parts):
        part = slice(start, start + 60 // parts)
        moments.update(x[part, None], y[part, None])
    rho = float(xy) / math.sqrt(float(xx) * float(yy))
    assert moments.pearson()[0] == pytest.approx(rho, abs=1e-9)
    apart = float(sum(map(Fraction, x)) - sum(map(Fraction, y))) / 60
    ccc = 2 * float(xy) / 60 / (float(xx + yy) / 60 + apart**2)
    assert moments.concordance()[0] == pytest.approx(ccc, abs=1e-9)


def test_a_long_constant_is_undefined() -> None:
    assert math.isnan(pearson(np.full(2_000_000, 0.1), np.arange(2_000_000)))


def test_no_rows_and_columns_that_begin_unknown_change_nothing() -> None:
    x, y = pairs(2, 20)
    moments = PairMoments(1)
    moments.update(np.empty((0, 1)), np.empty((0, 1)))
    moments.update(np.full((3, 1), np.nan), np.ones((3, 1)))
    assert math.isnan(moments.pearson()[0]) and math.isnan(moments.concordance()[0])
    moments.update(x[:, None], y[:, None])
    assert moments.pearson()[0] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)


def test_a_small_float32_spread_is_defined() -> None:
    x = np.float32(0.5) + np.arange(10, dtype=np.float32) * np.float32(2.0**-23)
    assert pearson(x, np.arange(10)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("x", [[], [1.0], [np.nan, 1.0]])
def test_fewer_than_two_pairs_are_undefined(x: list[float]) -> None:
    assert math.isnan(pearson(x, x))
    assert math.isnan(concordance(x, x))


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two \(n, 3\) arrays, got \(2, 3\), \(2, 2\)"):
        PairMoments(3).update(np.zeros((2, 3)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"two \(n, 1\) arrays"):
        pearson([1, 2, 3], [1, 2])


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**16), batch=st.integers(1, 50))
def test_confusion_matches_counting(seed: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(-1, 4, 50), rng.integers(0, 4, 50)
    confusion = Confusion(4)
    for start in range(0, 50, batch):
        confusion.update(truth[start : start + batch], predicted[start : start + batch])
    for c in range(4):
        known = truth >= 0
        tp = np.sum((truth == c) & (predicted == c))
        fn = np.sum((truth == c) & (predicted != c))
        fp = np.sum(known & (truth != c) & (predicted == c))
        assert confusion.matrix[c].sum() == tp + fn
        assert confusion.recall()[c] == pytest.approx(
            tp / (tp + fn) if tp + fn else np.nan, nan_ok=True
        )
        assert confusion.precision()[c] == pytest.approx(
            tp / (tp + fp) if tp + fp else np.nan, nan_ok=True
        )
        expected = 2 * tp / (2 * tp + fp + fn) if tp + fn else np.nan
        assert confusion.f1()[c] == pytest.approx(expected, nan_ok=True)
    right = np.mean(truth[truth >= 0] == predicted[truth >= 0])
    assert confusion.accuracy() == pytest.approx(right)


def test_classes_without_examples_are_nan_and_do_not_count() -> None:
    confusion = Confusion(3)
    confusion.update([0, 0, 1, -1], [0, 2, 1, 2])
    assert confusion.matrix.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(confusion.recall(), [0.5, 1, np.nan])
    np.testing.assert_allclose(confusion.precision(), [1, 1, 0])
    np.testing.assert_allclose(confusion.f1(), [2 / 3, 1, np.nan])
    assert confusion.macro_f1() == pytest.approx((2 / 3 + 1) / 2)
    assert confusion.accuracy() == pytest.approx(2 / 3)


def test_an_empty_confusion_is_undefined() -> None:
    confusion = Confusion(2)
    confusion.update([-1], [0])
    assert math.isnan(confusion.accuracy())
    assert math.isnan(confusion.macro_f1())
    assert np.isnan(confusion.recall()).all()


@pytest.mark.parametrize(
    ("truth", "predicted", "text"),
    [
        ([0], [3], r"labels must lie in 0\.\.2"),
        ([3], [0], r"labels must lie in 0\.\.2"),
        ([0], [-1], r"labels must lie in 0\.\.2"),
        ([0, 1], [0], r"two \(n,\) arrays of labels, got \(2,\), \(1,\)"),
    ],
)
def test_labels_that_are_none_are_refused(
    truth: list[int], predicted: list[int], text: str
) -> None:
    confusion = Confusion(3)
    with pytest.raises(ValueError, match=text):
        confusion.update(truth, predicted)
    assert confusion.matrix.sum() == 0
