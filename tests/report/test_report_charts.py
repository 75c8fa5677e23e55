from __future__ import annotations

import re
import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest
import report_builder as build
from report_page import Page

from mien.labels import AFFECT_COLUMNS
from mien.report import render_report
from mien.report.charts import svg
from mien.report.charts.bars import bar, presence_bar
from mien.report.charts.circumplex import circumplex
from mien.report.charts.curves import (
    Curve,
    all_known,
    any_known,
    face_span,
    make_curve,
    ticks,
    video_span,
)
from mien.report.charts.heat import cells, png
from mien.report.text import clock, embed_json, escape, number
from mien.types import Timeline


def curve_of(values: list[float], bin_s: float = 1.0, most: int = 2000) -> Curve:
    """All 26 channels follow `values`; bin centres at half seconds when `bin_s` is 1."""
    column = np.array(values, dtype=np.float32)
    time = (np.arange(len(values)) + 0.5) * (bin_s or 1.0)
    return make_curve(Timeline(time, np.tile(column[:, None], (1, 26)), bin_s), most)


NAN = float("nan")


def test_gaps_split_a_line() -> None:
    curve = curve_of([0.1, 0.2, NAN, 0.4, NAN, NAN, 0.7, 0.8, 0.9])
    known = any_known(curve.values)
    assert list(curve.runs(known)) == [slice(0, 2), slice(3, 4), slice(6, 9)]
    assert curve.intervals(known) == [(0.0, 2.0), (3.0, 4.0), (6.0, 9.0)]
    path = svg.line(curve, 0, (0.0, 9.0), -1.0, 1.0, "valence")
    assert path.count("M") == 3
    assert "M3889 300h0" in path  # the lone point is a dot at 3.5 of 9 s, 0.4 of -1..1


def test_a_hole_in_time_is_a_gap_too() -> None:
    values = np.full((4, 26), 0.5, dtype=np.float32)
    curve = make_curve(Timeline(np.array([0.5, 1.5, 4.5, 5.5]), values, 1.0), 100)
    assert curve.intervals(any_known(curve.values)) == [(0.0, 2.0), (4.0, 6.0)]


def test_uneven_frames_join_where_both_are_seen() -> None:
    values = np.full((4, 26), 0.5, dtype=np.float32)
    curve = make_curve(Timeline(np.array([0.0, 0.1, 0.9, 1.0]), values, 0.0), 100)
    np.testing.assert_allclose(curve.right_s[:-1], curve.left_s[1:])
    assert len(curve.intervals(any_known(curve.values))) == 1


def test_ends_without_a_number_are_trimmed_and_infinity_is_missing() -> None:
    curve = curve_of([NAN, NAN, 0.3, float("inf"), 0.5, NAN])
    np.testing.assert_allclose(curve.time_s, [2.5, 3.5, 4.5])
    np.testing.assert_allclose(curve.values[:, 0], [0.3, NAN, 0.5], rtol=1e-6)


def test_fewer_points_are_means_of_what_is_there() -> None:
    curve = curve_of([0.2, 0.4, NAN, 0.6, NAN, NAN, 0.8], most=4)
    np.testing.assert_allclose(curve.values[:, 3], [0.3, 0.6, NAN, 0.8], rtol=1e-6)
    np.testing.assert_allclose(curve.time_s, [1.0, 3.0, 5.0, 6.5])
    np.testing.assert_allclose(curve.left_s, [0, 2, 4, 6])
    np.testing.assert_allclose(curve.right_s, [2, 4, 6, 7])


def test_an_empty_timeline_is_an_empty_curve() -> None:
    timeline = Timeline(np.zeros(0), np.zeros((0, 26), np.float32), 0.5)
    curve = make_curve(timeline, 10)
    assert len(curve.time_s) == 0
    assert list(curve.runs(any_known(curve.values))) == []
    assert face_span(curve, (0.0, 9.0)) == (0.0, 9.0)


def test_a_timeline_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"timeline values are \(3, 25\), not \(3, 26\)"):
        make_curve(Timeline(np.arange(3.0), np.zeros((3, 25), np.float32), 1.0), 10)


def test_areas_need_all_expressions_and_reach_the_edges_of_their_bins() -> None:
    curve = curve_of([0.1, 0.1, 0.1, 0.1])
    curve.values[2, 5] = np.nan
    assert all_known(curve.values[:, 2:9]).tolist() == [True, True, False, True]
    drawn = svg.stack(curve, (0.0, 4.0))
    assert drawn.count("<path") == 7
    bottom = drawn.rpartition("<path")[2]
    assert 'class="e-happiness"' in bottom
    assert bottom.count("M") == 2
    assert "M0 900" in bottom and "M7500 900" in bottom  # height 0.1, from 0 s and from 3 s


def test_a_short_visit_gets_its_own_axis() -> None:
    curve = curve_of([0.1] * 10)
    assert face_span(curve, (0.0, 12.0)) == (0.0, 12.0)
    assert face_span(curve, (0.0, 100.0)) == pytest.approx((0.0, 10.2))


