"""`mien datasets` as the entry point runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx")

from corpus_replicas import calm_frames, write_aff_wild, write_crema
from mien.cli import main
from mien.data.formats.face_crops import load_frame_clips
from mien.data.formats.prepared_videos import load_prepared
from mien.data.registry import corpora
from mien.demo import write_demo_clip
from mien.video import write_video
from tiny_models import tiny_affect


@pytest.fixture
def mien(monkeypatch, capfd):
    """Runs `mien datasets` with arguments: exit code, lines of stdout, lines of stderr."""

    def run(*arguments: object) -> tuple[int, list[str], list[str]]:
        monkeypatch.setattr(sys, "argv", ["mien", "datasets", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfd.readouterr()
        code = caught.value.code
        assert code is None or isinstance(code, int)
        return code or 0, out.splitlines(), err.splitlines()

    return run


def test_list_and_info(mien) -> None:
    code, out, err = mien("list")
    assert (code, err) == (0, [])
    assert [line.split()[0] for line in out] == list(corpora())
    for name in corpora():
        code, out, err = mien("info", name)
        assert (code, err) == (0, [])
        assert out[0].startswith(f"{name}: ")
    code, out, err = mien("info", "fer")
    assert (code, out, len(err)) == (1, [], 1)
    assert err[0].startswith("mien: there is no corpus 'fer': choose one of [")


def test_prepare_videos(mien, tmp_path: Path) -> None:
    root = write_crema(tmp_path / "crema")
    folder = root / "VideoFlash"
    clip = write_demo_clip(tmp_path / "clip.mp4", 0.4)
    (folder / "1001_DFA_ANG_XX.flv").write_bytes(clip.read_bytes())
    write_video(tmp_path / "empty.mp4", calm_frames(4), fps=25)
    (folder / "1002_IEO_HAP_HI.flv").write_bytes((tmp_path / "empty.mp4").read_bytes())
    model = tiny_affect(tmp_path / "tiny.onnx")
    arguments = ["prepare", "crema-d", "--root", root, "--out", tmp_path / "out"]
    arguments += ["--model", model, "--jobs", "1"]
    code, out, err = mien(*arguments)
    assert code == 1
    assert err[0] == f"mien: {folder / '1002_IEO_HAP_HI.flv'}: no face was found in any frame"
    assert err[1].startswith(f"mien: {folder / '1003_ITH_SAD_X.flv'}: ")
    assert len(err) == 2
    counts = [line.split() for line in out]
    assert ["found", "published"] in counts
    assert ["videos", "3", "7,442"] in counts and ["people", "3", "91"] in counts
    assert ["train", "1", "-"] in counts
    assert out[-1] == (
        f"1 of 3 videos prepared, 10 usable frames, extractor tiny 1 -> {tmp_path / 'out'}"
    )
    assert load_prepared(tmp_path / "out", "test", 25).ids == ("1001_DFA_ANG_XX",)
    failed = json.loads((tmp_path / "out/dataset.json").read_text())["failed"]
    assert [entry["id"] for entry in failed] == ["1002_IEO_HAP_HI", "1003_ITH_SAD_X"]
    (folder / "1003_ITH_SAD_X.flv").write_bytes(clip.read_bytes())
    code, out, err = mien(*arguments, "--quiet")
    assert (code, out, len(err)) == (0, [], 1)  # a video without a face is no failure


def test_crops(mien, tmp_path: Path) -> None:
    root = write_crema(tmp_path / "crema")
    clip = write_demo_clip(tmp_path / "clip.mp4", 0.4)
    (root / "VideoFlash" / "1001_DFA_ANG_XX.flv").write_bytes(clip.read_bytes())
    arguments = ["crops", "crema-d", "--root", root, "--out", tmp_path / "out", "--jobs", "1"]
    code, out, err = mien(*arguments, "--fps", "25")
    assert code == 1
    assert [line.split(": ")[1] for line in err] == [
        str(root / "VideoFlash" / f"{name}.flv") for name in ("1002_IEO_HAP_HI", "1003_ITH_SAD_X")
    ]
    assert out == [f"1 of 3 videos cut, 10 crops at 25 fps -> {tmp_path / 'out'}"]
    assert load_frame_clips(tmp_path / "out", "test").ids == ("1001_DFA_ANG_XX",)
    code, _, err = mien("crops", "affectnet", "--root", tmp_path, "--out", tmp_path / "x")
    assert code == 2
    assert "affectnet has no whole videos; these have: crema-d, hume-reaction" in err[-1]
    code, out, err = mien(*arguments)
    assert (code, out, len(err)) == (1, [], 1) and "was begun with another fps" in err[0]


def test_prepare_annotations(mien, tmp_path: Path) -> None:
    root = write_aff_wild(tmp_path / "wild")
    (root / "cropped_aligned/2_left/00002.jpg").unlink()
    code, out, err = mien("prepare", "aff-wild2", "--root", root, "--out", tmp_path / "out")
    assert (code, err) == (0, [])
    assert "note: 1 annotated frames have no image" in out
    assert ["videos", "2", "594"] in [line.split() for line in out]
    assert out[-1] == f"6 annotated images -> {tmp_path / 'out/annotations.parquet'}"


def test_what_is_refused_is_one_line(mien, tmp_path: Path) -> None:
    for name, text in (
        ("fer", "there is no corpus 'fer'"),
        ("muxspace", "muxspace needs no preparation"),
        ("crema-d", f"{tmp_path}: looked for processedResults/tabulatedVotes.csv, found"),
        ("aff-wild2", f"{tmp_path}: looked for ['VA_Estimation_Challenge'"),
    ):
        out_folder = tmp_path / "out"
        code, out, err = mien("prepare", name, "--root", tmp_path, "--out", out_folder)
        assert (code, out, len(err)) == (1, [], 1)
        assert err[0].startswith(f"mien: {text}")
        assert not out_folder.exists()
    assert mien("prepare", "crema-d", "--root", tmp_path)[0] == 2
    folders = ["--root", tmp_path, "--out", tmp_path / "out"]
    code, _, err = mien("prepare", "affectnet", *folders, "--jobs", "2")
    assert code == 2
    assert "--jobs and --model are for videos; affectnet has annotations" in err[-1]
    assert mien("prepare", "crema-d", "--root", tmp_path, "--out", tmp_path, "--jobs", "0")[0] == 2
