"""The valence-arousal plane: where a face was, and in which order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mien.report.charts.curves import Array, Curve, all_known
from mien.report.charts.svg import trace
from mien.report.text import is_number, number

_SIDE, _CENTRE, _RADIUS = 340, 170, 144
_FINE = 10  # trajectories are written in tenths of a unit
_AGES = 6  # steps of opacity from the first to the last part of the path


def circumplex(curve: Curve, mean: Array, label: str) -> str:
    """The plane as SVG, with the path of `curve` (older parts fainter) and a cross at `mean` (2,).

    `label` is the escaped description of the whole picture.
    """
    ring = "".join(
        f'<circle class="ring" cx="{_CENTRE}" cy="{_CENTRE}" r="{_RADIUS * share:g}"/>'
        for share in (0.5, 1.0)
    )
    low, high = _CENTRE - _RADIUS, _CENTRE + _RADIUS
    axes = f'<path class="axis" d="M{low} {_CENTRE}H{high}M{_CENTRE} {low}V{high}"/>'
    words = "".join(
        f'<text text-anchor="middle" transform="translate({x} {y}) rotate({turn})">{word}</text>'
        for x, y, turn, word in (
            (_CENTRE, low - 10, 0, "activated, arousal +1"),
            (_CENTRE, high + 19, 0, "calm, arousal \u22121"),
            (low - 10, _CENTRE, -90, "unpleasant, valence \u22121"),
            (high + 19, _CENTRE, -90, "pleasant, valence +1"),
        )
    )
    return (
        f'<svg class="circumplex" viewBox="0 0 {_SIDE} {_SIDE}" role="img" aria-label="{label}">'
        f"{ring}{axes}{_path(curve)}{_mean(mean)}{words}"
        f'<circle class="now" r="6" data-centre="{_CENTRE}" data-radius="{_RADIUS}"/></svg>'
    )


def describe(mean: Array) -> str:
    """The plane in words, as plain text for a label."""
    if not all(is_number(value) for value in mean):
        return "Valence-arousal plane without a mean: no usable frame"
    return (
        f"Valence-arousal plane: mean valence {number(mean[0], signed=True)}, "
        f"mean arousal {number(mean[1], signed=True)}"
    )


def _path(curve: Curve) -> str:
    place = np.clip(curve.values[:, :2], -1.0, 1.0)
    seen = all_known(place)
    x = (_CENTRE + np.nan_to_num(place[:, 0]) * _RADIUS) * _FINE
    y = (_CENTRE - np.nan_to_num(place[:, 1]) * _RADIUS) * _FINE
    parts: list[list[str]] = [[] for _ in range(_AGES)]
    total = len(seen)
    for run in curve.runs(seen):
        cuts = [run.start, *(age * total // _AGES for age in range(1, _AGES)), run.stop]
        cuts = sorted({cut for cut in cuts if run.start <= cut <= run.stop})
        for start, stop in pairwise(cuts):
            # One point more than the part: the next part starts where this one ends.
            reach = slice(start, min(stop + 1, run.stop))
            parts[start * _AGES // total].append(trace(x[reach], y[reach]))
    return "".join(
        f'<path class="path age{age}" transform="scale({1 / _FINE:g})" d="{"".join(data)}"/>'
        for age, data in enumerate(parts)
        if data
    )


def _mean(mean: Array) -> str:
    if not all(is_number(value) for value in mean):
        return ""
    x = _CENTRE + float(np.clip(mean[0], -1, 1)) * _RADIUS
    y = _CENTRE - float(np.clip(mean[1], -1, 1)) * _RADIUS
    return f'<path class="mean" d="M{x - 7:.1f} {y:.1f}h14M{x:.1f} {y - 7:.1f}v14"/>'
