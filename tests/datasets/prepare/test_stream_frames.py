from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.data.prepare.stream_frames import Companion, color_frames, color_interval_s, warp
from mien.data.recordings import StreamFile
from mien.errors import DataError, InputError
from mien.video.grey_frames import grey_frames
from stream_replicas import write_afew, write_color, write_grey8, write_pictures


def numbered(count: int, first: int = 100) -> list[np.ndarray]:
    return [np.full((8, 10), first + k, np.uint16) for k in range(count)]


def seen(stream: StreamFile, times_s, tolerance_s: float = 0.02) -> list[int | None]:
    """The number of the frame (value - 100 mm) at each time, None where there is none."""
    companion = Companion("depth", stream, tolerance_s)
    found = [companion.at(float(t)) for t in times_s]
    return [None if values is None else round(float(values[0, 0])) - 100 for values in found]


def test_the_nearest_frame_within_half_a_frame(tmp_path: Path) -> None:
    path = write_pictures(tmp_path / "depth.mkv", numbered(5))
    stream = StreamFile(path)
    assert seen(stream, np.arange(5) / 25) == [0, 1, 2, 3, 4]
    assert seen(stream, [0.018, 0.022, 0.095, 0.105]) == [0, 1, 2, 3]
    assert seen(stream, [-0.03, -0.015, 0.175, 0.19]) == [None, 0, 4, None]


def test_frames_that_were_dropped_are_missing(tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 0.16, 0.2]  # two are gone
    path = write_pictures(tmp_path / "depth.mkv", numbered(4), times_s=times_s)
    assert seen(StreamFile(path), np.arange(6) / 25) == [0, 1, None, None, 2, 3]


def test_a_slower_stream_has_its_frames_where_they_are(tmp_path: Path) -> None:
    path = write_pictures(tmp_path / "depth.mkv", numbered(3), times_s=[0, 0.111, 0.222])
    assert seen(StreamFile(path), np.arange(7) / 25) == [0, None, None, 1, None, None, 2]
    assert seen(StreamFile(path, tolerance_s=0.06), np.arange(7) / 25) == [0, 0, 1, 1, 1, 2, 2]


def test_a_clock_that_is_off(tmp_path: Path) -> None:
    path = write_pictures(tmp_path / "depth.mkv", numbered(3), times_s=[1.5, 1.54, 1.58])
    assert seen(StreamFile(path), [0, 0.04, 0.08]) == [None] * 3
    assert seen(StreamFile(path, shift_s=-1.5), [0, 0.04, 0.08]) == [0, 1, 2]


def test_units_of_16_and_8_bits(tmp_path: Path) -> None:
    images = [np.array([[0, 1, 30_000]], np.uint16)]
    path = write_pictures(tmp_path / "x.mkv", images)
    depth = Companion("depth", StreamFile(path), 0.02).at(0.0)
    np.testing.assert_array_equal(depth, np.float32([[np.nan, 1, 30_000]]))
    thermal = Companion("thermal", StreamFile(path), 0.02).at(0.0)
    np.testing.assert_allclose(thermal, [[np.nan, -273.14, 26.85]], atol=1e-4)
    own = StreamFile(path, scale=0.001, offset=-4.0, missing=1)
    found = Companion("thermal", own, 0.02).at(0.0)
    np.testing.assert_allclose(found, [[-4, np.nan, 26]], atol=1e-5)
    every = Companion("depth", StreamFile(path, missing=None), 0.02).at(0.0)
    assert np.isfinite(every).all()
    grey = write_grey8(tmp_path / "8.mkv", [np.array([[0, 128, 255]] * 2, np.uint8)])
    with pytest.raises(DataError, match=r'8\.mkv: its pictures have 8 bits; .*"thermal"'):
        Companion("thermal", StreamFile(grey), 0.02).at(0.0)
    scaled = Companion("thermal", StreamFile(grey, scale=0.1, offset=20.0, missing=None), 0.02)
    np.testing.assert_allclose(scaled.at(0.0)[0], [20, 32.8, 45.5], atol=1e-5)


