"""Heads for training alone: where landmarks are in a crop, and which labels they need."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_train_mma import striped_faces

from mien.datasets.base import framed_matrices
from mien.errors import ConfigError
from mien.labels import FACE_LANDMARKS
from mien.losses import MMALossWeights
from mien.training.augment import AugmentConfig, compose, random_similarities, sample_crops
from mien.training.extra_heads import (
    MIRRORED_LANDMARKS,
    ExtraHeads,
    LandmarkHead,
    check_extra_labels,
    crop_places,
)

EYE = FACE_LANDMARKS.index("eye_inner_right")
OTHER_EYE = FACE_LANDMARKS.index("eye_inner_left")


def test_mirrored_landmarks_change_sides_and_those_in_the_middle_stay():
    assert MIRRORED_LANDMARKS[EYE] == OTHER_EYE and MIRRORED_LANDMARKS[OTHER_EYE] == EYE
    chin = FACE_LANDMARKS.index("chin")
    assert MIRRORED_LANDMARKS[chin] == chin
    assert [MIRRORED_LANDMARKS[k] for k in MIRRORED_LANDMARKS] == list(range(26))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_landmark_is_where_the_crop_shows_it(seed):
    generator = torch.Generator().manual_seed(seed)
    places = torch.full((1, 26, 2), torch.nan)
    places[0, EYE] = torch.rand(2, generator=generator) * 16 + 16
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    dot = torch.exp(-((x - places[0, EYE, 0]) ** 2 + (y - places[0, EYE, 1]) ** 2) / 4)
    moves = random_similarities(1, AugmentConfig(), generator)
    to_image = compose(torch.from_numpy(framed_matrices(1, 48)), moves)
    crop = sample_crops(dot[None, None], to_image, 112)[0, 0]
    y, x = torch.meshgrid(torch.arange(112.0), torch.arange(112.0), indexing="ij")
    seen = torch.stack([(crop * x).sum(), (crop * y).sum()]) / crop.sum()
    # Seen in a mirror, a right eye is a left one.
    name = OTHER_EYE if torch.linalg.det(moves[:, :, :2]) < 0 else EYE
    found = crop_places(places, to_image)[0]
    torch.testing.assert_close(found[name], seen, atol=0.3, rtol=0)
    assert int(found.isfinite().all(1).sum()) == 1


def test_a_head_begins_near_the_middle_of_the_crop_and_is_read_without_dropout():
    torch.manual_seed(0)
    heads = ExtraHeads(16, MMALossWeights(blendshapes=1.0, landmarks=1.0))
    assert list(heads.heads) == ["blendshapes", "landmarks"]
    pooled = torch.rand(3, 16)
    said = heads.read(pooled, torch.nn.Dropout(0.9))
    assert said["blendshapes"].shape == (3, 47) and said["landmarks"].shape == (3, 26, 2)
    torch.testing.assert_close(said["landmarks"], heads.heads["landmarks"](pooled))
    assert (said["landmarks"] - 55.5).abs().max() < 40
    assert not ExtraHeads(16, MMALossWeights()).state()


def test_state_comes_back():
    loss = MMALossWeights(landmarks=1.0)
    given_, other = ExtraHeads(8, loss), ExtraHeads(8, loss)
    other.restore(given_.state())
    pooled = torch.rand(2, 8)
    assert torch.equal(*(h.read(pooled, torch.nn.Identity())["landmarks"] for h in (given_, other)))
    assert all(name.startswith("landmarks.places.") for name in given_.state())
    assert isinstance(other.heads["landmarks"], LandmarkHead)


def test_landmarks_are_wanted_only_where_there_are_some():
    faces = striped_faces(count=12)
    wanted = MMALossWeights(landmarks=1.0)
    nowhere = np.full((12, 26, 2), np.nan, np.float32)
    for without in (faces, replace(faces, face_landmarks=nowhere)):
        with pytest.raises(ConfigError, match="no training face has landmarks"):
            check_extra_labels(wanted, {"stripes": without})
        check_extra_labels(MMALossWeights(), {"stripes": without})
    somewhere = np.full((12, 26, 2), 5, np.float32)
    check_extra_labels(wanted, {"stripes": replace(faces, face_landmarks=somewhere)})
