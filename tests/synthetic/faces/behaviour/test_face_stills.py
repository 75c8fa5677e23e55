import numpy as np
import pytest

from mien.labels import ACTION_UNITS, EXPRESSIONS
from mien.synthetic.faces.behaviour import Moment, draw_moment, read_affect
from mien.synthetic.faces.behaviour.compatibility import UNSEEN
from mien.synthetic.faces.behaviour.stills import KINDS
from mien.synthetic.faces.geometry.action_units import INCOMPATIBLE

COUNT = 4000


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    rng = np.random.default_rng(20)
    return [draw_moment(rng) for _ in range(COUNT)]


@pytest.fixture(scope="module")
def units(moments) -> np.ndarray:
    return np.stack([moment.action_units for moment in moments])


def shown(units: np.ndarray, unit: int) -> np.ndarray:
    return units[:, ACTION_UNITS.index(unit)]


def test_shares_of_kinds_sum_to_one():
    assert sum(KINDS.values()) == pytest.approx(1)


def test_the_same_state_gives_the_same_face_bit_for_bit():
    for seed in range(20):
        one, two = (draw_moment(np.random.default_rng(seed)) for _ in range(2))
        assert one.action_units.tobytes() == two.action_units.tobytes()
        assert one.asymmetry.tobytes() == two.asymmetry.tobytes()
        assert one.shift_mm.tobytes() == two.shift_mm.tobytes()
        for name in ("valence", "arousal", "blink", "gaze", "jaw", "pose", "physiology"):
            assert getattr(one, name) == getattr(two, name)


def test_fields_have_their_types_and_ranges(moments, units):
    assert units.dtype == np.float32 and units.min() >= 0 and units.max() <= 1
    for moment in moments[:200]:
        assert moment.asymmetry.dtype == moment.expressions.dtype == np.float32
        assert moment.shift_mm.dtype == np.float32 and moment.shift_mm.shape == (3,)
        assert np.abs(moment.asymmetry).max() <= 1
        weights = moment.weights(("jawOpen", "mouthSmileLeft"))  # checks all ranges
        assert np.isfinite(weights).all()


def test_labels_follow_from_action_units(moments, units):
    affect = read_affect(units[:300])
    for k, moment in enumerate(moments[:300]):
        np.testing.assert_allclose(moment.expressions, affect.expressions[k], atol=1e-6)
        assert moment.valence == pytest.approx(affect.valence[k], abs=1e-6)
        assert moment.arousal == pytest.approx(affect.arousal[k], abs=1e-6)


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_each_unit_is_often_there_and_often_not(units, unit):
    intensity = shown(units, unit)
    assert np.mean(intensity >= 0.3) >= 0.12
    assert np.mean(intensity < 0.1) >= 0.40
    assert np.mean(intensity >= 0.7) >= 0.02  # and at times strongly


def test_units_come_in_all_sorts_of_company(units):
    correlation = np.corrcoef(units.T) - np.eye(len(ACTION_UNITS))
    assert np.abs(correlation).max() < 0.65


def test_excluded_units_do_not_meet(units):
    for first, second in INCOMPATIBLE:
        assert np.minimum(shown(units, first), shown(units, second)).max() <= UNSEEN


def test_a_strongly_raised_lip_comes_with_parted_lips(units):
    raised = shown(units, 10) > 0.4
    assert raised.sum() > 100
    assert shown(units, 25)[raised].min() > 0.19


def test_all_expressions_and_quadrants_are_there(moments):
    leading = np.array([moment.expressions.argmax() for moment in moments])
    shares = np.bincount(leading, minlength=len(EXPRESSIONS)) / len(leading)
    assert shares.min() > 0.03 and shares[0] < 0.65
    valence, arousal = np.array([(m.valence, m.arousal) for m in moments]).T
    assert np.mean(valence > 0.3) > 0.08 and np.mean(valence < -0.3) > 0.15
    assert np.mean(arousal > 0.3) > 0.2 and np.mean(arousal < -0.1) > 0.03


