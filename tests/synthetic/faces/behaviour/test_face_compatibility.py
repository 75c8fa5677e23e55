import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mien.labels import ACTION_UNITS
from mien.synthetic.faces.behaviour import reconcile
from mien.synthetic.faces.behaviour.compatibility import LEAD, UNSEEN
from mien.synthetic.faces.geometry.action_units import INCOMPATIBLE

faces = hnp.arrays(np.float64, (4, len(ACTION_UNITS)), elements=st.floats(0, 1))
EXCLUDED = {unit for pair in INCOMPATIBLE for unit in pair}


def column(unit: int) -> int:
    return ACTION_UNITS.index(unit)


@given(faces)
def test_of_excluded_units_one_yields(face):
    shown = reconcile(face)
    assert shown.min() >= 0 and shown.max() <= 1
    for first, second in INCOMPATIBLE:
        assert np.minimum(shown[:, column(first)], shown[:, column(second)]).max() <= UNSEEN


@given(faces)
def test_a_strongly_raised_lip_parts_the_mouth(face):
    shown = reconcile(face)
    raised = shown[:, column(10)] > 0.4
    assert np.all(shown[raised, column(25)] > 0.19)
    assert np.all(shown[raised, column(24)] == 0)


@given(faces)
def test_only_parted_lips_grow_and_others_stay(face):
    before = face.copy()
    shown = reconcile(face)
    assert np.array_equal(face, before)
    for unit in ACTION_UNITS:
        k = column(unit)
        if unit not in EXCLUDED:
            assert np.array_equal(shown[:, k], face[:, k])
        elif unit != 25:
            assert np.all(shown[:, k] <= face[:, k])


@given(faces)
def test_a_batch_is_its_rows(face):
    shown = reconcile(face)
    for k in range(len(face)):
        np.testing.assert_allclose(reconcile(face[k]), shown[k], atol=1e-12)


@pytest.mark.parametrize("pair", INCOMPATIBLE)
@pytest.mark.parametrize("weaker", [0.0, 0.2, 0.5])
def test_a_clear_leader_is_left_untouched(pair, weaker):
    for leader, other in (pair, pair[::-1]):
        face = np.zeros(len(ACTION_UNITS))
        face[[column(leader), column(other)]] = weaker + LEAD, weaker
        shown = reconcile(face)
        assert shown[column(leader)] == pytest.approx(weaker + LEAD, abs=1e-12)
        assert shown[column(other)] <= UNSEEN


@given(faces)
def test_yielding_is_continuous(face):
    nearby = np.clip(face + 1e-5, 0, 1)
    assert np.abs(reconcile(nearby) - reconcile(face)).max() < 1e-3
