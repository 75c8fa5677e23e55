"""A face's charts over time: three plots on one axis, with the numbers beside them."""

from __future__ import annotations

import numpy as np

from mien.labels import ACTION_UNITS, VALENCE_AROUSAL, VALENCE_AROUSAL_SLICE, LabelSet, unit_name
from mien.report.charts import svg
from mien.report.charts.curves import Curve, Interval, all_known, any_known, mran_columns, ticks
from mien.report.charts.heat import heat_map
from mien.report.text import channel, clock, escape, key, number
from mien.report.trust import Trust
from mien.types import FaceSummary, MranSummary

_MOST_COLUMNS = 2000


def timeline(
    face: FaceSummary, curve: Curve, span: Interval, index: int, who: str, trust: Trust
) -> str:
    """The stack of charts of face number `index` on the axis `span`."""
    labels = face.labels
    times, decimals = ticks(span)
    affect_known = any_known(curve.values[:, VALENCE_AROUSAL_SLICE])
    clips = face.mran is not None
    areas_known = all_known(curve.values[:, labels.expression_slice])
    units_known = any_known(curve.values[:, labels.action_unit_slice])
    affect = svg.picture(
        svg.ground(curve, span, affect_known)
        + svg.grid(span, times, (0.0, 0.25, 0.5, 0.75, 1.0))
        + (_clip_lines(curve, span, labels) if clips else "")
        + svg.line(curve, 1, span, -1.0, 1.0, "arousal")
        + svg.line(curve, 0, span, -1.0, 1.0, "valence")
    )
    areas = svg.picture(
        svg.ground(curve, span, areas_known)
        + svg.stack(curve, span, labels)
        + svg.grid(span, times, (0.0, 0.25, 0.5, 0.75, 1.0))
    )
    width = np.ceil((span[1] - span[0]) / max(curve.point_s, 1e-6))
    heat = svg.picture(svg.ground(curve, span, units_known)) + heat_map(
        curve,
        span,
        int(np.clip(width, 50, _MOST_COLUMNS)),
        _peaks(face, labels.action_unit_slice, who),
        labels,
    )
    units = len(labels.action_units)
    rows = svg.picture(svg.grid(span, times, tuple(row / units for row in range(units + 1))))
    return (
        f'<div class="stack" data-face="{index}" data-who="{who}" data-from="{span[0]:.3f}" '
        f'data-to="{span[1]:.3f}">'
        f'<p class="when"><span data-when>mean</span></p>'
        + _chart(
            "Valence and arousal",
            "\u22121 to +1",
            "va",
            _levels("+1", "0", "\u22121"),
            affect,
            _peaks(face, VALENCE_AROUSAL_SLICE, who) + _clip_words(face),
            _legend(face, (0, 1), trust)
            + (_clip_legend(face.mran, trust, labels) if face.mran is not None else ""),
        )
        + _chart(
            "Expressions",
            "shares that sum to 1",
            "expr",
            _levels("1", "0.5", "0"),
            areas,
            _peaks(face, labels.expression_slice, who),
            _legend(face, _stack_columns(labels), trust),
        )
        + _chart(
            "Action units",
            "probability that each is active",
            "au",
            _unit_names(labels),
            heat + rows,
            "",
            _unit_values(face, trust),
            "" if units == len(ACTION_UNITS) else f' style="height:calc({units} * 1.05rem)"',
        )
        + f'<div class="row"><div></div><div class="ticks">{_ticks(span, times, decimals)}</div>'
        f"<div></div></div></div>"
    )


def _chart(
    title: str, unit: str, style: str, left: str, plot: str, label: str, right: str, size: str = ""
) -> str:
    role = f' role="img" aria-label="{label}"' if label else ""
    return (
        f'<h4>{title} <small>{unit}</small></h4><div class="row {style}">'
        f'<div class="left">{left}</div><div class="plot"{size}{role}>{plot}</div>'
        f'<div class="right">{right}</div></div>'
    )


