"""All people of a video on one time axis, and the small video that plays in step."""

from __future__ import annotations

import numpy as np

from mien.labels import VALENCE_AROUSAL
from mien.report.charts import svg
from mien.report.charts.curves import any_known, ticks
from mien.report.charts.registry import FaceView, Page
from mien.report.text import clock, key, number

MOST_PEOPLE = 12
_LANES = (  # for the script, which fills and shows it
    '<div class="lanes" hidden><h3>Your marks</h3><div class="tracks"></div>'
    '<p class="quiet" data-hint></p><p class="tools"></p><ol class="noted"></ol>'
    '<p class="sr" role="status"></p></div>'
)


def player(start_s: float) -> str:
    """The small video beside the page; `start_s` is where it begins in the source's time."""
    return (
        f'<section class="player" aria-label="Video"><video controls preload="metadata" '
        f'playsinline muted src="player.mp4" data-start="{start_s:.3f}"></video>'
        '<p class="quiet">A small copy of the video, player.mp4 beside this file. Curves follow '
        "it, and a click into a curve leads there.</p></section>"
    )


def together(views: list[FaceView], page: Page) -> str:
    """Valence and arousal of everybody, one row a person, on the axis of the whole video."""
    shown = sorted(views, key=lambda view: -view.face.usable_frames)[:MOST_PEOPLE]
    shown = [view for view in views if view in shown and len(view.curve.time_s)]
    if not shown or page.trust.lacks(VALENCE_AROUSAL):
        return ""
    span = page.video
    times, decimals = ticks(span)
    rows = "".join(_row(view, page, times) for view in shown)
    marks = "".join(
        f'<span style="left:{(time - span[0]) / (span[1] - span[0]) * 100:.2f}%">'
        f"{clock(time, decimals)}</span>"
        for time in times
    )
    left = f", the {MOST_PEOPLE} seen longest" if len(views) > MOST_PEOPLE else ""
    return (
        f'<section class="together"><h2>Everybody over time</h2><p class="quiet">Valence and '
        f"arousal, {chr(0x2212)}1 to +1{left}.</p>"
        f'<div class="shared" data-from="{span[0]:.3f}" data-to="{span[1]:.3f}" '
        'data-who="everybody"><p class="when"><span data-when>mean</span></p>'
        f'{rows}<div class="row"><div></div><div class="ticks">{marks}</div><div></div></div>'
        "</div>" + _LANES + "</section>"
    )


def _row(view: FaceView, page: Page, times: list[float]) -> str:
    curve, span = view.curve, page.video
    known = any_known(curve.values[:, :2])
    plot = svg.picture(
        svg.ground(curve, span, known)
        + svg.grid(span, times, (0.0, 0.5, 1.0))
        + svg.line(curve, 1, span, -1.0, 1.0, "all arousal")
        + svg.line(curve, 0, span, -1.0, 1.0, "all valence")
    )
    means = np.asarray(view.face.mean, np.float64)[:2]
    told = f"{view.who}: mean valence {number(means[0])}, arousal {number(means[1])}"
    told = told if np.isfinite(means).all() else f"{view.who}: no usable frame"
    values = "".join(
        f"<li>{key(name, view.face.labels)}{name} "
        f'<b data-face="{view.index}" data-column="{column}">'
        f"{number(view.face.mean[column], signed=True)}</b></li>"
        for column, name in enumerate(("valence", "arousal"))
    )
    return (
        f'<div class="row low"><div class="left"><a href="#{view.anchor}">{view.who}</a></div>'
        f'<div class="plot" role="img" aria-label="{told}">{plot}</div>'
        f'<div class="right"><ul class="legend">{values}</ul></div></div>'
    )
