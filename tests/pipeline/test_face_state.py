from __future__ import annotations

import cv2
import numpy as np
import pytest

from face_doubles import MeanReactions
from mien.labels import AFFECT_COLUMNS
from mien.pipeline.face_state import FaceState
from mien.types import FloatArray, ImageArray


def crop(grey: int) -> ImageArray:
    return np.full((112, 112, 3), grey, np.uint8)


def affect(**channels: float) -> FloatArray:
    values = np.full(26, 0.1, np.float32)
    for name, value in channels.items():
        values[AFFECT_COLUMNS.index(name)] = value
    return values


def state(reactions: MeanReactions | None = None, min_reaction_s: float = 1.0) -> FaceState:
    return FaceState(7, 0.25, reactions, "skip", min_reaction_s)  # type: ignore[arg-type]


def test_peaks_are_by_distance_from_zero_for_valence_and_arousal_only() -> None:
    running = state()
    running.push(1.0, affect(valence=0.5, arousal=-0.2, au12=0.9), crop(10))
    running.push(1.1, affect(valence=-0.8, arousal=0.1, au12=0.2), crop(120))
    running.push(1.2, affect(valence=0.7, arousal=0.3, au12=0.9), crop(240))
    face = running.finish()
    peak = dict(zip(AFFECT_COLUMNS, face.peak.tolist(), strict=True))
    when = dict(zip(AFFECT_COLUMNS, face.peak_time_s.tolist(), strict=True))
    assert peak["valence"] == pytest.approx(-0.8)
    assert when["valence"] == 1.1
    assert peak["arousal"] == pytest.approx(0.3)
    assert when["arousal"] == 1.2
    assert peak["au12"] == pytest.approx(0.9)
    assert when["au12"] == 1.0  # the first of equals
    assert (face.face_id, face.first_s, face.last_s, face.usable_frames) == (7, 1.0, 1.2, 3)
    assert face.mean[0] == pytest.approx((0.5 - 0.8 + 0.7) / 3)
    assert face.timeline.time_s.tolist() == [1.0, 1.1, 1.2]


def test_thumbnails_show_the_frame_of_the_peak() -> None:
    running = state()
    running.push(0.0, affect(valence=-0.9), crop(20))
    running.push(0.1, affect(au12=0.8, au25=0.29), crop(220))
    pictures = running.finish().thumbnails
    assert set(pictures) == {"valence", "au12"}  # the others never rise above 0.3
    for name, grey in (("valence", 20), ("au12", 220)):
        data = pictures[name]
        assert data[:2] == b"\xff\xd8"
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        assert image.shape == (112, 112, 3)
        assert abs(float(image.mean()) - grey) < 2


def test_thumbnails_keep_their_colours_and_are_copies() -> None:
    running, picture = state(), crop(0)
    picture[..., 0] = 250  # red
    running.push(0.0, affect(au12=0.9), picture)
    picture[:] = 0  # the pipeline may use its buffer again
    data = running.finish().thumbnails["au12"]
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    blue, green, red = image.reshape(-1, 3).mean(axis=0)
    assert red > 240
    assert blue < 10
    assert green < 10


def test_short_faces_have_no_reactions_but_names() -> None:
    running = state(MeanReactions())
    for i in range(24):
        running.push(i / 25, affect(), crop(0))
    face = running.finish()
    assert face.reactions is None
    assert face.reaction_windows == []
    assert face.reaction_names == ("first", "last")


def test_exactly_the_least_time_has_reactions() -> None:
    model = MeanReactions()
    running = state(model)
    for i in range(25):
        running.push(i / 25, affect(valence=i / 25), crop(0))
    face = running.finish()
    assert face.reactions == pytest.approx([12 / 25, 0.1], abs=1e-6)
    assert model.lengths == [25]
    assert face.reaction_windows[0].routed == 25


def test_without_a_reaction_model_there_are_no_reactions() -> None:
    running = state()
    running.push(0.0, affect(), crop(0))
    face = running.finish()
    assert face.reactions is None
    assert face.reaction_names == ()


def test_state_is_bounded() -> None:
    running = state(MeanReactions(positions=48))
    picture = crop(9)
    for i in range(3000):
        running.push(i / 25, affect(valence=i / 3000), picture)
    kept = {id(image) for image in running._peak_crops.values()}
    assert len(kept) <= 26
    assert len(running._timeline._times) <= 1001
    assert len(running._windows._values) <= 48
    assert running.finish().usable_frames == 3000
