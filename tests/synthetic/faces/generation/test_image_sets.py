"""Image sets: layout, determinism, resuming, growing, and what is refused."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_stage import BrokenStage, DyingStage, FakeStage, draw, missing_stage
from set_helpers import files, kill_run, stop_after

from mien.errors import ConfigError, MienError, ModelError, OutputError
from mien.labels import AFFECT_COLUMNS
from mien.synthetic.faces.generation import split_of, synthesize_images
from mien.synthetic.faces.generation.truth import TRUTH_COLUMNS

SMALL = {"size_px": 32, "images_per_person": 20, "factory": FakeStage}  # parts of 60 images


def make(out, count=150, seed=5, **changes):
    return synthesize_images(out, count, seed, **{**SMALL, "jobs": 1, **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("sets") / "whole"
    make(out)
    return out


def test_layout_and_manifest(whole):
    manifest = pq.read_table(whole / "manifest.parquet")
    assert manifest.column("index").to_pylist() == list(range(150))
    assert set(TRUTH_COLUMNS) <= set(manifest.column_names)
    assert {"actor_hair", "actor_glasses", "scene_light"} <= set(manifest.column_names)
    row = manifest.slice(70, 1).to_pylist()[0]
    assert row["person"] == 3 and row["split"] == split_of(row["identity_seed"])
    assert row["thermal"] == "thermal/00/00000070.png"
    moment = draw(np.random.default_rng(row["behaviour_seed"]), False)
    assert [row[name] for name in AFFECT_COLUMNS[9:]] == moment.action_units.tolist()
    assert row["pose_yaw_deg"] == pytest.approx(moment.pose.yaw_deg)
    shot = FakeStage().render(
        FakeStage().actor(row["identity_seed"]),
        FakeStage().scene(row["scene_seed"], "portrait", 32, "any"),
        moment, ("color",), 0.0, 0,
    )  # fmt: skip
    color, depth, thermal = (
        cv2.imread(str(whole / row[name]), cv2.IMREAD_UNCHANGED)
        for name in ("color", "depth", "thermal")
    )
    assert color.shape == shot.color.shape and color.dtype == np.uint8
    assert depth.dtype == thermal.dtype == np.uint16
    assert (depth[:4] == 0).all() and depth[4:].min() >= 500
    document = json.loads((whole / "dataset.json").read_text())
    assert document["arguments"]["count"] == 150
    assert "real" in document["people"] and "CC0" in document["licence"]
    assert len(files(whole)) == 450 + 3 + 2


class ListeningStage(FakeStage):
    """Remembers in the truth how much speech it was asked for."""

    def moment(self, seed, frontal, speech):
        return replace(super().moment(seed, frontal, speech), valence=speech)


def test_speech_reaches_the_stage_and_stands_in_the_document_only_where_asked(whole, tmp_path):
    plain = json.loads((whole / "dataset.json").read_text())
    assert "speech" not in plain["arguments"]  # as in sets of before there was any
    make(tmp_path / "talking", 20, speech=0.25, factory=ListeningStage)
    document = json.loads((tmp_path / "talking" / "dataset.json").read_text())
    assert document["arguments"]["speech"] == 0.25
    rows = pq.read_table(tmp_path / "talking" / "manifest.parquet")
    assert rows.column("valence").to_pylist() == [0.25] * 20
    with pytest.raises(ConfigError, match="speech"):
        make(tmp_path / "other", 20, speech=1.5)


def test_png_holds_rgb_as_rendered(tmp_path):
    class RedStage(FakeStage):
        def render(self, *arguments):
            shot = super().render(*arguments)
            shot.color[:] = (250, 20, 10)
            return shot

    make(tmp_path / "red", 1, factory=RedStage)
    stored = cv2.imread(str(tmp_path / "red/color/00/00000000.png"))
    assert stored[0, 0].tolist() == [10, 20, 250]  # OpenCV's BGR


def test_people_keep_to_one_split_and_one_look(whole):
    rows = pq.read_table(whole / "manifest.parquet").to_pylist()
    for person in range(8):
        own = [row for row in rows if row["person"] == person]
        assert len({(row["split"], row["identity_seed"], row["actor_hair"]) for row in own}) == 1
        assert len({row["scene_seed"] for row in own}) == len(own)
    assert len({row["identity_seed"] for row in rows}) == 8


def test_same_seed_same_bytes_other_seed_other_people(whole, tmp_path):
    make(tmp_path / "again")
    assert files(tmp_path / "again") == files(whole)
    make(tmp_path / "other", seed=6)
    other = pq.read_table(tmp_path / "other/manifest.parquet")
    mine = pq.read_table(whole / "manifest.parquet")
    assert not set(other["identity_seed"].to_pylist()) & set(mine["identity_seed"].to_pylist())


@pytest.mark.slow
def test_two_processes_same_bytes_and_progress(whole, tmp_path):
    told = []
    make(tmp_path / "two", jobs=2, progress=told.append)
    assert files(tmp_path / "two") == files(whole)
    assert sum(told) == 150


@pytest.mark.parametrize("frames", [1, 60, 61, 149])
def test_a_stopped_run_goes_on(whole, tmp_path, frames):
    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        make(out, progress=stop_after(frames))
    assert not (out / "manifest.parquet").exists()
    victim = out / "color/00/00000000.png"
    for left in ("parts/.part-00001.parquet.1.partial", ".dataset.json.1.partial"):
        (out / left).parent.mkdir(exist_ok=True)
        (out / left).write_bytes(b"half")  # a run that was killed in the middle of a table
    if frames < 60:  # a half-written file of an unfinished part
        victim.write_bytes(victim.read_bytes()[:20])
    told = []
    summary = make(out, progress=told.append)
    assert files(out) == files(whole)
    assert sum(told) == 150
    assert summary.kept_frames == (frames - 1) // 60 * 60  # stopped before the part's table
    assert summary.made_frames == 150 - summary.kept_frames
    assert sum(summary.splits.values()) == 150


def test_a_damaged_part_is_made_again(whole, tmp_path):
    out = tmp_path / "damaged"
    make(out)
    table = out / "parts/part-00001.parquet"
    table.write_bytes(table.read_bytes()[:100])
    assert make(out).made_frames == 60
    assert files(out) == files(whole)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_goes_on(whole, tmp_path, jobs):
    out = tmp_path / "killed"
    code = (
        "from mien.synthetic.faces.generation import synthesize_images\n"
        "from fake_stage import SlowStage\n"
        "if __name__ == '__main__':\n"
        f"    synthesize_images({str(out)!r}, 150, 5, size_px=32, images_per_person=20,\n"
        f"        factory=SlowStage, jobs={jobs})\n"
    )
    kill_run(code, lambda: (out / "parts/part-00000.parquet").exists(), signal.SIGKILL)
    assert not (out / "manifest.parquet").exists()
    summary = make(out)
    assert summary.kept_frames >= 60
    assert files(out) == files(whole)


def test_a_set_grows_and_keeps_its_images(whole, tmp_path):
    out = tmp_path / "growing"
    make(out, 70)
    before = files(out)
    summary = make(out)
    assert files(out) == files(whole)
    images = {name: data for name, data in before.items() if name.endswith(".png")}
    assert images.items() <= files(whole).items()
    assert summary.kept_frames == 60
    with pytest.raises(ConfigError, match="begun with count 150, not 70; a set only grows"):
        make(out, 70)


def test_a_finished_set_is_left_alone(whole, tmp_path):
    before = files(whole)
    summary = make(whole, factory=missing_stage)  # nothing to draw: no stage is needed
    assert files(whole) == before
    assert (summary.made_frames, summary.kept_frames) == (0, 150)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 6}, "begun with seed 5, not 6"),
        ({"light": "dark"}, "begun with light any, not dark"),
        ({"modalities": ["color"]}, "begun with modalities color,depth,thermal, not color"),
        ({"frontal": True}, "begun with frontal False, not True"),
    ],
)
def test_other_arguments_are_refused(whole, changes, said):
    with pytest.raises(ConfigError, match=said) as caught:
        make(whole, **changes)
    assert "\n" not in str(caught.value)


def test_other_folders_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds something else than a set"):
        make(tmp_path)
    (tmp_path / "dataset.json").write_text('{"format": "theirs"}')
    with pytest.raises(OutputError, match="holds something else than a set"):
        make(tmp_path)
    with pytest.raises(OutputError, match="cannot be written to"):
        make(tmp_path / "notes.txt")
    document = {"format": "mien synthetic videos", "arguments": {"count": 1}}
    (tmp_path / "dataset.json").write_text(json.dumps(document))
    with pytest.raises(ConfigError, match="holds a set with format 'mien synthetic videos'"):
        make(tmp_path)


def test_a_half_begun_folder_is_begun_again(tmp_path):
    out = tmp_path / "begun"
    out.mkdir()
    (out / ".dataset.json.partial").write_text('{"for')
    make(out, 2)
    assert (out / "manifest.parquet").exists() and not (out / ".dataset.json.partial").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"count": 0}, "count is 0: allowed are 1 to"),
        ({"seed": -1}, "seed is -1"),
        ({"size_px": 8}, "size_px is 8: allowed are 32 to 1,024"),
        ({"framing": "wide"}, "framing is 'wide': allowed are portrait, aligned"),
        ({"light": "neon"}, "light is 'neon'"),
        ({"modalities": ["color", "radar"]}, "modalities is color, radar: allowed are any of"),
        ({"modalities": []}, "modalities is empty"),
        ({"images_per_person": 0}, "images_per_person is 0"),
    ],
)
def test_bad_arguments(tmp_path, changes, said):
    with pytest.raises(ConfigError, match=said):
        make(tmp_path / "none", **changes)
    assert not (tmp_path / "none").exists()


def test_modalities_are_a_choice(tmp_path):
    make(tmp_path / "depth", 3, modalities=["depth"])
    rows = pq.read_table(tmp_path / "depth/manifest.parquet").to_pylist()
    assert rows[0]["color"] is None and rows[0]["depth"] == "depth/00/00000000.png"
    assert not (tmp_path / "depth/color").exists()


def test_one_line_for_what_goes_wrong(tmp_path):
    with pytest.raises(MienError, match="images 0 to 4: ValueError: no light at all") as caught:
        make(tmp_path / "broken", 5, factory=BrokenStage)
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="need anny"):
        make(tmp_path / "missing", 5, factory=missing_stage)
    out = tmp_path / "blocked"
    with pytest.raises(KeyboardInterrupt):
        make(out, progress=stop_after(1))
    (out / "thermal/00/00000000.png").unlink()
    (out / "thermal/00/00000000.png").mkdir()
    with pytest.raises(OutputError, match=r"00000000\.png: cannot be written.*to go on"):
        make(out)


@pytest.mark.slow
def test_one_line_for_what_goes_wrong_in_workers(tmp_path):
    with pytest.raises(MienError, match=r"images \d+ to \d+: ValueError: no light at all"):
        make(tmp_path / "broken", factory=BrokenStage, jobs=2)
    with pytest.raises(MienError, match="a worker process was ended from outside"):
        make(tmp_path / "dead", factory=DyingStage, jobs=2)
