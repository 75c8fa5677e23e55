"""The aligned crops of a face at the peaks of its channels."""

from __future__ import annotations

import numpy as np

from mien.report.charts.heat import data_uri
from mien.report.text import channel, escape, is_number, number, when
from mien.types import FaceSummary


def dominant(face: FaceSummary) -> int | None:
    """Column of the expression with the largest mean; None where no expression has one."""
    own = face.labels.expression_slice
    mean = np.asarray(face.mean, dtype=np.float64)[own]
    if not np.isfinite(mean).any():
        return None
    return int(own.start) + int(np.nanargmax(mean))


def portrait(face: FaceSummary, who: str) -> str:
    """One crop that stands for the face: that of its dominant expression, or the first there is."""
    column, names = dominant(face), face.labels.affect_columns
    wanted = () if column is None else (names[column],)
    for name in (*wanted, *names):
        if name in face.thumbnails:
            source = data_uri("image/jpeg", face.thumbnails[name])
            return f'<img class="crop" width="112" height="112" alt="{who}" src="{source}">'
    return f'<span class="crop empty" role="img" aria-label="{who}: no picture kept"></span>'


def peak_strip(face: FaceSummary, who: str) -> str:
    """Every crop with the channels that peak there; a crop that serves several is shown once."""
    shared: dict[tuple[bytes, float | None], list[int]] = {}
    for column, name in enumerate(face.labels.affect_columns):
        if name in face.thumbnails:
            time = float(face.peak_time_s[column])
            key = (face.thumbnails[name], time if is_number(time) else None)
            shared.setdefault(key, []).append(column)
    if not shared:
        return '<p class="quiet">No picture was kept of this face.</p>'
    figures = []
    for (content, time_s), columns in shared.items():
        names = ", ".join(channel(column, face.labels) for column in columns)
        rows = "".join(
            f"<li>{escape(channel(column, face.labels))} "
            f"<b>{number(face.peak[column], signed=column < 2)}</b></li>"
            for column in columns
        )
        moment = "" if time_s is None else f' data-t="{time_s:.3f}"'
        figures.append(
            f'<figure><img class="crop" width="112" height="112" '
            f'alt="{who} at the peak of {escape(names)}" src="{data_uri("image/jpeg", content)}">'
            f'<figcaption><ul>{rows}</ul><span class="at"{moment}>{when(time_s)}</span>'
            f"</figcaption></figure>"
        )
    return f'<div class="strip">{"".join(figures)}</div>'
