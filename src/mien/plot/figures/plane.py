"""The valence-arousal plane: where a face was, the later the darker."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.plot.registry import PlotOptions, Seen, register_figure
from mien.plot.series import COLORS, face_of, label, series, who

_PARTS = 8


@register_figure("plane", "result", "path through the valence-arousal plane")
def plane(source: Seen, options: PlotOptions, figure: Any) -> float:
    """A cross marks the mean."""
    face = face_of(source, options)
    found = series(source, face, ["valence", "arousal"], options)
    panel = figure.subplots()
    for radius in (0.5, 1.0):
        angle = np.linspace(0, 2 * np.pi, 181)
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        panel.plot(x, y, color="0.8", linewidth=0.6)
    panel.plot([-1, 1], [0, 0], color="0.8", linewidth=0.6)
    panel.plot([0, 0], [-1, 1], color="0.8", linewidth=0.6)
    for part in range(_PARTS):
        first, last = (len(found.time_s) * k // _PARTS for k in (part, part + 1))
        piece = found.values[first : last + 1]
        opacity = 0.15 + 0.7 * part / (_PARTS - 1)
        panel.plot(*piece.T, color=COLORS["valence"], alpha=opacity)
    mean = np.nanmean(found.values, axis=0)
    panel.plot(*mean, marker="+", markersize=9, markeredgewidth=1.6, color="black")
    panel.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
    panel.set_xlabel(label(source, "valence"))
    panel.set_ylabel(label(source, "arousal"))
    panel.set_title(who(source, face), loc="left")
    return min(options.width_cm, 10.0)
