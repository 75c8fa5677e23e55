"""A face's charts over time: three plots on one axis, with the numbers beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mien.labels import ACTION_UNITS, VALENCE_AROUSAL, VALENCE_AROUSAL_SLICE, LabelSet, unit_name
from mien.report.charts import svg
from mien.report.charts.curves import (
    Array,
    Curve,
    Interval,
    all_known,
    any_known,
    mran_columns,
    ticks,
)
from mien.report.charts.heat import heat_map
from mien.report.text import channel, clock, escape, key, number
from mien.report.trust import Trust
from mien.types import FaceSummary, MranSummary

_MOST_COLUMNS = 2000
_AWAY_FROM_ONE = 0.02
_SCALE = ' <span class="scale" aria-hidden="true">0<i></i>1</span>'


@dataclass(frozen=True, slots=True)
class _Axis:
    """What the charts of a stack have in common."""

    face: FaceSummary
    curve: Curve
    span: Interval
    who: str
    trust: Trust

    @property
    def labels(self) -> LabelSet:
        """Of the face."""
        return self.face.labels

    @property
    def columns(self) -> int:
        """Width of a picture in which every point of the curve has a column."""
        width = np.ceil((self.span[1] - self.span[0]) / max(self.curve.point_s, 1e-6))
        return int(np.clip(width, 50, _MOST_COLUMNS))


def timeline(
    face: FaceSummary, curve: Curve, span: Interval, index: int, who: str, trust: Trust
) -> str:
    """The stack of charts of face number `index` on the axis `span`; of channels that were not
    asked for there is none."""
    axis = _Axis(face, curve, span, who, trust)
    times, decimals = ticks(span)
    names, labels = face.labels.affect_columns, face.labels
    groups = (
        (VALENCE_AROUSAL_SLICE, _affect),
        (labels.expression_slice, _expressions),
        (labels.action_unit_slice, _units),
    )
    charts = "".join(
        draw(axis, times) for columns, draw in groups if not trust.lacks(names[columns])
    )
    return (
        f'<div class="stack" data-face="{index}" data-who="{who}" data-from="{span[0]:.3f}" '
        f'data-to="{span[1]:.3f}">'
        f'<p class="when"><span data-when>mean</span></p>{charts}'
        f'<div class="row"><div></div><div class="ticks">{_ticks(span, times, decimals)}</div>'
        f"<div></div></div></div>"
    )


def _affect(axis: _Axis, times: list[float]) -> str:
    face, curve, span, labels = axis.face, axis.curve, axis.span, axis.labels
    known = any_known(curve.values[:, VALENCE_AROUSAL_SLICE])
    columns = [k for k in (0, 1) if not axis.trust.lacks([VALENCE_AROUSAL[k]])]
    plot = svg.picture(
        svg.ground(curve, span, known)
        + svg.grid(span, times, (0.0, 0.25, 0.5, 0.75, 1.0))
        + (_clip_lines(curve, span, labels) if face.mran is not None else "")
        + "".join(svg.line(curve, k, span, -1.0, 1.0, VALENCE_AROUSAL[k]) for k in columns[::-1])
    )
    return _chart(
        " and ".join(VALENCE_AROUSAL[k] for k in columns).capitalize(),
        "\u22121 to +1",
        "va",
        _levels("+1", "0", "\u22121"),
        plot,
        _peaks(face, VALENCE_AROUSAL_SLICE, axis.who) + _clip_words(face),
        _legend(face, tuple(columns), axis.trust)
        + (_clip_legend(face.mran, axis.trust, labels) if face.mran is not None else ""),
    )


def _expressions(axis: _Axis, times: list[float]) -> str:
    curve, span, labels = axis.curve, axis.span, axis.labels
    columns = labels.expression_slice
    known = all_known(curve.values[:, columns])
    told = _peaks(axis.face, columns, axis.who)
    if not _sum_to_one(curve.values[known, columns]):
        rows = len(labels.expressions)
        return _chart(
            "Expressions",
            "0 to 1, each by itself: they do not sum to 1",
            "au",
            _names((name, "") for name in labels.expressions),
            _heat(axis, columns, times),
            "",
            _values(axis, columns),
            f'{_height(rows)} data-plain="1"',
        )
    areas = svg.picture(
        svg.ground(curve, span, known)
        + svg.stack(curve, span, labels)
        + svg.grid(span, times, (0.0, 0.25, 0.5, 0.75, 1.0))
    )
    return _chart(
        "Expressions",
        "shares that sum to 1",
        "expr",
        _levels("1", "0.5", "0"),
        areas,
        told,
        _legend(axis.face, _stack_columns(labels), axis.trust),
    )


def _units(axis: _Axis, times: list[float]) -> str:
    units = axis.labels.action_units
    foreign = axis.trust.is_foreign(axis.labels.action_unit_columns)
    return _chart(
        "Action units",
        ("0 to 1, as their tool says them" if foreign else "probability that each is active")
        + _SCALE,
        "au",
        _names(unit_name(unit).split(" ", 1) for unit in units),
        _heat(axis, axis.labels.action_unit_slice, times),
        "",
        _values(axis, axis.labels.action_unit_slice),
        "" if len(units) == len(ACTION_UNITS) else _height(len(units)),
    )


def _heat(axis: _Axis, columns: slice, times: list[float]) -> str:
    """One row a channel, the darker the nearer to 1."""
    known = any_known(axis.curve.values[:, columns])
    rows = columns.stop - columns.start
    label = _peaks(axis.face, columns, axis.who)
    lines = svg.grid(axis.span, times, tuple(row / rows for row in range(rows + 1)))
    return (
        svg.picture(svg.ground(axis.curve, axis.span, known))
        + heat_map(axis.curve, axis.span, axis.columns, label, columns)
        + svg.picture(lines)
    )


def _sum_to_one(shares: Array) -> bool:
    """Whether expressions (n, 7) are shares of one whole; those of some other tools are not."""
    return bool(np.abs(shares.sum(axis=1) - 1).mean() < _AWAY_FROM_ONE) if len(shares) else True


def _height(rows: int) -> str:
    return f' style="height:calc({rows} * 1.05rem)"'


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


def _names(rows: Iterable[Sequence[str]]) -> str:
    """Short names and what they mean, one a row of the heat map."""
    return (
        '<ol class="units" aria-hidden="true">'
        + "".join(
            f"<li><b>{short}</b> <span>{''.join(words)}</span></li>" for short, *words in rows
        )
        + "</ol>"
    )


def _values(axis: _Axis, columns: slice) -> str:
    face = axis.face
    return (
        '<ol class="units values">'
        + "".join(
            f'<li><span class="sr">{channel(column, face.labels)} </span>{_value(face, column)} '
            f"{_active(face, face.labels.affect_columns[column])}"
            f"{axis.trust.mark(face.labels.affect_columns[column])}</li>"
            for column in range(columns.start, columns.stop)
        )
        + "</ol>"
    )


def _active(face: FaceSummary, name: str) -> str:
    """Share of time in which a unit was active; its threshold is the title."""
    if name not in face.active_share:
        return ""
    share, level = face.active_share[name]
    return (
        f'<i class="active" title="active in {100 * share:.1f} % of the usable frames: from '
        f'{level:.2f} on"><span class="sr">, active </span>{100 * share:.0f} %</i> '
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
