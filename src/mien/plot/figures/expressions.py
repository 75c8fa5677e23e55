"""The expressions over time: areas that sum to 1, or lines where they do not."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.errors import ConfigError
from mien.plot.figures.timeline import breaks
from mien.plot.registry import PlotOptions, Seen, register_figure
from mien.plot.series import color, face_of, label, series, span, who
from mien.report.charts.svg import stack_order

_OFF = 0.02


@register_figure("expressions", "result", "expressions over time")
def expressions(source: Seen, options: PlotOptions, figure: Any) -> float:
    """From the bottom up as in the report: what is not neutral grows from the base line."""
    face = face_of(source, options)
    names = [f"expr_{name}" for name in stack_order(face.labels)]
    names = [name for name in names if name in source.table.column_names]
    if not names:
        raise ConfigError("this table has no expressions")
    found = series(source, face, names, options)
    panel = figure.subplots()
    known = found.values[np.isfinite(found.values).all(axis=1)]
    inks = [color(name, place) for place, name in enumerate(names)]
    told = [label(source, name) for name in names]
    if len(known) and np.abs(known.sum(axis=1) - 1).mean() < _OFF:
        for k, run in enumerate(breaks(found)):
            labels = told if not k else [None] * len(names)
            panel.stackplot(found.time_s[run], found.values[run].T, colors=inks, labels=labels)
        panel.set_ylabel("share")
    else:
        for k, ink in enumerate(inks):
            panel.plot(found.time_s, found.values[:, k], color=ink, label=told[k])
        panel.set_ylabel("0 to 1, each by itself")
    handles, words = panel.get_legend_handles_labels()
    panel.legend(handles[::-1], words[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5))
    panel.set_ylim(0, 1)
    panel.set_xlim(*span(found, options))
    panel.set_xlabel("time, s")
    panel.set_title(who(source, face), loc="left")
    return 6.0
