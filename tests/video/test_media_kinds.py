"""What people have: containers without times, damaged frames, several streams, animations."""

from __future__ import annotations

import struct
import subprocess
import sys
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from mien.errors import InputError
from mien.types import Frame
from mien.video import VideoReader, write_video
from video_helpers import numbered_frames


def read(path: Path, **settings: int) -> tuple[VideoReader, list[Frame]]:
    with VideoReader(path, **settings) as reader:
        return reader, list(reader)


def encode(
    path: Path, times: list[int], codec: str, options: dict[str, str] | None = None
) -> list[np.ndarray]:
    """Frames at `times`, in 25ths of a second, as they come back."""
    pictures = numbered_frames(len(times), 48, 64)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for time, picture in zip(times, pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return pictures


def test_reordered_frames_in_avi_have_the_times_of_other_containers(tmp_path: Path) -> None:
    """AVI keeps decoding times alone."""
    for name in ("a.mkv", "a.avi"):
        encode(tmp_path / name, list(range(40)), "libx264", {"bf": "3", "b-pyramid": "normal"})
    whole, expected = read(tmp_path / "a.mkv")
    reader, frames = read(tmp_path / "a.avi")
    times_s = [frame.timestamp_s for frame in frames]
    np.testing.assert_allclose(times_s, [f.timestamp_s for f in expected], atol=1.1e-3)
    for frame, same in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(frame.image, same.image)
    assert reader.warnings == whole.warnings == []


def test_frames_that_avi_dropped_are_not_missed(tmp_path: Path) -> None:
    times = [k for k in range(40) if k not in (7, 8, 20)]
    encode(tmp_path / "a.avi", times, "mjpeg")
    with av.open(str(tmp_path / "a.avi")) as container:
        assert container.streams.video[0].frames == 40, "the index counts dropped frames, too"
    reader, frames = read(tmp_path / "a.avi")
    np.testing.assert_allclose([25 * frame.timestamp_s for frame in frames], times, atol=1e-6)
    assert reader.warnings == []


def test_time_without_frames_is_said(tmp_path: Path) -> None:
    for name in ("a.mkv", "a.mp4"):
        encode(tmp_path / name, [*range(10), *range(60, 70)], "mpeg4")
        reader, _ = read(tmp_path / name)
        assert reader.warnings == ["it has no frames from 0.36 to 2.40 s"]


def test_frames_that_are_always_far_apart_are_no_holes(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(1, 3))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in numbered_frames(6, 48, 64):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    reader, frames = read(tmp_path / "a.mp4")
    assert [frame.timestamp_s for frame in frames] == [0, 3, 6, 9, 12, 15]
    assert reader.warnings == []


def test_joined_recordings_have_one_rising_clock(tmp_path: Path) -> None:
    encode(tmp_path / "a.ts", list(range(30)), "mpeg2video")
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "a.ts").read_bytes() * 2)
    reader, frames = read(joined)
    times_s = np.array([frame.timestamp_s for frame in frames])
    assert len(frames) >= 59 and (np.diff(times_s) > 0).all()
    assert times_s[-1] - times_s[0] == pytest.approx(59 / 25, abs=0.1)
    assert any("its clock starts again" in text for text in reader.warnings)


def test_empty_packets_are_no_damage(tmp_path: Path) -> None:
    """Theora repeats a frame by an empty packet."""
    pictures = numbered_frames(8, 48, 64)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for k, picture in enumerate(pictures):
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                empty = av.Packet(b"") if k in (3, 4) else packet
                empty.stream, empty.time_base = stream, packet.time_base
                empty.pts, empty.dts = packet.pts, packet.dts
                container.mux(empty)
    reader, frames = read(tmp_path / "a.mkv")
    assert len(frames) == 6 and reader.warnings == []


