"""The training loop on a corpus made in the test: it learns, resumes exactly, and masks."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from striped import BRANCHED, CALM, TINY, recipe, striped_faces, with_details, with_mesh

from mien.errors import ConfigError, ModelError
from mien.export import export_mma
from mien.models.mma import build_mma
from mien.training.checkpoint import load_checkpoint, save_checkpoint
from mien.training.extractor import OptimizerConfig, load_weights, predict, train_mma
from mien.training.extractor.train import ExtractorTraining
from mien.training.losses import MMALossWeights
from mien.training.schedule import cosine

ALL = MMALossWeights(
    blendshapes=1.0, intensities=0.5, landmarks=0.1, heatmaps=0.3, pose=0.3, eyes=1.0, gaze=0.3,
    quality=0.5,
)  # fmt: skip


def branched(**changes):
    """A recipe of a network with a landmark branch that learns all it can."""
    return recipe(
        preset="landmarks",
        model=BRANCHED,
        loss=ALL,
        optimizer=replace(recipe().optimizer, small_epochs=0, muon_lr=0.05),
        augment=replace(CALM, spoiled_rate=0.2),
        **changes,
    )


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_it_learns_to_tell_stripes_apart(tmp_path):
    faces = {"stripes": striped_faces()}
    config = recipe(optimizer=replace(recipe().optimizer, epochs=15, small_epochs=0))
    lines = []
    model = train_mma(config, faces, tmp_path, report=lines.append)
    held_out = faces["stripes"].select(faces["stripes"].split == "valid")
    predicted = predict(model, held_out)
    right = predicted[:, 2:9].argmax(axis=1) == held_out.majority
    assert right.mean() >= 0.95
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in log] == list(range(1, 16)) and len(lines) == 15
    head = (tmp_path / "log.csv").read_text().splitlines()[0].split(",")
    assert head[:3] == ["epoch", "seconds", "loss"] and "stripes.accuracy" in head
    # L_DM has a floor that depends on the table; the supervised terms must fall.
    assert log[-1]["cce"] < 0.2 * log[0]["cce"] and log[-1]["bce"] < log[0]["bce"]


def trained_in_one_go_and_in_pieces(config, faces, tmp_path, init=None):
    """The networks of a training without a stop, and of the same one stopped twice."""

    def train(out, stop=None):
        return train_mma(config, faces, tmp_path / out, lambda _: None, stop, init)

    straight = train("straight")
    for _ in range(3):  # 12 steps in all: stop after 5, again after 5, then to the end
        resumed = train("resumed", 5)
    return straight, resumed


def differing(one, other):
    """Names of the weights and statistics of which not every bit is alike."""
    there = other.state_dict()
    assert one.state_dict().keys() == there.keys()
    return [name for name, value in one.state_dict().items() if not torch.equal(value, there[name])]


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    faces = {"stripes": striped_faces()}
    straight, resumed = trained_in_one_go_and_in_pieces(recipe(), faces, tmp_path)
    assert differing(straight, resumed) == []
    begun = build_mma("compact", **TINY)
    assert len(differing(straight, begun)) > 20  # it has learned, and the comparison can fail


def test_a_checkpoint_within_an_epoch_keeps_what_its_row_of_the_log_sums_up(tmp_path):
    faces = {"stripes": striped_faces()}
    config = recipe(optimizer=replace(recipe().optimizer, checkpoint_steps=3))
    quiet = {"report": lambda _: None}
    train_mma(config, faces, tmp_path / "straight", **quiet)
    # Four steps an epoch: stop after 3, which is a checkpoint by itself, and after 2 more.
    for steps in (3, 2, None):
        train_mma(config, faces, tmp_path / "resumed", stop_after_steps=steps, **quiet)
    straight, resumed = (log_of(tmp_path / name) for name in ("straight", "resumed"))
    assert len(straight) == 3
    for one, other in zip(straight, resumed, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_a_killed_run_goes_on_from_the_last_checkpoint_within_an_epoch(tmp_path, monkeypatch):
    faces = {"stripes": striped_faces()}
    config = recipe(optimizer=replace(recipe().optimizer, checkpoint_steps=3))
    straight = train_mma(config, faces, tmp_path / "straight", report=lambda _: None)
    asked = []

    def killed(*arguments):
        asked.append(1)
        if len(asked) > 14:  # two groups of parameters, so in the eighth step
            raise KeyboardInterrupt
        return cosine(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ExtractorTraining, "schedule", staticmethod(killed))
        with pytest.raises(KeyboardInterrupt):
            train_mma(config, faces, tmp_path / "killed", report=lambda _: None)
    _, state = load_checkpoint(tmp_path / "killed" / "checkpoint.safetensors")
    assert state["progress"]["step"] == 6 and state["progress"]["sums"]["loss"] > 0
    lines = []
    resumed = train_mma(config, faces, tmp_path / "killed", lines.append)
    assert lines[0] == "resuming at step 6 of 12"
    assert differing(straight, resumed) == []
    rows = [{**row, "seconds": 0} for row in log_of(tmp_path / "killed")]
    assert rows == [{**row, "seconds": 0} for row in log_of(tmp_path / "straight")]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_with_a_landmark_branch_resumes_alike(tmp_path, precision):
    faces = {"stripes": with_details(striped_faces())}
    config = branched(prior_free=True, class_weight_power=0.0, dm_reduction="mean")
    config = replace(config, optimizer=replace(config.optimizer, precision=precision))
    straight, resumed = trained_in_one_go_and_in_pieces(config, faces, tmp_path)
    assert differing(straight, resumed) == []
    kept, _ = load_checkpoint(tmp_path / "straight" / "checkpoint.safetensors")
    assert any(name.endswith(".momentum") for name in kept)
    weights, _ = load_checkpoint(tmp_path / "straight" / "model.safetensors")
    # The head for blendshapes is there in training alone.
    assert set(weights) == set(straight.state_dict()) and "learned.auxiliary.weight" in kept
    assert {value.dtype for value in weights.values()} == {torch.float32, torch.int64}
    read = build_mma("landmarks", **BRANCHED)
    load_weights(read, tmp_path / "straight" / "model.safetensors")
    assert differing(straight, read) == []
    with pytest.raises(ModelError, match="holds another architecture than the configuration"):
        load_weights(build_mma("compact"), tmp_path / "straight" / "model.safetensors")


@pytest.mark.usefixtures("unmirrored")
def test_everything_that_is_known_of_a_face_is_learned(tmp_path):
    faces = {"stripes": with_details(striped_faces())}
    config = branched()
    calm = replace(CALM, spoiled_rate=0.2)
    longer = replace(config.optimizer, epochs=25)
    model = train_mma(
        replace(config, optimizer=longer, augment=calm), faces, tmp_path, report=lambda _: None
    )
    first, *_, last = log_of(tmp_path)
    for name in ("cce", "bce", "blendshapes", "intensities", "landmarks", "pose", "quality"):
        assert last[name] < 0.75 * first[name], name
    assert last["heatmaps"] < 0.95 * first["heatmaps"]
    held_out = faces["stripes"].select(faces["stripes"].split == "valid")
    crops = torch.from_numpy(held_out.images[:, None] / np.float32(127.5) - 1)
    crops = torch.nn.functional.interpolate(crops, (112, 112), mode="bilinear")
    with torch.no_grad():
        said = model(crops.expand(-1, 3, -1, -1)).face
    happy = torch.from_numpy(held_out.majority == 4)
    assert ((said.pose_deg[:, 0] > 0) == happy).float().mean() > 0.95
    assert ((said.eye_open[:, 0] > said.eye_open[:, 1]) == happy).float().mean() > 0.95
    assert ((said.gaze_deg[:, 0] > 5) == happy).float().mean() > 0.9
    assert ((said.intensities[:, 9] > 2) == happy).float().mean() > 0.95
    # Landmarks of happy faces lie lower; stripes have no corner by which to find them exactly.
    height = said.landmarks[:, :, 1].mean(1)
    assert height[happy].mean() - height[~happy].mean() > 4


def test_what_is_learned_of_a_corpus_without_its_prior_is_balanced(tmp_path):
    """One face in ten is happy and none can be told: the prior is all that there is to learn."""
    happy = np.arange(240) % 10 == 0
    noise = np.random.default_rng(0).integers(0, 256, (240, 48, 48)).astype(np.uint8)
    expressions = np.zeros((240, 7), np.float32)
    expressions[np.arange(240), np.where(happy, 4, 0)] = 1
    faces = replace(
        striped_faces(count=240), images=noise, expressions=expressions,
        majority=np.where(happy, 4, 0), split=np.full(240, "train"),
    )  # fmt: skip
    odds = {}
    for free in (False, True):
        config = recipe(
            prior_free=free,
            class_weight_power=0.0,
            loss=MMALossWeights(ccc=0, bce=0, dm=0),
            optimizer=replace(recipe().optimizer, epochs=8, small_epochs=8),
            corpora={"stripes": {"kind": "ferplus", "path": "unused", "per_batch": 60}},
        )
        model = train_mma(config, {"stripes": faces}, tmp_path / str(free), lambda _: None)
        neutral, happiness = np.log(predict(model, faces)[:, [2, 6]]).mean(axis=0)
        odds[free] = float(np.exp(happiness - neutral))
    # With the prior one to nine; without it neither is the more likely.
    assert odds[False] < 1 / 4 and 2 / 3 < odds[True] < 3 / 2, odds


@pytest.mark.usefixtures("unmirrored")  # as they differ from left to right
def test_scores_of_a_mesh_are_learned_besides_by_the_network_of_the_papers(tmp_path):
    faces = {"stripes": with_mesh(striped_faces())}
    config = recipe(loss=MMALossWeights(blendshapes=4.0))
    straight, resumed = trained_in_one_go_and_in_pieces(config, faces, tmp_path)
    assert differing(straight, resumed) == []
    rows = log_of(tmp_path / "straight")
    assert rows[-1]["blendshapes"] < 0.9 * rows[0]["blendshapes"]
    assert not any("auxiliary" in name for name in straight.state_dict())


@pytest.mark.parametrize("name", ALL.of_branch())
def test_what_a_network_without_a_branch_cannot_learn_is_refused(name):
    with pytest.raises(ValueError, match=rf"loss\.{name} is for networks with a landmark branch"):
        recipe(loss=MMALossWeights(**{name: 1.0}))


def test_init_goes_on_with_an_exported_network_that_has_a_branch(tmp_path):
    faces = {"stripes": with_details(striped_faces())}
    about = {"name": "tiny", "license": "x", "trained_on": "stripes", "caveat": "none"}
    config = branched()
    longer = replace(config.optimizer, epochs=8, muon_lr=0.0)
    first = train_mma(
        replace(config, optimizer=longer), faces, tmp_path / "first", report=lambda _: None
    )
    exported = tmp_path / "tiny.onnx"
    export_mma(first, exported, about)
    gentle = replace(config.optimizer, epochs=1, lr=1e-6, muon_lr=0.0, warmup_steps=0)
    second = train_mma(
        replace(config, optimizer=gentle), faces, tmp_path / "second", lambda _: None, init=exported
    )
    held_out = faces["stripes"].select(faces["stripes"].split == "valid")
    difference = np.abs(predict(second, held_out) - predict(first, held_out)).max()
    assert 0 < difference < 0.1  # goes on from there: batches' own statistics, hardly a step


def test_another_configuration_or_other_data_do_not_resume(tmp_path):
    faces = {"stripes": striped_faces()}
    train_mma(recipe(), faces, tmp_path, report=lambda _: None, stop_after_steps=4)
    with pytest.raises(ModelError, match="another configuration or other data"):
        train_mma(recipe(seed=5), faces, tmp_path, report=lambda _: None)
    with pytest.raises(ModelError, match="another configuration or other data"):
        train_mma(recipe(), {"stripes": striped_faces(seed=1)}, tmp_path, report=lambda _: None)


def test_a_run_from_before_a_setting_existed_goes_on_where_its_default_is_wanted(tmp_path):
    faces = {"stripes": striped_faces()}
    straight = train_mma(recipe(), faces, tmp_path / "straight", report=lambda _: None)
    train_mma(recipe(), faces, tmp_path / "old", report=lambda _: None, stop_after_steps=5)
    checkpoint = tmp_path / "old" / "checkpoint.safetensors"
    tensors, state = load_checkpoint(checkpoint)
    del state["identity"]["config"]["loss"]["quality"]
    save_checkpoint(checkpoint, tensors, state)
    with pytest.raises(ModelError, match="another configuration or other data"):
        wanted = recipe(loss=MMALossWeights(correlation=1.0))
        train_mma(wanted, faces, tmp_path / "old", report=lambda _: None)
    resumed = train_mma(recipe(), faces, tmp_path / "old", report=lambda _: None)
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_init_starts_from_given_weights_and_refuses_others(tmp_path):
    faces = {"stripes": striped_faces()}
    train_mma(recipe(), faces, tmp_path / "first", report=lambda _: None)
    weights = tmp_path / "first" / "model.safetensors"
    frozen = recipe(optimizer=replace(recipe().optimizer, lr=0.0, weight_decay=0.0))
    again = train_mma(
        frozen, faces, tmp_path / "second", report=lambda _: None, stop_after_steps=1, init=weights
    )
    first = train_mma(recipe(), faces, tmp_path / "first", report=lambda _: None)
    assert torch.equal(again.expressions.weight, first.expressions.weight)
    other = recipe(model={**TINY, "widths": (8, 24)})
    with pytest.raises(ModelError, match=r"no start for the recipe's network: size mismatch"):
        train_mma(other, faces, tmp_path / "third", report=lambda _: None, init=weights)


def test_init_starts_from_an_exported_file(tmp_path):
    faces = {"stripes": striped_faces()}
    about = {"name": "tiny", "license": "x", "trained_on": "stripes", "caveat": "none"}
    config = recipe(optimizer=replace(recipe().optimizer, epochs=6, small_epochs=0))
    first = train_mma(config, faces, tmp_path / "first", report=lambda _: None)
    exported = tmp_path / "tiny.onnx"
    export_mma(first, exported, about)
    gentle = recipe(optimizer=replace(config.optimizer, epochs=1, lr=1e-5, warmup_steps=0))
    lines = []
    second = train_mma(gentle, faces, tmp_path / "second", lines.append, init=exported)
    held_out = faces["stripes"].select(faces["stripes"].split == "valid")
    difference = np.abs(predict(second, held_out) - predict(first, held_out)).max()
    assert 0 < difference < 0.1  # goes on from there: batches' own statistics, hardly a step
    assert json.loads(lines[0])["stripes"]["accuracy"] >= 0.95
    with pytest.raises(ModelError, match="another configuration or other data"):
        train_mma(gentle, faces, tmp_path / "second", report=lambda _: None)


def test_it_learns_in_bfloat16_and_keeps_its_weights_in_float32(tmp_path):
    faces = {"stripes": striped_faces()}
    quick = replace(recipe().optimizer, epochs=15, small_epochs=0, precision="bfloat16")
    model = train_mma(recipe(optimizer=quick), faces, tmp_path, report=lambda _: None)
    held_out = faces["stripes"].select(faces["stripes"].split == "valid")
    right = predict(model, held_out)[:, 2:9].argmax(axis=1) == held_out.majority
    assert right.mean() >= 0.95
    assert {v.dtype for v in model.state_dict().values()} == {torch.float32, torch.int64}
    with pytest.raises(ValueError, match=r"precision is one of .*'bfloat16'.*, not 'half'"):
        OptimizerConfig(precision="half")


def test_blendshapes_are_wanted_only_where_there_are_some(tmp_path):
    config = recipe(loss=MMALossWeights(blendshapes=2.0))
    with pytest.raises(ConfigError, match="no training face has such scores: name the files"):
        train_mma(config, {"stripes": striped_faces()}, tmp_path, report=lambda _: None)
    with pytest.raises(ValueError, match="factors of the loss are 0 or more"):
        MMALossWeights(blendshapes=-1.0)


def test_corpora_must_be_those_of_the_configuration(tmp_path):
    with pytest.raises(ConfigError, match="corpora configured"):
        train_mma(recipe(), {"circles": striped_faces()}, tmp_path, report=lambda _: None)


def test_the_learning_rate_warms_up_and_ends_at_zero():
    config = OptimizerConfig(lr=1.0, warmup_steps=10)
    rates = [cosine(config.lr, config.warmup_steps, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0)
    assert rates[-1] < 0.001 and all(a >= b for a, b in pairwise(rates[10:]))


@pytest.mark.parametrize("field", ["blendshapes", "expression_weight", "aligned", "pose_deg"])
def test_whatever_a_training_sees_is_in_its_fingerprint(field):
    faces = with_details(striped_faces(count=12))
    value = getattr(faces, field).copy()
    value[1] = 0
    assert not np.array_equal(value, getattr(faces, field), equal_nan=True)
    assert replace(faces, **{field: value}).fingerprint() != faces.fingerprint()
    assert replace(faces, corpus="other").fingerprint() == faces.fingerprint()
