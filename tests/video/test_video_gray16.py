"""16-bit grey videos: lossless, timed, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mien.errors import InputError
from mien.video import VideoWriter, write_video
from mien.video.companions.gray16 import read_gray16
from video_helpers import noise_frames


def frames_16_bit(count: int, height: int = 33, width: int = 47) -> npt.NDArray[np.uint16]:
    noise = np.random.default_rng(4).integers(0, 2**16, (count, height, width), dtype=np.uint16)
    noise[0, 0, :2] = (0, 65_535)
    return noise


def write(path: Path, images: npt.NDArray[np.uint16], times: list[float]) -> Path:
    with VideoWriter(path, codec="ffv1-gray16", fps=25, reproducible=True) as writer:
        for image, time_s in zip(images, times, strict=True):
            writer.write(image, time_s)
    return path


def test_pixels_and_times_come_back(tmp_path: Path) -> None:
    images, times = frames_16_bit(5), [0.0, 0.04, 0.08, 0.2, 0.24]
    got_times, got = read_gray16(write(tmp_path / "depth.mkv", images, times))
    assert got.dtype == np.uint16 and np.array_equal(got, images)
    assert got_times.dtype == np.float64 and got_times.tolist() == times


def test_a_lossless_size_of_its_own_for_flat_pictures(tmp_path: Path) -> None:
    flat = np.full((10, 112, 112), 1234, np.uint16)
    file = write(tmp_path / "flat.mkv", flat, [k / 25 for k in range(10)])
    assert file.stat().st_size < flat.nbytes / 20


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    written = []
    for turn in range(2):
        file = tmp_path / f"{turn}-{name}"
        if name.endswith("mkv"):
            write(file, frames_16_bit(4), [0.0, 0.04, 0.08, 0.12])
        else:
            with VideoWriter(file, crf=12, fps=25, reproducible=True) as writer:
                for k, image in enumerate(noise_frames(4)):
                    writer.write(image, k / 25)
        written.append(file.read_bytes())
    assert written[0] == written[1]


def test_pictures_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"expected uint16 \(H, W\)"),
        VideoWriter(tmp_path / "depth.mkv", codec="ffv1-gray16") as writer,
    ):
        writer.write(noise_frames(1)[0], 0.0)
    with (
        pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\)"),
        VideoWriter(tmp_path / "color.mp4") as writer,
    ):
        writer.write(frames_16_bit(1)[0], 0.0)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    color = tmp_path / "color.mkv"
    write_video(color, noise_frames(3), fps=25, codec="ffv1")
    with pytest.raises(InputError, match="not 16-bit grey"):
        read_gray16(color)
    whole = write(tmp_path / "depth.mkv", frames_16_bit(6), [k / 25 for k in range(6)])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cut short|cannot be read"):
        read_gray16(cut)
    (tmp_path / "text.mkv").write_text("no video")
    with pytest.raises(InputError, match="not a video"):
        read_gray16(tmp_path / "text.mkv")
    with pytest.raises(InputError, match="no such file"):
        read_gray16(tmp_path / "nothing.mkv")
