"""The section of one face."""

from __future__ import annotations

import numpy as np

from mien.labels import VALENCE_AROUSAL
from mien.report import numbers
from mien.report.charts.bars import presence_bar
from mien.report.charts.circumplex import circumplex, describe
from mien.report.charts.conditions import conditions, summary
from mien.report.charts.curves import Interval, face_span, presence
from mien.report.charts.episodes import episodes
from mien.report.charts.reactions import reactions
from mien.report.charts.registry import CHARTS, FaceView, Page, register_chart
from mien.report.charts.streams import streams_figure
from mien.report.charts.thumbnails import dominant, peak_strip
from mien.report.charts.timeline import timeline
from mien.report.still import still
from mien.report.text import channel, clock, count, escape, plural
from mien.report.trust import Trust, made_up
from mien.types import FaceSummary


def section(view: FaceView, page: Page, *, opened: bool) -> str:
    """A collapsible section with all charts (`mien.report.charts.CHARTS`) and the numbers."""
    body = "".join(chart(view, page) for chart in CHARTS.values())
    table = numbers.table(view.face, view.who, page.trust, still=page.is_image)
    return (
        f'<details class="face" id="{view.anchor}"{" open" if opened else ""}>'
        f"<summary><h2>{view.who}</h2><span>{_gist(view.face, page.is_image)}</span></summary>"
        f"{body}<details><summary>All {_channels(view, page.trust)} channels in numbers</summary>"
        f"{table}</details></details>"
    )


def _channels(view: FaceView, trust: Trust) -> int:
    """Channels that are told of the face: 26, and what MRAN and the extractor say beside them."""
    face = view.face
    told = sum(not trust.lacks([name]) for name in face.labels.affect_columns)
    more = 0 if face.details is None else int(np.isfinite(face.details.mean).sum())
    return told + (0 if face.mran is None else len(face.mran.mean)) + more


def _gist(face: FaceSummary, is_image: bool) -> str:
    column = dominant(face)
    main = "no usable frame" if not face.usable_frames else "no expressions read"
    main = main if column is None else f"mostly {channel(column, face.labels)}"
    if is_image:
        return main
    seen = f"{clock(face.first_s, 1)} to {clock(face.last_s, 1)}"
    if not face.usable_frames:
        return f"{main}, {seen}"
    return f"{main}, {seen}, {plural(face.usable_frames, 'usable frame', 'usable frames')}"


def _legend(view: FaceView, trust: Trust) -> str:
    """What the marks of this face's channels mean."""
    names = [*view.face.labels.affect_columns]
    if view.face.details is not None:
        names += view.face.labels.detail_columns
    if view.face.mran is not None:
        names += [f"mran_{name}" for name in VALENCE_AROUSAL]
    return trust.legend(names)


@register_chart("over time")
def _over_time(view: FaceView, page: Page) -> str:
    """When it was seen and its curves; of a still image its bars."""
    face, curve, video = view.face, view.curve, page.video
    if page.is_image:
        return still(face, view.who, page.trust) + _legend(view, page.trust)
    bar = presence_bar(presence(face, curve), video, view.who)
    whole = f"seen in the whole video, {clock(video[0], 1)} to {clock(video[1], 1)}"
    head = f'<p class="whole">{bar}<span>{whole}</span></p><h3>Over time</h3>'
    if not len(curve.time_s):
        return (
            f'{head}<p class="quiet">No usable frame of {view.who}: there is no curve to draw.</p>'
        )
    span = face_span(curve, video)
    return (
        f"{head}{timeline(face, curve, span, view.index, view.who, page.trust)}"
        f'<p class="quiet">{_reading(view, span, video)}</p>{_legend(view, page.trust)}'
        f"{episodes(view)}"
    )


@register_chart("what MRAN read")
def _streams(view: FaceView, page: Page) -> str:
    said = view.face.mran
    if said is None or said.view is None or page.is_image:
        return ""
    return streams_figure(said.view, view.who)


@register_chart("how it was seen")
def _conditions(view: FaceView, page: Page) -> str:
    if page.is_image:
        return summary(view.face, page.least, still=True)
    span = face_span(view.curve, page.video)
    return conditions(view.face, span, view.who, page.trust, page.least)


@register_chart("peaks and plane")
def _peaks(view: FaceView, page: Page) -> str:
    if page.is_image:
        return ""  # its plane stands beside the reactions
    peaks = f"<h3>At the peaks</h3>{peak_strip(view.face, view.who)}"
    if not len(view.curve.time_s) or any(page.trust.lacks([name]) for name in VALENCE_AROUSAL):
        return peaks
    plane = _plane(view, "Path from faint (early) to strong (late); the cross is the mean.")
    return f'<div class="pair"><div>{peaks}</div><div>{plane}</div></div>'


@register_chart("reactions")
def _reactions(view: FaceView, page: Page) -> str:
    told = reactions(view.face, view.note, page.document, view.who)
    mark = made_up(page.document)
    if mark is not None and view.face.reactions is not None:
        told = (
            f'<details class="pale"><summary>Reactions, {mark}: what the model learnt from was '
            f"made up, so they are folded away</summary>{told}</details>"
        )
    told = f"<h3>Reactions</h3>{told}"
    if not page.is_image:
        return told
    plane = _plane(view, "The cross marks this face.")
    return f'<div class="pair"><div>{told}</div><div>{plane}</div></div>'


def _plane(view: FaceView, caption: str) -> str:
    mean = np.asarray(view.face.mean, dtype=np.float64)[:2]
    if not np.isfinite(mean).all():
        caption = "No usable estimate of valence or of arousal: no place in the plane."
    return (
        f"<h3>Valence-arousal plane</h3><figure>"
        f"{circumplex(view.curve, mean, escape(describe(mean)))}"
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _reading(view: FaceView, span: Interval, video: Interval) -> str:
    curve = view.curve
    parts = ["Hatched: no usable frame of this face, so nothing is drawn."]
    if view.face.active_share:
        parts.append("Beside the units: mean, and share of time at or above the threshold.")
    units = np.isfinite(curve.values[:, view.face.labels.action_unit_slice])
    if (units.any(axis=1) & ~units.all(axis=1)).any():
        parts.append("Grey: this action unit alone was not estimated.")
    if span != video:
        parts.append(
            f"The axis shows {clock(span[0], 1)} to {clock(span[1], 1)} only, "
            "where the face was seen."
        )
    parts.append(
        f"{count(len(curve.time_s))} points, each the mean over about {curve.point_s:.3g} s."
    )
    if view.face.fine is not None:
        fine = view.face.fine
        parts.append(
            f"A zoom shows {count(len(fine.time_s))} points, one every {fine.bin_s:.3g} s."
        )
    return " ".join(parts)
