"""Parts of videos, at the times of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import InputError
from mien.pipeline.options import AnalysisOptions
from mien.types import SourceInfo
from mien.video.excerpt import Choice, Excerpt
from mien.video.reader import VideoReader
from mien.video.writer import VideoWriter

steps_s = st.lists(st.floats(0.001, 2.0), min_size=1, max_size=60)


def taken(excerpt: Excerpt, times_s: list[float]) -> list[float]:
    choice, found = Choice(excerpt), []
    for time_s in times_s:
        if choice.is_over(time_s):
            break
        if choice.takes(time_s):
            found.append(time_s)
    return found


@given(steps=steps_s, every=st.integers(1, 7), start=st.floats(-1, 20), length=st.floats(0.01, 20))
def test_one_of_so_many_within_the_times(
    steps: list[float], every: int, start: float, length: float
) -> None:
    times_s = np.cumsum(steps).tolist()
    within = [t for t in times_s if start <= t < start + length]
    assert taken(Excerpt(start, start + length, every), times_s) == within[::every]


@given(steps=steps_s, fps=st.floats(0.2, 60))
def test_the_first_of_every_interval(steps: list[float], fps: float) -> None:
    times_s = np.cumsum(steps).tolist()
    found = taken(Excerpt(fps=fps), times_s)
    cells = np.floor((np.array(times_s) - times_s[0]) * fps + 1e-6)
    assert found == [times_s[k] for k in np.unique(cells, return_index=True)[1]]


def test_the_rate_is_that_of_what_is_read() -> None:
    info = SourceInfo("a", 4, 4, 30.0, 1.0, 30, 0, "h264", False)
    assert Excerpt().of(info) == info
    assert Excerpt(every=3).of(info).nominal_fps == 10
    assert Excerpt(fps=12).of(info).nominal_fps == 12
    assert Excerpt(fps=60).of(info).nominal_fps == 30
    assert Excerpt(start_s=1).of(info).frame_count_hint is None


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, fps=10) as out:
        for k in range(20):
            out.write(np.full((64, 64, 3), 10 * k, np.uint8), k / 10 + (k > 9) * 0.03)
    return path


def test_frames_keep_their_times_and_are_numbered_anew(clip: Path) -> None:
    with VideoReader(clip) as reader:
        whole = [(f.timestamp_s, int(f.image.mean())) for f in reader]
    with VideoReader(clip, excerpt=Excerpt(0.45, 1.6, 2)) as reader:
        part = [(f.index, f.timestamp_s, int(f.image.mean())) for f in reader]
        assert reader.decoded_frames == len(part) and reader.warnings == []
    expected = [one for one in whole if 0.45 <= one[0] < 1.6][::2]
    assert part == [(k, *one) for k, one in enumerate(expected)]


def test_times_without_frames_are_one_line(clip: Path) -> None:
    with (
        VideoReader(clip, excerpt=Excerpt(start_s=5)) as reader,
        pytest.raises(InputError, match="it has no frame from 5 s to its end; give other times"),
    ):
        list(reader)


def test_pictures_have_no_times(shared_data: Path) -> None:
    path = shared_data / "images" / "single_face.jpg"
    with VideoReader(path, excerpt=Excerpt(start_s=5, every=3)) as reader:
        assert len(list(reader)) == 1


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"start_s": 2.0, "end_s": 2.0}, "end_s must come after start_s, 2.0, not 2.0"),
        ({"end_s": float("nan")}, "end_s must come after"),
        ({"every": 0}, "every must be 1 or more, not 0"),
        ({"fps": 0.0}, "fps must be positive"),
        ({"fps": 5.0, "every": 2}, "give one of them"),
        ({"device": "tpu"}, "device is one of .*not 'tpu'"),
    ],
)
def test_settings_that_make_no_sense(settings: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        AnalysisOptions(**settings)
