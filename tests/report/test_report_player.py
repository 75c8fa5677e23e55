"""The video beside the report, everybody on one axis, episodes, and what is folded away."""

from __future__ import annotations

import html
import re
from contextlib import closing
from functools import partial
from pathlib import Path

import av
import cv2
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
from mien.types import Episode, ImageArray
from mien.video import write_video
from mien.video.excerpt import Excerpt
from mien.video.reader import VideoReader
from mien.video.source import FrameFeed
from video_helpers import set_display_matrix


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


def play(source: Path, folder: Path, opening=VideoReader) -> float | None:
    with VideoReader(source) as reader:
        frames = sum(1 for _ in reader)
    return write_player(source, folder, frames, opening)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def moving(height: int, width: int, count: int = 12) -> list[ImageArray]:
    return [np.roll(texture(3, height, width), 4 * k, axis=1) for k in range(count)]


@pytest.mark.parametrize(("height", "width"), [(1200, 721), (486, 864)])
def test_the_copy_is_small_and_shows_the_source_at_its_times(
    tmp_path: Path, height: int, width: int
) -> None:
    source = tmp_path / "tall.mp4"
    pictures = [cv2.resize(one, (width, height)) for one in moving(240, 320)]
    write_video(source, pictures, fps=10, crf=10)
    assert play(source, tmp_path) == 0.0
    with VideoReader(source) as one, VideoReader(tmp_path / "player.mp4") as other:
        size = (other.info.width_px, other.info.height_px)
        assert min(size) == 480 and size[0] / size[1] == pytest.approx(width / height, abs=0.01)
        for here, there in zip(one, other, strict=True):
            assert there.timestamp_s == pytest.approx(here.timestamp_s)
            small = cv2.resize(here.image, size, interpolation=cv2.INTER_AREA).astype(int)
            assert np.abs(small - there.image).mean() < 8


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_small_video_is_copied_as_it_is(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"small{suffix}"
    times_s = [0.5, 0.54, 0.6, 0.7, 1.1, 1.2, 1.24, 1.3, 1.31, 1.4, 1.5, 1.6]
    write_video(source, moving(240, 320), timestamps_s=times_s, codec="h264", crf=35)
    start_s = play(source, tmp_path)
    assert packets(tmp_path / "player.mp4") == packets(source)
    with VideoReader(source) as one, VideoReader(tmp_path / "player.mp4") as other:
        shown = [(frame.timestamp_s, frame.image) for frame in other]
        for here, (time_s, image) in zip(one, shown, strict=True):
            assert time_s + start_s == pytest.approx(here.timestamp_s, abs=1e-3)
            assert np.array_equal(image, here.image)


def test_what_players_may_not_show_is_encoded(tmp_path: Path) -> None:
    """Other codecs, stored colors, turned pictures, many bytes, parts, missing frames."""
    plain = moving(240, 320)
    lossless, loud, turned, good = (tmp_path / f"{n}.mp4" for n in ("l", "m", "t", "g"))
    write_video(lossless, plain, fps=10, codec="h264-lossless")
    noise = np.random.default_rng(0).integers(0, 256, (12, 240, 320, 3), np.uint8)
    write_video(loud, noise, fps=10, crf=5)
    write_video(turned, plain, fps=10, crf=35)
    set_display_matrix(turned, 0, 1, -1, 0)
    write_video(good, plain, fps=10, crf=35)
    for source in (lossless, loud, turned):
        play(source, tmp_path)
        assert packets(tmp_path / "player.mp4") != packets(source)
    with VideoReader(tmp_path / "player.mp4") as reader, VideoReader(turned) as upright:
        assert reader.info.height_px == upright.info.height_px == 320
    play(good, tmp_path, partial(VideoReader, excerpt=Excerpt(every=2)))
    with VideoReader(tmp_path / "player.mp4") as reader:
        assert len(list(reader)) == 6
    write_player(good, tmp_path, 11)
    assert packets(tmp_path / "player.mp4") != packets(good)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(4, 70_000, (1920, 2)), (66_000, 3, (2, 1920)), (1, 1, (2, 2)), (3, 5, (4, 4))],
)
def test_the_strangest_sizes_have_a_copy(
    tmp_path: Path, height: int, width: int, expected: tuple[int, int]
) -> None:
    pictures = [(k / 10, np.full((height, width, 3), 60 * k, np.uint8)) for k in range(4)]
    write_player("strange", tmp_path, 4, lambda name: closing(FrameFeed(pictures, name)))
    with VideoReader(tmp_path / "player.mp4") as shown:
        assert (shown.info.width_px, shown.info.height_px) == expected
        assert [frame.image.mean() for frame in shown] == pytest.approx([0, 60, 120, 180], abs=6)


def test_turned_video_stands_upright_in_the_copy(tmp_path: Path) -> None:
    source = tmp_path / "turned.mp4"
    write_video(source, [cv2.resize(one, (1280, 720)) for one in moving(240, 320)], fps=10)
    set_display_matrix(source, 0, 1, -1, 0)
    play(source, tmp_path)
    with VideoReader(source) as one, VideoReader(tmp_path / "player.mp4") as other:
        size = (other.info.width_px, other.info.height_px)
        assert size == (480, 854)
        for here, there in zip(one, other, strict=True):
            small = cv2.resize(here.image, size, interpolation=cv2.INTER_AREA).astype(int)
            assert np.abs(small - there.image).mean() < 8


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
