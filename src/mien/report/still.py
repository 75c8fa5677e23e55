"""One face in a still image: bars in place of curves."""

from __future__ import annotations

from mien.report.charts.bars import balance, bar
from mien.report.charts.thumbnails import portrait
from mien.report.text import channel, further_color, number
from mien.report.trust import Trust
from mien.types import FaceSummary


def still(face: FaceSummary, who: str, trust: Trust) -> str:
    """The crop, valence and arousal, the expressions and the units of a single frame."""
    columns, labels = range(len(face.mean)), face.labels
    expressions, units = columns[labels.expression_slice], columns[labels.action_unit_slice]
    return (
        f'<div class="still"><div>{portrait(face, who)}'
        + _table(face, "Valence and arousal, \u22121 to +1", columns[:2], trust)
        + _table(face, "Expressions, shares that sum to 1", expressions, trust)
        + "</div><div>"
        + _table(face, "Action units, probability that each is active", units, trust)
        + "</div></div>"
    )


def _table(face: FaceSummary, title: str, columns: range, trust: Trust) -> str:
    rows, labels = [], face.labels
    for column in columns:
        value, name = float(face.mean[column]), channel(column, labels)
        style = f"k-{name}" if column < labels.action_unit_slice.start else "unit"
        if column < 2:
            drawn = balance(value, style)
        else:
            drawn = bar(value, style, further_color(name, labels))
        mark = trust.mark(labels.affect_columns[column])
        rows.append(
            f'<tr><th scope="row">{name} {mark}</th><td>{drawn}</td>'
            f"<td>{number(value, signed=column < 2)}</td></tr>"
        )
    return f'<table class="bars"><caption>{title}</caption><tbody>{"".join(rows)}</tbody></table>'
