"""Action units over time as rows: probabilities, or intensities."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.errors import ConfigError
from mien.plot.registry import PlotOptions, Seen, register_figure
from mien.plot.series import HEAT, face_of, plain_channel, series, span, thresholds, who

_UNKNOWN = "#dcd8d0"


@register_figure("units", "result", "probabilities of action units as rows over time")
def units(source: Seen, options: PlotOptions, figure: Any) -> float:
    """One row a unit; beside it the share of time at or above its threshold."""
    face = face_of(source, options)
    names = [n for n in face.labels.action_unit_columns if n in source.table.column_names]
    levels = thresholds(source)
    found, height = _rows(source, options, figure, names, 1.0)
    if found is not None:
        known = np.isfinite(found)
        level = np.array([levels.get(name, 0.5) for name in names])
        active = (np.nan_to_num(found, nan=-1.0) >= level).sum(0) / np.maximum(known.sum(0), 1)
        panel = figure.axes[0]
        for row, share in enumerate(active):
            panel.text(
                *(1.01, row, f"{100 * share:.0f} %"),
                transform=panel.get_yaxis_transform(),
                va="center",
                fontsize="small",
            )
        panel.text(1.01, -0.9, "active", transform=panel.get_yaxis_transform(), fontsize="small")
    return height


@register_figure("intensities", "result", "intensities of action units as rows over time")
def intensities(source: Seen, options: PlotOptions, figure: Any) -> float:
    """One row a unit, 0 to 5."""
    there = source.table.column_names
    names = [name for name in there if name.endswith("_intensity")]
    return _rows(source, options, figure, names, 5.0)[1]


def _rows(
    source: Seen, options: PlotOptions, figure: Any, names: list[str], most: float
) -> tuple[np.ndarray | None, float]:
    from matplotlib.colors import LinearSegmentedColormap

    face = face_of(source, options)
    if not names:
        raise ConfigError("this table has no such action units")
    found = series(source, face, names, options)
    panel = figure.subplots()
    ink = LinearSegmentedColormap.from_list("ink", ["white", HEAT]).with_extremes(bad=_UNKNOWN)
    time_s, steps = found.time_s, np.diff(found.time_s)
    half = float(np.median(steps)) / 2 if len(steps) else 0.5
    middle = (time_s[1:] + time_s[:-1]) / 2
    edges = np.concatenate([[time_s[0] - half], middle, [time_s[-1] + half]])
    heat = panel.pcolormesh(
        *(edges, np.arange(len(names) + 1) - 0.5, np.ma.masked_invalid(found.values.T)),
        cmap=ink,
        vmin=0,
        vmax=most,
        rasterized=True,  # a cell per frame and unit would make an SVG of many megabytes
    )
    words = [plain_channel(name).removesuffix(", intensity") for name in names]
    panel.set_yticks(range(len(names)), words)
    panel.tick_params(axis="y", length=0)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.set_xlim(*span(found, options))
    panel.set_xlabel("time, s")
    panel.set_title(who(source, face), loc="left")
    bar = figure.colorbar(heat, ax=panel, fraction=0.03, pad=0.09, aspect=30)
    bar.set_label("probability" if most == 1 else "intensity")
    bar.outline.set_visible(False)
    return found.values, 2.6 + 0.42 * len(names)
