"""Luma and chroma as a decoder has them, against the RGB that FFmpeg makes of the same frame."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.faces.align import TEMPLATE, align, to_luminance
from mien.faces.crops import Crop, stack
from mien.types import Frame
from mien.video.orientation import Orientation
from mien.video.planes import planes_of
from mien.video.reader import VideoReader

FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "nv12", "yuv420p10le", "p010le")
UPRIGHT = (
    Orientation(),
    Orientation(0, -1, 1, 0),
    Orientation(-1, 0, 0, -1),
    Orientation(0, 1, -1, 0),
    Orientation(-1, 0, 0, 1),
    Orientation(0, 1, 1, 0),
)
LUMINANCE = np.float32([0.299, 0.587, 0.114])


def smooth(seed: int, height: int = 180, width: int = 240) -> np.ndarray:
    """A soft color picture, all of whose values can be told apart."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 196, (6, 8, 1)) + rng.integers(-25, 26, (6, 8, 3))
    coarse = coarse.astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def decoded(image: np.ndarray, name: str, bt709: bool, full: bool) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(
        format=name,
        dst_colorspace=1 if bt709 else 5,
        dst_color_range=2 if full else 1,
    )
    frame.colorspace, frame.color_range = (1 if bt709 else 5), (2 if full else 1)
    return frame


def place(centre: tuple[float, float], scale: float, angle: float) -> np.ndarray:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.float32((TEMPLATE - 56) @ turn.T + centre)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(FORMATS),
    bt709=st.booleans(),
    full=st.booleans(),
    upright=st.sampled_from(UPRIGHT),
    square=st.sampled_from([(240, 180), (320, 180), (240, 200)]),
    scale=st.floats(0.4, 2.6),
    angle=st.floats(-3.1, 3.1),
    seed=st.integers(0, 9),
)
def test_crops_are_those_of_rgb(name, bt709, full, upright, square, scale, angle, seed) -> None:
    frame = decoded(smooth(seed), name, bt709, full or name == "yuvj420p")
    planes = planes_of(frame, square, upright)
    assert planes is not None
    image = planes.rgb()
    assert planes.shape == image.shape[:2]
    landmarks = place((image.shape[1] * 0.45, image.shape[0] * 0.55), scale, angle)
    crop, expected = Crop(Frame(0, 0.0, planes=planes), landmarks), align(image, landmarks)
    assert crop.luma is not None
    off = crop.luma - expected @ LUMINANCE
    # FFmpeg's way to RGB rounds down, by one or two steps on the whole.
    assert abs(off.mean()) < 3 and off.std() < 1
    assert np.abs(crop.color.astype(float) - expected).mean() < 3.5


@pytest.mark.parametrize("upright", UPRIGHT)
def test_thumbnails_stand_upright(upright: Orientation) -> None:
    planes = planes_of(decoded(smooth(3), "yuv420p", True, False), (240, 180), upright)
    assert planes is not None
    expected = cv2.resize(planes.rgb(), (64, 64), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(planes.thumbnail(64) - expected).mean() < 3


def test_frames_from_a_file_are_converted_when_asked(shared_data: Path) -> None:
    with VideoReader(shared_data / "videos" / "pexels_portrait.mp4") as reader:
        frame = next(reader)
    assert frame.planes is not None and frame.shape == (360, 640)
    assert frame.image is frame.image and frame.image.shape == (360, 640, 3)


def test_other_formats_are_rgb_from_the_start() -> None:
    assert planes_of(av.VideoFrame(16, 16, "rgb24"), (16, 16), Orientation()) is None
    assert planes_of(av.VideoFrame(16, 16, "gray"), (16, 16), Orientation()) is None


def test_a_frame_is_an_image_or_planes() -> None:
    with pytest.raises(ValueError, match="an image or from planes"):
        Frame(0, 0.0)


def test_luminance_is_stacked_where_it_is_read() -> None:
    planes = planes_of(decoded(smooth(1), "yuv420p", False, False), (240, 180), Orientation())
    crops = [Crop(Frame(0, 0.0, planes=planes), place((120, 90), 1, 0))] * 2
    assert stack(crops, luma=True).shape == (2, 112, 112)
    assert stack(crops, luma=False).shape == (2, 112, 112, 3)
    painted = [Crop(Frame(0, 0.0, smooth(1)), place((120, 90), 1, 0))]
    assert stack(painted, luma=True).shape == (1, 112, 112, 3)
    both = to_luminance(stack(crops, True)), to_luminance(stack(crops, False))
    assert both[0].shape == (2, 1, 112, 112) and np.abs(both[0] - both[1]).mean() < 0.01
