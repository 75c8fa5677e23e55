from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.labels import ACTION_UNITS
from mien.synthetic.faces.behaviour import draw_performance
from mien.synthetic.faces.behaviour.speech import draw_speech


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.1, 60))
def test_lips_are_loose_from_before_the_first_syllable_to_after_the_last(seed, duration_s):
    speech = draw_speech(np.random.default_rng(seed), duration_s)
    time_s = np.arange(0, duration_s, 0.02)
    voice, loose = speech.voice(time_s), speech.loosening(time_s)
    assert voice.min() >= 0 and voice.max() <= 1
    assert loose.min() >= 0 and loose.max() <= 1
    np.testing.assert_allclose(loose[voice > 0], 1)
    units = speech.units(time_s)
    assert units.min() >= 0 and units.max() <= 1 and not units[voice == 0].any()
    moved = {ACTION_UNITS[k] for k in np.flatnonzero(units.any(axis=0))}
    assert moved <= {17, 20, 23, 25, 26}


def test_phrases_follow_each_other_and_half_of_all_people_talk():
    talking = 0
    for seed in range(200):
        phrases = draw_speech(np.random.default_rng(seed), 20.0).phrases
        talking += bool(phrases)
        for first, second in pairwise(phrases):
            assert first.end_s < second.start_s
    assert 70 < talking < 130


def test_syllables_come_at_two_to_seven_a_second():
    for seed in range(60):
        speech = draw_speech(np.random.default_rng(seed), 30.0)
        swing = 2 * np.pi * 0.7 * speech.rate_wave  # of the sine that counts syllables
        assert speech.rate_hz - swing > 2 and speech.rate_hz + swing < 7


@pytest.fixture(scope="module")
def steps() -> np.ndarray:
    """Largest change from frame to frame at 25 fps, (17,)."""
    units = (draw_performance(seed, 10.0).action_units for seed in (168, 154, 7, 25, *range(40)))
    return np.max([np.abs(np.diff(values, axis=0)).max(axis=0) for values in units], axis=0)


@pytest.mark.parametrize("number", ACTION_UNITS)
def test_no_unit_jumps_within_a_frame(number, steps):
    """40 ms at 25 fps, in which lips that speak cover 0.4 of their way.

    Seeds 168, 154 and 7 are people who press their lips and then talk.
    """
    assert steps[ACTION_UNITS.index(number)] < 0.45