def test_heads_are_held_as_said(moments):
    pose = np.array([(m.pose.yaw_deg, m.pose.pitch_deg, m.pose.roll_deg) for m in moments])
    np.testing.assert_allclose(pose.std(axis=0), (14, 8, 7), rtol=0.06)
    np.testing.assert_allclose(pose.mean(axis=0), 0, atol=1)
    rng = np.random.default_rng(21)
    straight = [draw_moment(rng, frontal=True).pose for _ in range(500)]
    assert max(abs(p.yaw_deg) for p in straight) < 12
    assert max(abs(p.pitch_deg) for p in straight) < 8
    assert max(abs(p.roll_deg) for p in straight) < 8


def test_frontal_changes_the_head_and_nothing_of_the_face():
    for seed in range(20):
        free, straight = (
            draw_moment(np.random.default_rng(seed), frontal=f) for f in (False, True)
        )
        assert np.array_equal(free.action_units, straight.action_units)
        assert free.blink == straight.blink and free.physiology == straight.physiology


def test_bodies_suit_arousal(moments):
    arousal = np.array([moment.arousal for moment in moments])
    excited, calm = arousal > 0.45, arousal < 0.05
    nose, eyes = np.array(
        [(m.physiology.nose_tip_c, m.physiology.periorbital_c) for m in moments]
    ).T
    assert nose[excited].mean() < nose[calm].mean() - 0.2
    assert eyes[excited].mean() > eyes[calm].mean() + 0.1


def test_shut_eyes_hide_their_lids(moments, units):
    shut = np.array([max(m.blink.left, m.blink.right) > 0.85 for m in moments])
    assert 0.005 < shut.mean() < 0.08
    assert shown(units, 5)[shut].max() == shown(units, 7)[shut].max() == 0


def test_asked_for_no_speech_faces_are_what_they_have_always_been():
    """Sets that were drawn before speech could be asked for are drawn again from their seeds."""
    moment = draw_moment(np.random.default_rng(7), speech=0.0)
    expected = [
        0, 0.11121, 0, 0.06013, 0, 0.20484, 0.84804, 0, 0.82751, 0, 0.29913, 0, 0, 0, 0.54774, 0,
        0.00102,
    ]  # fmt: skip
    np.testing.assert_allclose(moment.action_units, expected, atol=2e-5)
    assert moment.valence == pytest.approx(-0.20489, abs=2e-5)
    assert moment.pose.yaw_deg == pytest.approx(-2.76198, abs=2e-5)


@pytest.fixture(scope="module")
def talkers() -> list[Moment]:
    rng = np.random.default_rng(22)
    return [draw_moment(rng, speech=1.0) for _ in range(COUNT)]


def test_who_talks_moves_lips_and_jaw(talkers, units):
    talking = np.stack([moment.action_units for moment in talkers])
    assert np.mean(shown(talking, 25) > 0.15) > 0.9 > np.mean(shown(units, 25) > 0.15)
    assert shown(talking, 26).mean() > shown(units, 26).mean() + 0.1
    assert shown(talking, 24).max() <= UNSEEN  # nobody presses lips that speak


def test_speech_does_not_change_what_a_face_expresses(talkers):
    """Faces at rest that talk: by their units alone fewer would be called neutral."""
    talking = np.stack([moment.action_units for moment in talkers])
    mouth = [ACTION_UNITS.index(unit) for unit in (10, 17, 20, 23, 25, 26)]
    resting = np.delete(talking, mouth, axis=1).max(axis=1) < 0.08
    faces = [moment for moment, calm in zip(talkers, resting, strict=True) if calm]
    assert len(faces) > 30
    neutral = np.array([moment.expressions[EXPRESSIONS.index("neutral")] for moment in faces])
    from_units = read_affect(talking[resting]).expressions[:, EXPRESSIONS.index("neutral")]
    assert np.mean(neutral > 0.9) > 0.8 > np.mean(from_units > 0.9) + 0.1
    # One seed draws one face, whether it talks or not.
    one, two = (draw_moment(np.random.default_rng(4), speech=0.5) for _ in range(2))
    assert one.action_units.tobytes() == two.action_units.tobytes()
    assert one.expressions.tobytes() == two.expressions.tobytes()


def test_faces_that_could_talk_but_do_not_are_read_from_their_units():
    rng = np.random.default_rng(23)
    silent = [draw_moment(rng, speech=1e-9) for _ in range(200)]
    affect = read_affect(np.stack([moment.action_units for moment in silent]))
    expressions = np.stack([moment.expressions for moment in silent])
    np.testing.assert_allclose(expressions, affect.expressions, atol=1e-6)
