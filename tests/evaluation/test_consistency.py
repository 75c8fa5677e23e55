from __future__ import annotations

import math

import numpy as np

from mien.evaluation.consistency import contradictions
from mien.labels import ACTION_UNIT_SLICE, ACTION_UNITS, EXPRESSION_SLICE, EXPRESSIONS


def face(expression: str, share: float, units: tuple[int, ...]) -> np.ndarray:
    affect = np.zeros(26, np.float32)
    affect[EXPRESSION_SLICE] = (1 - share) / 6
    affect[EXPRESSION_SLICE.start + EXPRESSIONS.index(expression)] = share
    for unit in units:
        affect[ACTION_UNIT_SLICE.start + ACTION_UNITS.index(unit)] = 0.7
    return affect


def test_by_hand() -> None:
    faces = np.stack(
        [
            face("fear", 0.8, (1, 4)),  # half of 1 4 20 25: supported
            face("fear", 0.8, (1, 12)),  # a quarter: not
            face("anger", 0.9, (24,)),  # a third of 4 7 24: not
            face("neutral", 0.9, (4,)),  # no whole prototype
            face("neutral", 0.9, (12, 25)),  # a whole smile: denied
            face("surprise", 0.4, ()),  # claims nothing
        ]
    )
    found = contradictions(faces)
    assert found == {"rate": 3 / 5, "unsupported": 2 / 3, "denied": 1 / 2}


def test_nothing_claimed_is_undefined_not_zero() -> None:
    assert all(math.isnan(value) for value in contradictions(np.zeros((3, 26))).values())
    assert math.isnan(contradictions(np.zeros((0, 26), np.float32))["rate"])
