import dataclasses
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.labels import ACTION_UNITS, EXPRESSIONS, REACTIONS
from mien.synthetic.faces.behaviour import Moment, Performance, draw_performance, read_affect
from mien.synthetic.faces.behaviour.compatibility import UNSEEN
from mien.synthetic.faces.behaviour.profiles import Event
from mien.synthetic.faces.behaviour.scenario import Movement, draw_scenario
from mien.synthetic.faces.geometry.action_units import INCOMPATIBLE
from mien.synthetic.faces.geometry.controls import Blink, Gaze, HeadPose, Jaw
from mien.synthetic.reactions import PROTOTYPES

FPS = 25.0
SHAPES = {
    "action_units": (17,),
    "asymmetry": (17,),
    "expressions": (7,),
    "valence": (),
    "arousal": (),
    "blink": (2,),
    "gaze": (3,),
    "jaw": (2,),
    "pose": (3,),
    "shift_mm": (3,),
}
BODY = ("nose_tip_c", "periorbital_c", "forehead_c", "drift_c", "breath")
seeds = st.integers(0, 2**63)


def unit(performance: Performance, number: int) -> np.ndarray:
    return performance.action_units[:, ACTION_UNITS.index(number)]


@pytest.fixture(scope="module")
def videos() -> list[Performance]:
    return [draw_performance(seed, 10.0, FPS) for seed in range(150)]


@pytest.fixture(scope="module")
def clips() -> list[Performance]:
    """Many short and coarse ones."""
    return [draw_performance(seed, 6.0, 5.0) for seed in range(300)]


@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(0.01, 20), st.sampled_from([5.0, 24000 / 1001, 25.0, 30000 / 1001, 60.0]))
def test_every_frame_is_a_face(seed, duration_s, fps):
    video = draw_performance(seed, duration_s, fps)
    count = len(video)
    assert count == max(1, round(duration_s * fps)) and video.seed == seed
    assert video.timestamps_s.dtype == np.float64
    np.testing.assert_allclose(video.timestamps_s, np.arange(count) / fps)
    for name, shape in SHAPES.items():
        values = getattr(video, name)
        assert values.shape == (count, *shape) and values.dtype == np.float32
        assert np.isfinite(values).all()
    assert len(video.physiology) == count
    assert video.action_units.min() >= 0 and video.action_units.max() <= 1
    assert np.abs(video.asymmetry).max() <= 1
    np.testing.assert_allclose(video.expressions.sum(axis=1), 1, atol=1e-5)
    assert video.reactions.shape == (7,) and video.reactions.dtype == np.float32
    for k in {0, count // 2, count - 1}:
        video.moment(k).weights(("jawOpen",))  # raises where a number is out of its range
    extremes = (video.blink, video.gaze, video.jaw, video.pose)
    for kind, values in zip((Blink, Gaze, Jaw, HeadPose), extremes, strict=True):
        kind(*values.min(axis=0).tolist())
        kind(*values.max(axis=0).tolist())


def test_a_moment_is_a_row_of_the_arrays():
    video = draw_performance(3, 4.0)
    moment = video.moment(40)
    assert isinstance(moment, Moment)
    for name in ("action_units", "asymmetry", "expressions", "shift_mm"):
        assert np.array_equal(getattr(moment, name), getattr(video, name)[40])
    assert moment.valence == video.valence[40] and moment.arousal == video.arousal[40]
    for name in ("blink", "gaze", "jaw", "pose"):
        fields = dataclasses.astuple(getattr(moment, name))
        assert fields == tuple(getattr(video, name)[40].tolist())
    assert moment.physiology == video.physiology.moment(40)
    with pytest.raises(IndexError):
        video.moment(len(video))


def test_a_performance_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        draw_performance(3, 1.0).seed = 4


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_the_same_seed_gives_the_same_bytes(seed):
    one, two, other = (draw_performance(s, 3.0) for s in (seed, seed, seed + 1))
    for name in SHAPES:
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
    for name in BODY:
        assert getattr(one.physiology, name).tobytes() == getattr(two.physiology, name).tobytes()
    assert one.reactions.tobytes() == two.reactions.tobytes()
    assert not np.array_equal(one.action_units, other.action_units)


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from([12.5, 25.0, 30000 / 1001]), st.integers(2, 5))
def test_another_frame_rate_samples_the_same_movement(seed, fps, factor):
    duration_s = 120 / fps
    coarse, fine = (draw_performance(seed, duration_s, rate) for rate in (fps, factor * fps))
    assert len(fine) == factor * len(coarse)
    for name in SHAPES:
        np.testing.assert_allclose(
            getattr(fine, name)[::factor], getattr(coarse, name), atol=2e-5, err_msg=name
        )
    for name in BODY:
        np.testing.assert_allclose(
            getattr(fine.physiology, name)[::factor], getattr(coarse.physiology, name), atol=2e-5
        )
    assert np.array_equal(fine.reactions, coarse.reactions)


