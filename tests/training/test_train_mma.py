"""The training loop on a corpus made in the test: it learns, resumes exactly, and masks."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from mien.datasets.base import FaceSet, framed_matrices
from mien.datasets.blendshapes import BLENDSHAPES, no_scores
from mien.datasets.targets import valence_arousal_targets
from mien.errors import ConfigError, ModelError
from mien.export import export_mma
from mien.labels import ACTION_UNITS, EXPRESSIONS, FACE_LANDMARKS
from mien.losses import MMALossWeights, MMATargets, mma_loss, steadiness_loss
from mien.models.mma import build_mma
from mien.training.augment import AugmentConfig
from mien.training.checkpoint import load_checkpoint, save_checkpoint
from mien.training.mma import (
    CorpusConfig,
    CorpusFeed,
    MMATrainConfig,
    OptimizerConfig,
    class_weights,
    evaluation_crops,
    moved_places,
    predict,
    train_mma,
)
from mien.training.optimizing import cosine_rate
from mien.training.twins import twins

TINY = {"widths": (8, 16), "depths": (1, 1), "stem_width": 8, "dropout": 0.1, "inner_px": 0}
CALM = AugmentConfig(
    rotation_deg=2, shift_px=1, log_scale=0.02, flip=False, slope=0, blur_rate=0, noise=0.01,
    occlusion_rate=0, log_gamma=0.05,
)  # fmt: skip


def striped_faces(count=96, seed=0):
    """'Neutral' has horizontal stripes, 'happiness' vertical ones; AU12 goes with the latter."""
    rng = np.random.default_rng(seed)
    happy = rng.random(count) < 0.5
    y, x = np.mgrid[:48, :48]
    stripes = np.where(happy[:, None, None], np.sin(x * 0.6), np.sin(y * 0.6))
    images = (127 + 90 * stripes + rng.normal(0, 8, stripes.shape)).clip(0, 255).astype(np.uint8)
    expressions = np.zeros((count, 7), np.float32)
    expressions[np.arange(count), np.where(happy, 4, 0)] = 1
    units = np.full((count, 17), np.nan, np.float32)
    units[:, 9] = happy
    return FaceSet(
        corpus="stripes",
        names=np.array([f"f{i}" for i in range(count)]),
        images=images,
        aligned=np.full((count, 2, 3), np.nan, np.float32),
        framed=framed_matrices(count, 48),
        expressions=expressions,
        expression_weight=np.ones(count, np.float32),
        majority=np.where(happy, 4, 0),
        valence_arousal=valence_arousal_targets(expressions),
        action_units=units,
        teacher_scores=units,
        split=np.where(np.arange(count) < count * 2 // 3, "train", "valid"),
        counted=np.ones(count, bool),
    )


def recipe(**changes):
    base = MMATrainConfig(
        name="tiny",
        corpora={"stripes": {"kind": "ferplus", "path": "unused", "per_batch": 16}},
        model=TINY,
        optimizer=OptimizerConfig(
            epochs=3, small_epochs=2, small_px=48, rate=1e-2, warmup_steps=2, ema=0.8
        ),
        augment=CALM,
        threads=1,
    )
    return replace(base, **changes)


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


def with_landmarks(faces):
    """Faces whose landmarks go with their stripes."""
    rng = np.random.default_rng(5)
    places = np.repeat(rng.uniform(12, 36, (1, 26, 2)), len(faces), 0)
    places[:, :, 1] += np.where(faces.majority == 4, 6, -6)[:, None]
    return replace(faces, aligned=faces.framed, face_landmarks=places.astype(np.float32))


@pytest.mark.parametrize(
    ("precision", "matrix_rate"), [("float32", 0.0), ("bfloat16", 0.0), ("bfloat16", 0.05)]
)
def test_a_fine_network_learns_places_and_expressions_stay_to_the_bit(
    tmp_path, precision, matrix_rate
):
    faces = {"stripes": with_landmarks(striped_faces())}
    first = train_mma(recipe(), faces, tmp_path / "first", report=lambda _: None)
    start = tmp_path / "first" / "model.safetensors"
    config = recipe(
        model={**TINY, "fine": [4, 8, 8, 16]},
        learn="apart",
        loss=MMALossWeights(places=0.5, maps=0.2 if matrix_rate else 0.0, alone=0.5),
        optimizer=replace(
            recipe().optimizer, small_epochs=0, precision=precision, matrix_rate=matrix_rate
        ),
    )
    straight, resumed = trained_in_one_go_and_in_pieces(config, faces, tmp_path, start)
    assert differing(straight, resumed) == []
    learned = straight.state_dict()
    for name, value in first.state_dict().items():
        if name.startswith(("stem.", "stages.", "expressions.")):
            assert torch.equal(value, learned[name]), name
    assert {v.dtype for v in learned.values()} == {torch.float32, torch.int64}
    longer = replace(config, optimizer=replace(config.optimizer, epochs=15))
    train_mma(longer, faces, tmp_path / "longer", report=lambda _: None, init=start)
    log = (tmp_path / "longer" / "log.jsonl").read_text().splitlines()
    assert ("maps" in json.loads(log[-1])) == bool(matrix_rate)
    kept, _ = load_checkpoint(tmp_path / "longer" / "checkpoint.safetensors")
    assert any(name.endswith(".momentum") for name in kept) == bool(matrix_rate)
    # Half of the coordinates move by six pixels of 48 either way; the mean places would miss them.
    assert json.loads(log[-1])["places"] < 0.75 * 6 * (112 / 48) / 2


@pytest.mark.parametrize("seed", range(3))
def test_places_are_where_the_crop_that_is_shown_has_them(seed):
    rng = np.random.default_rng(seed)
    plain = striped_faces(count=6)
    places = rng.uniform(16, 32, (6, 26, 2)).astype(np.float32)
    left, right = FACE_LANDMARKS.index("mouth_left"), FACE_LANDMARKS.index("mouth_right")
    y, x = np.mgrid[:48, :48]
    at = places[:, left, :, None, None]
    dots = 250 * np.exp(-((x - at[:, 0]) ** 2 + (y - at[:, 1]) ** 2) / 4)
    faces = replace(
        plain, images=dots.astype(np.uint8), aligned=plain.framed, face_landmarks=places,
        split=np.full(6, "train"),
    )  # fmt: skip
    feed = CorpusFeed(faces, CorpusConfig("synthetic", "unused", per_batch=60), torch.ones(7))
    moving = replace(CALM, rotation_deg=10, shift_px=4, log_scale=0.1, flip=True, noise=0.0)
    crops, targets = feed.batch(0, 0, moving, 112, torch.Generator().manual_seed(seed))
    y, x = torch.meshgrid(torch.arange(112.0), torch.arange(112.0), indexing="ij")
    light = (crops[:, 0] - crops[:, 0].amin((1, 2), keepdim=True)) ** 2
    seen = torch.stack([(light * x).sum((1, 2)), (light * y).sum((1, 2))], 1)
    seen = seen / light.sum((1, 2))[:, None]
    away = [(targets.places[:, k] - seen).norm(dim=1) for k in (left, right)]
    # In a mirror the left corner of a mouth is called the right one.
    assert torch.minimum(*away).max() < 0.7
    assert 0.2 < (away[1] < away[0]).float().mean() < 0.8


def test_what_a_fine_network_cannot_do_is_refused(tmp_path):
    for factor in ("places", "maps", "alone"):
        with pytest.raises(ValueError, match=rf"loss\.{factor} is for networks that say places"):
            recipe(loss=MMALossWeights(**{factor: 1.0}))
    fine = {**TINY, "fine": [4, 8, 8, 16]}
    for factor in ("places", "maps"):
        config = recipe(model=fine, loss=MMALossWeights(**{factor: 1.0}))
        refusal = rf"loss\.{factor} is above 0, but no training face has"
        with pytest.raises(ConfigError, match=refusal):
            train_mma(config, {"stripes": striped_faces()}, tmp_path, report=lambda _: None)
    with pytest.raises(ValueError, match=r"matrix_rate -1"):
        replace(recipe().optimizer, matrix_rate=-1.0)


def test_what_is_apart_learns_and_expressions_stay_to_the_bit(tmp_path):
    faces = {"stripes": striped_faces()}
    first = train_mma(recipe(), faces, tmp_path / "first", report=lambda _: None)
    start = tmp_path / "first" / "model.safetensors"
    config = recipe(model={**TINY, "apart": 1}, learn="apart")

    straight, resumed = trained_in_one_go_and_in_pieces(config, faces, tmp_path, start)
    assert differing(straight, resumed) == []
    kept, learned = first.state_dict(), straight.state_dict()
    for name, value in kept.items():
        if name.startswith(("stem.", "stages.", "expressions.")):
            assert torch.equal(value, learned[name]), name
    held_out = faces["stripes"].select(faces["stripes"].split == "valid")
    before, after = predict(first, held_out), predict(straight, held_out)
    np.testing.assert_allclose(after[:, 2:9], before[:, 2:9], atol=1e-6)
    assert np.abs(after - before)[:, 11].max() > 0.01  # AU4 has no label, L_DM moves it
    with pytest.raises(ConfigError, match="nothing is learned yet: give --init"):
        train_mma(config, faces, tmp_path / "none", report=lambda _: None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learn": "heads"}, "learn is 'all' or 'apart', not 'heads'"),
        ({"learn": "apart"}, r"has nothing apart: set model\.apart"),
        ({"model": {**TINY, "apart": 2}}, "apart lies in 0 to 1, not 2"),
    ],
)
def test_nothing_is_apart_that_cannot_be(changes, words):
    with pytest.raises((ValueError, ConfigError), match=words):
        recipe(**changes)


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
    del state["identity"]["config"]["loss"]["steadiness"]
    save_checkpoint(checkpoint, tensors, state)
    with pytest.raises(ModelError, match="another configuration or other data"):
        wanted = recipe(loss=MMALossWeights(steadiness=1.0))
        train_mma(wanted, faces, tmp_path / "old", report=lambda _: None)
    resumed = train_mma(recipe(), faces, tmp_path / "old", report=lambda _: None)
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_init_starts_from_given_weights_and_refuses_others(tmp_path):
    faces = {"stripes": striped_faces()}
    train_mma(recipe(), faces, tmp_path / "first", report=lambda _: None)
    weights = tmp_path / "first" / "model.safetensors"
    frozen = recipe(optimizer=replace(recipe().optimizer, rate=0.0, weight_decay=0.0))
    again = train_mma(
        frozen, faces, tmp_path / "second", report=lambda _: None, stop_after_steps=1, init=weights
    )
    first = train_mma(recipe(), faces, tmp_path / "first", report=lambda _: None)
    assert torch.equal(again.expressions.weight, first.expressions.weight)
    other = recipe(model={**TINY, "widths": (8, 24)})
    with pytest.raises(ModelError, match=r"trained \[8, 16\], wanted \[8, 24\]"):
        train_mma(other, faces, tmp_path / "third", report=lambda _: None, init=weights)


def test_init_starts_from_an_exported_file(tmp_path):
    faces = {"stripes": striped_faces()}
    about = {"name": "tiny", "license": "x", "trained_on": "stripes", "caveat": "none"}
    config = recipe(optimizer=replace(recipe().optimizer, epochs=6, small_epochs=0))
    first = train_mma(config, faces, tmp_path / "first", report=lambda _: None)
    exported = tmp_path / "tiny.onnx"
    export_mma(first, exported, about)
    gentle = recipe(optimizer=replace(config.optimizer, epochs=1, rate=1e-5, warmup_steps=0))
    lines = []
    second = train_mma(gentle, faces, tmp_path / "second", lines.append, init=exported)
    held_out = faces["stripes"].select(faces["stripes"].split == "valid")
    difference = np.abs(predict(second, held_out) - predict(first, held_out)).max()
    assert 0 < difference < 0.1  # goes on from there: batches' own statistics, hardly a step
    assert json.loads(lines[0])["stripes"]["accuracy"] >= 0.95
    with pytest.raises(ModelError, match="another configuration or other data"):
        train_mma(gentle, faces, tmp_path / "second", report=lambda _: None)


def mesh_of(faces):
    """A mesh's scores: smiles go with the stripes, left more than right; some are unknown."""
    happy = (faces.majority == 4).astype(np.float32)
    mesh = no_scores(len(faces))
    mesh[:, BLENDSHAPES.index("mouthSmileLeft")] = 0.8 * happy
    mesh[:, BLENDSHAPES.index("mouthSmileRight")] = 0.2 * happy
    mesh[::5] = np.nan
    return replace(faces, blendshapes=mesh)


