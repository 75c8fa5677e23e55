"""Differences between conditions with their intervals."""

from __future__ import annotations

from typing import Any

from mien.errors import ConfigError
from mien.labels import find_column
from mien.plot.names import p_text, plain_name
from mien.plot.registry import PlotOptions, StudyTables, register_figure
from mien.plot.series import HEAT

_SURE = 0.05


@register_figure("effects", "study", "differences between conditions with their intervals")
def effects(study: StudyTables, options: PlotOptions, figure: Any) -> float:
    """One row a measure and pair; filled where p after Holm's correction is below 0.05."""
    table = study.comparison
    if options.channels and not table.empty:
        there = list(dict.fromkeys(table["measure"]))
        asked = [find_column(name, there, "the comparison") for name in options.channels]
        table = table[table["measure"].isin(asked)]
    if table.empty:
        raise ConfigError("this study compares nothing of what is asked for")
    panel = figure.subplots()
    rows = table.to_dict("records")
    for place, row in enumerate(rows):
        sure = row["p_holm"] < _SURE
        panel.plot([row["low"], row["high"]], [place, place], color=HEAT, linewidth=1.2)
        face = HEAT if sure else "white"
        marker = {"marker": "o", "markersize": 4.5, "markeredgecolor": HEAT}
        panel.plot(row["difference"], place, **marker, markerfacecolor=face)
        panel.text(
            *(1.01, place, p_text(row["p_holm"])),
            transform=panel.get_yaxis_transform(),
            va="center",
            fontsize="small",
        )
    panel.axvline(0, color="0.6", linewidth=0.6, linestyle="--", zorder=0)
    pairs = {(row["first"], row["second"]) for row in rows}
    words = [plain_name(row["measure"]) for row in rows]
    if len(pairs) > 1:
        told = zip(words, rows, strict=True)
        words = [f"{word}: {row['second']} - {row['first']}" for word, row in told]
    panel.set_yticks(range(len(rows)), words)
    panel.tick_params(axis="y", length=0)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    first, second = next(iter(pairs))
    what = f"{second} less {first}" if len(pairs) == 1 else "difference"
    panel.set_xlabel(f"{what}, 95 % interval over persons; p corrected by Holm")
    return 2.0 + 0.48 * len(rows)