def test_labels_follow_from_action_units(videos):
    for video in videos[:20]:
        affect = read_affect(video.action_units)
        assert np.array_equal(video.expressions, affect.expressions)
        assert np.array_equal(video.valence, affect.valence)
        assert np.array_equal(video.arousal, affect.arousal)


def test_excluded_units_do_not_meet_in_any_frame(videos):
    met = 0
    for video in videos:
        for first, second in INCOMPATIBLE:
            assert np.minimum(unit(video, first), unit(video, second)).max() <= UNSEEN
            met += unit(video, first).max() > 0.3 and unit(video, second).max() > 0.3
    assert met > 20  # there were occasions


def test_a_strongly_raised_lip_parts_the_mouth(videos):
    raised = [unit(video, 25)[unit(video, 10) > 0.4] for video in videos]
    assert sum(map(len, raised)) > 100
    assert np.concatenate(raised).min() > 0.19


@pytest.mark.parametrize("seed", [21, 101, 130, *range(5)])
def test_movements_are_smooth(seed):
    """Speeds are bounded, and sampling more finely shows no faster ones: nothing jumps."""
    speed = {}
    for fps in (400.0, 1600.0):
        video = draw_performance(seed, 8.0, fps)
        speed[fps] = {
            name: np.abs(np.diff(getattr(video, name), axis=0)).max() * fps
            for name in ("action_units", "asymmetry", "blink", "gaze", "pose", "shift_mm")
        }
    for name, fine in speed[1600.0].items():
        assert fine < 1.3 * speed[400.0][name] + 0.5, name
    # A flash of the brows takes 0.15 s; a mouth that bursts open is quicker still.
    assert speed[1600.0]["action_units"] < 25
    assert speed[1600.0]["blink"] < 30
    assert speed[1600.0]["gaze"] < 700 and speed[1600.0]["pose"] < 200


def test_faces_move_from_frame_to_frame_mostly_a_little(videos):
    steps = np.concatenate([np.abs(np.diff(video.action_units, axis=0)) for video in videos])
    assert np.quantile(steps, 0.5) < 0.01 and np.quantile(steps, 0.99) < 0.12
    still = [video.action_units.std(axis=0).max() for video in videos]
    assert min(still) > 0.004  # no face is a photograph


def test_every_unit_moves_in_some_videos_and_rests_in_most(videos):
    units = np.stack([video.action_units for video in videos])  # (videos, T, 17)
    peaks = units.max(axis=1)
    for k, number in enumerate(ACTION_UNITS):
        assert np.mean(peaks[:, k] > 0.3) > 0.08, number
        assert np.mean(units[:, :, k] < 0.2) > 0.5, number


def test_expressions_of_all_kinds_come_up_and_most_frames_are_neutral(videos):
    leading = np.concatenate([video.expressions.argmax(axis=1) for video in videos])
    shares = np.bincount(leading, minlength=len(EXPRESSIONS)) / len(leading)
    assert 0.5 < shares[0] < 0.95 and shares[1:].min() > 0.004


def test_one_to_three_reactions_are_rated_within_their_range(videos):
    ratings = np.stack([video.reactions for video in videos])
    assert ratings.min() >= 0 and ratings.max() <= 1
    active = (ratings > 0).sum(axis=1)
    assert active.min() == 1 and active.max() == 3
    assert (ratings > 0).mean(axis=0).min() > 0.1


