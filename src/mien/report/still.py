"""One face in a still image: bars in place of curves."""

from __future__ import annotations

from mien.labels import AFFECT_COLUMNS
from mien.report.charts.bars import balance, bar
from mien.report.charts.thumbnails import portrait
from mien.report.text import channel, number
from mien.report.trust import Trust
from mien.types import FaceSummary


def still(face: FaceSummary, who: str, trust: Trust) -> str:
    """The crop, valence and arousal, the 7 expressions and the 17 units of a single frame."""
    return (
        f'<div class="still"><div>{portrait(face, who)}'
        + _table(face, "Valence and arousal, \u22121 to +1", range(2), trust)
        + _table(face, "Expressions, shares that sum to 1", range(2, 9), trust)
        + "</div><div>"
        + _table(face, "Action units, probability that each is active", range(9, 26), trust)
        + "</div></div>"
    )


def _table(face: FaceSummary, title: str, columns: range, trust: Trust) -> str:
    rows = []
    for column in columns:
        value, name = float(face.mean[column]), channel(column)
        drawn = balance(value, f"k-{name}") if column < 2 else bar(value, _style(column))
        rows.append(
            f'<tr><th scope="row">{name} {trust.mark(AFFECT_COLUMNS[column])}</th><td>{drawn}</td>'
            f"<td>{number(value, signed=column < 2)}</td></tr>"
        )
    return f'<table class="bars"><caption>{title}</caption><tbody>{"".join(rows)}</tbody></table>'


def _style(column: int) -> str:
    return f"k-{channel(column)}" if column < 9 else "unit"
