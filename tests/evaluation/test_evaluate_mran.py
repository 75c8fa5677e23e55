"""`mien export mran` and `mien evaluate mran`, from a network with random weights."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from mien.cli import cli
from mien.data.formats.streams import (
    StreamRecording,
    finish_streams,
    load_streams,
    to_hundredths_of_kelvin,
    to_tenths_of_mm,
    write_recording,
)
from mien.errors import ConfigError
from mien.evaluation.models.mran import group_values, mran_traces, score_traces, stage1_traces
from mien.export import HALF_TOLERANCE, export_mran
from mien.models.mran import MRAN, MRANConfig
from mien.runtime.clips import clip_inputs
from mien.runtime.models import AffectModel
from mien.runtime.mran import MranModel
from mien.training.checkpoint import save_checkpoint
from mien.training.mran.batches import read_recordings
from mien.training.mran.train import clip_reader
from stream_replica import write_replica

SMALL = MRANConfig(
    clip_frames=3,
    color_hidden=(4, 4),
    guide_hidden=(2, 2),
    recognition=(6, 6),
    head=4,
)
ABOUT = {"name": "tiny", "license": "none", "trained_on": "nothing", "caveat": "random weights"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("streams")
    return write_replica(place, {"train": 1, "valid": 1, "test": 3}, frames=7)


@pytest.fixture(scope="module", params=["first", "now"])
def network(request):
    torch.manual_seed(0)
    new = request.param == "now"  # as what ships, the other as what shipped at first
    model = MRAN(replace(SMALL, contrast=new, units=new))
    for module in model.modules():  # as after training: an untrained one says nothing of contrast
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return model.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory, network):
    path = tmp_path_factory.mktemp("models") / "tiny.onnx"
    assert export_mran(network, path, ABOUT, 25.0, seed=4) < 1e-5
    return path


def test_the_file_says_what_it_is(exported):
    model = MranModel(exported)
    assert model.modalities == ("color", "depth", "thermal")
    assert (model.clip_frames, model.fps) == (3, 25.0)
    about = model.metadata
    assert about["kind"] == "mran" and about["seed"] == 4 and about["caveat"] == "random weights"
    assert about["outputs"] == ["valence", "arousal"] and about["attention_px"] == 12
    assert about["normalisation"]["depth_range_mm"] == 80.0


def test_in_half_precision_it_says_nearly_the_same(network, folder, exported, tmp_path):
    path = tmp_path / "half.onnx"
    assert export_mran(network, path, ABOUT, 25.0, half=True) <= HALF_TOLERANCE
    assert path.stat().st_size < exported.stat().st_size
    whole, half = (
        next(mran_traces(MranModel(file, threads=1), load_streams(folder, "test"), ())).estimates
        for file in (exported, path)
    )
    assert 0 < np.abs(whole - half).max() <= HALF_TOLERANCE


@pytest.mark.parametrize("dropped", [(), ("depth",), ("color", "thermal")])
def test_the_file_says_of_recordings_what_the_network_says(folder, exported, network, dropped):
    data = load_streams(folder, "test")
    found = list(mran_traces(MranModel(exported, threads=1), data, dropped))
    kept = tuple(name for name in data.modalities if name not in dropped)
    fewer = load_streams(folder, "test", kept)
    reader = clip_reader(SMALL, data, 25.0)
    reader = type(reader)(fewer, SMALL.modalities, SMALL.clip_frames, 112, 25.0)
    for trace, (frames, estimates) in zip(found, read_recordings(network, reader), strict=True):
        assert np.array_equal(trace.frames, frames)
        np.testing.assert_allclose(trace.estimates, estimates, atol=1e-5)


def test_what_comes_before_can_be_left_out(folder, exported):
    data = load_streams(folder, "test")  # 7 frames at 25 per second
    model = MranModel(exported, threads=1)
    whole, late = (next(mran_traces(model, data, (), after)) for after in (0.0, 0.16))
    assert late.frames.tolist() == [4, 5, 6] and whole.frames.tolist() == list(range(7))
    clip = data.clip(0, late.frames)
    alone, _ = model.read(
        [
            clip_inputs(
                clip.color, clip.depth_mm, clip.thermal_c, clip.present, model.modalities, 3, 112
            )
        ]
    )
    np.testing.assert_allclose(late.estimates, alone[0], atol=1e-5)  # one clip, nothing before
    assert not np.allclose(late.estimates, whole.estimates[4:], atol=1e-5)
    with pytest.raises(
        ConfigError, match=r"'test-0' is 0\.24 s long: nothing is left of it after 1"
    ):
        next(mran_traces(model, data, (), 1.0))


def test_frames_without_any_stream_have_no_estimate(exported, network, tmp_path):
    folder = write_replica(tmp_path, {"test": 1}, frames=8)
    there = np.ones((8, 3), bool)
    there[2] = there[5, :2] = False
    data = load_streams(folder, "test")
    clip = data.clip(0, np.arange(8))
    write_recording(
        folder,
        "test-0",
        clip.times_s,
        clip.affect,
        clip.color,
        to_tenths_of_mm(clip.depth_mm),
        to_hundredths_of_kelvin(clip.thermal_c),
        there,
    )
    finish_streams(folder, "replica", 25.0, data.modalities, data.recordings)
    data = load_streams(folder, "test")
    model = MranModel(exported, threads=1)
    for dropped, bare in (((), {2}), (("thermal",), {2, 5})):
        (trace,) = mran_traces(model, data, dropped)
        assert set(np.flatnonzero(np.isnan(trace.estimates).any(1))) == bare
        report = score_traces(iter([trace]), data)
        assert report["all"]["frames"] == 8 - len(bare)
    reader = clip_reader(SMALL, data, 25.0)
    ((_, estimates),) = read_recordings(network, reader)
    assert np.isnan(estimates[2]).all() and np.isfinite(np.delete(estimates, 2, 0)).all()
    batch = reader.batch([(0, np.arange(3))])
    assert batch.affect[0, 2].isnan().all() and torch.isfinite(batch.affect[0, :2]).all()


def test_scores_by_condition_are_those_of_its_recordings(folder, exported):
    data = load_streams(folder, "test")
    model = MranModel(exported, threads=1)
    ticks = []
    report = score_traces(mran_traces(model, data), data, ["light"], lambda: ticks.append(1))
    assert list(report) == ["all", "light=dark", "light=even"] and len(ticks) == 3
    assert [report[key]["recordings"] for key in report] == [3, 1, 2]
    assert report["light=dark"]["pooled"] == report["light=dark"]["per_recording"]
    with pytest.raises(ConfigError, match=r"--by weather: .* has light, skin_tone"):
        group_values(data, "weather")


def test_nothing_left_to_read_is_refused(folder, exported):
    data, model = load_streams(folder, "test"), MranModel(exported)
    with pytest.raises(ConfigError, match="nothing is left to read"):
        list(mran_traces(model, data, ("color", "depth", "thermal")))
    with pytest.raises(ConfigError, match="--drop sound: is no modality"):
        list(mran_traces(model, data, ("sound",)))


def test_stage_1_reads_the_color_stream(folder):
    data = load_streams(folder, "test")
    first = next(stage1_traces(AffectModel(threads=1), data, 12.5))
    assert np.array_equal(first.frames, np.arange(0, 7, 2))
    clip = data.clip(0, first.frames)
    expected = AffectModel(threads=1).predict(clip.color)[:, :2]
    np.testing.assert_allclose(first.estimates, expected, atol=1e-5)
    with pytest.raises(ConfigError, match="has no color, which the extractor reads"):
        next(stage1_traces(AffectModel(), load_streams(folder, "test", ("depth",)), 25.0))


def test_the_command_prints_a_table_and_writes_json(folder, exported, tmp_path):
    call = ["evaluate", "mran", "--model", str(exported), "--model", str(exported)]
    call += ["--data", f"{folder}@test", "--by", "light", "--drop", "depth", "--stage1"]
    done = CliRunner().invoke(cli, [*call, "--out", str(tmp_path / "s.json")])
    assert done.exit_code == 0, done.output
    assert "MRAN (color + thermal), light=dark" in done.output and "± 0.000" in done.output
    assert "stage 1 (color)" in done.output and "per recording" in done.output
    document = json.loads((tmp_path / "s.json").read_text())
    assert document["dropped"] == ["depth"] and document["streams"][0] == ["color", "thermal"]
    assert len(document["scores"]["MRAN (color + thermal)"]) == 2


def test_the_command_scores_with_each_stream_missing(folder, exported):
    call = ["evaluate", "mran", "--model", str(exported), "--data", f"{folder}@test"]
    done = CliRunner().invoke(cli, [*call, "--each-missing", "--json"])
    assert done.exit_code == 0, done.output
    read = ("color + depth + thermal", "color + depth", "color + thermal", "color")
    rows = list(json.loads(done.stdout)["scores"])
    assert rows == [f"MRAN ({names})" for names in (*read, "depth + thermal")]


def test_a_run_is_exported_by_the_command(network, tmp_path):
    state = {"mran": network.describe(), "fps": 25.0, "seed": 1}
    save_checkpoint(tmp_path / "model.safetensors", dict(network.state_dict()), state)
    about = tmp_path / "about.toml"
    about.write_text("".join(f'{key} = "{value}"\n' for key, value in ABOUT.items()))
    call = ["export", "mran", "--run", str(tmp_path), "--to", str(tmp_path / "m.onnx")]
    done = CliRunner().invoke(cli, [*call, "--about", str(about)])
    assert done.exit_code == 0, done.output
    assert "differs from torch by" in done.output
    assert MranModel(tmp_path / "m.onnx").metadata["seed"] == 1


def test_many_numbers_are_grouped_in_fifths(folder):
    tones = [k / 19 for k in range(20)]
    recordings = [
        StreamRecording(str(k), "test", attributes={"tone": t}) for k, t in enumerate(tones)
    ]
    recordings.append(StreamRecording("20", "test", attributes={"tone": None}))
    data = replace(load_streams(folder, "test"), recordings=tuple(recordings))
    groups = group_values(data, "tone")
    assert groups[-1] == "-" and groups[0] == "0.00 to 0.20" and groups[19] == "0.80 to 1.00"
    assert [groups.count(name) for name in dict.fromkeys(groups[:-1])] == [4] * 5
    close = [replace(r, attributes={"tone": k / 19000}) for k, r in enumerate(recordings[:20])]
    names = group_values(replace(data, recordings=tuple(close)), "tone")
    assert names[0] == "0.0000 to 0.0002" and len(set(names)) == 5
    few = [replace(r, attributes={"tone": 0.5 * (k % 2)}) for k, r in enumerate(recordings)]
    assert set(group_values(replace(data, recordings=tuple(few)), "tone")) == {"0.0", "0.5"}
