"""Video sets: layout, lossless modalities, determinism, resuming."""

from __future__ import annotations

import csv
import os
import signal

import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_stage import FakeStage
from set_helpers import files, kill_run, stop_after

from mien.errors import ConfigError, OutputError
from mien.io import only_run
from mien.labels import REACTIONS
from mien.synthetic.faces.generation import split_of, synthesize_videos
from mien.synthetic.faces.generation.seeds import derive
from mien.synthetic.faces.generation.truth import TRUTH_COLUMNS
from mien.video import VideoReader
from mien.video.companions.gray16 import read_gray16

FRAMES = 10


def make(out, count=4, seed=5, **changes):
    settings = {"size_px": 32, "videos_per_person": 2, "factory": FakeStage, "jobs": 1, **changes}
    return synthesize_videos(out, count, FRAMES / 25, seed, **settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("sets") / "whole"
    make(out)
    return out


def test_layout_and_manifest(whole):
    names = {"color.mp4", "depth.mkv", "thermal.mkv", "annotation.csv", "truth.parquet"}
    clips = {f"clips/{k:06d}/{name}" for k in range(4) for name in (*names, "clip.parquet")}
    assert set(files(whole)) == {"dataset.json", "manifest.parquet", *clips}
    rows = pq.read_table(whole / "manifest.parquet").to_pylist()
    assert [row["id"] for row in rows] == ["000000", "000001", "000002", "000003"]
    assert [row["person"] for row in rows] == [0, 0, 1, 1]
    for row in rows:
        assert row["frames"] == FRAMES and row["seconds"] == FRAMES / 25 and row["fps"] == 25
        assert row["split"] == split_of(row["identity_seed"]) and row["light"] == "harsh"
        assert all(0 <= row[f"reaction_{name}"] <= 1 for name in REACTIONS)
        assert (whole / row["path"]).is_dir() and (whole / row["depth"]).is_file()
        assert "actor_skin_tone" in row and "scene_level" in row


def test_a_second_run_into_the_folder_is_refused(whole):
    before = files(whole)
    with only_run(whole), pytest.raises(OutputError, match="another run of mien writes into it"):
        make(whole)
    make(whole)
    assert files(whole) == before


def test_streams_and_truth_agree(whole):
    row = pq.read_table(whole / "manifest.parquet").to_pylist()[3]
    clip = whole / row["path"]
    truth = pq.read_table(clip / "truth.parquet")
    assert truth.column_names == ["frame", "timestamp_s", *TRUTH_COLUMNS]
    times_s = truth["timestamp_s"].to_numpy()
    np.testing.assert_array_equal(times_s, np.arange(FRAMES) / 25)
    with VideoReader(clip / "color.mp4") as reader:
        assert [frame.timestamp_s for frame in reader] == times_s.tolist()
    stage = FakeStage()
    actor = stage.actor(row["identity_seed"])
    scene = stage.scene(row["scene_seed"], "portrait", 32, "any")
    performance = stage.performance(row["behaviour_seed"], FRAMES / 25, 25)
    for name in ("depth", "thermal"):
        stamps_s, images = read_gray16(clip / f"{name}.mkv")
        np.testing.assert_allclose(stamps_s, times_s, atol=1e-9)
        assert images.shape == (FRAMES, 32, 32) and images.dtype == np.uint16
        assert images.max() > 255
    sensors = derive("video", "sensors", row["identity_seed"], 1)
    shot = stage.render(
        actor, scene, performance.moment(7), ("depth",), times_s[7], derive(sensors, 7)
    )
    _, depth = read_gray16(clip / "depth.mkv")
    np.testing.assert_array_equal(depth[7], shot.depth_mm)
    assert truth["valence"][7].as_py() == pytest.approx(performance.moment(7).valence, abs=1e-6)
    with (clip / "annotation.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["time_s", "arousal", "valence"]
    for name in ("arousal", "valence"):
        written = [float(line[name]) for line in lines]
        np.testing.assert_allclose(written, truth[name].to_numpy(), atol=1e-6)


def test_same_seed_same_bytes(whole, tmp_path):
    make(tmp_path / "again")
    assert files(tmp_path / "again") == files(whole)


@pytest.mark.slow
def test_two_processes_same_bytes_and_progress(whole, tmp_path):
    told = []
    make(tmp_path / "two", jobs=2, progress=told.append)
    assert files(tmp_path / "two") == files(whole)
    assert sum(told) == 4 * FRAMES


@pytest.mark.parametrize("frames", [1, FRAMES, 2 * FRAMES + 3])
def test_a_stopped_run_goes_on(whole, tmp_path, frames):
    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        make(out, progress=stop_after(frames))
    assert not (out / "manifest.parquet").exists()
    finished = sorted(path.name for path in (out / "clips").iterdir())
    assert finished == [f"{k:06d}" for k in range((frames - 1) // FRAMES)]
    summary = make(out)
    assert files(out) == files(whole)
    assert summary.kept_frames == len(finished) * FRAMES
    assert summary.made_frames + summary.kept_frames == 4 * FRAMES


SCRIPT = """
from mien.synthetic.faces.generation import synthesize_videos
from fake_stage import SlowStage
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs without
if __name__ == '__main__':
    synthesize_videos({out!r}, 4, 0.4, 5, size_px=32, videos_per_person=2, factory=SlowStage,
        jobs={jobs})
"""


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_goes_on(whole, tmp_path, jobs):
    out = tmp_path / "killed"
    code = SCRIPT.format(out=str(out), jobs=jobs)
    kill_run(code, lambda: any((out / "clips").glob(".*.partial/.depth.part.mkv")))
    assert not (out / "manifest.parquet").exists()
    make(out)
    assert files(out) == files(whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_leaves_no_halves(tmp_path, number):
    if not hasattr(os, "fork"):
        pytest.skip("signals as on POSIX systems")
    out = tmp_path / "told"
    code = SCRIPT.format(out=str(out), jobs=2)
    ready = lambda: any((out / "clips").glob(".*.partial/.depth.part.mkv"))  # noqa: E731
    status, errors = kill_run(code, ready, number)
    assert status == (143 if number == signal.SIGTERM else -signal.SIGINT), errors
    assert not [path.name for path in (out / "clips").iterdir() if path.name.startswith(".")]


def test_a_set_grows(whole, tmp_path):
    make(tmp_path / "growing", 1)
    assert make(tmp_path / "growing").kept_frames == FRAMES
    assert files(tmp_path / "growing") == files(whole)


def test_a_person_is_the_same_in_images_and_videos(whole, tmp_path):
    from mien.synthetic.faces.generation import synthesize_images

    synthesize_images(tmp_path, 2, 5, size_px=32, images_per_person=1, factory=FakeStage, jobs=1)
    images = pq.read_table(tmp_path / "manifest.parquet").to_pylist()
    videos = pq.read_table(whole / "manifest.parquet").to_pylist()
    assert images[1]["identity_seed"] == videos[2]["identity_seed"]
    assert images[1]["scene_seed"] != videos[2]["scene_seed"]


def test_bad_arguments(whole, tmp_path):
    with pytest.raises(ConfigError, match="seconds is 0"):
        synthesize_videos(tmp_path / "none", 1, 0, 1, factory=FakeStage)
    with pytest.raises(ConfigError, match="fps is nan"):
        make(tmp_path / "none", fps=float("nan"))
    with pytest.raises(ConfigError, match="less than a frame"):
        synthesize_videos(tmp_path / "none", 1, 0.1, 1, fps=5, factory=FakeStage)
    with pytest.raises(ConfigError, match=r"size_px is 33: H\.264 stores even sizes only"):
        make(tmp_path / "none", size_px=33)
    with pytest.raises(ConfigError, match="begun with fps 25"):
        make(whole, fps=30)
