from __future__ import annotations

import subprocess
import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from mien.types import Frame
from mien.video import VideoReader, write_video
from mien.video.orientation import turned
from mien.video.rate import RateMeter
from video_helpers import noise_frames, numbered_frames, set_display_matrix

NTSC = Fraction(30000, 1001)


def read(path: Path) -> tuple[VideoReader, list[Frame]]:
    with VideoReader(path) as reader:
        return reader, list(reader)


@pytest.mark.parametrize(("codec", "suffix"), [("h264-lossless", ".mp4"), ("ffv1", ".mkv")])
def test_2997_frame_by_frame(tmp_path: Path, codec: str, suffix: str) -> None:
    images = numbered_frames(75, height=35, width=51)
    path = tmp_path / f"ntsc{suffix}"
    assert write_video(path, images, fps=NTSC, codec=codec) == 75
    reader, frames = read(path)
    assert [frame.index for frame in frames] == list(range(75))
    for index, (frame, image) in enumerate(zip(frames, images, strict=True)):
        np.testing.assert_array_equal(frame.image, image)
        exact = index / NTSC
        if suffix == ".mp4":
            assert frame.timestamp_s == float(exact)
        else:  # Matroska keeps milliseconds
            assert frame.timestamp_s == int(exact * 1000 + Fraction(1, 2)) / 1000
    assert reader.decoded_frames == 75
    assert reader.variable_frame_rate is False
    assert reader.duration_s == pytest.approx(float(75 / NTSC), abs=1.5e-3)
    assert reader.info.nominal_fps == pytest.approx(float(NTSC))
    assert reader.warnings == []


@pytest.mark.parametrize(("codec", "suffix"), [("h264-lossless", ".mp4"), ("ffv1", ".mkv")])
def test_variable_rate_frame_by_frame(tmp_path: Path, codec: str, suffix: str) -> None:
    images = numbered_frames(12)
    ticks = [300, 333, 400, 401, 433, 466, 700, 733, 766, 800, 833, 1900]
    times = [Fraction(tick, 1000) for tick in ticks]
    path = tmp_path / f"variable{suffix}"
    write_video(path, images, timestamps_s=times, codec=codec)
    reader, frames = read(path)
    assert [frame.timestamp_s for frame in frames] == [float(time) for time in times]
    for frame, image in zip(frames, images, strict=True):
        np.testing.assert_array_equal(frame.image, image)
    assert reader.variable_frame_rate is True
    assert reader.duration_s == pytest.approx(1.6 + 0.034, abs=2e-3)


def test_frames_are_contiguous_uint8(tmp_path: Path) -> None:
    path = tmp_path / "plain.mp4"
    write_video(path, noise_frames(3), fps=25)
    set_display_matrix(path, 0, 1, -1, 0)
    _, frames = read(path)
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous


@pytest.mark.parametrize(
    ("matrix", "upright", "rotation_deg"),
    [
        ((1, 0, 0, 1), lambda image: image, 0),
        # The right of the stored picture goes to the bottom: clockwise, 270 counter-clockwise.
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1), 270),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2), 180),
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1), 90),
        ((-1, 0, 0, 1), lambda image: image[:, ::-1], 0),  # mirrored left to right
        ((1, 0, 0, -1), lambda image: image[::-1], 180),  # mirrored top to bottom
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2), 90),  # turned and mirrored
    ],
)
def test_display_matrix_is_applied(tmp_path, matrix, upright, rotation_deg) -> None:
    images = numbered_frames(4)
    path = tmp_path / "phone.mp4"
    write_video(path, images, fps=30, codec="h264-lossless")
    set_display_matrix(path, *matrix)
    reader, frames = read(path)
    for frame, image in zip(frames, images, strict=True):
        np.testing.assert_array_equal(frame.image, upright(image))
    assert (reader.info.height_px, reader.info.width_px) == frames[0].image.shape[:2]
    assert reader.info.rotation_deg == rotation_deg


def test_pyav_and_the_matrix_agree_on_the_sign_of_a_turn(tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    write_video(path, numbered_frames(2), fps=30)
    set_display_matrix(path, 0, 1, -1, 0)  # clockwise, as phones write for portrait
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).rotation == -90


def test_turn_is_found_without_the_matrix() -> None:
    image = numbered_frames(1)[0]
    for turn in range(-2, 3):
        orientation = turned(90 * turn)
        np.testing.assert_array_equal(orientation.apply(image), np.rot90(image, turn))
        assert orientation.rotation_deg == 90 * turn % 360


def test_pixels_that_are_not_square_become_square(tmp_path: Path) -> None:
    for aspect, size in ((Fraction(4, 3), (48, 85)), (Fraction(1, 2), (96, 64))):
        path = tmp_path / "wide.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.sample_aspect_ratio = aspect
            for image in numbered_frames(2, 48, 64):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
        reader, frames = read(path)
        assert frames[0].image.shape == (*size, 3)
        assert (reader.info.height_px, reader.info.width_px) == size


@pytest.mark.parametrize(
    ("pixel_format", "width"),
    # FFmpeg's way from RGB to more than 8 bits is unsure of rows of an odd width, so that the
    # deep videos, and one with transparency, are made with an even one.
    [("gray", 33), ("yuv444p", 33), ("yuva420p", 48), ("gray10le", 48), ("yuv420p10le", 48)],
)
def test_grey_and_deep_video(tmp_path: Path, pixel_format: str, width: int) -> None:
    path = tmp_path / "odd.mkv"
    ramp = np.repeat(np.linspace(20, 230, width, dtype=np.uint8)[None, :, None], 31, axis=0)
    image = np.repeat(ramp, 3, axis=2)  # (31, width, 3), grey
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, 31, pixel_format
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    _, frames = read(path)
    assert len(frames) == 3
    assert frames[0].image.shape == (31, width, 3)
    np.testing.assert_allclose(frames[0].image.astype(int), image.astype(int), atol=6)


