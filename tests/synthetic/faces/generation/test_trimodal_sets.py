"""The tri-modal benchmark: splits, lights, pairs, resuming, and its preparation."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_stage import FakeStage
from set_helpers import files, stop_after

from mien.cli import main
from mien.data.corpora.recordings.synthetic_trimodal import load_synthetic_trimodal
from mien.data.formats.streams import load_streams
from mien.data.prepare.streams import prepare_streams
from mien.errors import ConfigError, DataError
from mien.synthetic.faces.generation import identity_seed, split_of, stage, synthesize_trimodal
from mien.synthetic.faces.generation.arguments import TrimodalSet
from mien.synthetic.faces.generation.trimodal import CONDITIONS, plan_clips

FRAMES = 3


def make(out, **changes):
    sizes = {"train": 4, "valid": 1, "test": 2}
    settings = {**sizes, "seconds": FRAMES / 12.5, "seed": 3, "jobs": 1, "factory": FakeStage}
    return synthesize_trimodal(out, **{**settings, **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("sets") / "whole"
    make(out)
    return out


def rows_of(folder):
    return pq.read_table(folder / "manifest.parquet").to_pylist()


def test_lights_take_turns_and_test_people_are_in_each(whole):
    rows = rows_of(whole)
    assert [(row["id"], row["light"]) for row in rows] == [
        ("train-00000", "even"),
        ("train-00001", "harsh"),
        ("train-00002", "dark"),
        ("train-00003", "even"),
        ("valid-00000", "even"),
        *((f"test-0000{k}-{light}", light) for k in range(2) for light in CONDITIONS),
    ]
    assert all(row["frames"] == FRAMES and row["fps"] == 12.5 for row in rows)


def test_nobody_is_in_two_splits():
    clips = plan_clips(None, TrimodalSet(300, 40, 30, 1.92, 0, 12.5))
    assert len(clips) == 300 + 40 + 3 * 30
    people = {}
    for clip in clips:
        split = clip.id.split("-")[0]
        assert split_of(clip.seeds.identity) == split
        assert clip.seeds.identity == identity_seed(0, clip.seeds.person)
        people.setdefault(split, []).append(clip.seeds.identity)
    assert len(set(people["train"])) == 300 and len(set(people["test"])) == 30
    assert len({one for split in people.values() for one in set(split)}) == 370
    assert len({clip.id for clip in clips}) == len(clips)


def test_a_test_person_does_the_same_in_every_light(whole):
    rows = [row for row in rows_of(whole) if row["id"].startswith("test-00001")]
    assert len(rows) == 3
    for name in ("identity_seed", "scene_seed", "behaviour_seed", "person", "split"):
        assert len({row[name] for row in rows}) == 1
    even, *others = (whole / row["path"] for row in rows)
    for other in others:
        for name in ("annotation.csv", "truth.parquet", "depth.mkv", "thermal.mkv"):
            assert (other / name).read_bytes() == (even / name).read_bytes(), name


def test_a_stopped_run_goes_on_and_a_set_grows(whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, progress=stop_after(FRAMES + 1))
    with pytest.raises(DataError, match="the set is not finished; run the same `mien synthesize"):
        load_synthetic_trimodal(tmp_path)
    assert make(tmp_path).kept_frames == FRAMES
    assert files(tmp_path) == files(whole)
    before = {name: data for name, data in files(tmp_path).items() if name.startswith("clips")}
    assert make(tmp_path, train=5, test=3).made_frames == 4 * FRAMES
    after = files(tmp_path)
    assert all(after[name] == data for name, data in before.items())
    assert len(rows_of(tmp_path)) == 5 + 1 + 9
    with pytest.raises(ConfigError, match="begun with test 3, not 2; a set only grows"):
        make(tmp_path, train=5)
    with pytest.raises(ConfigError, match=r"begun with fps 12\.5, not 25"):
        make(tmp_path, train=5, test=3, fps=25.0)


def test_what_cannot_be(tmp_path):
    with pytest.raises(ConfigError, match="test is 0: allowed are 1 to"):
        make(tmp_path, test=0)
    with pytest.raises(ConfigError, match="less than a frame"):
        make(tmp_path, seconds=0.05)


def test_preparing_reads_and_writes_what_is_there(whole, tmp_path):
    corpus = load_synthetic_trimodal(whole)
    assert corpus.counts() == {"recordings": 11, "train": 4, "valid": 1, "test": 6, "people": 7}
    document = prepare_streams(corpus, tmp_path, jobs=1)
    assert document["fps"] == 12.5 and document["counts"]["frames"] == 11 * FRAMES
    data = load_streams(tmp_path, "test")
    rows = {row["id"]: row for row in rows_of(whole)}
    stand_in = FakeStage()
    for k, recording in enumerate(data.recordings):
        row = rows[recording.id]
        assert recording.person == str(row["identity_seed"])
        assert recording.attributes["light"] == row["light"]
        assert recording.attributes["skin_tone"] == row["actor_skin_tone"]
        clip = data.clip(k, np.arange(FRAMES))
        assert clip.present.all()
        performance = stand_in.performance(row["behaviour_seed"], FRAMES / 12.5, 12.5)
        moments = [performance.moment(i) for i in range(FRAMES)]
        truth = [[moment.valence, moment.arousal] for moment in moments]
        np.testing.assert_allclose(clip.affect, truth, atol=1e-6)
        units = [moment.action_units for moment in moments]
        np.testing.assert_allclose(clip.units, units, atol=1e-6)
        assert clip.units.max() > 0
        np.testing.assert_allclose(clip.times_s, np.arange(FRAMES) / 12.5, atol=1e-6)
        assert np.isnan(clip.depth_mm[:, :4]).all() and np.isfinite(clip.depth_mm[:, 4:]).all()
        assert clip.depth_mm[:, 4:].min() >= 500 and clip.depth_mm[:, 4:].max() < 900
        assert clip.thermal_c.min() > 16 and clip.thermal_c.max() < 37


def test_sets_of_another_kind_or_damaged(whole, tmp_path):
    with pytest.raises(DataError, match=r"there is no dataset\.json"):
        load_synthetic_trimodal(tmp_path)
    text = (whole / "dataset.json").read_text()
    cases = [
        (
            text.replace("mien synthetic trimodal", "mien synthetic videos"),
            "holds 'mien synthetic v",
        ),
        (text.replace('"train"', '"some"'), "cannot be read as that of 'mien synthetic trimodal'"),
        (text[:50], "cannot be read as that of"),
        (text.replace('"train": 4', '"train": 5'), "11 of 12 clips are there"),
    ]
    pq.write_table(pq.read_table(whole / "manifest.parquet"), tmp_path / "manifest.parquet")
    for changed, message in cases:
        (tmp_path / "dataset.json").write_text(changed)
        with pytest.raises(DataError, match=message):
            load_synthetic_trimodal(tmp_path)
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=r"train-00000/annotation\.csv: no such file"):
        load_synthetic_trimodal(tmp_path)
    clip = tmp_path / "clips/train-00000"
    shutil.copytree(whole / "clips/train-00000", clip)
    truth = pq.read_table(clip / "truth.parquet")
    pq.write_table(truth.slice(0, 2), clip / "truth.parquet")
    with pytest.raises(DataError, match=r"truth\.parquet: has 2 rows, annotation\.csv 3; run"):
        load_synthetic_trimodal(tmp_path)
    pq.write_table(truth.drop_columns(["au04"]), clip / "truth.parquet")
    with pytest.raises(DataError, match=r"truth\.parquet: looked for columns \['au04'\]"):
        load_synthetic_trimodal(tmp_path)
    table = pq.read_table(tmp_path / "manifest.parquet").drop_columns(["light"])
    pq.write_table(table, tmp_path / "manifest.parquet")
    with pytest.raises(DataError, match=r"looked for columns \['light'\]"):
        load_synthetic_trimodal(tmp_path)


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stage, "open_condition_stage", FakeStage)
    arguments = ["--train", "1", "--valid", "1", "--test", "1", "--seconds", "0.24", "--jobs", "1"]
    monkeypatch.setattr(
        sys, "argv", ["mien", "synthesize", "trimodal", "--out", str(tmp_path / "x"), *arguments]
    )
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    assert capsys.readouterr().out.startswith("5 videos (train 1, valid 1, test 3), 15 frames")
