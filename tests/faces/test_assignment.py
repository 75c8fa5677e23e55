from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.faces.assignment import assign

PRICE = st.one_of(st.floats(-20, 20), st.integers(0, 3).map(float), st.just(float("inf")))


def total(cost, pairs, unmatched_cost: float) -> float:
    return sum(cost[r, c] for r, c in pairs) + unmatched_cost * (len(cost) - len(pairs))


def brute_force(cost, unmatched_cost: float) -> float:
    rows, columns = cost.shape
    best = float("inf")
    for choice in itertools.product(range(-1, columns), repeat=rows):
        used = [column for column in choice if column >= 0]
        if len(used) == len(set(used)):
            pairs = [(row, column) for row, column in enumerate(choice) if column >= 0]
            best = min(best, total(cost, pairs, unmatched_cost))
    return best


@st.composite
def problems(draw):
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    values = draw(st.lists(PRICE, min_size=rows * columns, max_size=rows * columns))
    return np.array(values).reshape(rows, columns), draw(st.floats(-5, 25))


@given(problems())
def test_as_cheap_as_brute_force(problem) -> None:
    cost, unmatched_cost = problem
    before = cost.copy()
    pairs = assign(cost, unmatched_cost)
    np.testing.assert_array_equal(cost, before)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert pairs == sorted(pairs)
    assert total(cost, pairs, unmatched_cost) == pytest.approx(brute_force(cost, unmatched_cost))


@pytest.mark.parametrize("shape", [(1, 1), (3, 9), (9, 3), (20, 20), (40, 33)])
def test_same_as_scipy(shape: tuple[int, int]) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    generator = np.random.default_rng(shape)
    for _ in range(20):
        cost = generator.random(shape)
        pairs = assign(cost, 1e3)
        rows, columns = optimize.linear_sum_assignment(cost)
        assert len(pairs) == min(shape)
        expected = cost[rows, columns].sum()
        assert sum(cost[row, column] for row, column in pairs) == pytest.approx(expected)


def test_nothing_to_assign() -> None:
    assert assign(np.zeros((0, 3)), 1.0) == []
    assert assign(np.zeros((3, 0)), 1.0) == []
    assert assign(np.full((2, 2), np.inf), 1.0) == []


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="expected a matrix without NaN"):
        assign(np.zeros(3), 1.0)
    with pytest.raises(ValueError, match="expected a matrix without NaN"):
        assign(np.array([[np.nan]]), 1.0)
    with pytest.raises(ValueError, match="unmatched_cost"):
        assign(np.zeros((1, 1)), float("inf"))