def test_lossy_odd_size_is_padded_to_even(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    write_video(path, numbered_frames(3, 35, 51), fps=30)
    _, frames = read(path)
    assert frames[0].image.shape == (36, 52, 3)


def test_missing_presentation_times_fall_back_and_warn(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"  # a raw stream has no container to keep its times
    write_video(path, numbered_frames(8), fps=25)
    reader, frames = read(path)
    assert [frame.timestamp_s for frame in frames] == [index / 25 for index in range(8)]
    assert any("no presentation time" in warning for warning in reader.warnings)


def test_start_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "late.mp4"
    write_video(path, numbered_frames(5), timestamps_s=[2.0, 2.5, 3.0, 3.5, 4.0])
    reader, frames = read(path)
    assert [frame.timestamp_s for frame in frames] == [2.0, 2.5, 3.0, 3.5, 4.0]
    assert reader.duration_s == 2.5


def test_one_frame_has_the_nominal_duration(tmp_path: Path) -> None:
    path = tmp_path / "one.mp4"
    write_video(path, numbered_frames(1), fps=25)
    reader, frames = read(path)
    assert len(frames) == 1
    assert reader.variable_frame_rate is False
    assert reader.duration_s == pytest.approx(0.04)


def test_closing_early_ends_the_iteration(tmp_path: Path) -> None:
    path = tmp_path / "plain.mp4"
    write_video(path, numbered_frames(10), fps=25)
    with VideoReader(str(path)) as reader:
        assert next(reader).index == 0
        assert reader.info.frame_count_hint == 10
        assert reader.info.path == str(path)
    assert list(reader) == []
    reader.close()
    assert reader.decoded_frames == 1


def test_names_that_look_like_protocols(tmp_path: Path) -> None:
    for name in ("take 1: smile.mp4", "concat:a.mp4", "лицо %03d.mp4"):
        path = tmp_path / name
        write_video(path, numbered_frames(3), fps=25)
        assert len(read(path)[1]) == 3


def test_suffix_does_not_decide(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_frames(3), fps=25)
    renamed = path.rename(tmp_path / "clip.jpg")
    reader, frames = read(renamed)
    assert len(frames) == 3
    assert not reader.info.is_image


def test_default_then_largest_stream_is_read(tmp_path: Path) -> None:
    path = tmp_path / "two.mp4"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream, size in zip(streams, (16, 64), strict=True):
            stream.width = stream.height = size
            stream.pix_fmt = "yuv420p"
        for stream, size in zip(streams, (16, 64), strict=True):
            for image in numbered_frames(3, size, size):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        default = [bool(s.disposition & Disposition.default) for s in container.streams.video]
    expected = 64 if default[0] == default[1] else (16, 64)[default.index(True)]
    assert read(path)[0].info.width_px == expected


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    image = numbered_frames(1, 120, 160)[0]
    write_video(path, (image for _ in range(400)), fps=50)
    tracemalloc.start()
    try:
        with VideoReader(path) as reader:
            for _ in reader:
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reader.decoded_frames == 400
    assert peak < 40 * image.nbytes


def test_reader_imports_neither_torch_nor_pandas() -> None:
    code = "import sys, mien.video; sys.exit(bool({'torch', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "count", "size"),
    [
        ("pexels_portrait.mp4", 472, (360, 640)),
        ("single_face.mp4", 72, (360, 640)),
        ("face_then_none.mov", 169, (540, 960)),
        ("no_face.mp4", 95, (540, 960)),  # declares 98; an edit list hides three
    ],
)
def test_real_videos_decode_fully(shared_data: Path, name: str, count: int, size) -> None:
    with VideoReader(shared_data / "videos" / name) as reader:
        previous = -1.0
        for frame in reader:
            assert frame.timestamp_s > previous
            previous = frame.timestamp_s
    assert reader.decoded_frames == count
    assert (reader.info.height_px, reader.info.width_px) == size
    assert reader.warnings == []


@pytest.mark.parametrize("fps", [24, 25, NTSC, Fraction(24000, 1001), 50, 60, 120, Fraction(15, 2)])
@pytest.mark.parametrize("rounding", [None, "round", "floor"])
def test_constant_rates_stay_constant_under_rounding(fps, rounding) -> None:
    meter = RateMeter(1e-3 if rounding else 1 / 90000)
    for index in range(5000):
        time = Fraction(index) / Fraction(fps)
        if rounding == "round":
            time = Fraction(round(time * 1000), 1000)
        elif rounding == "floor":
            time = Fraction(int(time * 1000), 1000)
        meter.add(float(time))
    assert not meter.variable
    assert meter.typical_interval_s == pytest.approx(float(1 / Fraction(fps)), abs=1e-5)


@pytest.mark.parametrize("fps", [15, NTSC, 60])
def test_one_dropped_frame_or_a_drift_is_variable(fps) -> None:
    dropped, drifting = RateMeter(1 / 90000), RateMeter(1 / 90000)
    for index in range(1000):
        dropped.add(float((index + (index > 500)) / Fraction(fps)))
        drifting.add(index / float(fps) + 1e-5 * max(0, index - 400))
    assert dropped.variable
    assert dropped.typical_interval_s == pytest.approx(float(1 / Fraction(fps)))
    assert drifting.variable
