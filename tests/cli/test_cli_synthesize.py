"""``mien synthesize`` on a stage that draws noise."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from mien.cli import cli, main
from mien.errors import ModelError, OutputError
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.generation import stage
from mien.synthetic.faces.geometry.landmarks import NAMES
from mien.synthetic.faces.rendering.shot import Shot


class Something:
    attributes = {"kind": "plain"}  # noqa: RUF012
    timestamps_s = np.arange(5) / 25
    reactions = np.full(7, 0.5, np.float32)

    def __len__(self):
        return 5

    def moment(self, index):
        return Moment(np.linspace(0, 1, 17).astype(np.float32))


class NoiseStage:
    def actor(self, seed):
        return Something()

    def scene(self, seed, framing, size_px, light):
        scene = Something()
        scene.size_px = size_px
        return scene

    def moment(self, seed, frontal, speech):
        return Something().moment(0)

    def performance(self, seed, seconds, fps):
        return Something()

    def render(self, actor, scene, moment, modalities, time_s, seed):
        size, rng = scene.size_px, np.random.default_rng(seed)
        grey = rng.integers(300, 900, (size, size), dtype=np.uint16)
        color = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        zeros = np.zeros((len(NAMES), 2), np.float32)
        return Shot(color, grey, grey, zeros, zeros[:5], np.zeros(4, np.float32))


@pytest.fixture(autouse=True)
def _noise(monkeypatch):
    monkeypatch.setattr(stage, "open_stage", NoiseStage)


def invoke(*arguments):
    result = CliRunner().invoke(cli, ["synthesize", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output


def test_images(tmp_path):
    out = tmp_path / "set"
    options = ("--size", 32, "--jobs", 1, "--per-person", 2, "--modalities", "thermal, color")
    code, said = invoke("images", "--count", 10, "--seed", 3, "--out", out, *options)
    assert code == 0 and said.startswith("10 images (train ")
    assert "10 frames drawn, " in said and "frames/s" in said and str(out) in said
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    assert rows[9]["person"] == 4 and rows[9]["depth"] is None
    code, said = invoke("images", "--count", 10, "--seed", 3, "--out", out, *options)
    assert code == 0 and "0 frames drawn, 10 there already" in said


def test_videos(tmp_path):
    out = tmp_path / "set"
    options = ("--seconds", 0.2, "--size", 32, "--jobs", 1, "--modalities", "color,depth")
    code, said = invoke("videos", "--count", 2, "--seed", 3, "--out", out, *options)
    assert code == 0 and said.startswith("2 videos (train ") and "10 frames drawn" in said
    clip = {path.name for path in (out / "clips/000001").iterdir()}
    media = {"color.mp4", "depth.mkv"}
    assert clip == media | {"annotation.csv", "truth.parquet", "clip.parquet"}


def test_preview(tmp_path):
    plain, labelled = tmp_path / "plain.png", tmp_path / "new/labelled.jpg"
    color = ("--modalities", "color")
    code, said = invoke("preview", "--count", 6, "--size", 32, "--out", plain)
    assert code == 0 and said == f"{plain}: 6 face(s)\n"
    assert cv2.imread(str(plain)).shape == (6 * 36 + 4, 100 + 4, 3)  # three pictures a tile
    code, said = invoke("preview", "--count", 4, "--labels", "--out", labelled, "--quiet", *color)
    height, width = cv2.imread(str(labelled)).shape[:2]
    assert code == 0 and said == "" and width == 2 * 116 + 4 and height > width
    code, said = invoke("preview", "--out", tmp_path / "sheet.gif")
    assert code == 2 and "ends in .png or .jpg" in said
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        invoke("preview", "--count", 1, "--out", tmp_path / "file/sheet.png")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("images", "--count", 0, "--out", "x"), "--count"),
        (("images", "--count", 1, "--out", "x", "--light", "neon"), "'neon' is not one of"),
        (("images", "--count", 1, "--out", "x", "--modalities", "radar"), "modalities is radar"),
        (("videos", "--count", 1, "--out", "x", "--seconds", "nan"), "seconds"),
        (("videos", "--count", 1), "--out"),
    ],
)
def test_wrong_usage(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "nan" in arguments:
        arguments = tuple("0" if a == "nan" else a for a in arguments)
    code, output = invoke(*arguments)
    assert code == 2 and said in output
    assert not list(tmp_path.iterdir())


def test_help_explains_itself():
    assert "Nobody in the pictures is real" in invoke("--help")[1]
    for verb in ("images", "videos", "preview"):
        code, said = invoke(verb, "--help")
        assert code == 0 and "--modalities" in said and "--seed" in said


@pytest.mark.parametrize("verb", ["images", "videos", "preview"])
def test_a_missing_extra_is_one_line(verb, tmp_path, monkeypatch, capfd):
    def missing():
        raise ModelError("synthetic faces need anny: pip install '.[synthetic]'")

    monkeypatch.setattr(stage, "open_stage", missing)
    out = str(tmp_path / "x.png")
    monkeypatch.setattr(sys, "argv", ["mien", "synthesize", verb, "--count", "1", "--out", out])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capfd.readouterr().err.splitlines() == [
        "mien: synthetic faces need anny: pip install '.[synthetic]'"
    ]


def test_a_folder_of_somebody_else_is_one_line(tmp_path, monkeypatch, capfd):
    (tmp_path / "notes.txt").write_text("mine")
    arguments = ["images", "--count", "1", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["mien", "synthesize", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    errors = capfd.readouterr().err.splitlines()
    assert caught.value.code == 1 and len(errors) == 1 and "something else" in errors[0]