def test_scores_of_a_mesh_are_learned_besides_and_resume_alike(tmp_path):
    faces = {"stripes": mesh_of(striped_faces())}
    config = recipe(loss=MMALossWeights(blendshapes=2.0), augment=replace(CALM, mixup_rate=0.3))
    straight, resumed = trained_in_one_go_and_in_pieces(config, faces, tmp_path)
    assert differing(straight, resumed) == []
    lines = (tmp_path / "straight" / "log.jsonl").read_text().splitlines()
    learned = [json.loads(line)["blendshapes"] for line in lines]
    assert learned[-1] < 0.9 * learned[0]  # soft targets: it cannot fall to zero
    without = train_mma(recipe(), faces, tmp_path / "without", report=lambda _: None)
    assert without.state_dict().keys() == straight.state_dict().keys()  # nothing stays behind


def test_stretched_lips_are_learned_from_sure_faces_and_not_kept_in_the_corpus():
    faces = mesh_of(striped_faces())
    column = ACTION_UNITS.index(20)
    faces.action_units[:, column] = np.nan
    for side in ("Left", "Right"):
        faces.blendshapes[1::2, BLENDSHAPES.index(f"mouthStretch{side}")] = 0.01
        faces.blendshapes[:2, BLENDSHAPES.index(f"mouthStretch{side}")] = 0.5
        faces.blendshapes[:2, BLENDSHAPES.index(f"mouthSmile{side}")] = 0.0
    happiness = EXPRESSIONS.index("happiness")
    faces.expressions[:2] = 0.0
    faces.expressions[0, happiness] = 1.0
    plain = CorpusConfig("ferplus", "unused", "mesh.npz")
    sure = replace(plain, lip_stretcher=True)
    found = [
        CorpusFeed(faces, config, torch.ones(7)).action_units[:, column] for config in (plain, sure)
    ]
    assert found[0].isnan().all()
    assert found[1][::2].isnan().all() and (found[1][3::2] == 0).all()
    assert found[1][1].item() == pytest.approx(0.9)
    assert np.isnan(faces.action_units[:, column]).all()
    with pytest.raises(ValueError, match="lip_stretcher needs the scores of a mesh"):
        CorpusConfig("ferplus", "unused", lip_stretcher=True)
    with pytest.raises(ValueError, match="set teacher_share = 0"):
        replace(sure, teacher_share=0.5)


