"""How well a face was seen, and what it did beside its expression: quality, pose, eyes.

Three low charts on the axis of the others. Frames that count for nothing else are in them, too:
they show why.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.labels import DETAIL_COLUMNS
from mien.report.charts import svg
from mien.report.charts.curves import Curve, Interval, any_known, make_curve, ticks
from mien.report.text import MINUS, clock, count, escape, is_number, number, plural
from mien.report.trust import Trust
from mien.types import DetailsSummary, FaceSummary

_MOST_POINTS = 600
_POSE_REACH_DEG = 60.0
_WORDS = {
    "quality": "quality",
    "pose_yaw_deg": "yaw",
    "pose_pitch_deg": "pitch",
    "pose_roll_deg": "roll",
    "eye_open_left": "left",
    "eye_open_right": "right",
}
_STYLES = ("d-quality", "d-yaw", "d-pitch", "d-roll", "d-left", "d-right")


def conditions(
    face: FaceSummary, span: Interval, who: str, trust: Trust, least: float | None
) -> str:
    """The charts of a face; nothing where its extractor gives none of it.

    Parameters
    ----------
    face
        With or without details.
    span
        The axis of its other charts.
    who
        Its escaped name.
    trust
        Marks of the channels.
    least
        Quality below which frames did not count; None where all did.
    """
    if face.details is None:
        return ""
    curve = make_curve(face.details.timeline, _MOST_POINTS, channels=len(_STYLES))
    times, decimals = ticks(span)
    charts = []
    if len(curve.time_s):
        groups = (
            ("Quality", "0 to 1", (0,), 0.0, 1.0, ("1", "", "0")),
            (
                "Head pose",
                "degrees; to the own left, up and counter-clockwise are positive",
                (1, 2, 3),
                -_POSE_REACH_DEG,
                _POSE_REACH_DEG,
                ("+60\u00b0", "0\u00b0", f"{MINUS}60\u00b0"),
            ),
            (
                "Eyes",
                "how far open, 0 to 1; left and right are the person's own",
                (4, 5),
                0.0,
                1.0,
                ("1", "", "0"),
            ),
        )
        for title, unit, columns, low, high, levels in groups:
            if not np.isfinite(curve.values[:, columns]).any():
                continue
            limit = least if columns == (0,) else None
            plot = _plot(curve, span, times, columns, (low, high), limit)
            label = f"{who} over time. {escape(_told(face.details, columns))}"
            words = "".join(f"<i>{word}</i>" for word in levels)
            charts.append(
                f'<h4>{title} <small>{unit}</small></h4><div class="row low">'
                f'<div class="left"><div class="levels" aria-hidden="true">{words}</div></div>'
                f'<div class="plot" role="img" aria-label="{label}">{plot}</div>'
                f'<div class="right">{_legend(face.details, columns, trust)}</div></div>'
            )
    marks = "".join(
        f'<span style="left:{(time - span[0]) / (span[1] - span[0]) * 100:.2f}%">'
        f"{clock(time, decimals)}</span>"
        for time in times
    )
    axis = (
        f'<div class="row"><div></div><div class="ticks">{marks}</div><div></div></div>'
        if charts
        else ""
    )
    return (
        f"<h3>How it was seen</h3>{summary(face, least)}"
        f'<div class="conditions">{"".join(charts)}{axis}</div>'
    )


def summary(face: FaceSummary, least: float | None, *, still: bool = False) -> str:
    """Quality, pose (means, but of a still) and the frames that did not count, in a sentence."""
    if face.details is None:
        return ""
    mean = dict(zip(face.labels.detail_columns, face.details.mean.tolist(), strict=True))
    parts, word = [], "" if still else "mean "
    if is_number(mean["quality"]):
        parts.append(f"{word}quality <b>{number(mean['quality'])}</b>")
    pose = [mean[name] for name in ("pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg")]
    if all(is_number(value) for value in pose):
        told = ", ".join(
            f"{axis} <b>{_degrees(value)}</b>"
            for axis, value in zip(("yaw", "pitch", "roll"), pose, strict=True)
        )
        parts.append(f"{word}head pose {told}")
    eyes = [mean[name] for name in ("eye_open_left", "eye_open_right")]
    if all(is_number(value) for value in eyes):
        parts.append(f"eyes open <b>{number(sum(eyes) / 2)}</b>")
    text = "; ".join(parts)
    text = f"{text[:1].upper()}{text[1:]}." if text else ""
    if least is not None and still and face.low_quality_frames:
        text += f" This is below quality {number(least)}: no number above counts."
    elif least is not None and not still:
        low = face.low_quality_frames
        total = count(low + face.usable_frames)
        text += (
            f" {plural(low, 'frame', 'frames')} of {total} below quality {number(least)}: "
            "not counted in means, peaks, curves above and reactions."
            if low
            else f" No frame below quality {number(least)}."
        )
    return f"<p>{text}</p>" if text else ""


def _degrees(value: float) -> str:
    return f"{number(value, signed=True, digits=0)}\u00b0"


def _plot(
    curve: Curve,
    span: Interval,
    times: list[float],
    columns: Sequence[int],
    reach: tuple[float, float],
    least: float | None,
) -> str:
    level = ""
    if least is not None:
        height = round((1 - least) * svg.HEIGHT)
        level = f'<path class="least" d="M0 {height}H{svg.WIDTH}"/>'
    return svg.picture(
        svg.ground(curve, span, any_known(curve.values[:, columns]))
        + svg.grid(span, times, (0.0, 0.5, 1.0))
        + level
        + "".join(svg.line(curve, column, span, *reach, _STYLES[column]) for column in columns)
    )


def _legend(details: DetailsSummary, columns: Sequence[int], trust: Trust) -> str:
    rows = []
    for column in columns:
        name, value = DETAIL_COLUMNS[column], float(details.mean[column])
        shown = _degrees(value) if name.endswith("_deg") and is_number(value) else number(value)
        rows.append(
            f'<li><i class="key k-{_STYLES[column]}"></i>{_WORDS[name]} {trust.mark(name)} '
            f"<b>{shown}</b></li>"
        )
    return f'<ul class="legend">{"".join(rows)}</ul>'


def _told(details: DetailsSummary, columns: Sequence[int]) -> str:
    """The chart in words, for those who cannot see it."""
    parts = [
        f"{_WORDS[DETAIL_COLUMNS[column]]} mean {float(details.mean[column]):.2f}"
        for column in columns
        if is_number(float(details.mean[column]))
    ]
    return ("; ".join(parts) if parts else "no estimate").replace("-", MINUS)