def test_a_color_profile_in_png_frames_does_no_harm(tmp_path: Path) -> None:
    """Reading side data of such frames crashed the process when memory was collected."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        for k, picture in enumerate(numbered_frames(12, 48, 64)):
            data = BytesIO()
            Image.fromarray(picture).save(data, "png", icc_profile=profile)
            packet = av.Packet(data.getvalue())
            packet.stream, packet.time_base = stream, Fraction(1, 10)
            packet.pts = packet.dts = k
            container.mux(packet)
    words = "import gc, sys; from mien.video import VideoReader; n = len(list(VideoReader("
    words += "sys.argv[1]))); gc.collect(); print(n)"
    done = subprocess.run(
        [sys.executable, "-c", words, str(tmp_path / "a.mov")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, "12"), done.stderr


def two_streams(path: Path) -> None:
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream, side in zip(streams, (64, 32), strict=True):
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
        for stream, side in zip(streams, (64, 32), strict=True):
            for picture in numbered_frames(3, side, side):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))


def test_streams_are_counted_and_chosen(tmp_path: Path) -> None:
    two_streams(tmp_path / "a.mkv")
    reader, frames = read(tmp_path / "a.mkv")
    assert frames[0].image.shape == (64, 64, 3)
    [text] = reader.warnings
    assert text == (
        "it has 2 video streams: 0 (64 x 64), 1 (32 x 32); 0 is read, --stream chooses another"
    )
    reader, frames = read(tmp_path / "a.mkv", stream=1)
    assert frames[0].image.shape == (32, 32, 3) and reader.warnings == []
    with pytest.raises(InputError, match="it has no video stream 2; give one of 0 to 1"):
        VideoReader(tmp_path / "a.mkv", stream=2)


@pytest.mark.parametrize("kind", ["webp", "png", "avif", "gif"])
def test_animations_are_read_in_full(tmp_path: Path, kind: str) -> None:
    pictures = [Image.new("RGB", (64, 48), (60 * k, 100, 250 - 60 * k)) for k in range(4)]
    path = tmp_path / f"a.{kind}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=120)
    reader, frames = read(path)
    np.testing.assert_allclose([frame.timestamp_s for frame in frames], [0, 0.12, 0.24, 0.36])
    for frame, picture in zip(frames, pictures, strict=True):
        np.testing.assert_allclose(frame.image[24, 32], picture.getpixel((32, 24)), atol=10)
    assert not reader.info.is_image and reader.info.codec in (kind, "heif")


def test_pages_of_a_tiff_are_read_in_full(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (64, 48), (60 * k, 100, 0)) for k in range(3)]
    pictures[0].save(tmp_path / "a.tiff", save_all=True, append_images=pictures[1:])
    reader, frames = read(tmp_path / "a.tiff")
    assert [frame.timestamp_s for frame in frames] == [0, 1, 2]
    assert [frame.image[0, 0, 0] for frame in frames] == [0, 60, 120]
    assert reader.warnings == ["its pages have no times: one a second is assumed"]


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff", "avif"])
def test_orientation_is_applied_in_every_format(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[0x112] = 6  # to be turned clockwise
    stored = numbered_frames(1, 48, 64)[0]
    path = tmp_path / f"a.{kind}"
    Image.fromarray(stored).save(path, exif=exif)
    _, [frame] = read(path)
    assert frame.image.shape == (64, 48, 3)
    # Blue lay lower left: clockwise, it comes to the upper left.
    assert frame.image[8, 8].argmax() == 2 and frame.image[8, -8].argmax() == 0


def test_heic_of_phones_is_read(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="HEIC needs the extra heic")
    stored = numbered_frames(1, 48, 64)[0]
    heif = pillow_heif.from_pillow(Image.fromarray(stored))
    heif.save(tmp_path / "a.heic", quality=90)
    reader, [frame] = read(tmp_path / "a.heic")
    assert reader.info.is_image and frame.image.shape == (48, 64, 3)
    assert np.abs(frame.image.astype(int) - stored).mean() < 12
    with pytest.raises(InputError, match=r"pixels, more than 0\.0001 million"):
        read(tmp_path / "a.heic", max_pixels=100)


def test_heic_without_its_extra_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "a.heic"
    path.write_bytes(struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(100))
    with pytest.raises(InputError, match=r"extra heic.*pip install '.\[heic\]', or convert"):
        VideoReader(path)


def claims_too_much(kind: str) -> bytes:
    """A small picture whose header says 30,000 x 30,000 pixels."""
    side = 30_000
    if kind == "webp":
        data = BytesIO()
        Image.new("RGBA", (20, 20)).save(data, "webp", exif=b"Exif\0\0" + bytes(8))
        content = bytearray(data.getvalue())
        assert content[12:16] == b"VP8X"
        content[24:30] = (side - 1).to_bytes(3, "little") * 2
        return bytes(content)
    ok, encoded = cv2.imencode(f".{kind}", np.zeros((20, 20, 3), np.uint8))
    assert ok
    content = bytearray(encoded.tobytes())
    if kind == "jpg":
        at = content.index(b"\xff\xc0")
        content[at + 5 : at + 9] = struct.pack(">HH", side, side)
    elif kind == "png":
        content[16:24] = struct.pack(">II", side, side)
    elif kind == "bmp":
        content[18:26] = struct.pack("<ii", side, side)
    else:
        at = struct.unpack("<I", content[4:8])[0]
        for k in range(struct.unpack("<H", content[at : at + 2])[0]):
            entry = at + 2 + 12 * k
            if struct.unpack("<H", content[entry : entry + 2])[0] in (256, 257):
                content[entry + 2 : entry + 12] = struct.pack("<HII", 4, 1, side)
    return bytes(content)


@pytest.mark.parametrize("kind", ["jpg", "png", "bmp", "webp", "tiff"])
def test_a_picture_is_not_decoded_above_the_limit(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"bomb.{kind}"
    path.write_bytes(claims_too_much(kind))
    with pytest.raises(InputError, match="30000 x 30000 pixels, more than 64 million; shrink it"):
        VideoReader(path)


def test_the_limit_can_be_set(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", numbered_frames(2, 48, 64), fps=25)
    cv2.imwrite(str(tmp_path / "a.png"), numbered_frames(1, 48, 64)[0])
    for name in ("a.mp4", "a.png"):
        assert read(tmp_path / name, max_pixels=64 * 48)[1]
        with pytest.raises(InputError, match="64 x 48 pixels, more than"):
            read(tmp_path / name, max_pixels=64 * 48 - 1)
