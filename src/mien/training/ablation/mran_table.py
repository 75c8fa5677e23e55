"""Results of MRAN's ablations as Markdown, CSV and a figure."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np

from mien.evaluation.figures import Bar, bars
from mien.labels import VALENCE_AROUSAL
from mien.training.ablation.write import RowResult

UNIFORM = "test, its maps made uniform"
"""The trained network, read with the same weight everywhere."""


def write_mran_tables(data: str, results: list[RowResult], out: Path) -> None:
    """Write ``mran.md``, ``mran.csv`` and ``mran.svg``; `data` says what was measured on."""
    columns = _columns(results)
    (out / "mran.md").write_text(_markdown(data, results, columns), encoding="utf-8")
    (out / "mran.csv").write_text(_csv(results, columns), encoding="utf-8")
    measure = "mean CCC of valence and arousal, pooled over recordings"
    rows = [Bar(r.row.name, *_figures(r, "test", "all", "mean_ccc"), float("nan")) for r in results]
    picture = bars(rows, f"MRAN on {data}, test split", "", measure)
    (out / "mran.svg").write_text(picture, encoding="utf-8")


def _columns(results: list[RowResult]) -> list[tuple[str, str, str, str]]:
    """Head, split, group and figure of every column; groups are those of the scores."""
    groups = sorted({g for r in results for s in r.scores for g in s["test"] if g != "all"})
    return [
        ("validation", "valid", "all", "mean_ccc"),
        ("test", "test", "all", "mean_ccc"),
        *((f"test, {name}", "test", "all", name) for name in VALENCE_AROUSAL),
        *((f"test, {group}", "test", group, "mean_ccc") for group in groups),
        (UNIFORM, UNIFORM, "all", "mean_ccc"),
    ]


def _figures(result: RowResult, split: str, group: str, figure: str) -> tuple[float, float]:
    """Mean and deviation (n - 1) over seeds; NaN for what is missing or undefined."""
    found: list[float] = []
    for score in result.scores:
        value = score[split].get(group, {}).get(figure)
        value = value["ccc"] if isinstance(value, dict) else value
        found.append(float("nan") if value is None else float(value))
    if not found:
        return float("nan"), float("nan")
    deviation = float(np.std(found, ddof=1)) if len(found) > 1 else float("nan")
    return float(np.mean(found)), deviation


def _markdown(data: str, results: list[RowResult], columns: list[tuple[str, str, str, str]]) -> str:
    lines = [
        f"# Ablations of MRAN on {data}",
        "",
        "CCC (denominator n), all frames of all recordings pooled; the mean of valence and arousal "
        "unless one is named. Mean and deviation (n - 1) over the seeds of a row. Each row "
        "changes one thing of the full network.",
        "",
        "| row | seeds | " + " | ".join(head for head, *_ in columns) + " |",
        "|---|---|" + "---|" * len(columns),
    ]
    for result in results:
        cells = [_cell(*_figures(result, *where)) for _, *where in columns]
        lines.append(f"| {result.row.name} | {len(result.scores)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(mean: float, deviation: float) -> str:
    if not math.isfinite(mean):
        return "-"
    return f"{mean:.3f} ± {deviation:.3f}" if math.isfinite(deviation) else f"{mean:.3f}"


def _csv(results: list[RowResult], columns: list[tuple[str, str, str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [f"{head} {kind}" for head, *_ in columns for kind in ("mean", "deviation")]
    writer.writerow(["row", "name", "seeds", *heads])
    for result in results:
        numbers = [value for _, *where in columns for value in _figures(result, *where)]
        cells = [f"{value:.6f}" if math.isfinite(value) else "" for value in numbers]
        writer.writerow([result.row.id, result.row.name, len(result.scores), *cells])
    return text.getvalue()
