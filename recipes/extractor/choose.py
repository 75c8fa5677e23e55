"""What is chosen for the shipped extractor after training, all of it on halves A.

    python recipes/extractor/choose.py DATA RUNS MODEL.onnx CALIBRATION.json [--clean]

MODEL is the extractor exported without a calibration. The rules, written before measuring:

* Prior: shares of everyday faces (FER+'s votes, training split) to a power of 0, 0.1 .. 1. Of those
  with an accuracy of 0.80 or more on FER+ by votes, the one with the highest mean of the balanced
  accuracies on FER+ by votes, FER+ by FER2013's labels, muxspace, synthetic, SFHQ captions, London.
* Temperature of the expressions: least negative log-likelihood at that prior, FER+ and muxspace.
* Temperature of each unit: least cross entropy with the targets, every set counting alike.
* Level of each unit: best F1, mean over the sets that show it (FER+, muxspace, synthetic, panel).
* Level of quality: what 95 % of the faces of all sets lie above, and 0.5 at most.

With --clean, nothing is chosen on FER+, muxspace or London. The prior is not chosen at all: half
way between balanced and everyday (a power of 0.5), as captions have no neutral faces that could
speak for it. Temperatures are of synthetic and SFHQ captions, levels of synthetic and the panel.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from development import balanced, load

from mien.data.targets.priors import expression_shares
from mien.datasets import load_ferplus
from mien.evaluation.calibration.probabilities import (
    Calibration,
    fit_unit_temperatures,
    write_calibration,
)
from mien.evaluation.calibration.thresholds import fit_decisions
from mien.labels import ACTION_UNIT_SLICE, EXPRESSION_SLICE
from mien.runtime.models import AffectModel

LEAST_ACCURACY = 0.80
EXPRESSION_SETS = ("ferplus", "muxspace", "synthetic", "captions", "london")
LIKELY_SETS = ("ferplus", "muxspace")
UNIT_SETS = ("ferplus", "muxspace", "synthetic", "panel")
CLEAN = ("synthetic", "captions", "panel")
CLEAN_POWER = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "runs", "model", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--clean", action="store_true")
    given = parser.parse_args()
    sets = load(given.data, given.runs / "data", given.runs / "mesh", given.runs / "cache")
    if given.clean:
        sets = {name: sets[name] for name in CLEAN}
    extractor = AffectModel(given.model)
    votes = load_ferplus(given.data / "ferplus_trainval.npz")
    everyday = expression_shares(votes.select(votes.split == "train"))

    chosen = {name: s.half_a for name, s in sets.items()}
    affect = {name: s.read(extractor) for name, s in sets.items()}
    free = {
        name: np.log(read.affect[chosen[name], EXPRESSION_SLICE].clip(1e-7))
        for name, read in affect.items()
    }
    truth = {name: s.majority[chosen[name]] for name, s in sets.items()}
    judged = [name for name in EXPRESSION_SETS if name in sets]
    fitted = judged if given.clean else LIKELY_SETS
    likely = np.concatenate([free[name] for name in fitted])
    labels = np.concatenate([truth[name] for name in fitted])

    tried = []
    for power in np.linspace(0, 1, 11).round(1):
        prior = everyday**power
        prior = prior / prior.sum()
        # A temperature divides the network's logits, not the prior, so it is looked for anew.
        temperature = temperature_at(likely, labels, prior)

        def said(name: str, t: float = temperature, p: np.ndarray = prior) -> np.ndarray:
            return (free[name] / t + np.log(p)).argmax(axis=1)

        scores = {name: balanced(truth[name], said(name)) for name in judged}
        accuracy = 1.0  # where there is no FER+, none is asked for
        if not given.clean:
            second = sets["ferplus"].second[chosen["ferplus"]]
            scores["fer2013"] = balanced(second, said("ferplus"))
            known = truth["ferplus"] >= 0
            accuracy = float((said("ferplus") == truth["ferplus"])[known].mean())
        tried.append(
            (power, prior, temperature, accuracy, float(np.mean(list(scores.values()))), scores)
        )
        listed = " ".join(f"{k} {v:.3f}" for k, v in scores.items())
        print(f"power {power}: T {temperature:.2f} accuracy {accuracy:.3f} mean {tried[-1][4]:.4f}")
        print(f"  {listed}")
    allowed = [row for row in tried if row[3] >= LEAST_ACCURACY] or [max(tried, key=lambda r: r[3])]
    if given.clean:
        allowed = [row for row in tried if row[0] == CLEAN_POWER]
    power, prior, temperature, *_ = max(allowed, key=lambda row: row[4])
    print(f"chosen: power {power}")

    probabilities, targets, groups = [], [], []
    for number, name in enumerate(name for name in UNIT_SETS if name in sets):
        mask = chosen[name]
        probabilities.append(affect[name].affect[mask, ACTION_UNIT_SLICE])
        s = sets[name]
        targets.append(s.panel.truth[mask] if s.panel else s.faces.action_units[mask])
        groups.append(np.full(int(mask.sum()), number))
    p, t, g = map(np.concatenate, (probabilities, targets, groups))
    weights = 1 / np.bincount(g)[g]
    temperatures = fit_unit_temperatures(p, t, weights)
    calibration = Calibration(temperature, temperatures)
    scaled = np.zeros((len(p), 26), np.float32)
    scaled[:, 2:9] = 1 / 7
    scaled[:, ACTION_UNIT_SLICE] = p
    levels = fit_decisions(calibration.apply(scaled)[:, ACTION_UNIT_SLICE], t, g)
    quality = np.concatenate([affect[n].details.quality[chosen[n]] for n in sets])
    level = float(min(0.5, np.floor(100 * np.percentile(quality, 5)) / 100))
    calibration = Calibration(
        temperature,
        temperatures,
        levels,
        prior=tuple(prior.tolist()),
        everyday_prior=tuple(everyday.tolist()),
        quality_level=level,
    )
    figures = {
        "prior_power": float(power),
        "tried on halves A": [
            {
                "power": float(row[0]),
                "temperature": row[2],
                **({} if given.clean else {"ferplus_accuracy": row[3]}),
                "mean": row[4],
                **row[5],
            }
            for row in tried
        ],
    }
    write_calibration(calibration, figures, given.out)
    print(f"levels {levels}; quality {level}")


def temperature_at(logits: np.ndarray, labels: np.ndarray, prior: np.ndarray) -> float:
    known = labels >= 0
    x, y = logits[known], labels[known]
    best = (np.inf, 1.0)
    for temperature in np.exp(np.linspace(np.log(0.3), np.log(3), 93)):
        z = x / temperature + np.log(prior)
        z = z - z.max(axis=1, keepdims=True)
        loss = float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean())
        best = min(best, (loss, float(temperature)))
    return best[1]


if __name__ == "__main__":
    main()
