"""Valence and arousal of everybody on one axis of time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mien.errors import ConfigError
from mien.plot.registry import PlotOptions, Seen, register_figure
from mien.plot.series import COLORS, label, series, span, who

_MOST = 12


@register_figure("everybody", "result", "valence and arousal of all faces, one row each")
def everybody(source: Seen, options: PlotOptions, figure: Any) -> float:
    """The twelve that are seen longest, in order of their numbers."""
    seen = [face for face in source.summaries if face.usable_frames]
    longest = sorted(seen, key=lambda face: -face.usable_frames)[:_MOST]
    seen = [face for face in seen if face in longest]
    if not seen:
        raise ConfigError("no face was read, so there is nothing to draw")
    panels = figure.subplots(len(seen), 1, sharex=True, squeeze=False)[:, 0]
    ends = []
    for panel, face in zip(panels, seen, strict=True):
        own = replace(options, face=str(face.face_id))
        found = series(source, face, ["valence", "arousal"], own)
        for column, name in enumerate(("valence", "arousal")):
            ink, told = COLORS[name], label(source, name)
            panel.plot(found.time_s, found.values[:, column], color=ink, label=told)
        panel.axhline(0, color="0.7", linewidth=0.6, zorder=0)
        panel.set_ylim(-1, 1)
        panel.set_ylabel(who(source, face), rotation=0, ha="right", va="center")
        ends.append(span(found, own))
    panels[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    panels[-1].set_xlim(min(start for start, _ in ends), max(end for _, end in ends))
    panels[-1].set_xlabel("time, s")
    return 2.2 + 1.9 * len(seen)
