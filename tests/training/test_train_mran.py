from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.config import load_config
from mien.data.formats.streams import load_streams
from mien.errors import ConfigError, ModelError
from mien.export import export_mma
from mien.models.blocks.resample import resample_square
from mien.models.mma import build_mma
from mien.models.mran import MRANConfig
from mien.models.mran.encoders import standardized
from mien.training.checkpoint import save_checkpoint
from mien.training.from_onnx.extractor import read_exported
from mien.training.from_onnx.mran import read_exported_mran
from mien.training.mran.batches import epoch_clips, read_recordings
from mien.training.mran.train import (
    MRANTrainConfig,
    clip_reader,
    load_mran,
    score_recordings,
    train_mran,
)
from mien.weights import MRAN_MODEL, weight_path
from stream_replica import write_replica

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = MRANConfig(
    clip_frames=4,
    color_hidden=(6, 6),
    guide_hidden=(4, 4),
    recognition=(8, 8),
    dropout=0.1,
)
TINY = MRANTrainConfig(
    "tiny", SMALL, epochs=3, batch=4, threads=1, warmup_steps=2, lr=5e-3, clips_per_epoch=8
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_replica(tmp_path_factory.mktemp("streams"))


@pytest.fixture(scope="module")
def splits(folder):
    return load_streams(folder, "train"), load_streams(folder, "valid")


@pytest.fixture(scope="module")
def extractor_file(tmp_path_factory):
    """An extractor of the compact kind, exported, whose normalisations have seen something."""
    torch.manual_seed(3)
    model = build_mma("compact", stem="wide")
    with torch.no_grad():
        for _ in range(2):
            model(torch.rand(8, 3, 96, 96) * 2 - 1)
        for parameter in model.parameters():
            if parameter.ndim == 1:  # blocks begin as their shortcuts, which would hide them
                parameter.add_(0.2 * torch.rand_like(parameter))
    path = tmp_path_factory.mktemp("extractor") / "compact.onnx"
    about = {"name": "compact", "license": "x", "trained_on": "noise", "caveat": "none"}
    export_mma(model.eval(), path, about)
    return path


def quiet(*arguments, **options):
    return train_mran(*arguments, report=lambda _: None, **options)


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(splits, tmp_path):
    straight = quiet(TINY, *splits, tmp_path / "a")
    for _ in range(3):
        resumed = quiet(TINY, *splits, tmp_path / "b", stop_after_epochs=1)
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    figures = [(tmp_path / run / "log.csv").read_text() for run in "ab"]
    columns = [[line.split(",")[2:] for line in text.splitlines()] for text in figures]
    assert columns[0] == columns[1] and len(columns[0]) == 4
    loaded, state = load_mran(tmp_path / "b")
    assert state["fps"] == 25.0 and state["seed"] == 0
    assert torch.equal(loaded.recognition.affect.weight, straight.recognition.affect.weight)
    with pytest.raises(ModelError, match="another configuration or other data"):
        quiet(replace(TINY, seed=1), *splits, tmp_path / "b")


def test_encoders_can_calculate_in_bfloat16_while_all_weights_stay_as_they_are(splits, tmp_path):
    half = replace(TINY, precision="bfloat16", epochs=1)
    found = quiet(half, *splits, tmp_path / "a")
    again = quiet(half, *splits, tmp_path / "b")
    plain = quiet(replace(half, precision="float32"), *splits, tmp_path / "c")
    name = "recognition.affect.weight"
    values = [run.state_dict()[name] for run in (found, again, plain)]
    assert {value.dtype for value in values} == {torch.float32}
    assert torch.equal(values[0], values[1])  # the same bits again
    assert not torch.equal(values[0], values[2])
    torch.testing.assert_close(values[0], values[2], atol=0.02, rtol=0.1)
    with pytest.raises(ValueError, match=r"precision is one of .*, not 'half'"):
        replace(TINY, precision="half")


@pytest.mark.slow
def test_training_lowers_the_loss_by_half(splits, tmp_path):
    config = replace(TINY, epochs=24, clips_per_epoch=24, ema=0.9, patience=24)
    calm = replace(config.augment, stream_dropout=0.0, rotation_deg=0, shift_px=0)
    lines = []
    train_mran(replace(config, augment=calm), *splits, tmp_path, report=lines.append)
    losses = [float(line.split('"loss": ')[1].split(",")[0]) for line in lines]
    assert losses[-1] < 0.5 * losses[0]


def test_clips_of_an_epoch_cover_recordings_and_are_the_same_when_asked_again(splits):
    reader = clip_reader(SMALL, splits[0], 25.0)
    clips = epoch_clips(reader, 0, (1, 2), seed=3, epoch=1)
    assert sorted(index for index, _ in clips) == sorted(list(range(4)) * 5)
    assert {int(np.diff(frames).max()) for _, frames in clips} == {1, 2}
    assert all(len(frames) == 4 and frames.max() < 20 for _, frames in clips)
    again = epoch_clips(reader, 0, (1, 2), seed=3, epoch=1)
    assert all(a == b and np.array_equal(x, y) for (a, x), (b, y) in zip(clips, again, strict=True))
    assert len(epoch_clips(reader, 7, (1,), 0, 0)) == 7
    other = epoch_clips(reader, 0, (1, 2), seed=3, epoch=2)
    assert any(not np.array_equal(x, y) for (_, x), (_, y) in zip(clips, other, strict=True))


def test_some_clips_begin_later(splits):
    reader = clip_reader(SMALL, splits[0], 25.0)
    plain, late = (epoch_clips(reader, 400, (1,), 0, 0, rate) for rate in (0.0, 0.6))
    lengths = np.array([len(frames) for _, frames in late])
    assert {len(frames) for _, frames in plain} == {4} and set(lengths) == {1, 2, 3, 4}
    assert abs((lengths < 4).mean() - 0.6) < 0.08
    counts = np.bincount(lengths)[1:4]
    assert counts.min() > 0.7 * counts.max()  # each number as likely
    batch = reader.batch([clip for clip in late if len(clip[1]) == 2][:3])
    assert batch.present[:, :2].all() and not batch.present[:, 2:].any()
    with pytest.raises(ValueError, match=r"rates lie in 0 to 1.*late_start 1\.5"):
        replace(TINY.augment, late_start=1.5)


def test_a_recording_shorter_than_a_clip_is_read_whole(splits):
    long = replace(SMALL, clip_frames=32)
    reader = clip_reader(long, splits[1], 25.0)
    batch = reader.batch([(0, reader.frames(0))])
    assert batch.present[0, :20].all() and not batch.present[0, 20:].any()
    assert torch.isfinite(batch.affect[0, :20]).all() and batch.affect[0, 20:].isnan().all()
    from mien.models.mran import MRAN

    ((frames, estimates), _) = read_recordings(MRAN(long), reader)
    assert frames.tolist() == list(range(20)) and np.isfinite(estimates).all()


def test_estimates_are_the_mean_over_the_clips_that_hold_a_frame(splits):
    from mien.models.mran import MRAN

    torch.manual_seed(0)
    model = MRAN(SMALL).eval()
    reader = clip_reader(SMALL, splits[1], 25.0)
    _, estimates = next(read_recordings(model, reader, batch=3))
    starts = range(0, 17, 2)
    sums, counts = np.zeros((20, 2)), np.zeros(20)
    with torch.no_grad():
        for start in starts:
            batch = reader.batch([(0, np.arange(start, start + 4))])
            sums[start : start + 4] += model(batch.streams, batch.present).affect[0].numpy()
            counts[start : start + 4] += 1
    np.testing.assert_allclose(estimates, sums / counts[:, None], atol=1e-5)
    assert score_recordings(model, reader, 3)["frames"] == 40


def test_data_without_a_stream_are_refused(folder, splits, tmp_path):
    color = load_streams(folder, "train", ("color",))
    with pytest.raises(ConfigError, match="has no depth and no thermal; set"):
        quiet(TINY, color, splits[1], tmp_path)
    quiet(
        replace(TINY, model=replace(SMALL, modalities=("color",)), epochs=1),
        color,
        splits[1],
        tmp_path,
    )


def test_encoders_that_are_not_trained_stay_to_the_bit(splits, tmp_path):
    first = quiet(replace(TINY, epochs=1), *splits, tmp_path / "first")
    config = replace(TINY, epochs=1, train_encoders=False)
    start = tmp_path / "first" / "model.safetensors"
    second = quiet(config, *splits, tmp_path / "second", init=start)
    for name, value in second.state_dict().items():
        kept = torch.equal(value, first.state_dict()[name])
        if name.startswith("encoders."):
            assert kept, name  # weights and running statistics
    for name in ("decoders", "recognition", "attention"):
        parts = (one.get_submodule(name).parameters() for one in (first, second))
        assert not all(torch.equal(old, new) for old, new in zip(*parts, strict=True)), name
    with pytest.raises(ConfigError, match="start from nothing"):
        quiet(config, *splits, tmp_path / "third")


def test_runs_of_one_stream_each_make_the_encoders_of_one_of_several(splits, tmp_path):
    files, single = [], {}
    for name in ("color", "depth"):
        alone = replace(TINY, epochs=1, model=replace(SMALL, modalities=(name,)))
        single[name] = quiet(alone, *splits, tmp_path / name)
        files.append(tmp_path / name / "model.safetensors")
    two = replace(SMALL, modalities=("color", "depth"), recurrence="concatenated")
    config = replace(TINY, epochs=1, model=two, train_encoders=False)
    joined = quiet(config, *splits, tmp_path / "joined", encoders=files)
    for name, one in single.items():
        pairs = zip(
            one.encoders[name].state_dict().values(),
            joined.encoders[name].state_dict().items(),
            strict=True,
        )
        for given, (key, kept) in pairs:
            assert torch.equal(given, kept), (name, key)
    report = score_recordings(
        single["depth"], clip_reader(single["depth"].config, splits[1], 25.0), 3
    )
    assert report["frames"] == 40
    with pytest.raises(ModelError, match=r"not there .* the first is encoders\.depth"):
        quiet(config, *splits, tmp_path / "other", encoders=files[:1])
    with pytest.raises(ModelError, match="another configuration or other data"):
        quiet(config, *splits, tmp_path / "joined", encoders=[*files, files[0]])


def test_encoders_start_from_an_exported_extractor(splits, extractor_file, tmp_path):
    network = replace(SMALL, modalities=("color", "depth"))
    config = replace(TINY, model=network, epochs=1, clips_per_epoch=4, train_encoders=False)
    model = quiet(config, *splits, tmp_path / "a", encoders=[extractor_file])
    face = torch.from_numpy(splits[0].clip(0, np.arange(1)).color.copy())
    face = face.permute(0, 3, 1, 2).float() / 127.5 - 1
    extractor = read_exported(extractor_file)
    with torch.no_grad():
        found = model.encoders["color"](face[None], torch.ones(1, 1)).volume[0]
        x = resample_square((face * extractor.luma).sum(1, keepdim=True), extractor.shrink)
        expected = extractor.stages[:5](extractor.stem(standardized(x)))
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    config = replace(config, seed=1)  # another start is another run
    with pytest.raises(ModelError, match="another configuration or other data"):
        quiet(config, *splits, tmp_path / "a", encoders=[extractor_file])


WITH_UNITS = replace(TINY, model=replace(SMALL, units=True), unit_weight=1.0)


def test_action_units_as_a_second_target_are_learned_and_resumed(splits, tmp_path):
    config = replace(WITH_UNITS, epochs=2)
    learned = quiet(config, *splits, tmp_path / "a")
    for _ in range(2):
        resumed = quiet(config, *splits, tmp_path / "b", stop_after_epochs=1)
    for name, value in learned.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    loaded, _ = load_mran(tmp_path / "a")
    torch.manual_seed(config.seed)
    from mien.models.mran import MRAN

    before, after = MRAN(config.model).recognition.units.bias, loaded.recognition.units.bias
    moved = (after - before).abs().detach()
    assert moved[:3].min() > 1e-4  # what is known moves its layer
    assert torch.equal(moved[3:], torch.zeros(14))  # nothing is said of the others


def test_a_second_target_is_refused_where_it_cannot_be_learned(splits, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"model\.units is True, unit_weight 0\.0: a network"):
        replace(WITH_UNITS, unit_weight=0.0)
    with pytest.raises(ValueError, match=r"model\.units is False, unit_weight 1\.0"):
        replace(TINY, unit_weight=1.0)
    train = splits[0]
    monkeypatch.setattr(type(train), "units", lambda self, index: np.full((20, 17), np.nan))
    with pytest.raises(ConfigError, match="no recording says anything of action units: set model"):
        quiet(WITH_UNITS, *splits, tmp_path)


def test_a_network_of_all_streams_starts_from_one_of_depth(splits, tmp_path):
    sizes = replace(SMALL, recurrence="concatenated", volumes="all")
    alone = replace(TINY, model=replace(sizes, modalities=("depth",)), epochs=1)
    first = quiet(alone, *splits, tmp_path / "depth")
    start = tmp_path / "depth" / "model.safetensors"
    still = replace(TINY, model=sizes, epochs=1, lr=0.0, weight_decay=0.0, ema=0.0)
    grown = quiet(still, *splits, tmp_path / "all", init=start)
    batch = clip_reader(sizes, splits[1], splits[1].fps).batch([(0, np.arange(4))])
    with torch.no_grad():
        expected = first.recognition.affect.weight, first.recognition.second[0].weight
        assert torch.equal(grown.recognition.affect.weight, expected[0])
        assert torch.equal(grown.recognition.second[0].weight, expected[1])
        assert grown(batch.streams, batch.present).affect.isfinite().all()
    with pytest.raises(ModelError, match=r"set model\.recurrence=concatenated"):
        quiet(replace(still, model=SMALL), *splits, tmp_path / "other", init=start)
    extractor = tmp_path / "extractor.safetensors"  # which reads no streams at all
    save_checkpoint(extractor, dict(build_mma("compact").state_dict()), {})
    with pytest.raises(ModelError, match=r"extractor\.safetensors: is no start for this network"):
        quiet(still, *splits, tmp_path / "third", init=extractor)


OWN = ["epochs=2", "clips_per_epoch=2", "batch=2", "model.clip_frames=4", "fps=25.0"]


def own(*settings):
    return load_config(MRANTrainConfig, CONFIGS / "mran-own.toml", [*OWN, *settings])


def test_a_network_of_ones_own_starts_from_the_one_that_ships(splits, tmp_path):
    config, lines = own("lr=1e-5"), []
    assert config.model.modalities == ("color",) and not config.train_encoders
    shipped = weight_path(MRAN_MODEL)
    learned = train_mran(config, *splits, tmp_path / "a", lines.append, init=shipped)
    assert "mran.onnx reads 6.25 frames per second, this training 25" in lines[0]
    start = read_exported_mran(shipped)
    kept = learned.recognition.affect.weight, start.recognition.affect.weight
    assert 0 < (kept[0] - kept[1]).abs().max() < 1e-3
    batch = clip_reader(config.model, splits[1], 25.0).batch([(0, np.arange(4))])
    seen = batch.streams["color"], batch.present[:, :, 0]
    with torch.no_grad():
        expected = start.encoders["color"](*seen).volume
        found = learned.encoders["color"](*seen).volume
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    for _ in range(2):
        resumed = quiet(config, *splits, tmp_path / "b", stop_after_epochs=1, init=shipped)
    for name, value in learned.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_training_step_does_not_throw_away_what_an_exported_network_says(splits, tmp_path):
    settings = ["lr=0.0", "weight_decay=0.0", "ema=0.0", "epochs=1", "augment.late_start=0.0"]
    config = own(*settings, "train_encoders=true", "model.dropout=0.0", "clips_per_epoch=4")
    shipped = weight_path(MRAN_MODEL)
    learned = quiet(config, *splits, tmp_path, init=shipped)
    start = read_exported_mran(shipped)
    batch = clip_reader(config.model, splits[0], 25.0).batch([(k, np.arange(4)) for k in range(4)])
    streams = {**batch.streams, "depth": torch.zeros(4, 4, 1, 112, 112)}
    streams["thermal"] = streams["depth"]
    present = batch.present.clone()
    present[:, :, 1:] = 0
    with torch.no_grad():
        expected = start(streams, present).affect
        evaluated = learned(batch.streams, batch.present).affect
        trained_on = learned.train()(batch.streams, batch.present).affect
        thrown = start.train()(streams, present).affect
    moved = [float((found - expected).abs().mean()) for found in (evaluated, trained_on, thrown)]
    assert max(moved[:2]) < moved[2] / 3, moved


def test_a_start_with_other_settings_is_refused_by_their_names(splits, extractor_file, tmp_path):
    shipped = weight_path(MRAN_MODEL)
    with pytest.raises(ModelError, match=r"mran\.onnx: is no start .*; model\.head is 0, there 64"):
        quiet(own("model.head=0"), *splits, tmp_path / "a", init=shipped)
    both = 'model.modalities=["color", "thermal"]'
    with pytest.raises(ModelError, match=r"model\.recognition is \[8, 8\], there \[128, 64\]"):
        quiet(own(both, "model.recognition=[8, 8]"), *splits, tmp_path / "b", init=shipped)
    with pytest.raises(ModelError, match="'mien-affect-1', expected 'mien-mran-1'"):
        quiet(own(), *splits, tmp_path / "d", init=extractor_file)


def test_encoders_of_streams_that_a_start_lacks_start_from_what_is_given(splits, tmp_path):
    wide = replace(SMALL, recurrence="concatenated", volumes="all")
    alone = replace(TINY, model=replace(wide, modalities=("color",)), epochs=1)
    quiet(alone, *splits, tmp_path / "color")
    quiet(replace(alone, model=wide, seed=5), *splits, tmp_path / "others")
    files = {n: tmp_path / n / "model.safetensors" for n in ("color", "others")}
    frozen = replace(TINY, model=wide, epochs=1, train_encoders=False, lr=0.0, ema=0.0)
    with pytest.raises(
        ConfigError, match="the encoder of depth and of thermal starts from nothing"
    ):
        quiet(frozen, *splits, tmp_path / "a", init=files["color"])
    grown = quiet(frozen, *splits, tmp_path / "b", init=files["color"], encoders=[files["others"]])
    sources = {n: load_mran(tmp_path / n)[0] for n in files}
    for stream, source in (("color", "color"), ("depth", "others"), ("thermal", "others")):
        pairs = zip(
            grown.encoders[stream].parameters(),
            sources[source].encoders[stream].parameters(),
            strict=True,
        )
        assert all(torch.equal(own, theirs) for own, theirs in pairs), stream
    words = r"--encoders has nothing to start: .* has every modality"
    with pytest.raises(ConfigError, match=words):
        quiet(frozen, *splits, tmp_path / "c", init=files["others"], encoders=[files["color"]])


def test_an_extractor_starts_the_streams_that_a_start_lacks_and_no_other(
    splits, extractor_file, tmp_path
):
    shipped = weight_path(MRAN_MODEL)
    shape = read_exported_mran(shipped).config
    alone = replace(shape, modalities=("color",), clip_frames=4)
    still = {"lr": 0.0, "ema": 0.0, "weight_decay": 0.0, "epochs": 1, "clips_per_epoch": 2}
    config = replace(TINY, model=alone, train_encoders=False, **still)
    color = quiet(config, *splits, tmp_path / "color", init=shipped)
    both = replace(config, model=replace(alone, modalities=("color", "thermal")))
    start = tmp_path / "color" / "model.safetensors"
    grown = quiet(both, *splits, tmp_path / "both", init=start, encoders=[extractor_file])
    stems = {
        "given": color.encoders["color"].stem[0].weight,
        "kept": grown.encoders["color"].stem[0].weight,
        "started": grown.encoders["thermal"].stem[0].weight,
    }
    assert torch.equal(stems["kept"], stems["given"])
    assert not torch.equal(stems["started"], stems["given"])


def test_encoders_start_from_an_exported_mran(splits, tmp_path):
    shipped = weight_path(MRAN_MODEL)
    model = replace(read_exported_mran(shipped).config, recognition=(8, 8), clip_frames=4)
    model = replace(model, modalities=("color", "depth"))
    config = replace(TINY, model=model, epochs=1, clips_per_epoch=2, train_encoders=False)
    learned = quiet(config, *splits, tmp_path / "a", encoders=[shipped])
    batch = clip_reader(model, splits[1], 25.0).batch([(0, np.arange(4))])
    with torch.no_grad():
        for index, stream in enumerate(model.modalities):
            seen = batch.streams[stream], batch.present[:, :, index]
            torch.testing.assert_close(
                learned.encoders[stream](*seen).volume,
                read_exported_mran(shipped).encoders[stream](*seen).volume,
                atol=1e-4,
                rtol=1e-4,
            )


def test_training_recordings_without_annotations_are_refused(splits, tmp_path, monkeypatch):
    bare = np.full((20, 2), np.nan, np.float32)
    monkeypatch.setattr(type(splits[0]), "affect", lambda self, index: bare)
    with pytest.raises(ConfigError, match="none of the 4 training recordings has annotated"):
        quiet(TINY, *splits, tmp_path)


def test_a_run_of_another_kind_is_no_mran(tmp_path):
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        load_mran(tmp_path)


@pytest.mark.parametrize("name", ["mran-trimodal.toml", "mran-own.toml"])
def test_recipes_are_read(name):
    config = load_config(MRANTrainConfig, CONFIGS / name, ["model.clip_frames=8"])
    assert config.model.clip_frames == 8 and name.startswith(config.name)
    assert ("depth" in config.model.modalities) == (name == "mran-trimodal.toml")
    with pytest.raises(ConfigError, match="unknown option 'clip_frame'; did you mean"):
        load_config(MRANTrainConfig, CONFIGS / name, ["model.clip_frame=8"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": 0}, "batch must be 1 or more"),
    ],
)
def test_impossible_recipes_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        MRANTrainConfig(**{**asdict(TINY), "model": SMALL, "augment": TINY.augment, **change})


@pytest.mark.slow
def test_a_run_starts_from_shorter_clips_of_another(splits, tmp_path):
    short = replace(TINY, model=replace(SMALL, clip_frames=2), epochs=1)
    first = quiet(short, *splits, tmp_path / "short")
    still = replace(TINY, epochs=1, lr=0.0, weight_decay=0.0, ema=0.0)
    start = tmp_path / "short" / "model.safetensors"
    second = quiet(still, *splits, tmp_path / "long", init=start)
    for name, value in first.named_parameters():
        assert torch.equal(value, second.get_parameter(name)), name
    with pytest.raises(ModelError, match="made with another configuration"):
        quiet(still, *splits, tmp_path / "long")  # the same folder without that start
    other = replace(still, model=replace(SMALL, recognition=(8, 6)))
    with pytest.raises(ModelError, match=r"is no start for this network: .* model\.recognition is"):
        quiet(other, *splits, tmp_path / "other", init=start)