def test_the_axis_of_the_video_holds_every_face_and_never_vanishes() -> None:
    curve = curve_of([0.1] * 10)
    face = build.face(0, 2.0, 14.0, points=12)
    assert video_span(None, [curve], [face]) == (0.0, 13.5)
    assert video_span(20.0, [curve], [face]) == (0.0, 20.0)
    start, stop = video_span(None, [], [])
    assert stop > start


@pytest.mark.parametrize("length", [0.05, 0.4, 3.0, 29.0, 61.0, 3000.0, 9000.0, 90000.0])
def test_ticks_are_few_round_and_inside(length: float) -> None:
    times, decimals = ticks((0.0, length))
    assert 2 <= len(times) <= 8
    assert times[0] == 0.0 and times[-1] <= length + 1e-6
    labels = [clock(time, decimals) for time in times]
    assert len(set(labels)) == len(labels)


def picture_of(content: bytes) -> tuple[npt.NDArray[np.uint8], bytes]:
    """Indices (height, width) of a palette PNG with filters 0 and 2, and its alpha table."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        (check,) = struct.unpack(">I", content[at + 8 + size : at + 12 + size])
        assert check == zlib.crc32(kind + body)
        chunks[kind], at = body, at + 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    raw = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    image = np.zeros((height, width), dtype=np.uint8)
    for row in range(height):
        above = image[row - 1] if raw[row, 0] == 2 else 0
        image[row] = raw[row, 1:] + above
    return image, chunks[b"tRNS"]


def test_heat_tells_unseen_from_missing_from_zero() -> None:
    curve = curve_of([0.0, NAN, 1.0])
    curve.values[2, 9] = np.nan
    image, alpha = picture_of(png(cells(curve, (0.0, 4.0), 8)))
    assert image.shape == (17 * 6, 8)
    assert image[7].tolist() == [2, 2, 0, 0, 65, 65, 0, 0]  # second unit
    assert image[0].tolist() == [2, 2, 0, 0, 1, 1, 0, 0]  # first unit, lost in the third second
    assert (alpha[0], alpha[2], alpha[65]) == (0, 0, 255)
    assert 0 < alpha[1] < 255


def test_embedded_curves_are_those_of_the_timeline() -> None:
    summary = build.two_faces()
    page = Page(render_report(summary))
    timeline = summary.faces[0].timeline
    told = page.curves["faces"][0]
    assert len(told["values"]) == len(AFFECT_COLUMNS) == len(page.curves["names"])
    values = np.array(told["values"], dtype=np.float64).T / 1000
    np.testing.assert_array_equal(np.isnan(values), np.isnan(timeline.values))
    np.testing.assert_allclose(values, timeline.values, atol=0.00051)
    np.testing.assert_allclose(np.array(told["time"]) / 1000, timeline.time_s, atol=0.00051)


def test_lines_of_the_page_break_at_each_gap() -> None:
    content = render_report(build.two_faces())
    valence = re.findall(r'class="line valence" d="([^"]*)"', content)
    assert [path.count("M") for path in valence] == [4, 2]
    happiness = re.findall(r'<path class="e-happiness" d="([^"]*)"', content)
    assert [path.count("M") for path in happiness] == [4, 2]
    assert [path.count("z") for path in happiness] == [4, 2]


def test_the_plane_puts_pleasant_right_and_activated_up() -> None:
    curve = curve_of([0.5, NAN, 0.5])
    drawn = circumplex(curve, np.array([0.5, 0.25]), "label")
    assert "M235.0 134.0h14" in drawn  # 7 left of 170 + 0.5 * 144, at 170 - 0.25 * 144
    assert re.search(r'class="path [^"]*"[^>]* d="M2420 980h0"', drawn)
    assert 'class="mean"' not in circumplex(curve, np.array([np.nan, 0.2]), "label")


def test_a_moment_of_presence_stays_visible() -> None:
    drawn = presence_bar([(1800.0, 1800.04)], (0.0, 3600.0), "Face 0")
    assert 'd="M5000 0h30v10h-30z"' in drawn
    assert "Face 0 seen from 30:00.0 to 30:00.0" in drawn


def test_bars_stay_in_their_track() -> None:
    assert "width:100.0%" in bar(1.7)
    assert "width:0.0%" in bar(-0.2)
    assert "unknown" in bar(None) and "unknown" in bar(NAN)


def test_numbers_and_times_in_words() -> None:
    assert number(-0.004, signed=True) == "0.00"
    assert number(-0.126, signed=True) == "\u22120.13"
    assert "\u2013" in number(None) and "no usable frame" in number(NAN)
    assert clock(59.999) == "1:00.00"
    assert clock(-0.5, 1) == "\u22120.5 s"
    assert clock(7262.5, 1) == "2:01:02.5"


def test_json_and_text_are_safe_to_embed() -> None:
    assert embed_json({"a": "</script>&"}) == '{"a":"\\u003c/script\\u003e\\u0026"}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed_json([NAN])
    assert escape("a\x07\udcff\u202eb'\"") == "a\ufffd\ufffd\ufffdb&#x27;&quot;"
