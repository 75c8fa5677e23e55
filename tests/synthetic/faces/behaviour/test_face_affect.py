import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mien.labels import ACTION_UNITS, EXPRESSIONS, relatedness
from mien.synthetic.faces.behaviour import read_affect
from mien.synthetic.faces.behaviour.affect import UNIT_AROUSAL, UNIT_VALENCE

EMOTIONS = EXPRESSIONS[1:]
faces = hnp.arrays(np.float64, (3, len(ACTION_UNITS)), elements=st.floats(0, 1, width=32))


def units(**intensities: float) -> np.ndarray:
    """`units(au12=1.0)`: that unit alone."""
    face = np.zeros(len(ACTION_UNITS))
    for name, value in intensities.items():
        face[ACTION_UNITS.index(int(name.removeprefix("au")))] = value
    return face


def prototype(expression: str, intensity: float = 1.0) -> np.ndarray:
    """The units that everybody shows."""
    return intensity * (relatedness("weighted")[EXPRESSIONS.index(expression)] == 1)


@pytest.mark.parametrize("expression", EMOTIONS)
def test_a_complete_prototype_is_its_own_expression(expression):
    mixture = read_affect(prototype(expression)).expressions
    assert EXPRESSIONS[mixture.argmax()] == expression
    assert mixture.max() > 0.8


@given(st.sampled_from(EMOTIONS), st.data())
def test_so_it_is_with_any_units_that_some_people_add(expression, data):
    share = relatedness("weighted")[EXPRESSIONS.index(expression)]
    some = [k for k in range(len(share)) if 0 < share[k] < 1]
    face = prototype(expression)
    for k in data.draw(st.sets(st.sampled_from(some))):
        face[k] = data.draw(st.floats(0, 1))
    mixture = read_affect(face).expressions
    assert EXPRESSIONS[mixture.argmax()] == expression and mixture.max() > 0.8


@pytest.mark.parametrize("expression", EMOTIONS)
def test_more_of_a_prototype_is_never_less_of_its_expression(expression):
    path = np.stack([prototype(expression, a) for a in np.linspace(0, 1, 21)])
    course = read_affect(path).expressions[:, EXPRESSIONS.index(expression)]
    assert np.all(np.diff(course) >= -1e-6)
    assert course[0] < 0.01


def test_a_face_at_rest_is_neutral_and_a_hint_is_mostly_so():
    rest = read_affect(np.zeros(len(ACTION_UNITS)))
    assert rest.expressions[0] > 0.98
    assert abs(rest.valence) < 0.02 and abs(rest.arousal) < 0.02
    for expression in EMOTIONS:
        assert read_affect(prototype(expression, 0.3)).expressions[0] > 0.5


@pytest.mark.parametrize(
    ("expression", "valence", "arousal"),
    [
        ("anger", -1, 1),
        ("disgust", -1, 1),
        ("fear", -1, 1),
        ("happiness", 1, 1),
        ("sadness", -1, -1),
        ("surprise", 1, 1),
    ],
)
def test_valence_and_arousal_have_the_signs_of_the_expression(expression, valence, arousal):
    affect = read_affect(prototype(expression))
    assert affect.valence * valence > 0.2 and affect.arousal * arousal > 0.15


def test_single_units_lean_where_muscles_do():
    rest = read_affect(np.zeros(len(ACTION_UNITS)))
    assert read_affect(units(au12=0.4)).valence > rest.valence + 0.03
    assert read_affect(units(au04=0.4)).valence < rest.valence - 0.03
    assert read_affect(units(au05=0.4)).arousal > rest.arousal + 0.03
    assert read_affect(units(au15=0.4)).arousal < rest.arousal


def test_what_units_add_by_themselves_has_the_signs_that_electromyography_finds():
    assert {unit for unit, value in UNIT_VALENCE.items() if value > 0} == {6, 12}
    assert {unit for unit, value in UNIT_AROUSAL.items() if value < 0} == {15}
    assert UNIT_VALENCE[4] < -0.1 < 0.1 < UNIT_VALENCE[12]
    assert max(UNIT_AROUSAL, key=lambda unit: UNIT_AROUSAL[unit]) == 5


@given(faces)
def test_labels_stay_in_their_ranges(face):
    before = face.copy()
    affect = read_affect(face)
    assert np.array_equal(face, before)
    assert affect.expressions.dtype == affect.valence.dtype == affect.arousal.dtype == np.float32
    assert affect.expressions.shape == (3, 7) and affect.valence.shape == (3,)
    assert np.all(affect.expressions >= 0)
    np.testing.assert_allclose(affect.expressions.sum(axis=-1), 1, atol=1e-6)
    assert np.abs(affect.valence).max() <= 1 and np.abs(affect.arousal).max() <= 1


@given(faces)
def test_a_batch_is_its_rows(face):
    together = read_affect(face)
    for k in range(len(face)):
        alone = read_affect(face[k])
        for one, many in zip(alone, together, strict=True):
            np.testing.assert_allclose(one, many[k], atol=1e-6)


@given(faces, st.integers(0, len(ACTION_UNITS) - 1))
def test_a_little_more_movement_changes_labels_a_little(face, column):
    moved = face.copy()
    moved[:, column] = np.abs(moved[:, column] - 1e-4)
    for before, after in zip(read_affect(face), read_affect(moved), strict=True):
        assert np.abs(after - before).max() < 2e-3


def test_what_is_no_face_is_refused():
    with pytest.raises(ValueError, match="last axis of 17"):
        read_affect(np.zeros(16))
    for value in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="from 0 to 1"):
            read_affect(np.full(17, value))
