"""The figure of what MRAN read: one picture a stream, and the map where it lies."""

import base64
import re

import cv2
import numpy as np
import pytest

from mien.report.charts.streams import attention_over, relief, scaled, streams_figure
from mien.types import MranView


def view(**changes) -> MranView:
    attention = np.zeros((12, 12), np.float32)
    attention[2, 9] = 1
    x = np.arange(112, dtype=np.float32)[None].repeat(112, 0)
    given = {
        "time_s": 1.5,
        "affect": np.array([0.25, -0.5], np.float32),
        "color": np.full((112, 112, 3), 4, np.uint8),
        "depth_mm": 600 + x,
        "thermal_c": 30 + x / 50,
        "attention": attention,
    }
    return MranView(**{**given, **changes})


def pictures(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [
        cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
        for text in found
    ]


def test_every_stream_that_was_there_is_one_picture_of_its_values() -> None:
    page = streams_figure(view(), "Face 0")
    color, depth, thermal, attention = pictures(page)
    assert np.abs(color.astype(int) - 4).max() <= 2
    warmth = thermal.mean(2)[:, [5, 106]].mean(0)
    assert warmth[1] > warmth[0] + 40  # warm is light
    assert depth[8:-8, 8:-8].std() < 3  # a plane is lit evenly
    assert attention.shape == (112, 112, 3)
    assert "valence +0.25, arousal -0.50" in page and 'data-t="1.500"' in page
    assert 'alt="Face 0: thermal, warm is light"' in page


@pytest.mark.parametrize("missing", ["depth_mm", "thermal_c"])
def test_a_stream_that_was_not_there_has_no_picture(missing: str) -> None:
    page = streams_figure(view(**{missing: None}), "Face 0")
    assert len(pictures(page)) == 3 and missing.split("_")[0] + "," not in page


@pytest.mark.parametrize("depth", [True, False])
def test_the_map_is_brightest_where_the_attention_lies(depth: bool) -> None:
    shown = attention_over(view() if depth else view(depth_mm=None))
    flat = np.full((12, 12), 1 / 144, np.float32)
    shown = shown.astype(int) - attention_over(view(attention=flat * 0)).astype(int)
    row, column = np.unravel_index(shown.sum(2).argmax(), (112, 112))
    assert abs(row - (2.5 / 12 * 112)) < 8 and abs(column - (9.5 / 12 * 112)) < 8


def test_depth_is_lit_from_above() -> None:
    rows, columns = np.mgrid[:112, :112].astype(np.float32)
    ball = 600 - np.sqrt(np.maximum(45**2 - (rows - 56) ** 2 - (columns - 56) ** 2, 0))
    shown = relief(ball)[:, :, 0].astype(int)
    assert shown[30, 56] > shown[56, 56] + 20 > shown[82, 56] + 40
    assert shown[56, 30] > shown[56, 82] + 20
    ball[:10] = np.nan
    assert (relief(ball)[:10] == 60).all()


def test_what_was_not_measured_is_dark_grey() -> None:
    values = np.full((4, 4), np.nan, np.float32)
    assert (scaled(values, cv2.COLORMAP_BONE) == 60).all()
    values[1:3] = [[1, 2, 3, 4], [1, 2, 3, 4]]
    painted = scaled(values, cv2.COLORMAP_BONE)
    assert (painted[0] == 60).all() and painted[1, 0].max() < painted[1, 3].min()
