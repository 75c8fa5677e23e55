"""The section of one face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.labels import VALENCE_AROUSAL
from mien.report import numbers
from mien.report.bars import presence_bar
from mien.report.circumplex import circumplex, describe
from mien.report.conditions import conditions, summary
from mien.report.curves import Curve, Interval, face_span, presence
from mien.report.reactions import reactions
from mien.report.still import still
from mien.report.text import channel, clock, count, escape, plural
from mien.report.thumbnails import dominant, peak_strip
from mien.report.timeline import timeline
from mien.report.trust import Trust
from mien.types import FaceSummary


@dataclass(frozen=True, slots=True)
class FaceView:
    """A face with what the page needs to show it.

    Attributes
    ----------
    who
        Escaped name, the number that the tables use.
    anchor
        Fragment of its section; by position, since an id need not be unique.
    note
        What the analysis says of its reactions, unescaped.
    """

    face: FaceSummary
    curve: Curve
    index: int
    who: str
    anchor: str
    note: str | None


def section(view: FaceView, document: dict[str, Any], video: Interval, *, opened: bool) -> str:
    """A collapsible section with charts, crops, plane, reactions and numbers."""
    is_image = bool(document["source"]["is_image"])
    trust, least = Trust(document), document.get("min_quality")
    told = f"<h3>Reactions</h3>{reactions(view.face, view.note, document, view.who)}"
    body = (
        _still(view, told, trust, least) if is_image else _moving(view, video, trust, least) + told
    )
    table = numbers.table(view.face, view.who, trust, still=is_image)
    return (
        f'<details class="face" id="{view.anchor}"{" open" if opened else ""}>'
        f"<summary><h2>{view.who}</h2><span>{_gist(view.face, is_image)}</span></summary>"
        f"{body}<details><summary>All {_channels(view)} channels in numbers</summary>"
        f"{table}</details></details>"
    )


def _channels(view: FaceView) -> int:
    """Channels that are told of the face: 26, and what MRAN and the extractor say beside them."""
    face = view.face
    more = 0 if face.details is None else int(np.isfinite(face.details.mean).sum())
    return len(face.mean) + (0 if face.mran is None else len(face.mran.mean)) + more


def _gist(face: FaceSummary, is_image: bool) -> str:
    column = dominant(face)
    main = "no usable frame" if column is None else f"mostly {channel(column, face.labels)}"
    if is_image:
        return main
    seen = f"{clock(face.first_s, 1)} to {clock(face.last_s, 1)}"
    if not face.usable_frames:
        return f"{main}, {seen}"
    return f"{main}, {seen}, {plural(face.usable_frames, 'usable frame', 'usable frames')}"


def _still(view: FaceView, told: str, trust: Trust, least: float | None) -> str:
    return (
        f"{still(view.face, view.who, trust)}{_legend(view, trust)}"
        f"{summary(view.face, least, still=True)}"
        f'<div class="pair"><div>{told}</div>'
        f"<div>{_plane(view, 'The cross marks this face.')}</div></div>"
    )


def _legend(view: FaceView, trust: Trust) -> str:
    """What the marks of this face's channels mean."""
    names = [*view.face.labels.affect_columns]
    if view.face.details is not None:
        names += view.face.labels.detail_columns
    if view.face.mran is not None:
        names += [f"mran_{name}" for name in VALENCE_AROUSAL]
    return trust.legend(names)


def _moving(view: FaceView, video: Interval, trust: Trust, least: float | None) -> str:
    face, curve = view.face, view.curve
    bar = presence_bar(presence(face, curve), video, view.who)
    whole = f"seen in the whole video, {clock(video[0], 1)} to {clock(video[1], 1)}"
    peaks = f"<h3>At the peaks</h3>{peak_strip(face, view.who)}"
    if not len(curve.time_s):
        return (
            f'<p class="whole">{bar}<span>{whole}</span></p><h3>Over time</h3>'
            f'<p class="quiet">No usable frame of {view.who}: there is no curve to draw.</p>'
            f"{conditions(face, video, view.who, trust, least)}{peaks}"
        )
    span = face_span(curve, video)
    plane = _plane(view, "Path from faint (early) to strong (late); the cross is the mean.")
    return (
        f'<p class="whole">{bar}<span>{whole}</span></p>'
        f"<h3>Over time</h3>{timeline(face, curve, span, view.index, view.who, trust)}"
        f'<p class="quiet">{_reading(view, span, video)}</p>{_legend(view, trust)}'
        f"{conditions(face, span, view.who, trust, least)}"
        f'<div class="pair"><div>{peaks}</div><div>{plane}</div></div>'
    )


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
    return " ".join(parts)
