"""The shipped extractor in integers against its float32, on halves B of the development sets.

    python recipes/extractor/compare_integers.py DATA DRAWN MESH CACHE FLOAT.onnx INT8.onnx OUT.json

Folders are those of `development.load`. Per set: balanced accuracy of both, and over all 26 numbers
the mean and the 99th percentile of the differences; mean F1 of the units at the shipped levels on
the eye panel and on SYNTHETIC test people.
"""

import json
import sys
from pathlib import Path

import numpy as np
from development import balanced, load

from mien.evaluation.eye_panel import measure_panel
from mien.labels import ACTION_UNIT_SLICE, EXPRESSION_SLICE
from mien.runtime.models import AffectModel


def unit_f1(truth: np.ndarray, said: np.ndarray) -> float:
    """Mean over units of F1, where a unit is known and active at all."""
    scores = []
    for unit in range(truth.shape[1]):
        known = np.isfinite(truth[:, unit])
        active, told = truth[known, unit] > 0.5, said[known, unit]
        if active.any():
            scores.append(2 * (active & told).sum() / max(1, active.sum() + told.sum()))
    return float(np.mean(scores))


def main() -> None:
    data, drawn, mesh, cache, *files, out = map(Path, sys.argv[1:])
    models = [AffectModel(file) for file in files]
    found: dict[str, dict] = {}
    for name, one in load(data, drawn, mesh, cache).items():
        half = ~one.half_a
        both = [model.predict(one.crops[half]) for model in models]
        apart = np.abs(both[0] - both[1])
        row: dict = {
            "n": int(half.sum()),
            "mean_difference": float(apart.mean()),
            "p99_difference": float(np.percentile(apart, 99)),
        }
        if name != "panel":
            least = 1 if name == "london" else 5
            row["balanced_accuracy"] = [
                balanced(one.majority[half], p[:, EXPRESSION_SLICE].argmax(axis=1), least)
                for p in both
            ]
        if name == "panel" and one.panel is not None:
            row["mean_f1"] = [measure_panel(model, one.panel)["mean_f1"] for model in models]
        if name == "synthetic" and one.faces is not None:
            truth = one.faces.action_units[half]
            row["mean_f1"] = [
                unit_f1(truth, p[:, ACTION_UNIT_SLICE] >= model.au_decisions)
                for p, model in zip(both, models, strict=True)
            ]
        found[name] = row
        print(name, json.dumps(row), flush=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
