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
from mien.models.fine import FEATURE
from mien.training.augment import (
    AugmentConfig,
    compose,
    random_similarities,
    sample_crops,
    similarities,
)
from mien.training.extra_heads import (
    MIRRORED_LANDMARKS,
    ExtraHeads,
    check_extra_labels,
    mirrored_shapes,
    shapes,
)

EYE = FACE_LANDMARKS.index("eye_inner_right")
OTHER_EYE = FACE_LANDMARKS.index("eye_inner_left")


def test_mirrored_landmarks_change_sides_and_those_in_the_middle_stay():
    assert MIRRORED_LANDMARKS[EYE] == OTHER_EYE and MIRRORED_LANDMARKS[OTHER_EYE] == EYE
    chin = FACE_LANDMARKS.index("chin")
    assert MIRRORED_LANDMARKS[chin] == chin
    assert [MIRRORED_LANDMARKS[k] for k in MIRRORED_LANDMARKS] == list(range(26))


@given(seed=st.integers(0, 10_000), mirrored=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_landmark_is_where_the_aligned_crop_shows_it(seed, mirrored):
    generator = torch.Generator().manual_seed(seed)
    places = torch.full((1, 26, 2), torch.nan)
    places[0, EYE] = torch.rand(2, generator=generator) * 16 + 16
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    dot = torch.exp(-((x - places[0, EYE, 0]) ** 2 + (y - places[0, EYE, 1]) ** 2) / 4)
    turned = random_similarities(1, AugmentConfig(flip=False), generator)
    aligned = compose(torch.from_numpy(framed_matrices(1, 48)), turned)
    one, way = torch.ones(1), torch.tensor([-1.0 if mirrored else 1.0])
    crop = sample_crops(dot[None, None], compose(aligned, similarities(one, way)), 112)[0, 0]
    y, x = torch.meshgrid(torch.arange(112.0), torch.arange(112.0), indexing="ij")
    seen = torch.stack([(crop * x).sum(), (crop * y).sum()]) / crop.sum()
    found = mirrored_shapes(shapes(places, aligned), torch.tensor([mirrored]))[0]
    torch.testing.assert_close(found[OTHER_EYE if mirrored else EYE], seen, atol=0.3, rtol=0)
    assert int(found.isfinite().all(1).sum()) == 1


def faces_with_landmarks(seed=0):
    faces = striped_faces(count=12)
    places = np.random.default_rng(seed).uniform(10, 40, (12, 26, 2)).astype(np.float32)
    return replace(faces, aligned=faces.framed, face_landmarks=places)


def test_the_landmark_head_begins_at_the_mean_shape_and_is_read_without_dropout():
    torch.manual_seed(0)
    faces = faces_with_landmarks()
    loss = MMALossWeights(blendshapes=1.0, landmarks=1.0)
    heads = ExtraHeads(16, loss, {"a": faces, "b": striped_faces(count=3)})
    assert list(heads.heads) == ["blendshapes", "landmarks"]
    pooled = torch.rand(3, 16)
    said = heads.read(pooled, torch.nn.Dropout(0.9))
    assert said["blendshapes"].shape == (3, 47) and said["landmarks"].shape == (3, 26, 2)
    torch.testing.assert_close(said["landmarks"], heads.heads["landmarks"](pooled))
    dropped = heads.read(pooled, torch.nn.Dropout(1.0))["blendshapes"]
    assert torch.equal(dropped, heads.heads["blendshapes"].bias.expand(3, 47))
    train = faces.face_landmarks[faces.split == "train"].mean(0)
    crop = (train + 0.5) * (112 / 48) - 0.5
    mirrored = np.stack([111 - crop[:, 0], crop[:, 1]], 1)[list(MIRRORED_LANDMARKS)]
    begins = heads.heads["landmarks"](torch.zeros(1, 16))[0]
    np.testing.assert_allclose(begins.detach(), (crop + mirrored) / 2, atol=1e-3)
    assert not ExtraHeads(16, MMALossWeights(), {}).state()


def test_what_is_read_alone_is_the_last_part_of_the_feature():
    torch.manual_seed(0)
    heads = ExtraHeads(300, MMALossWeights(alone=1.0), {})
    pooled = torch.rand(3, 300)
    said = heads.read(pooled, torch.nn.Identity())["alone"]
    assert said.shape == (3, 19)
    changed = pooled.clone()
    changed[:, : 300 - FEATURE] = 9.0
    assert torch.equal(heads.read(changed, torch.nn.Identity())["alone"], said)
    changed[:, -1] = 9.0
    assert not torch.equal(heads.read(changed, torch.nn.Identity())["alone"], said)


def test_state_comes_back():
    loss = MMALossWeights(landmarks=1.0)
    one, other = (ExtraHeads(8, loss, {"a": faces_with_landmarks(seed)}) for seed in range(2))
    other.restore(one.state())
    pooled = torch.rand(2, 8)
    assert torch.equal(*(h.read(pooled, torch.nn.Identity())["landmarks"] for h in (one, other)))
    assert all(name.startswith("landmarks.places.") for name in one.state())


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
