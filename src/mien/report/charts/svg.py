"""Curves as inline SVG.

A plot's picture is 10000 x 1000 units and is stretched to its box, so that one drawing serves
every width; words stand beside it in HTML and keep their size. Strokes do not scale.
"""

from __future__ import annotations

import numpy as np

from mien.labels import PAPERS_LABELS, LabelSet
from mien.report.charts.curves import Array, Curve, Interval, Mask, all_known
from mien.report.text import further_color

WIDTH, HEIGHT = 10000, 1000

_STACK_ORDER = ("happiness", "surprise", "fear", "sadness", "disgust", "anger")


def stack_order(labels: LabelSet = PAPERS_LABELS) -> tuple[str, ...]:
    """Expressions from the bottom up: what is not neutral grows from the base line."""
    known = [name for name in _STACK_ORDER if name in labels.expressions]
    others = [name for name in labels.expressions if name not in (*known, "neutral")]
    return (*known, *others, *(name for name in labels.expressions if name == "neutral"))


def picture(body: str) -> str:
    """An SVG element that fills its box; the box around it carries the description."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f"{body}</svg>"
    )


def across(time_s: Array, span: Interval) -> Array:
    """Horizontal position of times, clipped to the plot."""
    share = (time_s - span[0]) / (span[1] - span[0])
    return np.clip(share, 0.0, 1.0) * WIDTH


def trace(x: Array, y: Array) -> str:
    """Path data through the points, as whole relative steps: half the bytes of absolute ones."""
    points = np.rint(np.column_stack((x, y))).astype(np.int64)
    steps = np.diff(points, axis=0)
    moved = " ".join(f"{dx} {dy}" for dx, dy in steps.tolist()).replace(" -", "-")
    start = f"M{points[0, 0]} {points[0, 1]}"
    # A lone point has no length: a step of nothing with round caps shows it as a dot.
    return f"{start}l{moved}" if len(steps) else f"{start}h0"


def ground(curve: Curve, span: Interval, known: Mask) -> str:
    """The plain ground wherever `known` (n,) holds; what stays hatched is a gap."""
    boxes = []
    for start, stop in curve.intervals(known):
        left, right = np.rint(across(np.array([start, stop]), span)).astype(int).tolist()
        boxes.append(f"M{left} 0H{right}V{HEIGHT}H{left}z")
    return f'<path class="ground" d="{"".join(boxes)}"/>' if boxes else ""


def grid(span: Interval, times: list[float], heights: tuple[float, ...]) -> str:
    """Thin lines at the ticks; `heights` are shares of the plot's height from its top."""
    upright = "".join(f"M{x:.0f} 0V{HEIGHT}" for x in across(np.array(times), span).tolist())
    level = "".join(f"M0 {share * HEIGHT:.0f}H{WIDTH}" for share in heights)
    return f'<path class="grid" d="{upright}{level}"/>'


def line(curve: Curve, column: int, span: Interval, low: float, high: float, style: str) -> str:
    """One channel as a line that breaks at every gap."""
    value = curve.values[:, column]
    y = (1.0 - (np.clip(np.nan_to_num(value), low, high) - low) / (high - low)) * HEIGHT
    x = across(curve.time_s, span)
    data = "".join(trace(x[run], y[run]) for run in curve.runs(np.isfinite(value)))
    return f'<path class="line {style}" d="{data}"/>' if data else ""


def stack(curve: Curve, span: Interval, labels: LabelSet = PAPERS_LABELS) -> str:
    """The expressions as areas upon each other, a run of seen points at a time.

    Each area reaches down to the base line and the next lower one covers it, so that only upper
    edges need to be written.
    """
    shares, names = curve.values[:, labels.expression_slice], stack_order(labels)
    order = [labels.expressions.index(name) for name in names]
    tops = np.cumsum(np.clip(shares[:, order], 0.0, 1.0), axis=1)
    runs = list(curve.runs(all_known(shares)))
    areas = []
    for level in reversed(range(len(order))):
        data = []
        for run in runs:
            edges = (curve.left_s[run.start], *curve.time_s[run], curve.right_s[run.stop - 1])
            top = np.minimum(tops[run, level], 1.0)
            top = np.concatenate((top[:1], top, top[-1:]))
            x = across(np.array(edges), span)
            data.append(f"{trace(x, (1.0 - top) * HEIGHT)}V{HEIGHT}H{x[0]:.0f}z")
        if data:
            name = names[level]
            color = further_color(name, labels)
            style = f' style="fill:{color}"' if color else ""
            areas.append(f'<path class="e-{name}"{style} d="{"".join(data)}"/>')
    return "".join(areas)