def test_landmarks_that_are_learned_are_those_of_the_view_that_is_shown(tmp_path, monkeypatch):
    faces, learned = {"stripes": with_landmarks(striped_faces())}, []

    def looked_at(output, targets, *others):
        learned.append(targets.places)
        return mma_loss(output, targets, *others)

    monkeypatch.setattr("mien.training.mma.mma_loss", looked_at)
    factors = MMALossWeights(places=1.0, steadiness=1.0)
    config = recipe(model={**TINY, "fine": [4, 8, 8, 16]}, loss=factors)
    for name in ("ROTATION_DEG", "LOG_SCALE"):
        monkeypatch.setattr(f"mien.training.twins.{name}", 0.0)
    for shift in (0.0, 6.0):
        monkeypatch.setattr("mien.training.twins.SHIFT_PX", shift)
        train_mma(config, faces, tmp_path / str(shift), lambda _: None, stop_after_steps=1)
    moved = (learned[1] - learned[0]).abs().amax((1, 2))
    assert (moved > 0.1).sum() == len(moved) // 4
    assert (moved[moved <= 0.1] < 1e-4).all()


def test_faces_that_are_shown_moved_have_their_landmarks_moved():
    places = torch.full((3, 26, 2), torch.nan)
    places[1:] = torch.tensor([30.0, 60.0])
    targets = MMATargets(*(torch.zeros(3) for _ in range(6)), places=places)
    moves = torch.tensor([[[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]]).expand(2, 2, 3)
    moved = moved_places(targets, torch.tensor([0, 2]), moves).places
    assert moved[0].isnan().all()  # of which none are known
    assert torch.equal(moved[1], places[1]) and moved[2, 0].tolist() == [28.0, 61.0]
    assert moved_places(replace(targets, places=None), torch.tensor([0]), moves[:1]).places is None


@pytest.mark.parametrize("fine", [False, True], ids=["papers", "fine"])
def test_a_run_that_looks_at_faces_twice_resumes_alike(fine, tmp_path):
    faces = {"stripes": with_landmarks(striped_faces())}
    factors = {"places": 1.0, "maps": 1.0, "alone": 1.0} if fine else {}
    once = recipe(
        model={**TINY, "fine": [4, 8, 8, 16]} if fine else TINY, loss=MMALossWeights(**factors)
    )
    config = replace(once, loss=MMALossWeights(**factors, steadiness=20.0))
    straight, resumed = trained_in_one_go_and_in_pieces(config, faces, tmp_path)
    assert differing(straight, resumed) == []
    seen_once = train_mma(once, faces, tmp_path / "once", report=lambda _: None)
    assert differing(straight, seen_once)  # looking twice does change what is learned


@pytest.mark.parametrize(
    ("fine", "noise"), [((), 2.0), ((4, 8, 8, 16), 0.5)], ids=["papers", "fine"]
)
def test_faces_looked_at_twice_come_to_be_read_alike(fine, noise, tmp_path, monkeypatch):
    # Plain stripes would hardly tremble otherwise.
    monkeypatch.setattr("mien.training.twins.NOISE_DEVIATIONS", noise)
    faces = {"stripes": striped_faces()}
    longer = replace(recipe().optimizer, epochs=15, small_epochs=0)
    crops = torch.cat(list(evaluation_crops(faces["stripes"], 112)))

    def unsteadiness(factor):
        config = recipe(
            model={**TINY, "fine": list(fine)},
            optimizer=longer,
            loss=MMALossWeights(steadiness=factor),
        )
        model = train_mma(config, faces, tmp_path / str(factor), report=lambda _: None)
        right = predict(model, faces["stripes"])[:, 2:9].argmax(1) == faces["stripes"].majority
        assert right.mean() > 0.95
        with torch.no_grad():
            views = twins(crops, torch.Generator().manual_seed(0))[:2]
            return steadiness_loss(*(model.read(model.features(view)) for view in views))

    assert unsteadiness(20.0) < 0.2 * unsteadiness(0.0)


def test_landmarks_are_learned_besides_and_resume_alike(tmp_path):
    faces = {"stripes": with_landmarks(striped_faces())}
    config = recipe(
        loss=MMALossWeights(landmarks=0.5), optimizer=replace(recipe().optimizer, small_epochs=0)
    )
    straight, resumed = trained_in_one_go_and_in_pieces(config, faces, tmp_path)
    assert differing(straight, resumed) == []
    longer = replace(config, optimizer=replace(config.optimizer, epochs=15))
    train_mma(longer, faces, tmp_path / "longer", report=lambda _: None)
    lines = (tmp_path / "longer" / "log.jsonl").read_text().splitlines()
    # Half of the coordinates move by six pixels of 48 either way; the mean shape would miss them.
    missed_px = 6 * (112 / 48) / 2
    assert json.loads(lines[-1])["landmarks"] < 0.9 * missed_px
    assert not any("landmarks" in name for name in straight.state_dict())
    other = replace(faces["stripes"], face_landmarks=faces["stripes"].face_landmarks + 1)
    assert other.fingerprint() != faces["stripes"].fingerprint()


def test_a_mirrored_face_has_mirrored_scores():
    faces = mesh_of(striped_faces(count=40))
    images = faces.images.copy()
    images[:, :, :24] //= 4  # the half of the image where the person's left is, is bright
    faces = replace(faces, images=images)
    feed = CorpusFeed(faces, CorpusConfig("ferplus", "unused", per_batch=400), torch.ones(7))
    flips = replace(CALM, flip=True)
    generator = torch.Generator().manual_seed(0)
    crops, targets = feed.batch(0, 0, flips, 48, generator)
    left = targets.blendshapes[:, BLENDSHAPES.index("mouthSmileLeft")]
    right = targets.blendshapes[:, BLENDSHAPES.index("mouthSmileRight")]
    happy = left + right > 0.5
    torch.testing.assert_close(left[happy] + right[happy], torch.ones(int(happy.sum())))
    brighter_right = crops[:, 0, :, 24:].mean((1, 2)) > crops[:, 0, :, :24].mean((1, 2))
    assert 0.3 < brighter_right[happy].float().mean() < 0.7
    # The side of the image that is bright is the side whose score is high, whichever way round.
    assert torch.equal(brighter_right[happy], (left > right)[happy])


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


@pytest.mark.parametrize("field", ["blendshapes", "expression_weight", "aligned", "majority"])
def test_whatever_a_training_sees_is_in_its_fingerprint(field):
    faces = mesh_of(striped_faces(count=12))
    value = getattr(faces, field).copy()
    value[1] = 0
    assert not np.array_equal(value, getattr(faces, field), equal_nan=True)
    assert replace(faces, **{field: value}).fingerprint() != faces.fingerprint()
    assert replace(faces, corpus="other").fingerprint() == faces.fingerprint()


def test_corpora_must_be_those_of_the_configuration(tmp_path):
    with pytest.raises(ConfigError, match="corpora configured"):
        train_mma(recipe(), {"circles": striped_faces()}, tmp_path, report=lambda _: None)


def test_every_face_is_seen_once_per_pass_and_steps_are_stateless():
    faces = striped_faces(count=50)
    config = CorpusConfig("ferplus", "unused", per_batch=16)
    feed = CorpusFeed(faces, config, torch.ones(7))
    laps = torch.cat([feed.indices(3, step) for step in range(25)])  # 400 = 8 x 50
    for lap in range(8):
        assert sorted(laps[lap * 50 : lap * 50 + 50].tolist()) == list(range(50))
    assert torch.equal(feed.indices(3, 7), laps[7 * 16 : 8 * 16])


def test_rare_classes_are_drawn_more_often_where_asked():
    faces = striped_faces(count=60)
    majority = np.zeros(60, np.int64)
    majority[:6] = 4
    faces = replace(faces, majority=majority)
    config = CorpusConfig("faces", "unused", per_batch=600, class_power=1.0)
    rows = CorpusFeed(faces, config, torch.ones(7)).indices(0, 0)
    assert 240 < int((rows < 6).sum()) < 360  # half of the draws for a tenth of the faces


def test_class_weights_have_mean_one_and_favour_the_rare():
    faces = striped_faces(count=60)
    expressions = np.zeros((60, 7), np.float32)
    expressions[:54, 0] = 1
    expressions[54:, 4] = 1
    weights = class_weights(replace(faces, expressions=expressions), 0.5)
    assert weights[4] / weights[0] == pytest.approx(3.0, rel=1e-5)
    assert (0.9 * weights[0] + 0.1 * weights[4]).item() == pytest.approx(1, rel=1e-3)


def test_a_corpus_without_expressions_weighs_none():
    faces = striped_faces(count=60)
    none = replace(faces, expression_weight=np.zeros(60, np.float32))
    assert torch.equal(class_weights(none, 0.5), torch.ones(7))


def test_the_learning_rate_warms_up_and_ends_at_zero():
    config = OptimizerConfig(rate=1.0, warmup_steps=10)
    rates = [cosine_rate(config.rate, config.warmup_steps, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0)
    assert rates[-1] < 0.001 and all(a >= b for a, b in pairwise(rates[10:]))
