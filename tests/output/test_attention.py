"""Attention as data and as a video: what is written is what was said, at the face's place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.output.attention import AttentionFile, by_face, to_records, write_attention
from mien.output.attention_video import paint, scale_top, write_attention_files
from mien.pipeline.rows import Attention, FrameRow
from mien.video import VideoReader, write_video

MATRIX = np.array([[0.5, 0.0, 100.0], [0.0, 0.5, 60.0]])  # the crop is 56 px wide, at (100, 60)


def placed(face_id: int) -> np.ndarray:
    """A face with a larger number stands farther right."""
    return MATRIX + np.array([[0, 0, face_id], [0, 0, 0]])


def row(frame: int, face_id: int | None, hot: int = 0) -> FrameRow:
    made = FrameRow(frame, frame / 25, face_id)
    if face_id is not None:
        volume = np.full((4, 4), 0.5 / 15, np.float32)
        volume[hot // 4, hot % 4] = 0.5
        made.mran = np.array([frame / 10, -frame / 10], np.float32)
        made.attention = Attention(volume, placed(face_id))
    return made


ROWS = [row(0, None), row(1, 0), row(1, 3), row(2, 0, 5), row(3, 3)]


def test_volumes_are_written_by_face(tmp_path: Path) -> None:
    with AttentionFile(tmp_path) as file:
        assert file.records() is None
        for one in ROWS:
            file.write(to_records([one]))
        file.write(to_records([]))
        records = file.records()
        assert records is not None and len(records) == 4
        write_attention(records, tmp_path / "attention.npz")
        del records
    assert [p.name for p in tmp_path.iterdir()] == ["attention.npz"]
    with np.load(tmp_path / "attention.npz") as stored:
        assert stored["face_ids"].tolist() == [0, 3]
        volumes = stored["attention_0"]
        assert volumes.shape == (2, 4, 4) and volumes.dtype == np.float32
        np.testing.assert_array_equal(volumes[1], ROWS[3].attention.volume)
        np.testing.assert_allclose(volumes.sum((1, 2)), 1, rtol=1e-6)
        assert stored["frame_3"].tolist() == [1, 3]
        assert stored["time_s_3"].tolist() == [1 / 25, 3 / 25]
        np.testing.assert_array_equal(stored["crop_to_frame_3"][0], placed(3))
    faces = by_face(to_records(ROWS))
    assert list(faces) == [0, 3] and faces[0].attention.shape == (2, 4, 4)


def test_nothing_seen_is_an_empty_file_and_no_video(tmp_path: Path) -> None:
    assert to_records([row(0, None)]) is None and by_face(None) == {}
    write_attention_files(tmp_path / "none.mp4", None, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["attention.npz"]
    with np.load(tmp_path / "attention.npz") as stored:
        assert stored["face_ids"].tolist() == []


def test_a_map_lies_over_its_place() -> None:
    image = np.full((240, 320, 3), 120, np.uint8)
    records = to_records([row(1, 0, hot=5)])  # the second cell of the second row
    assert records is not None
    top = scale_top(records)
    assert top == pytest.approx(8, rel=0.1)
    painted = paint(image, records, top).astype(int)
    changed = np.abs(painted - 120).sum(axis=2)
    hot = changed[60 + 15 : 60 + 27, 100 + 15 : 100 + 27]
    assert hot.min() > 40 and painted[81, 121, 0] > painted[81, 121, 2]  # warm
    assert (changed[60 + 45 : 60 + 53, 100 + 32 : 100 + 52] == 0).all()  # below the average
    assert (changed[130:200, :] == 0).all() and (image == 120).all()
    large = paint(np.zeros((1500, 2000, 3), np.uint8), records[:0], top)
    assert large.shape == (960, 1280, 3)
    tiny = paint(np.zeros((20, 30, 3), np.uint8), records, top)
    assert tiny.shape == (20, 30, 3)


def test_the_video_has_the_frames_and_times_of_the_source(tmp_path: Path) -> None:
    frames = [np.full((120, 160, 3), 90 + k, np.uint8) for k in range(5)]
    times_s = [0.0, 0.04, 0.1, 0.2, 0.24]
    write_video(tmp_path / "v.mp4", frames, timestamps_s=times_s)
    write_attention_files(tmp_path / "v.mp4", to_records(ROWS), tmp_path)
    with VideoReader(tmp_path / "attention.mp4") as reader:
        found = [(frame.timestamp_s, frame.image) for frame in reader]
    np.testing.assert_allclose([time_s for time_s, _ in found], times_s, atol=1e-4)
    assert np.abs(found[4][1][:50, :90].astype(int) - 94).max() < 6  # no face in this frame
    assert np.abs(found[2][1][62:110, 102:].astype(int) - 92).max() > 60
