"""Soft targets: what is mixed, what stays, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from striped import BRANCHED, TINY, recipe, striped_faces

from mien.errors import ConfigError, ModelError
from mien.models.mma import build_mma
from mien.training.extractor import CorpusConfig, distill, predict, train_mma
from mien.training.extractor.distill import Teacher, distilled, soften


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


def test_its_answer_is_the_networks_own_over_both_ways_round(run, monkeypatch):
    monkeypatch.setattr(distill, "_SCALES", (1.0,))
    faces = striped_faces()
    faces = replace(faces, aligned=np.where(np.arange(96)[:, None, None] < 48, tilted(), np.nan))
    teacher = Teacher([run])
    single = teacher.models[0]
    # A mirrored crop is a mirrored picture under the mirrored alignment.
    turned = replace(
        faces,
        images=np.ascontiguousarray(faces.images[:, :, ::-1]),
        aligned=np.where(np.arange(96)[:, None, None] < 48, mirrored(tilted()), np.nan),
    )
    one, other = predict(single, faces), predict(single, turned)
    logits = (np.log(one[:, 2:9]) + np.log(other[:, 2:9])) / 2
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    answer = teacher.predict(faces)
    np.testing.assert_allclose(answer[:, 2:9], expected, atol=2e-4)
    np.testing.assert_allclose(answer[:, :2], (one[:, :2] + other[:, :2]) / 2, atol=2e-4)


def test_answers_in_bfloat16_are_nearly_the_same_and_kept_apart(run, tmp_path):
    faces = striped_faces()
    whole, half = Teacher([run]), Teacher([run], "bfloat16")
    difference = np.abs(whole.predict(faces) - half.predict(faces)).max()
    assert 0 < difference < 0.03
    for teacher in (whole, half):
        distilled({"stripes": faces}, {"stripes": 0.5}, teacher, tmp_path, lambda _: None)
    assert len(list(tmp_path.glob("teacher-stripes-*.npz"))) == 2


def tilted():
    """A crop-to-image matrix that is no mirror image of itself."""
    return np.array([[0.4, 0.05, 1.0], [-0.05, 0.4, 4.0]], np.float32)


def mirrored(matrix):
    """The map into the mirrored picture (48 px) from the mirrored crop (112 px)."""
    full = np.vstack([matrix, [0, 0, 1]])
    crop = np.array([[-1, 0, 111], [0, 1, 0], [0, 0, 1]])
    image = np.array([[-1, 0, 47], [0, 1, 0], [0, 0, 1]])
    return (image @ full @ crop)[:2].astype(np.float32)


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
    shares, lines, teacher = {"stripes": 0.5}, [], Teacher([run])
    first = distilled({"stripes": striped_faces()}, shares, teacher, tmp_path, lines.append)
    assert len(lines) == 1
    again = distilled({"stripes": striped_faces()}, shares, teacher, tmp_path, lines.append)
    assert len(lines) == 1
    assert np.array_equal(first["stripes"].expressions, again["stripes"].expressions)
    distilled({"stripes": striped_faces(seed=1)}, shares, teacher, tmp_path, lines.append)
    assert len(lines) == 2
    other_split = replace(striped_faces(), split=np.array(["train"] * 96))
    distilled({"stripes": other_split}, shares, teacher, tmp_path, lines.append)
    assert len(lines) == 3
    assert not list(tmp_path.glob("*.partial*"))


def test_a_share_needs_a_teacher_and_a_teacher_a_share(run, tmp_path):
    faces = {"stripes": striped_faces()}
    with pytest.raises(ConfigError, match="--teacher RUN"):
        distilled(faces, {"stripes": 0.5}, None, tmp_path)
    with pytest.raises(ConfigError, match="no corpus has a distill_weight"):
        distilled(faces, {"stripes": 0.0}, Teacher([run]), tmp_path)
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        Teacher([tmp_path / "nothing"])
    assert distilled(faces, {"stripes": 0.0}, None, tmp_path) is faces
    with pytest.raises(ValueError, match="distill_weight"):
        CorpusConfig("ferplus", "unused", distill_weight=1.5)


def test_a_taught_run_resumes_to_the_same_bits_and_knows_its_teacher(run, tmp_path):
    faces = {"stripes": striped_faces()}
    config = recipe(
        corpora={"stripes": {**recipe().corpora["stripes"], "distill_weight": 0.5}},
    )
    with pytest.raises(ConfigError, match="--teacher RUN"):
        train_mma(config, faces, tmp_path / "untaught", report=lambda _: None)

    def taught(out, stop=None, teachers=(run,)):
        return train_mma(
            config, faces, tmp_path / out, lambda _: None, stop_after_steps=stop, teachers=teachers
        )

    straight = taught("straight")
    taught("resumed", stop=5)
    kept = sorted((tmp_path / "resumed").glob("teacher-*.npz"))
    train_mma(recipe(seed=4), faces, tmp_path / "other", report=lambda _: None)
    with pytest.raises(ModelError, match="another configuration or other data"):
        taught("resumed", teachers=(tmp_path / "other",))
    assert (
        sorted((tmp_path / "resumed").glob("teacher-*.npz")) == kept
    )  # nothing asked, nothing lost
    resumed = taught("resumed")
    plain = train_mma(recipe(), faces, tmp_path / "plain", report=lambda _: None)
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert not torch.equal(straight.expressions.weight, plain.expressions.weight)


def test_a_teacher_may_have_a_landmark_branch(tmp_path):
    faces = striped_faces()
    config = recipe(
        preset="landmarks", model=BRANCHED, optimizer=replace(recipe().optimizer, epochs=1)
    )
    train_mma(config, {"stripes": faces}, tmp_path, report=lambda _: None)
    answers = Teacher([tmp_path], "bfloat16").predict(faces)
    assert answers.shape == (96, 26) and np.isfinite(answers).all()
    mirror_image = replace(faces, images=np.ascontiguousarray(faces.images[:, :, ::-1]))
    other = Teacher([tmp_path]).predict(mirror_image)
    np.testing.assert_allclose(Teacher([tmp_path]).predict(faces), other, atol=2e-5)
    assert np.abs(answers - other).max() < 0.05
