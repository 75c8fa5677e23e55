"""Trace scores of one or several seeds as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mien.evaluation.seed_table import mean_and_spread
from mien.evaluation.traces import METRICS
from mien.labels import VALENCE_AROUSAL

Report = dict[str, Any]

WAYS: dict[str, str] = {"pooled": "pooled", "per_recording": "per recording"}
"""Key in a report -> what the table calls it."""


def trace_table(rows: Sequence[tuple[str, Sequence[Report]]]) -> str:
    """Markdown table: RMSE, CC and CCC of both dimensions, pooled and per recording.

    Parameters
    ----------
    rows
        What is scored, and the reports of `mien.evaluation.models.mran.score_traces` of its seeds.

    Returns
    -------
    A row per subject, group and way; with several seeds the mean and, behind the plus-minus sign,
    the standard deviation (denominator: seeds - 1). ``-`` is undefined.
    """
    figures = [f"{metric.upper()} {name}" for name in VALENCE_AROUSAL for metric in METRICS]
    head = ["model", "recordings", "frames", "scored", *figures, "mean CCC"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    groups = list(rows[0][1][0])
    for group in groups:
        for subject, reports in rows:
            first = reports[0][group]
            label = subject if group == "all" else f"{subject}, {group}"
            for way, words in WAYS.items():
                parts = [report[group][way] for report in reports]
                cells = [label, str(first["recordings"]), str(first["frames"]), words]
                cells += [
                    mean_and_spread([part[name][metric] for part in parts])
                    for name in VALENCE_AROUSAL
                    for metric in METRICS
                ]
                cells.append(mean_and_spread([part["mean_ccc"] for part in parts]))
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
