"""Frames that a program hands over are read as those of a file are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from face_doubles import double_analyzer, make_face, texture
from mien import analyze_frames
from mien.api import analyze
from mien.errors import InputError
from mien.video import VideoReader, write_video
from mien.video.source import FrameFeed

FACE = make_face(4, 10)


def script(call: int) -> list:
    return [] if call < 5 else [FACE]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("memory") / "clip.mp4"
    write_video(path, (texture(1) for _ in range(30)), fps=25, codec="h264-lossless")
    return path


@pytest.fixture(scope="module")
def frames(clip: Path) -> list:
    with VideoReader(clip) as reader:
        return list(reader)


def test_the_numbers_are_those_of_the_file(clip: Path, frames: list) -> None:
    whole = analyze(clip, analyzer=double_analyzer(script))
    images, times = [f.image for f in frames], [f.timestamp_s for f in frames]
    for timing in ({"times_s": times}, {"fps": 25}):
        again = analyze_frames(images, analyzer=double_analyzer(script), name="camera", **timing)
        for name in whole.table.column_names:
            columns = (t.column(name).to_pandas().to_numpy() for t in (again.table, whole.table))
            np.testing.assert_array_equal(*columns)
        assert "30 frames, 1.20 s, 25.00 fps" in repr(again)
        assert again.document["faces"] == whole.document["faces"]
        source = again.document["source"]
        assert (source["path"], source["codec"], source["size_bytes"]) == ("camera", "memory", None)
        assert (source["frames"], source["width_px"], source["height_px"]) == (30, 128, 72)
        assert source["duration_s"] == pytest.approx(1.2)
        assert not source["variable_frame_rate"]
    assert whole.document["source"]["nominal_fps"] == again.document["source"]["nominal_fps"] == 25


def test_rows_come_while_frames_still_arrive(frames: list) -> None:
    taken = 0

    def camera():
        nonlocal taken
        for frame in frames:
            taken += 1
            yield frame.timestamp_s + 1000.0, frame.image

    analyzer = double_analyzer(lambda _: [FACE], batch=1)
    with analyzer.open_frames(camera(), "camera") as analysis:
        assert taken == 1  # the size is known before anything else
        rows = analysis.rows()
        first = next(rows)
        assert taken == 1 and first[0].timestamp_s == 1000.0 and first[0].face_id == 0
        later = [row for batch in rows for row in batch]
        assert [row.frame for row in later] == list(range(1, 30))
        assert analysis.summary().document["source"]["nominal_fps"] is None


def test_results_are_saved_but_for_what_needs_the_pictures(frames: list, tmp_path: Path) -> None:
    images = [f.image for f in frames]
    result = analyze_frames(images, fps=25, analyzer=double_analyzer(script))
    result.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "report.html").is_file()
    with pytest.raises(InputError, match="frames: came from memory, and its pictures are not kept"):
        result.save(tmp_path / "overlay", overlay=True)
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]


def test_time_that_varies_is_seen(frames: list) -> None:
    images = [f.image for f in frames][:6]
    result = analyze_frames(
        images, times_s=[0, 0.1, 0.2, 0.6, 0.7, 0.8], analyzer=double_analyzer(script)
    )
    source = result.document["source"]
    assert source["variable_frame_rate"] and source["duration_s"] == pytest.approx(0.9)


BLACK = np.zeros((48, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("frames", "timing", "text"),
    [
        ([], {"fps": 25}, "there is no frame"),
        ([BLACK, BLACK[:40]], {"fps": 25}, "frame 1 is 64 x 40 pixels, those before it 64 x 48"),
        ([BLACK[..., 0]], {"fps": 25}, r"frame 0 is uint8 \(48, 64\); give uint8"),
        ([BLACK / 255.0], {"fps": 25}, r"frame 0 is float64 \(48, 64, 3\); give uint8"),
        ([BLACK, None], {"fps": 25}, "frame 1 is NoneType; give uint8"),
        ([BLACK, BLACK], {"times_s": [1.0, 1.0]}, "frame 1 at 1 s does not come after 1 s"),
        ([BLACK], {"times_s": [math.nan]}, "frame 0 has the time nan"),
        ([BLACK], {"times_s": ["0"]}, "frame 0 has the time '0'; give seconds, one number"),
        ([BLACK], {"times_s": np.zeros((1, 1))}, "frame 0 has the time array"),
        ([BLACK], {"times_s": np.array([0], "datetime64[s]")}, "frame 0 has the time np.datetime"),
        ([BLACK, BLACK], {"times_s": [0.0]}, "frame 1 has no time"),
        ([BLACK], {"times_s": [0.0, 1.0]}, "there are more times than frames"),
    ],
)
def test_frames_that_cannot_be_read_are_named(frames: list, timing: dict, text: str) -> None:
    with pytest.raises(InputError, match=f"^webcam: {text}") as caught:
        analyze_frames(frames, name="webcam", analyzer=double_analyzer(script), **timing)
    assert "\n" not in str(caught.value)


def test_when_frames_were_taken_has_to_be_said() -> None:
    with pytest.raises(ValueError, match="give fps or times_s"):
        analyze_frames([BLACK], analyzer=double_analyzer(script))
    with pytest.raises(InputError, match="frame 0 is no pair of a time in seconds and an image"):
        double_analyzer(script).open_frames([BLACK])
    for fps in (0, -1, math.inf):
        with pytest.raises(ValueError, match="fps is above 0"):
            analyze_frames([BLACK], fps=fps, analyzer=double_analyzer(script))
    with pytest.raises(ValueError, match="nominal_fps is above 0"):
        FrameFeed([(0.0, BLACK)], nominal_fps=0)


def test_a_camera_is_let_go_when_the_analysis_is_left(frames: list) -> None:
    taken, released = 0, []

    def camera():
        nonlocal taken
        try:
            while True:
                yield taken / 25, frames[0].image
                taken += 1
        finally:
            released.append(True)

    with double_analyzer(script, batch=1).open_frames(camera(), "camera") as analysis:
        rows = analysis.rows()
        for _ in range(3):  # the first have no face, and yet nothing waits
            next(rows)
        assert taken == 2 and not released
    assert released
    assert list(rows) == [] and taken == 2
    assert analysis.summary().document["source"]["frames"] == 3


def test_views_of_other_orders_say_the_same(frames: list) -> None:
    images = [f.image for f in frames]
    whole = analyze_frames(images, fps=25, analyzer=double_analyzer(script))
    swapped = [np.ascontiguousarray(image[..., ::-1]) for image in images]
    again = analyze_frames(
        (image[..., ::-1] for image in swapped), fps=25, analyzer=double_analyzer(script)
    )
    assert again.document["faces"] == whole.document["faces"]


def test_a_clock_of_its_own_with_a_rate(frames: list, tmp_path: Path) -> None:
    images, times_s = [f.image for f in frames], 1000 + np.arange(30) / 2
    slow = analyze_frames(images, fps=2, analyzer=double_analyzer(script))
    clock = analyze_frames(images, times_s=times_s, fps=2, analyzer=double_analyzer(script))
    for name in ("valence", "face_id"):
        columns = (t.column(name).to_pandas().to_numpy() for t in (slow.table, clock.table))
        np.testing.assert_array_equal(*columns)
    clock.save(tmp_path / "clock")
    document = (tmp_path / "clock" / "report.html").read_text(encoding="utf-8")
    assert "16:44" in document  # 1000 s and a little: the axis begins where the frames do


def test_attention_of_frames_from_memory_is_kept_as_numbers(frames: list, tmp_path: Path) -> None:
    images = [f.image for f in frames]
    result = analyze_frames(images, fps=25, analyzer=double_analyzer(script, attention=False))
    result.document["settings"]["attention"] = True
    result.save(tmp_path / "saved")
    names = {path.name for path in (tmp_path / "saved").iterdir()}
    assert "attention.npz" in names and "attention.mp4" not in names


def test_a_closed_feed_ends() -> None:
    feed = FrameFeed(iter([(0.0, BLACK), (1.0, BLACK)]))
    assert feed.duration_s == 0.0
    feed.close()
    assert list(feed) == []