@pytest.mark.parametrize("kind", ["gray", "yuv444p", "yuv420p"])
def test_8_bit_grey_comes_as_it_is_shown(tmp_path: Path, kind: str) -> None:
    image = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (4, 1))
    path = write_grey8(tmp_path / "x.mkv", [image, image + np.uint8(1)], kind)
    frames = list(grey_frames(path))
    assert [time_s for time_s, _ in frames] == [0.0, 0.04]
    assert frames[0][1].dtype == np.uint8
    np.testing.assert_allclose(frames[1][1].astype(int), image + 1, atol=0 if kind == "gray" else 1)


def test_pictures_that_are_not_grey_or_not_whole(tmp_path: Path) -> None:
    color = write_color(tmp_path / "color.mkv", 3)
    with pytest.raises(InputError, match=r"color\.mkv: its pictures are bgr0; expected grey"):
        next(grey_frames(color))
    noise = np.random.default_rng(0).integers(0, 65_536, (6, 64, 64), np.uint16)
    whole = write_pictures(tmp_path / "depth.mkv", list(noise)).read_bytes()
    for name, data in (("cut", whole[: len(whole) // 2]), ("empty", b""), ("text", b"x" * 999)):
        path = tmp_path / f"{name}.mkv"
        path.write_bytes(data)
        with pytest.raises(InputError, match=rf"{name}\.mkv: "):
            list(grey_frames(path))
    with pytest.raises(InputError, match="there is no such file"):
        next(grey_frames(tmp_path / "none.mkv"))


@pytest.mark.parametrize(
    ("fps", "keep", "expected"),
    [
        (25.0, 12.5, [0, 2, 4, 6, 8]),
        (50.0, 12.5, [0, 4, 8]),
        (29.97, 12.5, [0, 3, 5, 8]),
        (10.0, 12.5, list(range(10))),
        (25.0, None, list(range(10))),
    ],
)
def test_the_first_frame_of_each_interval_is_kept(
    tmp_path: Path, fps: float, keep: float | None, expected: list[int]
) -> None:
    path = write_color(tmp_path / "color.mkv", 10, fps)
    stream = StreamFile(path)
    frames = list(color_frames(stream, keep))
    assert [int(frame.image[0, 1, 0] - 10) // 5 for frame in frames] == expected
    assert color_interval_s(stream) == pytest.approx(1 / fps, rel=1e-2)


def test_a_folder_of_images_has_times_from_its_numbers(tmp_path: Path) -> None:
    folder = write_afew(tmp_path, ["001"]) / "01" / "001"
    (folder / "00002.png").unlink()
    stream = StreamFile(folder, fps=25.0)
    frames = list(color_frames(stream, None))
    assert [frame.timestamp_s for frame in frames] == [0, 0.04, 0.12, 0.16]
    assert [int(frame.image[0, 0, 0] - 10) // 5 for frame in frames] == [0, 1, 3, 4]
    assert color_interval_s(stream) == 0.04
    (folder / "00001.png").rename(folder / "cover.png")
    with pytest.raises(DataError, match=r"cover\.png: its name is no frame number"):
        list(color_frames(stream, None))
    with pytest.raises(DataError, match="holds no images"):
        list(color_frames(StreamFile(tmp_path / "01", fps=25.0), None))


def test_what_was_not_measured_is_not_mixed_in() -> None:
    values = np.full((20, 30), 600, np.float32)
    values[:, 15:] = 1800
    values[5:8, 5:8] = np.nan
    zoom = np.diag([4.0, 4.0, 1.0])
    nearest, mixed = warp(values, zoom, blend=False), warp(values, zoom, blend=True)
    assert set(np.unique(nearest[np.isfinite(nearest)])) == {600, 1800}
    between = (mixed > 601) & (mixed < 1799)
    assert 0 < between.sum() < 500  # only at the edge between the two
    left = mixed[:60, :40]
    np.testing.assert_allclose(left[np.isfinite(left)], 600, atol=1e-2)
    for found in (nearest, mixed):
        assert np.isnan(found[24, 24]) and np.isfinite(found[24, 10])
        assert np.isnan(found[90:]).all()  # beyond the picture
