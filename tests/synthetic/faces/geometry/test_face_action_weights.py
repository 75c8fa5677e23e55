"""The AU table and its composition: no head needed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.labels import ACTION_UNITS
from mien.synthetic.faces.geometry.action_units import (
    ACTION_TABLE,
    CAPS,
    COMPOSED,
    INCOMPATIBLE,
    action_weights,
)
from mien.synthetic.faces.geometry.controls import Blink, Jaw

SIDED = sorted(
    {name[:-1] for row in ACTION_TABLE.values() for name in row if name.endswith("*")}
    | {"eyeBlink"}
)
UNSIDED = sorted(
    {name for row in ACTION_TABLE.values() for name in row if not name.endswith("*")}
    | {"mouthClose", "jawLeft", "jawRight", "jawForward"}
)
LABELS = tuple(name + side for name in SIDED for side in ("Left", "Right")) + tuple(UNSIDED)

intensities = st.dictionaries(st.sampled_from(ACTION_UNITS), st.floats(0, 1))


def weights(units, **controls):
    return dict(zip(LABELS, action_weights(units, LABELS, **controls).astype(float), strict=True))


def cap(label):
    return CAPS.get(label.removesuffix("Left").removesuffix("Right"), 1.0)


def test_table_covers_our_action_units():
    assert tuple(ACTION_TABLE) == ACTION_UNITS
    assert set(COMPOSED) <= set(ACTION_UNITS)
    assert all(set(pair) <= set(ACTION_UNITS) for pair in INCOMPATIBLE)
    for row in ACTION_TABLE.values():
        for name, weight in row.items():
            assert 0 < weight <= CAPS.get(name.rstrip("*"), 1.0)


def test_no_units_are_zeros():
    result = action_weights({}, LABELS)
    assert result.dtype == np.float32
    assert not result.any()
    assert not action_weights(dict.fromkeys(ACTION_UNITS, 0.0), LABELS).any()


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_one_unit_alone_is_its_row(unit):
    got = weights({unit: 0.5})
    for name, weight in ACTION_TABLE[unit].items():
        for label in (f"{name[:-1]}Left", f"{name[:-1]}Right") if name.endswith("*") else (name,):
            assert got.pop(label) == pytest.approx(0.5 * weight, abs=1e-6)
    got.pop("mouthClose")  # follows the jaw, tested below
    assert not any(got.values())


@given(intensities)
def test_within_caps(units):
    for label, value in weights(units).items():
        assert 0 <= value <= cap(label) + 1e-6


@given(intensities, st.sampled_from(ACTION_UNITS), st.floats(0, 1), st.floats(0, 1))
def test_more_of_a_unit_never_weakens_an_action(units, unit, one, other):
    low, high = sorted((one, other))
    less, more = weights({**units, unit: low}), weights({**units, unit: high})
    for label in LABELS:
        if label != "mouthClose":  # which 25 takes away by design
            assert more[label] >= less[label] - 1e-6


@given(intensities)
def test_order_of_units_does_not_matter(units):
    backwards = dict(reversed(units.items()))
    assert weights(units) == weights(backwards)


def test_shared_actions_saturate():
    brow = weights({4: 1.0, 9: 1.0})["browDownLeft"]
    assert brow == pytest.approx(1.0)
    smile = weights({12: 0.5, 20: 1.0})["mouthSmileLeft"]
    a, b = 0.5 * ACTION_TABLE[12]["mouthSmile*"], ACTION_TABLE[20]["mouthSmile*"]
    c = CAPS["mouthSmile"]
    assert smile == pytest.approx(c * (1 - (1 - a / c) * (1 - b / c)))
    assert max(a, b) < smile < a + b


@pytest.mark.parametrize(
    ("asymmetry", "left", "right"), [(1.0, 0.8, 0.0), (-1.0, 0.0, 0.8), (0.25, 0.8, 0.6)]
)
def test_asymmetry_keeps_the_stronger_side(asymmetry, left, right):
    got = weights({15: 0.8}, asymmetry={15: asymmetry})
    assert got["mouthFrownLeft"] == pytest.approx(left)
    assert got["mouthFrownRight"] == pytest.approx(right)


def test_jaw_drops_behind_closed_lips_until_they_part():
    sealed, parted = weights({26: 1.0}), weights({26: 1.0, 25: 1.0})
    assert sealed["mouthClose"] == pytest.approx(sealed["jawOpen"])
    assert parted["mouthClose"] == 0
    assert 0 < weights({26: 1.0, 25: 0.25})["mouthClose"] < sealed["mouthClose"]


def test_blink_overrules_the_lids():
    shut = weights({5: 1.0, 7: 1.0}, blink=Blink(left=1.0, right=0.5))
    assert (shut["eyeBlinkLeft"], shut["eyeWideLeft"], shut["eyeSquintLeft"]) == (1, 0, 0)
    assert (shut["eyeBlinkRight"], shut["eyeWideRight"]) == (0.5, 0.5)


def test_jaw():
    assert weights({}, jaw=Jaw(sideways=-0.5, forward=0.25))["jawRight"] == 0.5
    assert weights({}, jaw=Jaw(sideways=0.5))["jawLeft"] == 0.5
    assert weights({}, jaw=Jaw(forward=0.25))["jawForward"] == 0.25


@pytest.mark.parametrize(
    ("units", "asymmetry", "match"),
    [
        ({3: 0.5}, {}, "action unit 3 is none of"),
        ({1: 1.5}, {}, "intensity of AU1 is from 0 to 1, not 1.5"),
        ({1: float("nan")}, {}, "intensity of AU1"),
        ({1: 0.5}, {1: 2.0}, "asymmetry of AU1 is from -1 to 1, not 2.0"),
        ({1: 0.5}, {3: 0.5}, r"asymmetry of unknown action units: \[3\]"),
    ],
)
def test_what_is_refused(units, asymmetry, match):
    with pytest.raises(ValueError, match=match):
        action_weights(units, LABELS, asymmetry=asymmetry)
