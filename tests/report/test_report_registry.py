"""A chart of somebody's own in the report, without a change of mien."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import report_builder as build
from report_page import Page as Parsed

from mien.report import CHARTS, FaceView, Page, register_chart, render_report


@pytest.fixture
def smiles() -> Iterator[None]:
    """The largest AU12 of every face as a bar, and a line through its curve."""

    @register_chart("smiles")
    def chart(view: FaceView, page: Page) -> str:
        column = view.face.labels.affect_columns.index("au12")
        if page.is_image:
            return f'<p class="smile">{view.who} {view.face.peak[column]:.2f}</p>'
        points = " ".join(
            f"{time_s:.2f},{1 - value:.3f}"
            for time_s, value in zip(view.curve.time_s, view.curve.values[:, column], strict=True)
            if value == value
        )
        lasts_s = page.video[1] - page.video[0]
        return (
            f'<svg class="smile" viewBox="0 0 {lasts_s:.2f} 1"><polyline points="{points}"/></svg>'
        )

    yield
    del CHARTS["smiles"]


def test_it_stands_in_the_section_of_every_face_behind_the_others(smiles: None) -> None:
    summary = build.two_faces()
    page = render_report(summary)
    assert Parsed(page).errors == []
    sections = page.split('<details class="face"')[1:]
    assert len(sections) == 2
    for section, face in zip(sections, summary.faces, strict=True):
        (points,) = re.findall(r'<svg class="smile"[^>]*><polyline points="([^"]+)"/>', section)
        first = points.split()[0].split(",")
        assert float(first[0]) == pytest.approx(face.timeline.time_s[0], abs=0.1)
        assert section.index("<h3>Reactions</h3>") < section.index('class="smile"')
        assert section.index('class="smile"') < section.index("channels in numbers")


def test_it_is_told_of_a_still_image(smiles: None) -> None:
    summary = build.image()
    peak = summary.faces[0].peak[summary.faces[0].labels.affect_columns.index("au12")]
    assert f'<p class="smile">Face 0 {peak:.2f}</p>' in render_report(summary)


def test_without_it_the_page_is_as_before() -> None:
    assert list(CHARTS) == [
        "over time",
        "what MRAN read",
        "how it was seen",
        "peaks and plane",
        "reactions",
    ]
    assert "smile" not in render_report(build.two_faces())


def test_a_chart_that_is_taken_out_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(CHARTS, "reactions")
    page = render_report(build.two_faces())
    assert "<h3>Reactions</h3>" not in page and "<h3>At the peaks</h3>" in page
    assert Parsed(page).errors == []


def test_a_name_stands_for_one_chart() -> None:
    with pytest.raises(ValueError, match="there is a chart 'reactions' already: over time, "):
        register_chart("reactions")(lambda view, page: "")
