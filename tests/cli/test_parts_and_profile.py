"""``mien analyze`` of a part of a video, and what it says of its time."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")
from mien.cli import cli
from mien.demo import write_demo_clip
from mien.runtime.stopwatch import STAGES
from mien.video import VideoReader
from tiny_models import tiny_affect, tiny_reactions


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("part")
    clip = write_demo_clip(folder / "face.mp4", 1.0)
    models = tiny_affect(folder / "a.onnx"), tiny_reactions(folder / "r.onnx")
    return ["analyze", str(clip), "--affect", str(models[0]), "--reactions", str(models[1])]


def test_a_part_keeps_its_times_also_in_the_overlay(words: list[str], tmp_path: Path) -> None:
    part = ["--start", "0.2", "--end", "0.8", "--every", "3", "--overlay", "--quiet"]
    done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path), *part])
    assert done.exit_code == 0, done.output
    times_s = pq.read_table(tmp_path / "face" / "frames.parquet").column("timestamp_s").to_pylist()
    assert times_s == pytest.approx([0.2, 0.32, 0.44, 0.56, 0.68])
    with VideoReader(tmp_path / "face" / "overlay.mp4") as drawn:
        assert [frame.timestamp_s for frame in drawn] == pytest.approx(times_s, abs=0.002)
    document = json.loads((tmp_path / "face" / "video.json").read_text(encoding="utf-8"))
    assert document["settings"]["every"] == 3 and "fps" not in document["settings"]
    assert document["source"]["frames"] == 5


def test_the_profile_is_printed_and_summed_up(words: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path), "--fps", "5", "--profile"])
    assert done.exit_code == 0, done.output
    assert all(f"\n{stage} " in done.output for stage in STAGES)
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    seconds = summary["inputs"][0]["profile_s"]
    assert tuple(seconds) == STAGES and all(value >= 0 for value in seconds.values())


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--start", "2", "--end", "1"], "end_s must come after start_s"),
        (["--every", "2", "--fps", "5"], "give one of them"),
        (["--device", "tpu"], "'tpu' is not one of"),
    ],
)
def test_wrong_usage(words: list[str], tmp_path: Path, more: list[str], text: str) -> None:
    done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path), *more])
    assert done.exit_code == 2 and text in done.output


def test_times_that_the_video_lacks_cost_one_line(words: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path), "--start", "9"])
    assert done.exit_code == 1 and "it has no frame from 9 s to its end" in done.output
