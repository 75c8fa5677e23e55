"""What a search through a folder takes, and what it says of the rest."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.errors import InputError
from mien.jobs import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Job, Outcome, find_inputs, plan_jobs
from mien.video import VideoReader

VIDEOS = {  # suffix: container, codec
    "vob": ("vob", "mpeg2video"),
    "asf": ("asf", "wmv2"),
    "divx": ("avi", "mpeg4"),
    "qt": ("mov", "mpeg4"),
    "mpe": ("mpeg", "mpeg1video"),
    "f4v": ("f4v", "libx264"),
    "h264": ("h264", "libx264"),
    "265": ("hevc", "libx265"),
    "m2v": ("mpeg2video", "mpeg2video"),
    "3g2": ("3g2", "mpeg4"),
    "mxf": ("mxf", "mpeg2video"),
    "nut": ("nut", "mpeg4"),
    "ivf": ("ivf", "libvpx"),
    "m2t": ("mpegts", "libx264"),
    "mk3d": ("matroska", "mpeg4"),
    "rm": ("rm", "rv20"),
    "wtv": ("wtv", "mpeg2video"),
}
IMAGES = {  # suffix: that by which OpenCV knows the kind
    **dict.fromkeys(("jfif", "jpe", "jif"), ".jpg"),
    **dict.fromkeys(("jp2", "j2k"), ".jp2"),
    "dib": ".bmp",
    "ppm": ".ppm",
    "pnm": ".pnm",
}


def write_video(path: Path, kind: str, codec: str) -> None:
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 176, 144, "yuv420p"
        for _ in range(8):
            picture = av.VideoFrame.from_ndarray(np.full((144, 176, 3), 90, np.uint8), "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def test_what_can_be_read_is_found(tmp_path: Path) -> None:
    for suffix, (kind, codec) in VIDEOS.items():
        write_video(tmp_path / f"v.{suffix}", kind, codec)
    for suffix, kind in IMAGES.items():
        encoded = cv2.imencode(kind, np.full((64, 80, 3), 90, np.uint8))[1]
        (tmp_path / f"i.{suffix.upper()}").write_bytes(encoded.tobytes())
    said: list[object] = []
    found = find_inputs(str(tmp_path), said.append)
    assert said == []
    assert len(found) == len(VIDEOS) + len(IMAGES)
    for name in found:
        with VideoReader(name) as reader:
            assert sum(1 for _ in reader) == (8 if Path(name).stem == "v" else 1), name
    assert not VIDEO_SUFFIXES & IMAGE_SUFFIXES


def test_what_is_passed_over_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "n.txt", ".hidden.txt"):
        (folder / name).touch()
    said: list[object] = []
    assert find_inputs(str(folder), said.append) == [str(folder / "a.mp4")]
    assert said == [f"{folder}: passed over 1 file that is no video or image: n.txt"]
    for name in ("o.txt", "p.txt", "q.txt", ".mien-lock"):
        (folder / name).touch()
    find_inputs(str(folder), said.append)
    assert said[1] == (
        f"{folder}: passed over 4 files that are no video or image: n.txt, o.txt, p.txt, ..."
    )
    (folder / "a.mp4").unlink()
    with pytest.raises(InputError, match=r"holds no videos or images \(passed over 4 files that"):
        find_inputs(str(folder), said.append)


def test_what_mien_wrote_is_neither_taken_nor_counted(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "out" / "a").mkdir(parents=True)
    ours = json.dumps({"schema_version": 2, "mien_version": "0", "inputs": []})
    (tmp_path / "out" / "summary.json").write_text(ours)
    (tmp_path / "out" / "a" / "video.json").write_text(ours)
    for name in ("frames.parquet", "report.html", "overlay.mp4"):
        (tmp_path / "out" / "a" / name).touch()
    said: list[object] = []
    assert find_inputs(str(tmp_path), said.append) == [str(tmp_path / "a.mp4")]
    assert said == []
    (tmp_path / "summary.json").write_text("{}")  # somebody else's
    find_inputs(str(tmp_path), said.append)
    assert "passed over 1 file that is no video or image: summary.json" in str(said)


def test_an_empty_name_is_no_folder(tmp_path: Path) -> None:
    (outcome,) = plan_jobs([""], tmp_path, lambda _: None)
    assert isinstance(outcome, Outcome)
    assert outcome.status == "failed" and "no file is named" in (outcome.message or "")


@pytest.mark.parametrize("kind", ["loop", "long"])
def test_a_name_that_cannot_be_looked_up_is_one_line(kind: str, tmp_path: Path) -> None:
    name = tmp_path / ("loop.mp4" if kind == "loop" else "x" * 300 + ".mp4")
    if kind == "loop":
        name.symlink_to(name)
    (tmp_path / "good.mp4").touch()
    bad, good = plan_jobs([str(name), str(tmp_path / "good.mp4")], tmp_path, lambda _: None)
    assert isinstance(bad, Outcome) and str(bad.message).startswith(f"{name}: cannot be ")
    assert isinstance(good, Job)
