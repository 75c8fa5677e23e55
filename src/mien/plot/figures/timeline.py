"""Chosen channels over time, one panel a scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.errors import ConfigError
from mien.labels import find_column
from mien.plot.registry import PlotOptions, Seen, register_figure
from mien.plot.series import (
    Series,
    color,
    face_of,
    label,
    plain_channel,
    series,
    span,
    thresholds,
    who,
)

_SCALES = (
    ("-1 to 1", ("valence", "arousal", "mran_"), (-1.0, 1.0)),
    ("0 to 5", ("_intensity",), (0.0, 5.0)),
    ("degrees", ("_deg",), None),
    ("0 to 1", ("",), (0.0, 1.0)),
)


@register_figure("timeline", "result", "chosen channels over time (--channel)")
def timeline(source: Seen, options: PlotOptions, figure: Any) -> float:
    """Lines that break where the face was lost; thresholds of single units are dotted."""
    face = face_of(source, options)
    there = source.table.column_names
    names = [find_column(name, there, "the table") for name in options.channels]
    names = names or _usual(source)
    found = series(source, face, names, options)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_scale(name), []).append(name)
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (scale, members) in zip(panels, groups.items(), strict=True):
        _panel(panel, source, found, names, members)
        reach = next(reach for words, _, reach in _SCALES if words == scale)
        if reach is not None:
            panel.set_ylim(*reach)
        panel.set_ylabel(scale)
        panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        if reach is None or reach[0] < 0:
            panel.axhline(0, color="0.7", linewidth=0.6, zorder=0)
    panels[-1].set_xlabel("time, s")
    panels[-1].set_xlim(*span(found, options))
    panels[0].set_title(who(source, face), loc="left")
    return 2.0 + 3.6 * len(groups)


def _panel(panel: Any, source: Seen, found: Series, names: list[str], members: list[str]) -> None:
    levels = thresholds(source)
    for place, name in enumerate(members):
        ink = color(name, place)
        values = found.values[:, names.index(name)]
        panel.plot(found.time_s, values, color=ink, label=label(source, name))
        if name in levels and len(members) <= 3:
            panel.axhline(levels[name], color=ink, linewidth=0.6, linestyle=":")


def _usual(source: Seen) -> list[str]:
    there = source.table.column_names
    for names in (("valence", "arousal"), ("au12_intensity", "au06_intensity"), ("au12", "au06")):
        found = [name for name in names if name in there]
        if found:
            return found
    raise ConfigError(f"choose channels from: {', '.join(map(plain_channel, there[3:]))}")


def _scale(name: str) -> str:
    return next(
        words
        for words, parts, _ in _SCALES
        if any(part == name or (part != name and part in name) for part in parts)
    )


def breaks(found: Series) -> list[slice]:
    """Stretches without a hole, for areas."""
    known = np.isfinite(found.values).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
