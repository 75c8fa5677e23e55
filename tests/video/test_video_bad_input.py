from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.errors import InputError
from mien.types import Frame
from mien.video import VideoReader, write_video
from video_helpers import boxes, noise_frames, numbered_frames


def assert_fails(path: Path, match: str) -> str:
    """Read ``path``, expect an `InputError`, and check the promise of its form."""
    with pytest.raises(InputError, match=match) as caught, VideoReader(path) as reader:
        for _ in reader:
            pass
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    assert "; " in text, "it must say what to do"
    return text


def read_all(path: Path) -> tuple[VideoReader, list[Frame]]:
    with VideoReader(path) as reader:
        return reader, list(reader)


def fast_start(path: Path) -> None:
    """Move the index to the front, as files made for the web have it."""
    source = path.with_name("source.mp4")
    path.rename(source)
    with (
        av.open(str(source)) as old,
        av.open(str(path), "w", options={"movflags": "faststart"}) as new,
    ):
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    kinds = [kind for kind, _, _ in boxes(path.read_bytes())]
    assert kinds.index(b"moov") < kinds.index(b"mdat")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    write_video(path, noise_frames(60), fps=30)
    return path


def test_missing_path(tmp_path: Path) -> None:
    assert_fails(tmp_path / "nowhere.mp4", "no such file; check the path")


def test_folder(tmp_path: Path) -> None:
    assert_fails(tmp_path, "is a folder")


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert_fails(path, "the file is empty")


def test_pipe(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)
    assert_fails(path, "not a regular file")


@pytest.mark.parametrize("name", ["notes.mp4", "notes.txt", "notes.nfo", "notes.jpg", "notes"])
def test_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("This is no video.\n" * 200)
    assert_fails(path, "not a video|this is text|no video")


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.jpg", "list"])
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{video}\n#EXT-X-ENDLIST\n",
        "\ufeff#EXTM3U\n#EXTINF:2,\n{own}\n",  # itself, for ever
        "ffconcat version 1.0\nfile '{video}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        '<?xml version="1.0"?><MPD><Period><BaseURL>{video}</BaseURL></Period></MPD>',
    ],
)
def test_what_names_other_files_is_not_followed(
    tmp_path: Path, video: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text.format(video=video, own=path), encoding="utf-8")
    started = time.perf_counter()
    assert_fails(path, "playlist|not a video|no video")
    assert time.perf_counter() - started < 0.5


def test_a_pattern_is_a_name(tmp_path: Path) -> None:
    for name, level in (("f%d.tga", 40), ("f1.tga", 200)):
        header = struct.pack("<3B5x4H2B", 0, 0, 2, 0, 0, 32, 32, 24, 0x20)
        (tmp_path / name).write_bytes(header + bytes([level]) * (32 * 32 * 3))
    assert read_all(tmp_path / "f%d.tga")[1][0].image.mean() == pytest.approx(40, abs=3)


@pytest.mark.parametrize("place", ["/proc/self/cmdline", "/dev/zero", "/sys/kernel/uevent_seqnum"])
def test_the_systems_own_files_are_no_recordings(tmp_path: Path, place: str) -> None:
    if not Path(place).exists():
        pytest.skip(f"this system has no {place}")
    assert_fails(Path(place), "not a regular file")
    link = tmp_path / "clip.mp4"
    link.symlink_to(place)
    assert_fails(link, "not a regular file")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts"])
