"""Soft targets: what is mixed, what stays, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_train_mma import TINY, recipe, striped_faces

from mien.errors import ConfigError, ModelError
from mien.models.mma import build_mma
from mien.training.distill import Teacher, distilled, soften
from mien.training.mma import predict, train_mma


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("teacher")
    train_mma(recipe(), {"stripes": striped_faces()}, out, report=lambda _: None)
    return out


def test_only_training_labels_that_exist_are_mixed():
    faces = striped_faces()
    answers = np.random.default_rng(0).random((len(faces), 26), dtype=np.float32)
    soft = soften(faces, answers, 0.25)
    train = faces.split == "train"
    expected = 0.75 * faces.expressions[train] + 0.25 * answers[train, 2:9]
    np.testing.assert_allclose(soft.expressions[train], expected, rtol=1e-6)
    expected = 0.75 * faces.action_units[train, 9] + 0.25 * answers[train, 9 + 9]
    np.testing.assert_allclose(soft.action_units[train, 9], expected, rtol=1e-6)
    assert np.isnan(soft.action_units[:, :9]).all()  # what nobody labelled stays unlabelled
    held_out = faces.select(~train)
    for name in ("expressions", "valence_arousal", "action_units"):
        assert np.array_equal(
            getattr(soft.select(~train), name), getattr(held_out, name), equal_nan=True
        )
    assert np.array_equal(soft.majority, faces.majority)
    with pytest.raises(ValueError, match="shape"):
        soften(faces, answers[:, :25], 0.5)


def test_a_teacher_does_not_care_which_way_round_a_face_is(run):
    faces = striped_faces()
    mirrored = replace(faces, images=np.ascontiguousarray(faces.images[:, :, ::-1]))
    teacher = Teacher([run])
    one, other = teacher.predict(faces), teacher.predict(mirrored)
    np.testing.assert_allclose(one, other, atol=2e-5)
    np.testing.assert_allclose(one[:, 2:9].sum(axis=1), 1, atol=1e-5)
    single = build_mma("compact", **TINY)
    single.load_state_dict(Teacher([run]).models[0].state_dict())
    assert np.abs(predict(single, faces) - predict(single, mirrored)).max() > 1e-3


def test_several_runs_are_averaged_before_squashing(run, tmp_path):
    faces = striped_faces()
    train_mma(recipe(seed=4), {"stripes": faces}, tmp_path, report=lambda _: None)
    one, two, both = (
        torch.from_numpy(Teacher(runs).predict(faces))[:, 2:9].log()
        for runs in ([run], [tmp_path], [run, tmp_path])
    )
    expected = ((one + two) / 2).log_softmax(1)
    torch.testing.assert_close(both, expected, atol=1e-4, rtol=1e-4)


def test_answers_are_kept_and_asked_again_of_other_faces(run, tmp_path):
    shares, lines = {"stripes": 0.5}, []
    first = distilled({"stripes": striped_faces()}, shares, [run], tmp_path, lines.append)
    assert len(lines) == 1
    again = distilled({"stripes": striped_faces()}, shares, [run], tmp_path, lines.append)
    assert len(lines) == 1
    assert np.array_equal(first["stripes"].expressions, again["stripes"].expressions)
    distilled({"stripes": striped_faces(seed=1)}, shares, [run], tmp_path, lines.append)
    assert len(lines) == 2
    assert not list(tmp_path.glob("*.partial*"))


def test_a_share_needs_a_teacher_and_a_teacher_a_share(run, tmp_path):
    faces = {"stripes": striped_faces()}
    with pytest.raises(ConfigError, match="--teacher RUN"):
        distilled(faces, {"stripes": 0.5}, [], tmp_path)
    with pytest.raises(ConfigError, match="no corpus has a teacher_share"):
        distilled(faces, {"stripes": 0.0}, [run], tmp_path)
    with pytest.raises(ModelError, match="not the folder of a finished"):
        distilled(faces, {"stripes": 0.5}, [tmp_path / "nothing"], tmp_path)
    assert distilled(faces, {"stripes": 0.0}, [], tmp_path) is faces
