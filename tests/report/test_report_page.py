from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import report_builder as build
from report_page import Page

from mien.errors import OutputError
from mien.labels import AFFECT_COLUMNS, REACTIONS
from mien.report import render_report, write_report
from mien.types import Episode, MranSummary, Summary, Timeline


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: render_report(make()) for name, make in build.STATES.items()}


every_state = pytest.mark.parametrize("state", build.STATES)


@every_state
def test_elements_balance(pages: dict[str, str], state: str) -> None:
    assert Page(pages[state]).errors == []


@every_state
def test_ids_are_unique_and_links_lead_to_them(pages: dict[str, str], state: str) -> None:
    page = Page(pages[state])
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"] for attrs in page.tags("a")} == {
        f"#{one}" for one in ids if one is not None and one.startswith("face-")
    }


@every_state
def test_nothing_is_fetched(pages: dict[str, str], state: str) -> None:
    page = Page(pages[state])
    sources = [
        value
        for tag, attrs in page.elements
        for name, value in attrs.items()
        if name in ("src", "srcset", "href", "data", "poster", "action") and tag != "a"
    ]
    assert all(value is not None and value.startswith("data:image/") for value in sources)
    assert page.tags("link") == []
    styles = re.findall(r"<style>(.*?)</style>", pages[state], re.DOTALL)
    assert len(styles) == 1
    assert "url(" not in styles[0] and "@import" not in styles[0]
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|WebSocket", page.scripts[-1])


