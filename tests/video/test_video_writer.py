from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import OutputError
from mien.video import VideoReader, VideoWriter, write_video
from mien.video.writer import CODECS
from video_helpers import numbered_frames


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_keeps_variable_times(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "clip.mkv"
    times = [0.0, 0.033, 0.1, 0.25]
    base = Fraction(1, 1000)
    images: list[Any] = list(numbered_frames(4))
    if codec == "ffv1-gray16":
        images = [image[..., 0].astype(np.uint16) for image in images]
    write_video(path, images, timestamps_s=times, codec=codec, time_base=base)
    with VideoReader(path) as reader:
        assert [frame.timestamp_s for frame in reader] == times


def test_nothing_appears_under_the_name_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path) as writer:
        writer.write(numbered_frames(1)[0], 0.0)
        assert not path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4"]
    writer.close()  # idle
    assert writer.written_frames == 1


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), VideoWriter(tmp_path / "clip.mp4") as writer:
        writer.write(numbered_frames(1)[0], 0.0)
        raise KeyError("from the caller")
    with pytest.raises(OutputError, match="no frame was written"):
        write_video(tmp_path / "clip.mp4", [], fps=30)
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments(tmp_path: Path) -> None:
    path, images = tmp_path / "clip.mp4", numbered_frames(3)
    with pytest.raises(ValueError, match="either fps or timestamps_s"):
        write_video(path, images)
    with pytest.raises(ValueError, match="either fps or timestamps_s"):
        write_video(path, images, fps=30, timestamps_s=[0, 1, 2])
    with pytest.raises(ValueError, match="fps is 0"):
        write_video(path, images, fps=0)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        write_video(path, images, timestamps_s=[0, 1])
    with pytest.raises(ValueError, match=r"must exceed 0\.5"):
        write_video(path, images, timestamps_s=[0, 0.5, 0.5])
    with pytest.raises(ValueError, match="the first had"):
        write_video(path, [*images, images[0][1:]], fps=30)
    with pytest.raises(ValueError, match="expected uint8"):
        write_video(path, [np.zeros((4, 4, 3), dtype=np.float32)], fps=30)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="allowed are h264"):
        write_video(path, images, fps=30, codec="vhs")
    with pytest.raises(ValueError, match="crf is 99"):
        write_video(path, images, fps=30, crf=99)
    with pytest.raises(ValueError, match="mpeg4 allows"):
        write_video(path, images, timestamps_s=[0, 1, 2], codec="mpeg4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["absent/clip.mp4", "clip.unknown", "clip"])
def test_unwritable_places(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"cannot be written.*check the folder") as caught:
        write_video(tmp_path / name, numbered_frames(1), fps=30)
    assert "\n" not in str(caught.value)


def test_codec_that_the_container_refuses(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_video(tmp_path / "clip.webm", numbered_frames(2), fps=30, codec="mpeg4")
    assert list(tmp_path.iterdir()) == []
