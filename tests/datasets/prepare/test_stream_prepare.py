"""From a corpus with traces to aligned streams: what is cut, kept, resumed, refused, reported."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from face_doubles import ScriptedDetector, make_face
from mien.cli import main
from mien.data.corpora.recordings.afew_va import load_afew_va
from mien.data.corpora.recordings.mavfer import load_mavfer
from mien.data.corpora.recordings.recola import load_recola
from mien.data.formats.streams import load_streams
from mien.data.prepare.streams import prepare_streams
from mien.data.registry import load_corpus
from mien.demo import demo_frames
from mien.errors import DataError, OutputError
from mien.faces.align import TEMPLATE, similarity
from mien.faces.detectors.retinaface import RetinaFaceDetector
from stream_replicas import annotation, write_afew, write_mavfer, write_pictures, write_recola

FACE = (12.0, 16.0, 40.0)  # x, y, size in the 64 x 48 pictures of the replicas


def one_face() -> ScriptedDetector:
    return ScriptedDetector(lambda _: [make_face(2, 2, 10), make_face(*FACE)])


def nobody() -> ScriptedDetector:
    return ScriptedDetector(lambda _: [])


def first_two_without() -> ScriptedDetector:
    return ScriptedDetector(lambda call: [] if call < 2 else [make_face(*FACE)])


def prepare(corpus, out: Path, **changes):
    return prepare_streams(corpus, out, **{"jobs": 1, "factory": one_face, **changes})


def all_of(folder: Path):
    """Every recording of a folder by its id: a clip of all its frames."""
    found = {}
    for split in ("train", "valid", "test"):
        try:
            data = load_streams(folder, split)
        except DataError:
            continue
        for k, recording in enumerate(data.recordings):
            found[recording.id] = data.clip(k, np.arange(recording.frames))
    return found


def test_three_streams_in_metric_units(tmp_path: Path) -> None:
    root = write_mavfer(tmp_path / "set")
    (root / "manifest.csv").write_text("clip,split,person,light\na,train,p,dark\nb,test,q,even\n")
    document = prepare(load_corpus("mavfer", root), tmp_path / "out")
    assert document["counts"]["recordings"] == 2 and document["fps"] == 25
    assert document["modalities"] == ["color", "depth", "thermal"] and not document["failed"]
    data = load_streams(tmp_path / "out", "train")
    assert data.recordings[0].attributes == {"light": "dark"} and data.recordings[0].person == "p"
    clip = data.clip(0, np.arange(6))
    assert clip.present.all()
    np.testing.assert_allclose(clip.times_s, np.arange(6) / 25)
    np.testing.assert_allclose(clip.affect[:, 1], -0.5 + 0.05 * np.arange(6), atol=1e-6)
    np.testing.assert_allclose(clip.affect[:, 0], 0.5 - 0.05 * np.arange(6), atol=1e-6)
    inside = np.s_[30:80, 30:80]
    for k in range(6):
        assert (clip.color[k][inside][..., 0] == 10 + 5 * k).all()
        np.testing.assert_allclose(clip.depth_mm[k][inside], 500 + k, atol=1e-3)
        np.testing.assert_allclose(clip.thermal_c[k][inside], 26.85 + k / 100, atol=1e-3)
    # the crop reaches beyond the picture; there nothing was measured
    assert np.isnan(clip.depth_mm[:, 111, 56]).all() and np.isnan(clip.thermal_c[:, 111, 56]).all()


def planted(tmp_path: Path, homography: list[list[float]] | None) -> Path:
    """Depth and thermal of 96 x 72, ramps in their own pixels; color is 64 x 48."""
    root = write_mavfer(tmp_path, "a", frames=2)
    y, x = np.mgrid[:72, :96]
    write_pictures(root / "a" / "depth.mkv", [(1000 + 6 * x + 2 * y).astype(np.uint16)] * 2)
    write_pictures(root / "a" / "thermal.mkv", [(30_000 + 5 * x - 3 * y).astype(np.uint16)] * 2)
    if homography is not None:
        one = {"homography": homography}
        (root / "streams.json").write_text(json.dumps({"depth": one, "thermal": one}))
    return root


TILTED = [[0.6, 0.05, 1.0], [-0.03, 0.62, 2.0], [0.0001, 0.0002, 1.0]]


def test_a_homography_takes_pixels_to_those_of_color(tmp_path: Path) -> None:
    root = planted(tmp_path / "set", TILTED)
    prepare(load_mavfer(root), tmp_path / "out")
    clip = all_of(tmp_path / "out")["a"]
    points = make_face(*FACE).landmarks
    to_crop = similarity(points, TEMPLATE)
    y, x = np.mgrid[20:100, 20:100].astype(np.float64)
    crop = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    in_color = np.linalg.inv(np.vstack([to_crop, [0, 0, 1]])) @ crop
    in_stream = np.linalg.inv(np.array(TILTED)) @ in_color
    u, v = (in_stream[:2] / in_stream[2]).reshape(2, 80, 80)
    known = (u > 1) & (u < 94) & (v > 1) & (v < 70)
    assert known.mean() > 0.6
    beyond = (v > 73) | (v < -2)
    assert beyond.any() and np.isnan(clip.depth_mm[1, 20:100, 20:100][beyond]).all()
    depth = clip.depth_mm[1, 20:100, 20:100]
    assert np.abs(depth - (1000 + 6 * u + 2 * v))[known].max() <= 4.2  # half a pixel each way
    assert abs(np.mean((depth - (1000 + 6 * u + 2 * v))[known])) < 0.5
    thermal = clip.thermal_c[1, 20:100, 20:100]
    expected = (30_000 + 5 * u - 3 * v) / 100 - 273.15
    assert np.abs(thermal - expected)[known].max() < 0.02


def test_other_sizes_need_a_homography(tmp_path: Path) -> None:
    root = planted(tmp_path / "set", None)
    with pytest.raises(DataError, match=r"depth\.mkv: is 96 x 72 pixels, color 64 x 48; give the"):
        prepare(load_mavfer(root), tmp_path / "out")


def test_frames_that_are_missing_are_marked(tmp_path: Path) -> None:
    root = write_mavfer(tmp_path / "set", "ab")
    times_s = [0.0, 0.04, 0.16, 0.2]
    images = [np.full((48, 64), 700 + k, np.uint16) for k in range(4)]
    write_pictures(root / "a" / "depth.mkv", images, times_s=times_s)
    (root / "b" / "thermal.mkv").unlink()
    (root / "a" / "annotation.csv").write_text(annotation([0.04, 0.08, 0.12]))
    prepare(load_mavfer(root), tmp_path / "out", factory=first_two_without)
    # one detector reads both: the first two frames of a have no face
    clips = all_of(tmp_path / "out")
    assert clips["a"].present.tolist() == [
        [False, False, False],
        [False, False, False],
        [True, False, True],
        [True, False, True],
        [True, True, True],
        [True, True, True],
    ]
    assert np.isnan(clips["a"].depth_mm[2:4]).all() and (clips["a"].color[:2] == 0).all()
    assert np.nanmedian(clips["a"].depth_mm[4]) == 702
    assert np.isnan(clips["a"].affect[[0, 4, 5]]).all()
    assert np.isfinite(clips["a"].affect[1:4]).all()
    assert clips["b"].present.tolist() == [[True, True, False]] * 6
    assert np.isnan(clips["b"].thermal_c).all()


def test_color_alone_at_a_lower_rate(tmp_path: Path) -> None:
    document = prepare(load_recola(write_recola(tmp_path / "set")), tmp_path / "out")
    assert document["modalities"] == ["color"] and document["fps"] == 12.5
    clip = all_of(tmp_path / "out")["P16"]
    np.testing.assert_allclose(clip.times_s, np.arange(10) / 12.5, atol=1e-6)
    assert (clip.color[:, 56, 56, 0] == 10 + 10 * np.arange(10)).all()
    assert clip.depth_mm is None and np.isfinite(clip.affect).all()
    assert document["notes"][-1].endswith("(EWE)")
    document = prepare(load_afew_va(write_afew(tmp_path / "afew")), tmp_path / "afew-out")
    clip = all_of(tmp_path / "afew-out")["001"]
    np.testing.assert_allclose(clip.affect[:, 0], -np.arange(5) / 10, atol=1e-6)
    faster = prepare(load_recola(tmp_path / "set"), tmp_path / "fast", fps=25.0)
    assert faster["counts"]["frames"] == 40


def test_recordings_that_cannot_be_read_are_listed_and_tried_again(tmp_path: Path) -> None:
    root = write_mavfer(tmp_path / "set", "abc")
    thermal = root / "b" / "thermal.mkv"
    whole = thermal.read_bytes()
    thermal.write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    document = prepare(load_mavfer(root), out)
    assert [entry["id"] for entry in document["failed"]] == ["b"]
    assert document["failed"][0]["reason"].startswith(f"{thermal}: it is cut short")
    assert set(all_of(out)) == {"a", "c"} and not (out / "streams" / "b").exists()
    thermal.write_bytes(whole)
    stamp = (out / "streams" / "a" / "color.npy").stat().st_mtime_ns
    document = prepare(load_mavfer(root), out)
    assert not document["failed"] and set(all_of(out)) == {"a", "b", "c"}
    assert (out / "streams" / "a" / "color.npy").stat().st_mtime_ns == stamp
    assert not list(out.glob(".failed"))
    with pytest.raises(OutputError, match=r"was begun with another fps \(None, now 10\.0\)"):
        prepare(load_mavfer(root), out, fps=10.0)
    with pytest.raises(DataError, match=r"none of 3 recordings .* no face was found in any frame"):
        prepare(load_mavfer(root), tmp_path / "none", factory=nobody)
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "x").touch()
    with pytest.raises(OutputError, match="holds something else"):
        prepare(load_mavfer(root), tmp_path / "else")


def test_what_has_changed_since_is_read_again(tmp_path: Path) -> None:
    root = write_mavfer(tmp_path / "set", "ab")
    out = tmp_path / "out"
    prepare(load_mavfer(root), out)
    stamps = {k: (out / "streams" / k / "depth.npy").stat().st_mtime_ns for k in "ab"}
    before = all_of(out)
    (root / "a" / "streams.json").write_text('{"depth": {"scale": 2.0, "offset": 0.0}}')
    document = prepare(load_mavfer(root), out)
    after = all_of(out)
    np.testing.assert_allclose(after["a"].depth_mm, 2 * before["a"].depth_mm, atol=0.1)
    assert (out / "streams" / "b" / "depth.npy").stat().st_mtime_ns == stamps["b"]
    assert document["present_frames"] == {"color": 12, "depth": 12, "thermal": 12}
    (root / "b" / "annotation.csv").write_text(annotation([0.0, 0.04]))
    document = prepare(load_mavfer(root), out)
    assert document["counts"]["annotated_frames"] == 8
    (root / "b" / "depth.mkv").write_bytes(b"no video")  # what was read before is not passed off
    document = prepare(load_mavfer(root), out)
    assert [entry["id"] for entry in document["failed"]] == ["b"] and set(all_of(out)) == {"a"}


@pytest.mark.parametrize(
    ("calibration", "times_s", "message"),
    [
        ({"depth": {"time_offset_s": 9.0}}, [0.0, 0.04], r"depth\.mkv: none of its 6 frames is at"),
        ({}, [5.0, 5.04], r"color\.mkv: no frame is at a time .* run from 5 to 5\.04 s"),
    ],
)
def test_streams_and_annotations_of_another_clock_are_refused(
    tmp_path: Path, calibration: dict, times_s: list[float], message: str
) -> None:
    root = write_mavfer(tmp_path / "set", "ab")
    (root / "a" / "streams.json").write_text(json.dumps(calibration))
    (root / "a" / "annotation.csv").write_text(annotation(times_s))
    document = prepare(load_mavfer(root), tmp_path / "out")
    (failed,) = document["failed"]
    assert failed["id"] == "a" and re.search(message, failed["reason"])


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
from mien.data.corpora.recordings.mavfer import load_mavfer
from mien.data.prepare.streams import prepare_streams
from slow_detector import slow
if __name__ == "__main__":
    prepare_streams(load_mavfer({root!r}), __import__("pathlib").Path({out!r}), jobs={jobs},
        factory=slow)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    root = write_mavfer(tmp_path / "set", "abcd")
    prepare(load_mavfer(root), tmp_path / "whole")
    out = tmp_path / "killed"
    here = str(Path(__file__).parents[1])
    code = SCRIPT.format(tests=here, root=str(root), out=str(out), jobs=1)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, *sys.path])}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    deadline = time.monotonic() + 120
    try:
        while not ((out / "streams" / "a").is_dir() and list((out / "streams").glob(".b.*"))):
            assert process.poll() is None and time.monotonic() < deadline, "ended or hung"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait(60)
    assert not (out / "recordings.parquet").exists() and not (out / "streams" / "d").exists()
    prepare(load_mavfer(root), out)
    assert listing(out) == listing(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    root = write_mavfer(tmp_path / "set", "abc")
    told: list[int] = []
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        prepare_streams(load_mavfer(root), out, jobs=jobs, progress=told.append, factory=one_face)
    assert listing(tmp_path / "1") == listing(tmp_path / "2") and sum(told) == 6


def write_person(root: Path) -> Path:
    """A real face in color at 640 x 480; depth at a third of the size is a ramp."""
    clip = root / "someone"
    frames = list(demo_frames(0.2))
    write_pictures(clip / "color.mkv", frames)
    x = np.mgrid[:160, :214][1]
    write_pictures(clip / "depth.mkv", [(600 + x).astype(np.uint16)] * len(frames))
    (clip / "annotation.csv").write_text(annotation(np.arange(len(frames)) / 25))
    homography = [[3, 0, 1], [0, 3, 1], [0, 0, 1]]
    (root / "streams.json").write_text(json.dumps({"depth": {"homography": homography}}))
    return root


def test_a_real_face_is_found_and_cut_in_both_streams(tmp_path: Path) -> None:
    root = write_person(tmp_path / "set")
    prepare_streams(load_mavfer(root), tmp_path / "out", jobs=1)
    clip = all_of(tmp_path / "out")["someone"]
    assert clip.present[:, :2].all() and clip.depth_mm.shape == (5, 112, 112)
    # the face is where the template says: its color is skin's at the nose, in every frame
    nose = clip.color[:, 60:74, 49:63].reshape(-1, 3).mean(axis=0)
    assert nose[0] > nose[1] > nose[2] and nose[0] > 120
    # steady crops of a face that moves a little: the frames look alike
    grey = [cv2.GaussianBlur(one[..., 1], (0, 0), 3).astype(float) for one in clip.color]
    assert np.corrcoef(grey[0].ravel(), grey[-1].ravel())[0, 1] > 0.9
    # the ramp rises by 1 mm with each pixel of depth, 3 of color: the crop's scale shows in it
    rise_mm = np.nanmedian(clip.depth_mm[0][:, 101] - clip.depth_mm[0][:, 11])
    face = RetinaFaceDetector().detect(next(demo_frames(0.2)))[0]
    assert rise_mm == pytest.approx(
        90 / 3 / np.hypot(*similarity(face.landmarks, TEMPLATE)[:, 0]), abs=2
    )


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


def test_the_command(mien, tmp_path: Path) -> None:
    root = write_person(tmp_path / "set")
    (root / "someone").rename(root / "one")
    write_mavfer(root, ["two"])
    arguments = ["prepare", "mavfer", "--root", root, "--out", tmp_path / "out", "--jobs", "1"]
    code, out, err = mien(*arguments)
    assert code == 1 and len(err) == 1
    assert err[0].startswith(f"mien: {root / 'two' / 'color.mkv'}: no face was found in any frame")
    assert out[0].startswith("MAVFER") and ["recordings", "2", "-"] in [x.split() for x in out]
    assert out[-1] == (
        "1 of 2 recordings prepared, 5 frames at 25 fps (color 5, depth 5, thermal 0; annotated 5) "
        f"-> {tmp_path / 'out'}"
    )
    code, out, err = mien(*arguments, "--fps", "10")
    assert code == 1 and "was begun with another fps" in err[0]
    code, out, err = mien(*arguments, "--model", "x.onnx")
    assert code == 2 and "--model is for videos that go through the extractor" in err[-1]
    crema = ["prepare", "crema-d", "--root", root, "--out", tmp_path / "x", "--fps", "5"]
    code, out, err = mien(*crema)
    assert code == 2 and "--fps is for recordings with traces" in err[-1]