@every_state
def test_the_policy_admits_only_the_pages_own_script(pages: dict[str, str], state: str) -> None:
    page = Page(pages[state])
    policy = next(
        attrs["content"]
        for attrs in page.tags("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(page.scripts[-1].encode()).digest()).decode()
    assert policy is not None
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


@every_state
def test_no_nan_is_shown(pages: dict[str, str], state: str) -> None:
    page = Page(pages[state])
    shown = page.text + page.scripts[0]
    shown += "".join(v or "" for _, a in page.elements for k, v in a.items() if k != "src")
    for word in ("NaN", "nan", "None", "Infinity"):
        assert not re.search(rf"\b{word}\b", shown), word


@every_state
def test_same_summary_same_bytes(pages: dict[str, str], state: str) -> None:
    assert render_report(build.STATES[state]()) == pages[state]


@every_state
def test_every_picture_is_described(pages: dict[str, str], state: str) -> None:
    page = Page(pages[state])
    assert all("alt" in attrs for attrs in page.tags("img"))
    drawings = page.tags("svg")
    assert all(svg.get("aria-label") or svg.get("aria-hidden") == "true" for svg in drawings)
    assert [attrs["lang"] for attrs in page.tags("html")] == ["en"]
    assert len(page.tags("h1")) == 1


@every_state
def test_says_what_the_numbers_do_not_mean(pages: dict[str, str], state: str) -> None:
    text = Page(pages[state]).text
    for words in ("do not mean", "surveillance, hiring, policing", "work or in school", "schema"):
        assert words in text


def test_size_is_bounded(pages: dict[str, str]) -> None:
    assert len(pages["no_faces"]) < 40_000
    assert len(pages["image"]) < 80_000
    assert len(pages["two_faces"]) < 800_000
    assert len(pages["many_faces"]) < 6_000_000


def test_header_tells_of_the_file(pages: dict[str, str]) -> None:
    text = Page(pages["two_faces"]).text
    for words in (
        "interview 07.mp4",
        "1:00.00",
        "1920 \u00d7 1080",
        "29.97 fps, variable",
        "90\u00b0 counter-clockwise",
        "1\u202f586 (88 %)",
        "212",
        "The frame rate varies; times are those of the stream.",
    ):
        assert words in text


def test_a_video_has_charts_and_all_its_crops(pages: dict[str, str]) -> None:
    page = Page(pages["two_faces"])
    summary = build.two_faces()
    assert len(page.with_class("stack")) == 2
    assert len(page.with_class("circumplex")) == 2
    assert len(page.with_class("heat")) == 2
    crops = {attrs["src"] for attrs in page.with_class("crop")}
    for face in summary.faces:
        for content in face.thumbnails.values():
            assert f"data:image/jpeg;base64,{base64.b64encode(content).decode()}" in crops


def test_a_crop_at_the_peak_of_several_channels_is_shown_once() -> None:
    summary = build.two_faces()
    face = summary.faces[0]
    columns = [AFFECT_COLUMNS.index(name) for name in ("expr_happiness", "au12")]
    face.thumbnails = {AFFECT_COLUMNS[column]: build.picture(3) for column in columns}
    face.peak_time_s[columns] = 11.0
    page = Page(render_report(summary))
    described = [attrs["alt"] for attrs in page.with_class("crop") if attrs["alt"]]
    assert "Face 0 at the peak of happiness, AU12 lip corner puller" in described


def test_reactions_stand_beside_their_caveat(pages: dict[str, str]) -> None:
    content = pages["two_faces"]
    for part in content.split("<h3>Reactions</h3>")[1:]:
        bars, caveat = part.index("empathic pain"), part.index(build.CAVEAT)
        assert bars < caveat < part.index('<table class="windows">')
    summary = build.two_faces()
    first = summary.faces[0]
    assert first.reactions is not None
    for name, value in zip(REACTIONS, first.reactions, strict=True):
        assert re.search(rf">{name.replace('_', ' ')}</th>.*?<td>{value:.2f}</td>", content)
    rows = content.split('<table class="windows">')[1].split("</table>")[0].count("<tr>")
    assert rows == 1 + len(first.reaction_windows)


def test_reactions_that_are_missing_say_why(pages: dict[str, str]) -> None:
    text = Page(pages["nothing_usable"]).text
    assert "No reactions were estimated for Face 0." in text
    assert "Fewer than 16 usable frames of this face." in text


def test_many_windows_are_cut_and_told() -> None:
    summary = build.two_faces()
    summary.faces[0].reaction_windows *= 100
    text = Page(render_report(summary)).text
    assert "the first 240 of 600, the rest is in video.json" in text


def test_an_image_has_bars_and_no_time_axis(pages: dict[str, str]) -> None:
    page = Page(pages["image"])
    assert page.with_class("stack") == page.with_class("ticks") == page.with_class("presence") == []
    assert page.curves["faces"] == []
    assert len(page.with_class("bar")) >= 26
    assert "still image" in page.text
    assert "A still image has no course in time to read." in page.text
    assert "frame rate" not in page.text and "duration" not in page.text


def test_no_faces_is_told_kindly(pages: dict[str, str]) -> None:
    page = Page(pages["no_faces"])
    assert "No face was found" in page.text
    assert page.with_class("face") == page.with_class("overview") == []
    assert "finder" in page.text


def test_only_the_first_of_many_faces_are_unfolded(pages: dict[str, str]) -> None:
    page = Page(pages["many_faces"])
    faces = page.with_class("face")
    assert len(faces) == 30
    assert ["open" in attrs for attrs in faces] == [True] * 3 + [False] * 27
    assert len(page.with_class("folding")) == 1
    assert Page(pages["two_faces"]).with_class("folding") == []


def test_text_from_outside_stays_text(pages: dict[str, str]) -> None:
    page = Page(pages["nasty"])
    assert len(page.scripts) == 3  # curves, marks, and what runs
    assert [attrs.get("type") for attrs in page.tags("script")] == ["application/json"] * 2 + [None]
    assert 'alert("x")' not in "".join(page.scripts)
    assert not any("onerror" in attrs for _, attrs in page.elements)
    assert all((attrs.get("src") or "data:").startswith("data:") for _, attrs in page.elements)
    assert page.text.count('<script>alert("x")</script>') >= 15  # shown, as the text it is
    assert "\u202e" not in pages["nasty"] and "\x00" not in pages["nasty"]
    assert pages["nasty"].encode("utf-8")


def test_embedded_names_cannot_close_the_script(pages: dict[str, str]) -> None:
    embedded = pages["nasty"].split('id="curves">')[1].split("</script>")[0]
    assert "<" not in embedded and embedded.endswith("}")


def test_missing_numbers_are_dashes_with_a_reason(pages: dict[str, str]) -> None:
    page = Page(pages["nothing_usable"])
    dashes = page.with_class("none")
    assert len(dashes) > 26
    assert all(attrs["title"] for attrs in dashes)
    assert "No usable frame of Face 0: there is no curve to draw." in page.text
    assert "Grey: this action unit alone was not estimated." in page.text


def test_faces_must_be_those_of_the_document() -> None:
    summary = build.two_faces()
    with pytest.raises(ValueError, match="the document tells of 2 faces, not 1"):
        render_report(Summary(summary.document, summary.faces[:1]))
    with pytest.raises(ValueError, match="face 3 is 0 in the document"):
        render_report(Summary(summary.document, summary.faces[::-1]))


def test_arrays_of_a_wrong_shape_are_refused() -> None:
    summary = build.two_faces()
    summary.faces[1].mean = np.zeros(7, dtype=np.float32)
    with pytest.raises(ValueError, match=r"mean of face 3 is \(7,\), not \(26,\)"):
        render_report(summary)


def test_the_summary_is_left_as_it_was() -> None:
    summary, twin = build.nothing_usable(), build.nothing_usable()
    render_report(summary)
    for one, other in zip(summary.faces, twin.faces, strict=True):
        np.testing.assert_array_equal(one.timeline.values, other.timeline.values)
        np.testing.assert_array_equal(one.mean, other.mean)
    assert summary.document == twin.document


def test_write_report_writes_utf_8(tmp_path: Path) -> None:
    summary = build.nasty()
    path = tmp_path / "report.html"
    write_report(summary, path)
    assert path.read_bytes().decode("utf-8") == render_report(summary)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "report.html"
    with pytest.raises(OutputError, match=r"missing/report\.html: the report cannot be written"):
        write_report(build.no_faces(), path)


def with_mran() -> Summary:
    """Two faces with MRAN's curves."""
    summary = build.two_faces()
    for face in summary.faces:
        line = face.timeline
        values = (line.values[:, :2] * 0.5).astype(np.float32)
        mean = np.nanmean(values, axis=0)
        curve = Timeline(line.time_s, values, line.bin_s)
        face.mran = MranSummary(9, mean, mean, np.zeros(2), curve)
    return summary


def test_mran_stands_beside_stage_1() -> None:
    summary = with_mran()
    page = render_report(summary)
    assert Page(page).errors == []
    assert page.count('class="line clips valence"') == page.count('class="line clips arousal"') == 2
    assert '<b data-column="27">' in page and "<code>mran_valence</code>" in page
    assert "All 28 channels in numbers" in page and '"arousal, MRAN"]' in page
    plain = render_report(build.two_faces())
    assert "MRAN" not in plain and "All 26 channels" in plain
    mran = summary.faces[0].mran
    assert mran is not None
    mran.timeline = Timeline(mran.timeline.time_s + 1, mran.timeline.values, 0.1)
    with pytest.raises(ValueError, match=r"points of MRAN are not the \d+ here"):
        render_report(summary)


def test_marks_stand_beside_their_numbers_and_are_explained(pages: dict[str, str]) -> None:
    page = Page(pages["with_details"])
    content = pages["with_details"]
    assert re.search(
        r"happiness <em class=\"mark m-measured\"[^>]*>measured</em> <b data-col", content
    )
    unit = content.index("AU20 lip stretcher </span>")
    assert re.search(r"<b [^>]*>[^<]*</b> <em [^>]*>synthetic</em>", content[unit : unit + 250])
    assert 'title="learnt and checked on drawn faces only: only by looking"' in content
    words = "measured checked against what people or coders saw in real or photorealistic "
    words += "faces; teacher follows another"
    assert page.text.count("How far to trust a number: " + words) == 2  # once per face
    assert "simulated learnt" not in page.text  # no channel here is
    assert "how far to trust it" in page.text and "r = 0.80" in page.text  # the table
    for state in ("two_faces", "image", "many_faces"):  # their models say nothing
        assert 'class="mark' not in pages[state] and "trust" not in Page(pages[state]).text


def test_what_is_seen_beside_the_expression_has_a_block_of_its_own(pages: dict[str, str]) -> None:
    content = pages["with_details"]
    page = Page(content)
    assert page.text.count("How it was seen") == 2
    for style in ("d-quality", "d-yaw", "d-pitch", "d-roll", "d-left", "d-right"):
        assert content.count(f'class="line {style}"') == 2
    assert content.count('class="least"') == 2
    assert re.search(r"Mean quality 0\.\d\d; mean head pose yaw [+\u2212]?\d+\u00b0", page.text)
    assert re.search(r"\d+ frames of .* below quality 0\.35: not counted in means", page.text)
    assert "<code>au12_intensity</code>" in content and "<code>pose_roll_deg</code>" in content
    assert "All 51 channels in numbers" in content
    assert "How it was seen" not in pages["two_faces"]
    assert "<code>quality</code>" not in pages["two_faces"]


def test_a_still_image_tells_of_quality_and_pose_in_words(pages: dict[str, str]) -> None:
    page = Page(pages["still_with_details"])
    assert "How it was seen" not in page.text
    assert "Mean quality" not in page.text and "Quality 0." in page.text
    assert "synthetic" in page.text


def test_a_face_that_never_counts_shows_why(pages: dict[str, str]) -> None:
    page = Page(pages["poor"])
    assert "there is no curve to draw" in page.text
    assert "How it was seen" in page.text
    assert "5 frames of 5 below quality 0.35" in page.text


def test_words_of_a_model_cannot_break_out_of_a_mark() -> None:
    summary = build.with_details()
    summary.document["channels"] = {
        **build.MARKED, "au12": {"mark": "teacher", "figure": build.NASTY},
        "au15": {"mark": build.NASTY, "figure": None},
    }  # fmt: skip
    content = render_report(summary)
    assert Page(content).errors == []
    assert "<img src=x" not in content


@pytest.mark.parametrize(("seconds", "at_most"), [(600, 3_000_000), (3600, 5_000_000)])
def test_long_recordings_of_two_people_stay_small(seconds: int, at_most: int) -> None:
    """With as many points as a curve may have, and more episodes than are listed."""
    faces = [build.face(number, 0.0, float(seconds), points=2000) for number in (0, 1)]
    for one in faces:
        one.episodes = [("au12", Episode(float(t), t + 0.2, t + 0.5, 0.8)) for t in range(seconds)]
    page = render_report(Summary(build.document(faces, duration_s=float(seconds)), faces))
    assert len(page.encode()) < at_most
    assert page.count('class="at" data-t') < 3000
