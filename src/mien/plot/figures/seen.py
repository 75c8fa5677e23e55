"""How well a face was seen: quality, head pose, eyes."""

from __future__ import annotations

from typing import Any

from mien.errors import ConfigError
from mien.labels import EYE_COLUMNS, POSE_COLUMNS
from mien.plot.registry import PlotOptions, Seen, register_figure
from mien.plot.series import OTHERS, face_of, label, series, span, who


@register_figure("seen", "result", "quality, head pose and openness of the eyes over time")
def seen(source: Seen, options: PlotOptions, figure: Any) -> float:
    """All frames, also those that count for nothing else; the least quality is dotted."""
    face = face_of(source, options)
    there = {*source.table.column_names}
    wanted: tuple[tuple[str, ...], ...] = (("quality",), POSE_COLUMNS, EYE_COLUMNS)
    groups = [names for names in wanted if there.issuperset(names)]
    if not groups:
        raise ConfigError("this table says nothing of quality, pose and eyes")
    names = [name for group in groups for name in group]
    found = series(source, face, names, options, usable=False)
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for panel, group in zip(panels, groups, strict=True):
        for place, name in enumerate(group):
            values = found.values[:, names.index(name)]
            panel.plot(found.time_s, values, color=OTHERS[place], label=label(source, name))
        if group == ("quality",) and source.document.get("min_quality"):
            panel.axhline(source.document["min_quality"], color="0.4", linestyle=":", linewidth=0.8)
        if group != POSE_COLUMNS:
            panel.set_ylim(0, 1)
        panel.set_ylabel("degrees" if group == POSE_COLUMNS else "0 to 1")
        panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    panels[-1].set_xlim(*span(found, options))
    panels[-1].set_xlabel("time, s")
    panels[0].set_title(who(source, face), loc="left")
    return 2.0 + 2.8 * len(groups)
