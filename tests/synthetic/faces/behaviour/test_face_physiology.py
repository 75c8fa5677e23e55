import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.synthetic.faces.behaviour import PhysiologySignals, physiology_signals
from mien.synthetic.faces.behaviour.physiology import (
    DRIFT_C,
    FOREHEAD_C,
    NOSE_TIP_C,
    PERIORBITAL_C,
    draw_physiology,
)

STEP_S = 0.1
START_S, END_S, LENGTH_S = 20.0, 80.0, 160.0
TIMES = np.arange(0, LENGTH_S, STEP_S)
NAMES = ("nose_tip_c", "periorbital_c", "forehead_c", "drift_c", "breath")


def stirred(seed: int = 0, arousal: float = 0.8) -> PhysiologySignals:
    """A body at rest, stirred from 20 to 80 s."""
    course = np.where((TIMES >= START_S) & (TIMES < END_S), arousal, 0.0)
    return physiology_signals(TIMES, course, 0 * course, np.random.default_rng(seed), history=0.0)


def at(signal: np.ndarray, time_s: float) -> float:
    return float(signal[round(time_s / STEP_S)])


def reached_s(signal: np.ndarray, share: float, begin_s: float, end_s: float) -> float:
    """How long after `begin_s` the signal has gone `share` of its way to `end_s`."""
    part = signal[round(begin_s / STEP_S) : round(end_s / STEP_S)]
    way = (part - part[0]) / (part[-1] - part[0])
    return float(np.argmax(way >= share)) * STEP_S


@pytest.mark.parametrize("seed", range(5))
def test_the_nose_cools_and_the_eyes_warm_under_arousal(seed):
    body = stirred(seed)
    assert at(body.nose_tip_c, 19) == 0 and at(body.periorbital_c, 19) == 0
    assert at(body.nose_tip_c, 79) < -0.4
    assert at(body.periorbital_c, 79) > 0.15
    assert 0 < at(body.forehead_c, 79) < 0.1


def test_the_nose_lags_behind_the_eyes_and_recovers_more_slowly_than_it_cools():
    body = stirred()
    nose = reached_s(body.nose_tip_c, 0.63, START_S, END_S)
    eyes = reached_s(body.periorbital_c, 0.63, START_S, END_S)
    assert 5 < nose < 9 and 1.5 < eyes < 3.5
    assert reached_s(body.nose_tip_c, 0.63, END_S, LENGTH_S) > 2 * nose
    # A second in, hardly anything has happened to the nose.
    assert at(body.nose_tip_c, START_S + 1) > 0.2 * at(body.nose_tip_c, END_S - 1)


def test_more_arousal_moves_the_body_more_and_calm_does_not():
    weak, strong, calm = (stirred(arousal=a) for a in (0.3, 0.9, -0.5))
    assert at(strong.nose_tip_c, 79) < at(weak.nose_tip_c, 79) < 0
    assert not calm.nose_tip_c.any() and not calm.periorbital_c.any()


def test_unpleasantness_adds_a_little():
    ones = np.ones(len(TIMES))
    pleasant, unpleasant = (
        physiology_signals(TIMES, 0.5 * ones, v * ones, np.random.default_rng(1), history=0.0)
        for v in (0.8, -0.8)
    )
    assert 0.8 < pleasant.nose_tip_c[-1] / unpleasant.nose_tip_c[-1] < 0.95


def test_breath_is_a_breath_and_quickens():
    ones = np.ones(len(TIMES))
    for seed in range(5):
        counts = []
        for arousal in (0.0, 1.0):
            rng = np.random.default_rng(seed)
            flow = physiology_signals(TIMES, arousal * ones, 0 * ones, rng, history=0.0).breath
            assert flow.min() < -0.5 and flow.max() > 0.5
            counts.append(np.sum((flow[1:] > 0) & (flow[:-1] <= 0)) / LENGTH_S)
        calm, excited = counts
        assert 0.18 < calm < 0.3 and calm + 0.03 < excited < 0.38


@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=40),
)
def test_signals_stay_in_their_ranges(seed, course):
    arousal, valence = np.array(course).T
    times = np.arange(len(course)) * 0.5
    body = physiology_signals(times, arousal, valence, np.random.default_rng(seed))
    assert len(body) == len(course)
    for name in NAMES:
        signal = getattr(body, name)
        assert signal.dtype == np.float32 and np.isfinite(signal).all()
    assert np.all((body.nose_tip_c >= NOSE_TIP_C) & (body.nose_tip_c <= 0))
    assert np.all((body.periorbital_c >= 0) & (body.periorbital_c <= PERIORBITAL_C))
    assert np.all((body.forehead_c >= 0) & (body.forehead_c <= np.float32(FOREHEAD_C)))
    assert np.abs(body.drift_c).max() < 4 * DRIFT_C and np.abs(body.breath).max() <= 1


def test_the_same_state_gives_the_same_signals_bit_for_bit():
    one, two, other = stirred(3), stirred(3), stirred(4)
    for name in NAMES:
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
    assert not np.array_equal(one.breath, other.breath)


def test_finer_steps_give_the_same_signals():
    bodies = []
    for step_s in (0.1, 0.02):
        times = np.arange(round(30 / step_s)) * step_s
        arousal = 0.4 - 0.4 * np.cos(2 * np.pi * times / 15)
        rng = np.random.default_rng(2)
        bodies.append(physiology_signals(times, arousal, 0 * arousal, rng, history=0.0))
    coarse, fine = bodies
    for name in NAMES[:4]:
        np.testing.assert_allclose(
            getattr(fine, name)[::5], getattr(coarse, name), atol=0.02, err_msg=name
        )
    np.testing.assert_allclose(fine.breath[::5], coarse.breath, atol=0.05)


def test_stills_have_bodies_that_suit_them():
    rng = np.random.default_rng(5)
    calm, stressed = (
        np.mean([draw_physiology(rng, v, a).nose_tip_c for _ in range(200)])
        for v, a in ((0.0, 0.0), (-0.6, 0.7))
    )
    assert stressed < calm - 0.25


def test_courses_that_do_not_fit_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="one length"):
        physiology_signals([0.0, 1.0], [0.0], [0.0], rng)
    with pytest.raises(ValueError, match="one length"):
        physiology_signals([], [], [], rng)
    with pytest.raises(ValueError, match="times ascend"):
        physiology_signals([0.0, 0.0], [0.0, 0.1], [0.0, 0.0], rng)