def _levels(*words: str) -> str:
    return f'<div class="levels" aria-hidden="true">{"".join(f"<i>{w}</i>" for w in words)}</div>'


def _stack_columns(labels: LabelSet) -> tuple[int, ...]:
    names = reversed(svg.stack_order(labels))
    return tuple(labels.affect_columns.index(f"expr_{name}") for name in names)


def _value(face: FaceSummary, column: int) -> str:
    mean = number(face.mean[column], signed=column < 2)
    return f'<b data-column="{column}">{mean}</b>'


def _legend(face: FaceSummary, columns: tuple[int, ...], trust: Trust) -> str:
    labels = face.labels
    rows = "".join(
        f"<li>{key(name, labels)}{name} "
        f"{trust.mark(labels.affect_columns[c])} {_value(face, c)}</li>"
        for c in columns
        for name in (channel(c, labels),)
    )
    return f'<ul class="legend">{rows}</ul>'


def _clip_lines(curve: Curve, span: Interval, labels: LabelSet) -> str:
    """MRAN's curves: broken lines in the colors of the extractor's."""
    valence, arousal = mran_columns(labels)
    return svg.line(curve, arousal, span, -1.0, 1.0, "clips arousal") + svg.line(
        curve, valence, span, -1.0, 1.0, "clips valence"
    )


def _clip_legend(said: MranSummary, trust: Trust, labels: LabelSet) -> str:
    rows = "".join(
        f'<li><i class="key clips k-{name}"></i>{channel(column, labels)} '
        f"{trust.mark(f'mran_{name}')} "
        f'<b data-column="{column}">{number(mean, signed=True)}</b></li>'
        for name, column, mean in zip(VALENCE_AROUSAL, mran_columns(labels), said.mean, strict=True)
    )
    return f'<ul class="legend clips">{rows}</ul>'


def _clip_words(face: FaceSummary) -> str:
    """What MRAN's curves say, for those who cannot see them."""
    if face.mran is None:
        return ""
    parts = [
        f"{name} mean {number(mean)}, peak {number(peak)} at {clock(float(peak_s))}"
        for name, mean, peak, peak_s in zip(
            VALENCE_AROUSAL, face.mran.mean, face.mran.peak, face.mran.peak_time_s, strict=True
        )
        if np.isfinite(mean) and np.isfinite(peak_s)
    ]
    return f" MRAN: {escape('; '.join(parts) if parts else 'no estimate')}"


def _unit_names(labels: LabelSet) -> str:
    return (
        '<ol class="units" aria-hidden="true">'
        + "".join(
            f"<li><b>{number}</b> <span>{name}</span></li>"
            for number, _, name in (unit_name(unit).partition(" ") for unit in labels.action_units)
        )
        + "</ol>"
    )


def _unit_values(face: FaceSummary, trust: Trust) -> str:
    columns = range(len(face.mean))[face.labels.action_unit_slice]
    return (
        '<ol class="units values">'
        + "".join(
            f'<li><span class="sr">{channel(column, face.labels)} </span>{_value(face, column)} '
            f"{trust.mark(face.labels.affect_columns[column])}</li>"
            for column in columns
        )
        + "</ol>"
    )


def _ticks(span: Interval, times: list[float], decimals: int) -> str:
    length = span[1] - span[0]
    return "".join(
        f'<span style="left:{(time - span[0]) / length * 100:.2f}%">{clock(time, decimals)}</span>'
        for time in times
    )


def _peaks(face: FaceSummary, columns: slice, who: str) -> str:
    """A chart in words: means and peaks of its channels, escaped for an attribute."""
    parts = []
    for column in range(len(face.mean))[columns]:
        if np.isfinite(face.mean[column]) and np.isfinite(face.peak_time_s[column]):
            parts.append(
                f"{channel(column, face.labels)} mean {number(face.mean[column])}, "
                f"peak {number(face.peak[column])} at {clock(float(face.peak_time_s[column]))}"
            )
    told = "; ".join(parts) if parts else "no usable frame"
    return f"{who} over time. {escape(told)}"