def test_noise(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(np.random.default_rng(1).bytes(20_000))
    assert_fails(path, ".")


@pytest.mark.parametrize(
    "start", [b"RIFF", b"RIFF\0\0\0\0WEBP", b"\xff\xd8\xff", b"II*\0", b"\x1a\x45\xdf\xa3", b"\0"]
)
def test_a_few_bytes(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "stub"
    path.write_bytes(start)
    assert_fails(path, ".")


def test_index_missing(video: Path) -> None:
    data = video.read_bytes()
    start = {kind: at for kind, at, _ in boxes(data)}[b"moov"]
    video.write_bytes(data[: start - 50])
    assert_fails(video, r"cut short: its index \(moov\) is missing; copy or download")
    video.write_bytes(data[:start])
    assert_fails(video, r"cut short: its index \(moov\) is missing; copy or download")


@pytest.mark.parametrize("keep", [0.95, 0.5, 0.1])
def test_cut_after_an_index_at_the_front(video: Path, keep: float) -> None:
    fast_start(video)
    data = video.read_bytes()
    start = {kind: at for kind, at, _ in boxes(data)}[b"mdat"]
    video.write_bytes(data[: int(start + keep * (len(data) - start))])
    assert_fails(video, r"cut short: \d+ of 60 frames are there; copy or download")


def test_cut_before_any_frame(video: Path) -> None:
    fast_start(video)
    data = video.read_bytes()
    start = {kind: at for kind, at, _ in boxes(data)}[b"mdat"]
    video.write_bytes(data[: start + 12])
    assert_fails(video, "cut short|no frame")
    video.write_bytes(data[: start - 40])
    assert_fails(video, "cut short|no frame|not a video")


def test_cut_behind_the_last_frame_is_a_warning(video: Path) -> None:
    with video.open("ab") as file:
        file.write((1000).to_bytes(4, "big") + b"free" + bytes(100))
    with VideoReader(video) as reader:
        assert sum(1 for _ in reader) == 60
    assert any("892 bytes are missing" in warning for warning in reader.warnings)


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "h264"), (".avi", "mpeg4")])
def test_cut_matroska_and_avi(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"clip{suffix}"
    write_video(path, noise_frames(60), fps=30, codec=codec)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert_fails(path, "cut short|damaged")


def test_what_is_damaged_in_the_middle_is_passed_over_and_said(video: Path) -> None:
    data = bytearray(video.read_bytes())
    start, end = next((at, end) for kind, at, end in boxes(bytes(data)) if kind == b"mdat")
    middle = (start + end) // 2
    data[middle : middle + (end - start) // 4] = bytes((end - start) // 4)
    whole = [frame.timestamp_s for frame in read_all(video)[1]]
    video.write_bytes(data)
    reader, frames = read_all(video)
    times_s = [frame.timestamp_s for frame in frames]
    assert 30 <= len(times_s) < 60 and set(times_s) <= set(whole)
    lost = [text for text in reader.warnings if "packets are damaged" in text]
    assert re.match(r"\d+ of its packets are damaged and were passed over, at [12]\.\d\d", lost[0])


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    assert_fails(path, "sound but no video")


def test_cover_art_is_not_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=44100)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width = cover.height = 32
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic.value  # a number in all versions
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 4096), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 44100
        picture = av.VideoFrame.from_ndarray(numbered_frames(1, 32, 32)[0], format="rgb24")
        container.mux(cover.encode(picture))
        container.mux(cover.encode(None))
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video, "the cover must be there for this test to mean anything"
    assert_fails(path, "sound but no video")


def test_no_decodable_frame(video: Path) -> None:
    data = bytearray(video.read_bytes())
    start, end = next((at, end) for kind, at, end in boxes(bytes(data)) if kind == b"mdat")
    data[start + 8 : end] = bytes(end - start - 8)
    video.write_bytes(data)
    assert_fails(video, "no frame of its video can be decoded|damaged at its start")


def test_unreadable(video: Path) -> None:
    video.chmod(0)
    try:
        if os.access(video, os.R_OK):
            pytest.skip("this user reads files in spite of their permissions")
        assert_fails(video, "cannot be read")
    finally:
        video.chmod(0o600)


def test_system_errors_become_input_errors(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, mode: str = "r") -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert_fails(video, r"cannot be read \(Permission denied\); check its permissions")


def test_nothing_is_printed(tmp_path: Path, video: Path) -> None:
    """FFmpeg and OpenCV stay quiet whatever they are given."""
    broken = tmp_path / "broken.mp4"
    data = bytearray(video.read_bytes())
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    broken.write_bytes(data)
    for suffix in ("jpg", "png", "tiff", "bmp", "webp"):
        ok, encoded = cv2.imencode(f".{suffix}", noise_frames(1)[0])
        assert ok
        whole = bytearray(encoded.tobytes())
        whole[len(whole) // 3 : len(whole) // 2] = bytes(len(whole) // 2 - len(whole) // 3)
        if suffix != "jpg":  # libjpeg itself writes to stderr where a scan is damaged
            (tmp_path / f"damaged.{suffix}").write_bytes(whole)
        (tmp_path / f"cut.{suffix}").write_bytes(encoded.tobytes()[: encoded.size // 2])
    code = (
        "import sys\n"
        "from mien.errors import InputError\n"
        "from mien.video import VideoReader\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        with VideoReader(path) as reader:\n"
        "            list(reader)\n"
        "    except InputError:\n"
        "        continue\n"
    )
    paths = [str(path) for path in sorted(tmp_path.iterdir()) if path.is_file()]
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
