"""Both stages together on tiny clips: it learns, resumes exactly, and both parts export."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.data.formats.face_crops import load_frame_clips, write_crops, write_frame_clips
from mien.demo import write_demo_clip
from mien.errors import ConfigError, DataError, ModelError
from mien.models.masked_rnn import MaskedRNN, MaskedRNNConfig
from mien.models.mma import build_mma
from mien.training.checkpoint import load_checkpoint, save_checkpoint
from mien.training.reactions.end_to_end import (
    EndToEndConfig,
    clip_tensors,
    load_parts,
    predict_clips,
    train_end_to_end,
)

SMALL = {"widths": [4, 8], "depths": [1, 1], "stem_width": 4}
NAMES = ("bright", "dark")
RECIPE = EndToEndConfig("tiny", epochs=4, batch=4, lr=3e-3, threads=1, patience=9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Clips whose left half is as bright as the first label says."""
    path = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    clips = []
    for number in range(16):
        label = rng.random()
        crops = rng.integers(0, 60, (int(rng.integers(2, 5)), 112, 112, 3)).astype(np.uint8)
        crops[:, :, :56] += np.uint8(190 * label)
        split = "train" if number < 10 else "valid"
        clips.append((f"clip{number}", split, (label, 1 - label), crops))
    write_frame_clips(path, "halves", NAMES, 10.0, clips)
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    extractor = build_mma("compact", **SMALL)
    config = {"corpora": {}, "preset": "compact", "model": SMALL}
    save_checkpoint(
        path / "affect" / "model.safetensors",
        dict(extractor.state_dict()),
        {"identity": {"config": config}},
    )
    reader = MaskedRNN(MaskedRNNConfig(positions=8, hidden=6, dense=4, reactions=NAMES, fps=10.0))
    save_checkpoint(
        path / "reactions" / "model.safetensors",
        dict(reader.state_dict()),
        {"preset": "facernet", "model": reader.describe()},
    )
    return path


def parts(runs):
    return load_parts(runs / "affect", runs / "reactions")


def sets(folder):
    return [load_frame_clips(folder, split) for split in ("train", "valid")]


@pytest.mark.slow
def test_ratings_reach_the_extractor_and_both_parts_load_again(folder, runs, tmp_path):
    train, valid = sets(folder)
    start = parts(runs)
    before = {k: v.clone() for k, v in start.model.state_dict().items()}
    lines = []
    model = train_end_to_end(RECIPE, start, train, valid, tmp_path, report=lines.append)
    after = model.state_dict()
    assert not torch.equal(after["reader.output.weight"], before["reader.output.weight"])
    moved = [
        k for k in before if k.startswith("extractor") and not torch.equal(before[k], after[k])
    ]
    assert moved and not any("running" in name for name in moved)
    # Positions that no clip reaches rest, to the bit.
    assert torch.equal(after["reader.routed.table"][4:], before["reader.routed.table"][4:])
    again = load_parts(tmp_path / "affect", tmp_path / "reactions")
    torch.testing.assert_close(predict_clips(again.model, valid), predict_clips(model, valid))
    assert lines[0].startswith("before: valid_mean_pearson")
    _, state = load_checkpoint(tmp_path / "affect" / "model.safetensors")
    assert state["identity"]["config"]["preset"] == "compact"


@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_one(folder, runs, tmp_path):
    train, valid = sets(folder)
    config = replace(RECIPE, epochs=2)
    straight = train_end_to_end(config, parts(runs), train, valid, tmp_path / "a", lambda _: None)
    for _ in range(2):
        resumed = train_end_to_end(
            config, parts(runs), train, valid, tmp_path / "b", lambda _: None, stop_after_epochs=1
        )
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_batches_say_what_clips_say_alone(folder, runs):
    train, _ = sets(folder)
    model = parts(runs).model.eval()
    with torch.no_grad():
        together = model(clip_tensors(train, [0, 1, 2]))
        alone = torch.cat([model(clip_tensors(train, [row])) for row in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_what_does_not_fit_is_named(folder, runs, tmp_path):
    train, valid = sets(folder)
    other = replace(train, fps=30.0)
    with pytest.raises(ConfigError, match=r"at 30.0 fps, the reaction model .* at 10.0"):
        train_end_to_end(RECIPE, parts(runs), other, valid, tmp_path)
    with pytest.raises(ModelError, match="is not a run of 'mien train extractor'"):
        load_parts(runs / "reactions", runs / "reactions")
    with pytest.raises(ModelError, match="is not a masked RNN"):
        load_parts(runs / "affect", runs / "affect")
    with pytest.raises(DataError, match="has no clips of the split 'test'"):
        load_frame_clips(folder, "test")
    with pytest.raises(DataError, match="is no folder of frame clips"):
        load_frame_clips(tmp_path, "train")
    still = np.zeros((9, 112, 112, 3), np.uint8)
    long = [("t", "train", (0.5, 0.5), still), ("v", "valid", (0.5, 0.5), still)]
    write_frame_clips(tmp_path / "long", "halves", NAMES, 10.0, long)
    with pytest.raises(ConfigError, match=r"t\.npz: has 9 crops, .* reads 8; .* --most 8"):
        train_end_to_end(RECIPE, parts(runs), *sets(tmp_path / "long"), tmp_path / "out")
    clips = load_frame_clips(tmp_path / "long", "train")
    first = clips.fingerprint()
    file = tmp_path / "long" / "crops" / "t.npz"
    write_crops(file, np.ones((9, 112, 112, 3), np.uint8))
    assert clips.fingerprint() != first
    assert replace(clips, labels=clips.labels + 1).fingerprint() != clips.fingerprint()
    file.write_bytes(file.read_bytes()[:5000])
    for read in (clips.fingerprint, lambda: clips.crops(0)):
        with pytest.raises(DataError, match=r"t\.npz: cannot be read .*; cut the clip again"):
            read()
    lost = replace(train, folder=tmp_path)
    with pytest.raises(DataError, match=r"clip0\.npz: cannot be read"):
        lost.crops(0)


@pytest.mark.slow
def test_a_clip_is_cut_from_a_video(tmp_path):
    from mien.data.prepare.crops import cut_clip
    from mien.faces.detectors.retinaface import RetinaFaceDetector

    video = write_demo_clip(tmp_path / "clip.mp4", 0.6)
    crops = cut_clip(video, RetinaFaceDetector(), fps=10.0)
    assert crops.shape == (6, 112, 112, 3) and crops.dtype == np.uint8
    with pytest.raises(DataError, match="more than the 2 positions of one window"):
        cut_clip(video, RetinaFaceDetector(), fps=10.0, most=2)
