from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.faces.track import DUPLICATE, Tracker
from mien.types import Face

SIZE = (1280, 720)
SHAPE = np.array([[-0.2, -0.15], [0.2, -0.15], [0.0, 0.05], [-0.15, 0.25], [0.15, 0.25]])
Path = Callable[[float], tuple[float, float]]


def face(x: float, y: float, size: float = 100.0, score: float = 0.9, yaw: float = 0.0) -> Face:
    """A face centred at (x, y); ``yaw`` moves the nose sideways, in face sizes."""
    width, height = size * 0.85, size / 0.85
    landmarks = SHAPE.copy()
    landmarks[2, 0] += yaw
    return Face(
        score=score,
        box=np.array([x - width / 2, y - height / 2, width, height], dtype=np.float32),
        landmarks=(landmarks * size + (x, y)).astype(np.float32),
    )


def overlap(a: Face, b: Face) -> float:
    low = np.maximum(a.box[:2], b.box[:2])
    high = np.minimum(a.box[:2] + a.box[2:], b.box[:2] + b.box[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    return shared / float(np.prod(a.box[2:]) + np.prod(b.box[2:]) - shared)


def times(rate: str, fps: float, duration_s: float, generator: np.random.Generator) -> list[float]:
    count = int(duration_s * fps) + 1
    if rate == "constant":
        return [index / fps for index in range(count)]
    steps = generator.uniform(0.5, 1.5, count) / fps  # a phone in the dark
    return list(np.cumsum(steps))


def follow(
    paths: list[Path],
    moments: list[float],
    generator: np.random.Generator,
    noise: float = 0.02,
    dropout: float = 0.0,
    size: float = 100.0,
) -> list[dict[int, int]]:
    """Track simulated people; per frame, the id that each detected person got.

    As a detector would, the boxes jitter, some faces are missed, and of two faces that overlap
    by more than 0.4 only the one in front (the first path) is found.
    """
    tracker, result = Tracker(), []
    for moment in moments:
        found: list[tuple[int, Face]] = []
        for person, path in enumerate(paths):
            x, y = path(moment) + generator.normal(0, noise * size, 2)
            seen = face(x, y, size * math.exp(generator.normal(0, noise)), yaw=0.1 * person)
            if any(overlap(seen, other) > 0.4 for _, other in found):
                continue
            found.append((person, seen))
        kept = [entry for entry in found if moment < 0.35 or generator.random() >= dropout]
        kept = [kept[index] for index in generator.permutation(len(kept))]
        ids = tracker.update([seen for _, seen in kept], moment, SIZE)
        assert len(set(ids)) == len(ids)
        result.append({person: given for (person, _), given in zip(kept, ids, strict=True)})
    return result


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    speed=st.floats(1.0, 3.0),
    other_speed=st.floats(0.3, 2.0),
    height=st.floats(-0.3, 0.3),
    fps=st.sampled_from([12.0, 15.0, 24.0, 30000 / 1001, 60.0]),
    rate=st.sampled_from(["constant", "variable"]),
    dropout=st.floats(0, 0.25),
    seed=st.integers(0, 10_000),
)
def test_crossing_faces_keep_their_ids(
    speed: float,
    other_speed: float,
    height: float,
    fps: float,
    rate: str,
    dropout: float,
    seed: int,
) -> None:
    """Speeds are in face sizes per second; the two meet in the middle and go on.

    While one hides the other there is one box for two people in one place: it must be of one of
    the two. In all other frames the ids must be those that the two began with.
    """
    generator = np.random.default_rng(seed)
    reach_s = 2.5 / ((speed + other_speed) / 2)
    paths: list[Path] = [
        lambda t: (640 + 100 * speed * (t - reach_s), 360),
        lambda t: (640 - 100 * other_speed * (t - reach_s), 360 + 100 * height),
    ]
    moments = times(rate, fps, 2 * reach_s, generator)
    result = follow(paths, moments, generator, dropout=dropout)
    for moment, frame in zip(moments, result, strict=True):
        assert set(frame.values()) <= {0, 1}
        hidden_s = 0.43 / (speed + other_speed) + 1 / fps  # an overlap of 0.4 is 0.43 sizes
        if abs(moment - reach_s) > hidden_s:
            assert all(person == given for person, given in frame.items()), moment


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    speed=st.floats(-2.5, 2.5),
    hidden_s=st.floats(0.05, 1.0),
    fps=st.sampled_from([12.0, 25.0, 60.0]),
    rate=st.sampled_from(["constant", "variable"]),
    seed=st.integers(0, 10_000),
)
def test_hidden_for_up_to_a_second_while_moving(
    speed: float, hidden_s: float, fps: float, rate: str, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    tracker = Tracker()
    for moment in times(rate, fps, 2.2 + hidden_s, generator):
        x, y = generator.normal((640 + 100 * speed * (moment - 1.6), 360), 2)
        hidden = 1.2 < moment < 1.2 + hidden_s
        assert set(tracker.update([] if hidden else [face(x, y)], moment, SIZE)) <= {0}


@pytest.mark.parametrize("speed", [0.0, 1.5])
def test_a_face_that_stops_while_hidden_is_found(speed: float) -> None:
    tracker = Tracker()
    for index in range(60):
        moment = index / 30
        at = min(moment, 1.1)
        seen = [] if 1.0 < moment < 1.5 else [face(300 + 100 * speed * at, 300)]
        assert set(tracker.update(seen, moment, SIZE)) <= {0}


def test_longer_loss_gives_a_new_id() -> None:
    tracker = Tracker(max_lost_s=2.0)
    assert tracker.update([face(300, 300)], 0.0, SIZE) == [0]
    assert tracker.update([face(300, 300)], 2.0, SIZE) == [0]
    assert tracker.update([], 3.9, SIZE) == []
    assert len(tracker) == 1
    assert tracker.update([face(300, 300)], 4.1, SIZE) == [1]
    assert len(tracker) == 1


def test_a_far_face_is_another() -> None:
    tracker = Tracker()
    assert tracker.update([face(300, 300)], 0.0, SIZE) == [0]
    assert tracker.update([face(700, 300)], 1 / 30, SIZE) == [1]
    assert tracker.update([face(300, 300, 300)], 2 / 30, SIZE) == [2]


def test_ids_go_from_left_to_right_and_do_not_depend_on_order() -> None:
    expected = None
    for order in itertools.permutations(range(4)):
        generator = np.random.default_rng(5)
        tracker, history = Tracker(), []
        for index in range(40):
            # The last two stand close together and two share a place exactly.
            centres = [(200 + 5 * index, 300), (500 - 4 * index, 310), (900, 300), (900, 300)]
            faces = [face(x, y, 100 + generator.normal()) for x, y in centres]
            ids = tracker.update([faces[k] for k in order], index / 30, SIZE)
            history.append({k: ids[place] for place, k in enumerate(order)})
        expected = expected or history
        assert history == expected
    assert expected is not None
    assert [expected[0][k] for k in (0, 1)] == [0, 1]
    assert sorted(expected[0].values()) == [0, 1, 2, 3]


def test_60_and_15_fps_give_the_same_ids() -> None:
    def people(t: float) -> list[Face]:
        faces = [face(200 + 150 * t, 300), face(800 - 150 * t, 330, yaw=0.1)]
        if t >= 1.0:
            faces.append(face(640, 600, 80))
        return [] if 2.4 < t < 2.7 else faces

    at_60, at_15 = Tracker(), Tracker()
    for index in range(240):
        moment = index / 60
        ids = at_60.update(people(moment), moment, SIZE)
        assert ids in ([], [0, 1], [0, 1, 2])
        if index % 4 == 0:
            assert at_15.update(people(moment), moment, SIZE) == ids


def test_reset_starts_new_faces_and_never_reuses_ids() -> None:
    tracker = Tracker()
    assert tracker.update([face(300, 300), face(600, 300)], 0.0, SIZE) == [0, 1]
    tracker.reset()
    assert len(tracker) == 0
    assert tracker.update([face(600, 300), face(300, 300)], 1 / 30, SIZE) == [3, 2]


def test_duplicates() -> None:
    pair = [face(302, 300, score=0.6), face(300, 300, score=0.9), face(700, 300)]
    assert Tracker(duplicate_iou=0.7).update(pair, 0.0, SIZE) == [DUPLICATE, 0, 1]
    assert Tracker().update(pair, 0.0, SIZE) == [1, 0, 2]
    tracker = Tracker(duplicate_iou=0.7)
    for index in range(5):
        assert tracker.update(pair, index / 30, SIZE) == [DUPLICATE, 0, 1]
    assert len(tracker) == 2


def test_a_false_positive_does_not_steal_the_id() -> None:
    tracker = Tracker()
    for index in range(90):
        seen = [face(300 + index, 300)]
        if index % 7 == 3:
            seen.append(face(300 + index + 60, 350, score=0.5))
        ids = tracker.update(seen, index / 30, SIZE)
        assert ids[0] == 0


def test_colours_tell_close_faces_apart() -> None:
    tracker = Tracker()
    red, blue = [200.0, 60.0, 60.0], [60.0, 60.0, 200.0]
    colours = np.array([red, blue], dtype=np.float32)
    tracker.update([face(300, 300), face(360, 300)], 0.0, SIZE, colours)
    # Both jumped half a face to one side in one long step: geometry alone would say "0, new".
    ids = tracker.update([face(330, 300), face(330, 301)], 0.4, SIZE, colours[::-1])
    assert ids == [1, 0]


def test_timestamps_that_step_back_are_survived() -> None:
    tracker = Tracker()
    for moment in (0.0, 0.03, 0.06, 0.03, 0.06, 0.06, 0.09):
        assert tracker.update([face(300, 300)], moment, SIZE) == [0]


@pytest.mark.slow
def test_state_stays_bounded_over_50_000_updates() -> None:
    generator = np.random.default_rng(0)
    tracker = Tracker()
    steady = face(300, 300)
    largest = 0
    for index in range(50_000):
        faces = [steady]
        if index % 5 == 0:  # false positives all over the place
            x, y = generator.uniform(500, 1200), generator.uniform(50, 650)
            faces.append(face(x, y, 40))
        ids = tracker.update(faces, index / 30, SIZE)
        assert ids[0] == 0
        largest = max(largest, len(tracker))
    assert largest <= 1 + math.ceil(2.0 * 30 / 5) + 1


def test_at_most_max_tracks() -> None:
    tracker = Tracker(max_tracks=8)
    for index in range(50):
        ids = tracker.update([face(100, 100), face(300 + 17 * index, 500, 10)], index / 30, SIZE)
        assert ids[0] == 0
        assert len(tracker) <= 8


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="max_lost_s is 0"):
        Tracker(max_lost_s=0)
    with pytest.raises(ValueError, match="duplicate_iou is 2"):
        Tracker(duplicate_iou=2)
    with pytest.raises(ValueError, match="max_tracks is 0"):
        Tracker(max_tracks=0)
    with pytest.raises(ValueError, match="timestamp_s is nan"):
        Tracker().update([], math.nan, SIZE)
    with pytest.raises(ValueError, match="width and height above 0"):
        Tracker().update([face(1, 1, 0.0)], 0.0, SIZE)
    with pytest.raises(ValueError, match=r"colours has shape \(2, 3\)"):
        Tracker().update([face(1, 1)], 0.0, SIZE, np.zeros((2, 3), dtype=np.float32))
