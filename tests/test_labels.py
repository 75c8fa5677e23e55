import numpy as np
import pytest

from mien.labels import (
    ACTION_UNIT_NAMES,
    ACTION_UNITS,
    AFFECT_COLUMNS,
    EXPRESSIONS,
    REACTIONS,
    LabelSet,
    relatedness,
    unit_name,
)

# Du, Tao & Martinez, PNAS 2014, Table 1, typed in a second time and in another form.
PROTOTYPICAL = {
    "happiness": {12, 25},
    "sadness": {4, 15},
    "fear": {1, 4, 20, 25},
    "anger": {4, 7, 24},
    "surprise": {1, 2, 25, 26},
    "disgust": {9, 10, 17},
    "neutral": set(),
}
OBSERVATIONAL = [
    ("happiness", 6, 0.51),
    ("sadness", 1, 0.60),
    ("sadness", 6, 0.50),
    ("sadness", 11, 0.26),
    ("sadness", 17, 0.67),
    ("fear", 2, 0.57),
    ("fear", 5, 0.63),
    ("fear", 26, 0.33),
    ("anger", 10, 0.26),
    ("anger", 17, 0.52),
    ("anger", 23, 0.29),
    ("surprise", 5, 0.66),
    ("disgust", 4, 0.31),
    ("disgust", 24, 0.26),
]


def test_the_affect_representation_has_26_columns_in_the_order_of_the_spec():
    assert AFFECT_COLUMNS[:3] == ("valence", "arousal", "expr_neutral")
    assert AFFECT_COLUMNS[9:11] == ("au01", "au02")
    assert len(AFFECT_COLUMNS) == len(set(AFFECT_COLUMNS)) == 26
    assert EXPRESSIONS[0] == "neutral" and len(EXPRESSIONS) == 7
    assert set(ACTION_UNIT_NAMES) == set(ACTION_UNITS) and len(ACTION_UNITS) == 17
    assert REACTIONS[4] == "empathic_pain" and len(REACTIONS) == 7


@pytest.mark.parametrize("kind", ["binary", "weighted"])
def test_relatedness_is_the_published_table(kind):
    expected = np.zeros((7, 17))
    for name, units in PROTOTYPICAL.items():
        for unit in units:
            expected[EXPRESSIONS.index(name), ACTION_UNITS.index(unit)] = 1
    for name, unit, share in OBSERVATIONAL:
        value = share if kind == "weighted" else 1
        expected[EXPRESSIONS.index(name), ACTION_UNITS.index(unit)] = value
    np.testing.assert_array_equal(relatedness(kind), expected)


def test_relatedness_refuses_other_kinds():
    with pytest.raises(ValueError, match="'binary' or 'weighted', not 'soft'"):
        relatedness("soft")


def test_what_the_published_table_says_nothing_of_is_unknown():
    other = LabelSet(("contempt", "happiness", "neutral"), (12, 14, 4))
    nan = np.nan
    expected = [[nan, nan, nan], [1, nan, 0], [0, nan, 0]]
    np.testing.assert_array_equal(relatedness("weighted", other), expected)


def test_units_outside_the_papers_have_their_facs_names_or_none():
    assert [unit_name(unit) for unit in (12, 14, 61)] == [
        *("AU12 lip corner puller", "AU14 dimpler", "AU61"),
    ]
