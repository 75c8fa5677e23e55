"""Figures of results as plain SVG files: points of label and estimate, and bars with deviations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

_INK, _QUIET, _GRID = "#1f2933", "#5b6770", "#dde2e6"
_POINT, _PAPER = "#2f6f9f", "#c2571a"
_FONT = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
_MOST_POINTS = 4000


def scatter_grid(
    names: tuple[str, ...],
    labels: npt.NDArray[np.float32],
    estimates: npt.NDArray[np.float32],
    rho: list[float],
) -> str:
    """One square per output: label across, estimate up, both 0 to 1, with the least-squares line.

    Above 4,000 videos every k-th is drawn, and the caption says so.
    """
    cell, gap, columns = 190, 46, 4
    rows = -(-len(names) // columns)
    width = columns * (cell + gap) + gap
    height = rows * (cell + gap + 14) + 52
    step = max(1, -(-len(labels) // _MOST_POINTS))
    body = []
    for index, name in enumerate(names):
        left = gap + (index % columns) * (cell + gap)
        top = 34 + (index // columns) * (cell + gap + 14)
        body.append(_square(name, labels[:, index], estimates[:, index], rho[index], step, cell))
        body[-1] = f"<g transform='translate({left} {top})'>{body[-1]}</g>"
    drawn = f"1 of every {step} of {len(labels)} videos" if step > 1 else f"{len(labels)} videos"
    note = f"across: label, up: estimate, both 0 to 1; dashed: equal; line: least squares; {drawn}"
    body.append(_text(gap, height - 12, note, size=12, color=_QUIET))
    return _svg(width, height, "".join(body), "Estimates against labels")


def _square(
    name: str,
    label: npt.NDArray[np.float32],
    estimate: npt.NDArray[np.float32],
    rho: float,
    step: int,
    cell: int,
) -> str:
    known = np.isfinite(label) & np.isfinite(estimate)
    x, y = label[known].astype(float), estimate[known].astype(float)
    parts = [f"<rect width='{cell}' height='{cell}' fill='#fafbfc' stroke='{_GRID}'/>"]
    for share in (0.25, 0.5, 0.75):
        at = share * cell
        parts.append(f"<path d='M{at} 0V{cell}M0 {at}H{cell}' stroke='{_GRID}' fill='none'/>")
    parts.append(f"<path d='M0 {cell}L{cell} 0' stroke='{_QUIET}' stroke-dasharray='3 4'/>")
    dots = "".join(
        f"<circle cx='{a * cell:.1f}' cy='{(1 - b) * cell:.1f}' r='1.8'/>"
        for a, b in zip(x[::step].clip(0, 1), y[::step].clip(0, 1), strict=True)
    )
    parts.append(f"<g fill='{_POINT}' fill-opacity='0.35'>{dots}</g>")
    if math.isfinite(rho) and x.std() > 0:
        slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
        ends = np.array([x.min(), x.max()])
        heights = (y.mean() + slope * (ends - x.mean())).clip(0, 1)
        (a, b), (c, d) = ends * cell, (1 - heights) * cell
        parts.append(
            f"<path d='M{a:.1f} {c:.1f}L{b:.1f} {d:.1f}' stroke='{_PAPER}' stroke-width='2'/>"
        )
    said = f"r = {rho:.3f}" if math.isfinite(rho) else "r undefined"
    parts.append(_text(0, -8, name.replace("_", " "), weight=600))
    parts.append(_text(cell, -8, said, anchor="end"))
    for value in (0, 0.5, 1):
        parts.append(_text(value * cell, cell + 15, f"{value:g}", 11, _QUIET, "middle"))
        parts.append(_text(-6, (1 - value) * cell + 4, f"{value:g}", 11, _QUIET, "end"))
    return "".join(parts)


@dataclass(frozen=True)
class Bar:
    """One row of `bars`: a mean with its deviation, a published figure; NaN for what is missing."""

    name: str
    mean: float
    deviation: float
    paper: float


def bars(rows: list[Bar], title: str, paper: str, measure: str = "mean Pearson's rho") -> str:
    """Horizontal bars with whiskers of one deviation; a diamond marks the published figure.

    `paper` says whose figure that is and on which data, `measure` what the bars are.
    """
    label_width, plot, line, top = 250, 420, 26, 74
    values = [v for r in rows for v in (r.mean + r.deviation, r.paper) if math.isfinite(v)]
    most = max(0.1, math.ceil(10 * max(values, default=0.1)) / 10)
    width, height = label_width + plot + 90, top + line * len(rows) + 44
    parts = [_text(16, 26, title, 15, weight=600)]
    bottom = top + line * len(rows)
    marks = round(most * 10)
    for tick in range(0, marks + 1, 1 if marks <= 6 else 2):
        x = label_width + plot * tick / marks
        parts.append(f"<path d='M{x:.1f} {top - 6}V{bottom}' stroke='{_GRID}'/>")
        parts.append(_text(x, bottom + 16, f"{tick / 10:.1f}", 11, _QUIET, "middle"))
    for index, row in enumerate(rows):
        middle = top + line * index + line / 2
        parts.append(_text(label_width - 10, middle + 4, row.name, 13, anchor="end"))
        if math.isfinite(row.mean):
            parts.append(_bar(row, label_width, plot / most, middle))
            parts.append(_text(width - 12, middle + 4, f"{row.mean:.3f}", 12, anchor="end"))
        else:
            parts.append(_text(label_width + 6, middle + 4, "not run", 12, _QUIET))
        if math.isfinite(row.paper):
            parts.append(_diamond(label_width + row.paper * plot / most, middle))
    parts.append(f"<rect x='16' y='42' width='14' height='10' fill='{_POINT}'/>")
    parts.append(_text(36, 51, "measured here: mean, one deviation over seeds", 12, _QUIET))
    if any(math.isfinite(row.paper) for row in rows):
        parts.append(_diamond(346, 47))
        parts.append(_text(358, 51, paper, 12, _QUIET))
    parts.append(_text(label_width, bottom + 34, measure, 12, _QUIET))
    return _svg(width, height, "".join(parts), title)


def _bar(row: Bar, left: float, scale: float, middle: float) -> str:
    end = left + max(0.0, row.mean) * scale
    bar = (
        f"<rect x='{left}' y='{middle - 8:.1f}' width='{end - left:.1f}' height='16' "
        f"fill='{_POINT}' fill-opacity='0.75'/>"
    )
    if not row.deviation > 0:
        return bar
    low, high = end - row.deviation * scale, end + row.deviation * scale
    return bar + (
        f"<path d='M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 4:.1f}v8"
        f"M{high:.1f} {middle - 4:.1f}v8' stroke='{_INK}' fill='none'/>"
    )


def _diamond(x: float, y: float) -> str:
    return (
        f"<path d='M{x:.1f} {y - 6:.1f}l5 6l-5 6l-5 -6z' fill='{_PAPER}' stroke='white' "
        "stroke-width='1'/>"
    )


def _text(
    x: float,
    y: float,
    words: str,
    size: int = 13,
    color: str = _INK,
    anchor: str = "start",
    weight: int = 400,
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{color}' "
        f"text-anchor='{anchor}' font-weight='{weight}'>{escape(words)}</text>"
    )


def _svg(width: int, height: int, body: str, title: str) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' "
        f"height='{height}' {_FONT} role='img'><title>{escape(title)}</title>"
        f"<rect width='{width}' height='{height}' fill='white'/>{body}</svg>\n"
    )
