"""The video beside the report, everybody on one axis, episodes, and what is folded away."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pytest
import report_builder as build
from report_page import Page

import mien
from face_doubles import double_analyzer, make_face, texture
from mien.api import Result, analyze
from mien.output.episodes import add_episodes
from mien.output.proxy import write_player
from mien.pipeline.episodes import find_episodes
from mien.report import render_report
from mien.types import Episode
from mien.video import write_video
from mien.video.reader import VideoReader


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of the left face bright, then dark, so that units go on and off."""
    path = tmp_path_factory.mktemp("player") / "clip.mp4"
    base = texture(1).astype(float)
    frames = ((base * (1.0 if k % 20 < 10 else 0.2)).astype(np.uint8) for k in range(40))
    write_video(path, frames, fps=25, codec="h264-lossless")
    return path


@pytest.fixture(scope="module")
def result(clip: Path) -> Result:
    analyzer = double_analyzer(lambda _: [make_face(4, 10)], detect="every", steady=False)
    return analyze(clip, analyzer=analyzer)


def test_the_copy_is_small_and_has_the_times_of_the_source(tmp_path: Path) -> None:
    source = tmp_path / "tall.mp4"
    write_video(source, (np.full((1200, 721, 3), k * 20, np.uint8) for k in range(6)), fps=10)
    assert write_player(source, tmp_path) == 0.0
    with VideoReader(source) as one, VideoReader(tmp_path / "player.mp4") as other:
        assert (other.info.width_px, other.info.height_px) == (480, 798)
        assert [f.timestamp_s for f in one] == pytest.approx([f.timestamp_s for f in other])


def test_the_page_may_play_its_own_video_and_nothing_else(result: Result, tmp_path: Path) -> None:
    folder = result.save(tmp_path / "saved", player=True)
    page = (folder / "report.html").read_text()
    assert '<video controls preload="metadata" playsinline muted src="player.mp4"' in page
    assert "media-src 'self' file:;" in page and "connect-src" not in page
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/2000/svg", "", page)
    again = mien.read(folder).write_report(tmp_path / "again.html")
    assert again.read_text() == page
    without = (result.save(tmp_path / "plain") / "report.html").read_text()
    assert "<video" not in without and "media-src" not in without
    assert not (tmp_path / "plain" / "player.mp4").exists()


def test_the_same_input_gives_the_same_bytes(result: Result, tmp_path: Path) -> None:
    one, other = (result.save(tmp_path / name, player=True) for name in "ab")
    assert (one / "player.mp4").read_bytes() == (other / "player.mp4").read_bytes()


def test_episodes_are_those_of_the_study(result: Result, tmp_path: Path) -> None:
    page = result.write_report(tmp_path / "report.html").read_text()
    [face] = result.summaries
    frames = result.frames
    step_s = float(np.median(np.diff(frames["timestamp_s"])))
    level = next(m for m in result.document["models"] if "au_decisions" in m)["au_decisions"]
    for name in face.labels.action_unit_columns:
        found = find_episodes(
            frames["timestamp_s"].to_numpy(), frames[name].to_numpy(float), level[name], step_s
        )
        assert [one for unit, one in face.episodes if unit == name] == found
    assert face.episodes and f"{len(face.episodes)} episodes of active units" in page
    onset = face.episodes[-1][1].onset_s
    assert f'data-t="{onset:.3f}"' in page


def test_everybody_is_on_one_axis() -> None:
    page = Page(render_report(build.two_faces()))
    [shared] = page.with_class("shared")
    assert (shared["data-from"], shared["data-to"]) == ("0.000", "60.000")
    assert page.curves["people"] == ["Face 0", "Face 3"]
    assert not Page(render_report(build.image())).with_class("shared")
    assert not Page(render_report(build.no_faces())).with_class("shared")


def test_simulated_reactions_are_folded_away() -> None:
    summary = build.two_faces()
    assert 'class="pale"' not in render_report(summary)
    summary.document["channels"] = {"reactions": {"mark": "simulated", "figure": None}}
    assert render_report(summary).count('<details class="pale">') == 2


def test_very_many_episodes_leave_the_longest() -> None:
    summary = build.two_faces()
    summary.faces[0].episodes = [
        ("au12", Episode(float(k), k + 0.1, k + 0.2 + k / 1000, 0.5)) for k in range(400)
    ]
    page = render_report(summary)
    assert "400 episodes of active units; the 300 longest of them" in page
    assert 'data-t="99.000"' not in page and 'data-t="100.000"' in page


def test_a_picture_has_no_episodes(result: Result) -> None:
    document = {**result.document, "source": {**result.document["source"], "is_image": True}}
    faces = build.image().faces
    add_episodes(faces, result.table, document)
    assert faces[0].episodes == []


def test_a_notebook_shows_the_report(result: Result) -> None:
    shown = result._repr_html_()
    assert shown.startswith('<iframe title="mien result of ')
    page = html.unescape(shown.split('srcdoc="')[1].split('" style=')[0])
    assert "Everybody over time" in page and "<video" not in page
