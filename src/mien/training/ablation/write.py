"""Results of a table as Markdown, CSV and a figure."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.evaluation.figures import Bar, bars
from mien.training.ablation.tables import PAPER, PAPER_TEST, AblationRow


@dataclass(frozen=True)
class RowResult:
    """A row and the scores of its seeds; empty where it has not been run."""

    row: AblationRow
    scores: list[dict[str, Any]]

    def figures(self, split: str) -> tuple[float, float]:
        """Mean and deviation (n - 1) of mean rho over seeds; NaN for what is missing."""
        found = [s[split]["mean_pearson"] for s in self.scores if split in s]
        if not found:
            return float("nan"), float("nan")
        deviation = float(np.std(found, ddof=1)) if len(found) > 1 else float("nan")
        return float(np.mean(found)), deviation


def _paper(table: str) -> str:
    return PAPER_TEST if table == "facernet-table1" else PAPER


def write_tables(table: str, data: str, results: list[RowResult], out: Path) -> None:
    """Write ``<table>.md``, ``.csv`` and ``.svg``; `data` says what was measured on."""
    (out / f"{table}.md").write_text(_markdown(table, data, results), encoding="utf-8")
    (out / f"{table}.csv").write_text(_csv(table, results), encoding="utf-8")
    # The figure shows the split that the rows were not chosen on, where there is one.
    tested = any("test" in score for result in results for score in result.scores)
    split = "test" if tested else "valid"
    rows = [
        Bar(r.row.name, *r.figures(split), float("nan") if r.row.paper is None else r.row.paper)
        for r in results
    ]
    picture = bars(rows, f"{table} on {data}, {split} split", _paper(table))
    (out / f"{table}.svg").write_text(picture, encoding="utf-8")


def _markdown(table: str, data: str, results: list[RowResult]) -> str:
    seeds = max((len(result.scores) for result in results), default=0)
    lines = [
        f"# {table} on {data}",
        "",
        f"Mean Pearson's rho over reactions; mean and deviation (n - 1) over {seeds} seed(s). The "
        "last column is quoted from FaceRNET and was measured on other data: Hume-Reaction's.",
        "",
        f"| row | validation | test | {_paper(table)} |",
        "|---|---|---|---|",
    ]
    for result in results:
        row = result.row
        paper = "-" if row.paper is None else f"{row.paper:.3f}"
        cells = [_cell(*result.figures(split)) for split in ("valid", "test")]
        if row.not_run is not None:
            cells = ["not run", "not run"]
        lines.append(f"| {row.name} | {' | '.join(cells)} | {paper} |")
    names: dict[str, list[str]] = {}
    for row in (result.row for result in results if result.row.not_run is not None):
        names.setdefault(str(row.not_run), []).append(row.name)
    reasons = [f"- {', '.join(found)}: not run, {reason}." for reason, found in names.items()]
    return "\n".join([*lines, "", *reasons]).rstrip() + "\n"


def _cell(mean: float, deviation: float) -> str:
    if not math.isfinite(mean):
        return "-"
    return f"{mean:.3f} ± {deviation:.3f}" if math.isfinite(deviation) else f"{mean:.3f}"


def _csv(table: str, results: list[RowResult]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    splits = ("valid", "test")
    head = [f"{split}_{kind}" for split in splits for kind in ("mean", "deviation")]
    writer.writerow(["row", "name", "seeds", *head, _paper(table), "not_run"])
    for result in results:
        row = result.row
        numbers = [value for split in splits for value in result.figures(split)]
        writer.writerow(
            [
                row.id,
                row.name,
                len(result.scores),
                *(f"{value:.6f}" if math.isfinite(value) else "" for value in numbers),
                "" if row.paper is None else row.paper,
                row.not_run or "",
            ]
        )
    return text.getvalue()
