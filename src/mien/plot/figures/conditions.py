"""Every person's value by condition, one panel a measure."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.errors import ConfigError
from mien.labels import find_column
from mien.plot.names import plain_name
from mien.plot.registry import PlotOptions, StudyTables, register_figure
from mien.plot.series import HEAT

_COLUMNS = 4
_USUAL = ("valence_mean", "arousal_mean", "au12_mean", "au12_intensity_mean", "au06_mean")


@register_figure("conditions", "study", "every person by condition, and the mean (--channel)")
def conditions(study: StudyTables, options: PlotOptions, figure: Any) -> float:
    """Lines join the values of a person; a bar is the mean over persons."""
    table = study.summary
    group = next((n for n in (options.condition, "event", "video") if n in table), None)
    there = table.select_dtypes("number").columns
    names = [find_column(name, there, "the summary") for name in options.channels]
    names = names or [name for name in _USUAL if name in table]
    if group is None or not names:
        raise ConfigError("the summary has no condition, event or video that could be drawn")
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        values = table.groupby(["person", group])[name].mean().unstack(group)
        for _, person in values.iterrows():
            points = person.to_numpy(np.float64)
            panel.plot(range(len(points)), points, color="0.7", linewidth=0.7, zorder=1)
            panel.scatter(range(len(points)), points, s=9, color=HEAT, alpha=0.75, zorder=2)
        for place, mean in enumerate(values.mean()):
            panel.plot([place - 0.2, place + 0.2], [mean, mean], color="black", linewidth=2)
        panel.set_xticks(range(values.shape[1]), [str(one) for one in values.columns])
        panel.set_xlim(-0.5, values.shape[1] - 0.5)
        panel.ticklabel_format(axis="y", useOffset=False)
        panel.set_title(plain_name(name), loc="left")
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    return 1.0 + 5.0 * rows
