"""Scores of runs of stage 1 and of means of their weights, with and without biases.

usage: python recipes/score_means.py DATA CACHE MEAN...    MEAN is RUN or RUN+RUN+..., e.g. a b a+b

Scores are from torch, on the validation faces of the corpora of the first run. "Biases" are fitted
on a random half of the photographs (`fit_expressions`, all corpora pooled) and scored on the other
half, mean of twenty halvings, beside the same halves without any. "Fresh statistics" takes those of
batch normalisation from 25 batches of training faces.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from mien.evaluation.affect import affect_report
from mien.evaluation.calibration import Calibration, fit_expressions
from mien.labels import EXPRESSION_SLICE
from mien.models.mma import build_mma
from mien.training.checkpoint import load_checkpoint
from mien.training.config import from_dict
from mien.training.corpora import load_corpora
from mien.training.mma import MMATrainConfig, make_feeds, plain_batches, predict
from mien.training.runs import mean_weights

HALVINGS, BATCHES = 20, 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("means", nargs="+")
    arguments = parser.parse_args()
    first = Path(arguments.means[0].split("+")[0])
    stored = json.loads((first / "config.json").read_text(encoding="utf-8"))
    config = from_dict(MMATrainConfig, stored, "config")
    corpora = load_corpora(config, arguments.data, arguments.cache)
    held_out = {n: f.select((f.split == "valid") & f.counted) for n, f in corpora.items()}
    feeds = make_feeds(config, corpora)
    model = build_mma(config.preset, **config.model).to(memory_format=torch.channels_last)
    side = model.config.full_px
    for text in arguments.means:
        runs = [load_checkpoint(Path(run) / "model.safetensors")[0] for run in text.split("+")]
        model.load_state_dict(mean_weights(runs))
        for what in ("as it is", "fresh statistics"):
            if what == "fresh statistics":
                refresh(model, config, feeds, side)
            answers = {name: predict(model, faces, side) for name, faces in held_out.items()}
            print(f"{text}, {what}")
            for name, faces in held_out.items():
                report = affect_report(answers[name], faces)
                print(
                    f"  {name}: accuracy {report['accuracy']:.4f}, macro-F1 "
                    f"{report['macro_f1']:.4f}, AUs r {report['au_mean_correlation']:.4f}"
                )
            with_biases(answers, held_out)


@torch.no_grad()
def refresh(model, config, feeds, side: int) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain mean over the batches
    model.train()
    for crops, _, _ in plain_batches(config, feeds, side, BATCHES, seed=1):
        model.features(crops)
    model.eval()


def with_biases(answers, held_out) -> None:
    rng = np.random.default_rng(0)
    photographs = [name for name, faces in held_out.items() if faces.corpus != "synthetic"]
    found = {name: [] for name in photographs}
    for _ in range(HALVINGS):
        half = {name: rng.random(len(held_out[name])) < 0.5 for name in photographs}
        temperature, biases = fit_expressions(
            np.concatenate([answers[n][half[n]][:, EXPRESSION_SLICE] for n in photographs]),
            np.concatenate([held_out[n].majority[half[n]] for n in photographs]),
        )
        fitted = Calibration(temperature, expression_biases=biases)
        for name in photographs:
            rest, faces = answers[name][~half[name]], held_out[name].select(~half[name])
            reports = [affect_report(said, faces) for said in (rest, fitted.apply(rest))]
            found[name].append([r[key] for r in reports for key in ("accuracy", "macro_f1")])
    for name in photographs:
        before, f1, after, f1_after = np.mean(found[name], 0)
        print(
            f"  {name}, other halves: {before:.4f}, macro-F1 {f1:.4f}; with biases {after:.4f}, "
            f"macro-F1 {f1_after:.4f}"
        )


if __name__ == "__main__":
    main()
