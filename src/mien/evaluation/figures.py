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
_FEW_POINTS = 300


def scatter_grid(
    names: tuple[str, ...],
    labels: npt.NDArray[np.float32],
    estimates: npt.NDArray[np.float32],
    rho: list[float],
) -> str:
    """One square per output: label across, estimate up, with the least-squares line.

    Both axes are 0 to 1, or as far as any label or estimate goes beyond, in tenths. Above 4,000
    videos every k-th is drawn, and the caption says so.
    """
    cell, gap, columns = 190, 46, 4
    rows = -(-len(names) // columns)
    width = columns * (cell + gap) + gap
    height = rows * (cell + gap + 14) + 52
    step = max(1, -(-len(labels) // _MOST_POINTS))
    low, high = _reach(np.stack([labels, estimates]), 0.0, 1.0)
    body = []
    for index, name in enumerate(names):
        left = gap + (index % columns) * (cell + gap)
        top = 34 + (index // columns) * (cell + gap + 14)
        of_one = labels[::step, index], estimates[::step, index]
        line = _least_squares(labels[:, index], estimates[:, index])
        square = _square(name, *of_one, line, rho[index], (low, high), cell)
        body.append(f"<g transform='translate({left} {top})'>{square}</g>")
    drawn = f"1 of every {step} of {len(labels)} videos" if step > 1 else f"{len(labels)} videos"
    note = (
        f"across: label, up: estimate, both {low:g} to {high:g}; dashed: equal; line: least "
        f"squares; {drawn}"
    )
    body.append(_text(gap, height - 12, note, size=12, color=_QUIET))
    return _svg(width, height, "".join(body), "Estimates against labels")


Values = npt.NDArray[np.float32]


def _reach(values: npt.ArrayLike, low: float, high: float) -> tuple[float, float]:
    """The range of an axis: `low` to `high`, and further in tenths where values are."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    tenths = [math.floor(10 * min(low, *known)), math.ceil(10 * max(high, *known))]
    return tenths[0] / 10, tenths[1] / 10


def _least_squares(label: Values, estimate: Values) -> npt.NDArray[np.float64] | None:
    """Ends (2, 2) of the line, x and y each; None where labels do not vary."""
    known = np.isfinite(label) & np.isfinite(estimate)
    x, y = label[known].astype(float), estimate[known].astype(float)
    if not len(x) or not x.std() > 0:
        return None
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    ends = np.array([x.min(), x.max()])
    return np.column_stack([ends, y.mean() + slope * (ends - x.mean())])


def _square(
    name: str,
    label: Values,
    estimate: Values,
    line: npt.NDArray[np.float64] | None,
    rho: float,
    reach: tuple[float, float],
    cell: int,
) -> str:
    low, high = reach
    scale = cell / (high - low)
    known = np.isfinite(label) & np.isfinite(estimate)
    x = (label[known].astype(float) - low) * scale
    y = (high - estimate[known].astype(float)) * scale
    parts = [f"<rect width='{cell}' height='{cell}' fill='#fafbfc' stroke='{_GRID}'/>"]
    marks = np.arange(math.ceil(2 * low - 1e-9), math.floor(2 * high + 1e-9) + 1) / 2
    for value in marks:
        across, up = (value - low) * scale, (high - value) * scale
        grid = f"M{across:.1f} 0V{cell}M0 {up:.1f}H{cell}"
        parts.append(f"<path d='{grid}' stroke='{_GRID}' fill='none'/>")
        parts.append(_text(across, cell + 15, f"{value:g}", 11, _QUIET, "middle"))
        parts.append(_text(-6, up + 4, f"{value:g}", 11, _QUIET, "end"))
    parts.append(f"<path d='M0 {cell}L{cell} 0' stroke='{_QUIET}' stroke-dasharray='3 4'/>")
    # few dots are large and dark, so that each is seen; many show where they lie densely
    radius, opacity = (3.0, 0.75) if len(x) <= _FEW_POINTS else (2.0, 0.4)
    dots = "".join(
        f"<circle cx='{a:.1f}' cy='{b:.1f}' r='{radius:g}'/>" for a, b in zip(x, y, strict=True)
    )
    parts.append(f"<g fill='{_POINT}' fill-opacity='{opacity:g}'>{dots}</g>")
    if math.isfinite(rho) and line is not None:
        # the line may leave the square; its part inside is drawn
        inside = np.clip(line[:, 1], low, high)
        (a, c), (b, d) = zip((line[:, 0] - low) * scale, (high - inside) * scale, strict=True)
        parts.append(
            f"<path d='M{a:.1f} {c:.1f}L{b:.1f} {d:.1f}' stroke='{_PAPER}' stroke-width='2'/>"
        )
    said = f"r = {rho:.3f}" if math.isfinite(rho) else "r undefined"
    parts.append(_text(0, -8, name.replace("_", " "), weight=600))
    parts.append(_text(cell, -8, said, anchor="end"))
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
    reached = [r.mean + side * np.nan_to_num(r.deviation) for r in rows for side in (-1, 1)]
    low, high = _reach([0.1, *reached, *(r.paper for r in rows)], 0.0, 0.0)
    width, height = label_width + plot + 90, top + line * len(rows) + 44
    scale = plot / (high - low)
    zero = label_width - low * scale
    parts = [_text(16, 26, title, 15, weight=600)]
    bottom = top + line * len(rows)
    marks = round(10 * (high - low))
    for tick in range(marks + 1):
        value = round(10 * low) + tick
        if marks > 6 and value % 2:
            continue
        x = zero + value / 10 * scale
        color = _INK if value == 0 and low < 0 else _GRID
        parts.append(f"<path d='M{x:.1f} {top - 6}V{bottom}' stroke='{color}'/>")
        parts.append(_text(x, bottom + 16, f"{value / 10:.1f}", 11, _QUIET, "middle"))
    for index, row in enumerate(rows):
        middle = top + line * index + line / 2
        parts.append(_text(label_width - 10, middle + 4, row.name, 13, anchor="end"))
        if math.isfinite(row.mean):
            parts.append(_bar(row, zero, scale, middle))
            parts.append(_text(width - 12, middle + 4, f"{row.mean:.3f}", 12, anchor="end"))
        else:
            parts.append(_text(label_width + 6, middle + 4, "not run", 12, _QUIET))
        if math.isfinite(row.paper):
            parts.append(_diamond(zero + row.paper * scale, middle))
    parts.append(f"<rect x='16' y='42' width='14' height='10' fill='{_POINT}'/>")
    parts.append(_text(36, 51, "measured here: mean, one deviation over seeds", 12, _QUIET))
    if any(math.isfinite(row.paper) for row in rows):
        parts.append(_diamond(346, 47))
        parts.append(_text(358, 51, paper, 12, _QUIET))
    parts.append(_text(label_width, bottom + 34, measure, 12, _QUIET))
    return _svg(width, height, "".join(parts), title)


def _bar(row: Bar, zero: float, scale: float, middle: float) -> str:
    """From zero to the mean, to the left where it is negative."""
    end = zero + row.mean * scale
    bar = (
        f"<rect x='{min(zero, end):.1f}' y='{middle - 8:.1f}' width='{abs(end - zero):.1f}' "
        f"height='16' fill='{_POINT}' fill-opacity='0.75'/>"
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