def test_ratings_are_intensity_and_how_long_it_was_shown():
    for seed in range(30):
        scenario = draw_scenario(np.random.default_rng(seed), 10.0)
        rating, intensity = scenario.ratings(10.0), scenario.intensity
        assert np.all(rating >= 0.75 * intensity - 1e-6) and np.all(rating <= intensity + 1e-6)
        never = dataclasses.replace(scenario, movements=())
        np.testing.assert_allclose(never.ratings(10.0), 0.75 * intensity, atol=1e-6)
        lasting = tuple(
            Movement(name, Event(-10.0, 1.0, 10.0 + shown_s, 0.001), level, ())
            for name, level in zip(REACTIONS, intensity.tolist(), strict=True)
            if level > 0
            for shown_s in (-1.0, 4.0)  # from 0 to 5 s; the shorter one adds nothing
        )
        half = dataclasses.replace(scenario, movements=lasting).ratings(10.0)
        np.testing.assert_allclose(half, 0.875 * intensity, atol=1e-3)


@pytest.mark.parametrize("reaction", REACTIONS)
def test_a_strong_reaction_shows_its_movements(clips, reaction):
    column = REACTIONS.index(reaction)
    peaks = [
        clip.action_units.max(axis=0)
        for clip in clips
        if clip.reactions[column] > 0.4 and np.delete(clip.reactions, column).max() < 0.25
    ]
    assert len(peaks) >= 5
    mean = np.mean(peaks, axis=0)
    own = [ACTION_UNITS.index(number) for number in PROTOTYPES[reaction]]
    assert mean[own].mean() > np.delete(mean, own).mean() + 0.1


def test_eyes_blink_and_jump(videos):
    shut = np.stack([video.blink for video in videos])  # (videos, T, 2)
    begins = (shut[:, 1:] > 0.5) & (shut[:, :-1] <= 0.5)
    per_minute = begins.sum() / 2 / (len(videos) * 10 / 60)
    assert 8 < per_minute < 25
    assert np.mean(shut > 0.2) < 0.15
    assert np.abs(shut[..., 0] - shut[..., 1]).mean() < 0.01
    gaze = np.stack([video.gaze[:, :2] for video in videos])
    jumps = np.abs(np.diff(gaze, axis=1)).max(axis=2)
    assert 0.02 < np.mean(jumps > 1.0) < 0.4


def test_heads_sway_nod_and_turn_but_mostly_face_the_camera(videos):
    pose = np.stack([video.pose for video in videos])
    assert pose.std(axis=1).min(axis=0).max() > 0.05
    assert np.mean(np.abs(pose[..., 0]) < 20) > 0.85
    assert np.abs(pose[..., 0]).max() > 20
    shift = np.stack([video.shift_mm for video in videos])
    assert 2 < shift.std() < 20 and np.abs(shift).max() <= 60


def test_some_talk(videos):
    def syllables(video: Performance) -> float:
        steps = np.diff(unit(video, 25))
        return float(np.sum((steps[1:] < -0.005) & (steps[:-1] > 0.005)))

    counts = np.array([syllables(video) for video in videos])
    assert 0.2 < np.mean(counts >= 4) < 0.7


def test_bodies_follow_arousal():
    change, excited = [], []
    for seed in range(60):
        video = draw_performance(seed, 60.0, 5.0)
        later = video.physiology.nose_tip_c[-1] - video.physiology.nose_tip_c[0]
        change.append(later)
        excited.append(video.arousal[-100:].clip(0).mean() - video.arousal[:25].clip(0).mean())
    assert np.corrcoef(change, excited)[0, 1] < -0.3


def test_ten_minutes_are_drawn_in_less_than_a_second():
    took = []
    for seed in range(3):
        begin = time.process_time()
        video = draw_performance(seed, 600.0)
        took.append(time.process_time() - begin)
        assert len(video) == 15_000
    assert min(took) < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1.0), "seed is 0 or more, not -1"),
        ((0, 0.0), "duration_s is finite and above 0, not 0.0"),
        ((0, float("nan")), "duration_s is finite"),
        ((0, 1.0, -25.0), "fps is finite and above 0, not -25.0"),
        ((0, 1.0, float("inf")), "fps is finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_performance(*arguments)
