"""The section of one face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.report import numbers
from mien.report.bars import presence_bar
from mien.report.circumplex import circumplex, describe
from mien.report.curves import Curve, Interval, face_span, presence
from mien.report.reactions import reactions
from mien.report.still import still
from mien.report.text import channel, clock, count, escape, number, plural
from mien.report.thumbnails import dominant, peak_strip, portrait
from mien.report.timeline import timeline
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
    body = _still(view) if is_image else _moving(view, video)
    told = f"<h3>Reactions</h3>{reactions(view.face, view.note, document, view.who)}"
    table = numbers.table(view.face, view.who, still=is_image)
    return (
        f'<details class="face" id="{view.anchor}"{" open" if opened else ""}>'
        f"<summary><h2>{view.who}</h2><span>{_gist(view.face, is_image)}</span></summary>"
        f"{body}{told}<details><summary>All 26 channels in numbers</summary>{table}</details>"
        f"</details>"
    )


def _gist(face: FaceSummary, is_image: bool) -> str:
    column = dominant(face)
    main = "no usable frame" if column is None else f"mostly {channel(column)}"
    if is_image:
        return main
    seen = f"{clock(face.first_s, 1)} to {clock(face.last_s, 1)}"
    return f"{main}, {seen}, {plural(face.usable_frames, 'usable frame', 'usable frames')}"


def _still(view: FaceView) -> str:
    mean = np.asarray(view.face.mean, dtype=np.float64)[:2]
    plane = circumplex(view.curve, mean, escape(describe(mean)))
    return (
        f'<div class="pair"><div>{portrait(view.face, view.who)}</div>'
        f"<figure>{plane}<figcaption>The cross marks this face.</figcaption></figure></div>"
        f"{still(view.face)}"
    )


def _moving(view: FaceView, video: Interval) -> str:
    face, curve = view.face, view.curve
    mean = np.asarray(face.mean, dtype=np.float64)[:2]
    plane = circumplex(curve, mean, escape(describe(mean)))
    span = face_span(curve, video)
    if len(curve.time_s):
        charts = timeline(face, curve, span, view.index, view.who)
        charts += f'<p class="quiet">{_reading(curve, span, video)}</p>'
    else:
        charts = f'<p class="quiet">No usable frame of {view.who}: there is no curve to draw.</p>'
    return (
        f'<p class="whole">{presence_bar(presence(face, curve), video, view.who)}'
        f"<span>seen in the whole video, {clock(video[0], 1)} to {clock(video[1], 1)}</span></p>"
        f"<h3>Over time</h3>{charts}"
        f'<div class="pair"><div><h3>At the peaks</h3>{peak_strip(face, view.who)}</div>'
        f"<div><h3>Valence-arousal plane</h3><figure>{plane}<figcaption>Path from faint (early) "
        f"to strong (late); the cross is the mean, {number(mean[0], signed=True)} valence and "
        f"{number(mean[1], signed=True)} arousal.</figcaption></figure></div></div>"
    )


def _reading(curve: Curve, span: Interval, video: Interval) -> str:
    parts = ["Hatched: no usable frame of this face, so nothing is drawn."]
    if span != video:
        parts.append(
            f"The axis shows {clock(span[0], 1)} to {clock(span[1], 1)} only, "
            "where the face was seen."
        )
    parts.append(
        f"{count(len(curve.time_s))} points, each the mean over about {curve.point_s:.3g} s."
    )
    return " ".join(parts)
