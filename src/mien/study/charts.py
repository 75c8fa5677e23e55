"""Charts of the study page as inline SVG."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from mien.plot.names import p_text, plain_name

__all__ = ["dots", "effects", "plain_name"]

_WIDTH, _ROW, _LEFT, _RIGHT = 860, 22, 300, 150


def dots(summary: pd.DataFrame, measure: str, condition: str, title: str, note: str) -> str:
    """Every person's value by condition, and the mean: a small multiple.

    Lines join the values of a person that has several.
    """
    table = summary.groupby(["person", condition])[measure].mean().unstack(condition)
    names = list(table.columns)
    values = table.to_numpy(np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        return ""
    low, high = _reach(known)
    width, height, top, bottom, side = 60 + 74 * len(names), 190, 12, 26, 44

    def y(value: float) -> float:
        return top + (high - value) / (high - low) * (height - top - bottom)

    def x(k: int) -> float:
        return side + 74 * (k + 0.5)

    marks = [
        f'<text class="tick" x="{side - 6}" y="{y(at) + 4:.1f}" text-anchor="end">{at:.2f}</text>'
        f'<path class="grid" d="M{side} {y(at):.1f}H{width}"/>'
        for at in (low, (low + high) / 2, high)
    ]
    for person, row in zip(table.index, values, strict=True):
        seen = [k for k in range(len(names)) if np.isfinite(row[k])]
        path = "L".join(f"{x(k):.1f} {y(row[k]):.1f}" for k in seen)
        marks.append(f'<path class="person" d="M{path}"/>' if len(seen) > 1 else "")
        marks += [
            f'<circle class="person" cx="{x(k):.1f}" cy="{y(row[k]):.1f}" r="3">'
            f"<title>{escape(str(person))}: {row[k]:.3f}</title></circle>"
            for k in seen
        ]
    for k, name in enumerate(names):
        column = values[:, k][np.isfinite(values[:, k])]
        if column.size:
            at = y(float(column.mean()))
            marks.append(f'<path class="mean" d="M{x(k) - 16:.1f} {at:.1f}h32"/>')
        marks.append(
            f'<text class="name" x="{x(k):.1f}" y="{height - 8}" text-anchor="middle">'
            f"{escape(str(name))}</text>"
        )
    return (
        f'<figure><figcaption>{escape(title)} <span class="mark">{escape(note)}</span>'
        f'</figcaption><svg viewBox="0 0 {width} {height}" role="img" width="{width}" '
        f'aria-label="{escape(title)} by {escape(condition)}">{"".join(marks)}</svg></figure>'
    )


def effects(comparison: pd.DataFrame) -> str:
    """Differences with their intervals, one row per measure and pair; solid where p_holm < 0.05."""
    if comparison.empty:
        return ""
    low = min(0.0, float(comparison["low"].min()))
    high = max(0.0, float(comparison["high"].max()))
    high += 1e-9 if high == low else 0
    height = _ROW * len(comparison) + 34

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    marks = [f'<path class="zero" d="M{x(0):.1f} 4V{height - 26}"/>']
    for k, row in enumerate(comparison.to_dict("records")):
        y = 16 + _ROW * k
        kind = "sure" if row["p_holm"] < 0.05 else "open"
        name = f"{plain_name(row['measure'])}: {row['second']} - {row['first']}"
        marks.append(
            f'<text class="name" x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">'
            f"{escape(name)}</text>"
            f'<path class="interval" d="M{x(row["low"]):.1f} {y}H{x(row["high"]):.1f}"/>'
            f'<circle class="{kind}" cx="{x(row["difference"]):.1f}" cy="{y}" r="4"/>'
            f'<text class="tick" x="{_WIDTH - _RIGHT + 8}" y="{y + 4}">'
            f"{row['difference']:+.3f}, {escape(p_text(row['p_holm']))}</text>"
        )
    for at in (low, 0.0, high):
        marks.append(
            f'<text class="tick" x="{x(at):.1f}" y="{height - 8}" text-anchor="middle">'
            f"{at:.2f}</text>"
        )
    return (
        f'<div class="scroll"><svg class="effects" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Differences between conditions">{"".join(marks)}</svg></div>'
    )


def _reach(known: np.ndarray) -> tuple[float, float]:
    low, high = float(known.min()), float(known.max())
    margin = 0.06 * (high - low) or 0.05
    return low - margin, high + margin
