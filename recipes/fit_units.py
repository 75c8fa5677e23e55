"""Fit the action units' head of a run anew, on features of training faces; nothing else changes.

A mean of weights shifts what its features look like. The head is linear: it is fitted by L-BFGS to
cross entropy and correlation (`mien.losses`), each corpus by itself, on augmented faces, unblended.

usage: python recipes/fit_units.py CONFIG DATA CACHE RUN OUT [STEPS]
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from mien.losses import action_unit_loss, unit_correlation_loss
from mien.training.checkpoint import load_checkpoint, save_checkpoint
from mien.training.config import load_config
from mien.training.corpora import load_corpora
from mien.training.mma import MMATrainConfig, join, make_feeds
from mien.training.runs import load_extractor_run

CROSS_ENTROPY, CORRELATION, PULL = 1.0, 1.0, 1e-3
"""Factors of the terms; the last pulls the weights to where they were."""


@torch.no_grad()
def features(model, config, feeds, steps):
    """Pooled features, units and corpus of so many training batches."""
    plain = replace(config.augment, mixup_rate=0.0)
    side = model.config.inner_px or 112
    found, units, corpus = [], [], []
    for step in range(steps):
        generator = torch.Generator().manual_seed(step)
        parts = [feed.batch(config.seed, step, plain, side, generator) for feed in feeds.values()]
        crops, targets = join(parts)
        found.append(model.features(crops.contiguous(memory_format=torch.channels_last)))
        units.append(targets.action_units)
        corpus += [torch.full((len(crops),), index) for index, (crops, _) in enumerate(parts)]
    return torch.cat(found), torch.cat(units), torch.cat(corpus)


def fit(head, x, units, corpus):
    """Fit a linear head (256 -> 17) in place."""
    known, start = units.isfinite(), head.weight.detach().clone()
    optimizer = torch.optim.LBFGS(
        head.parameters(), max_iter=80, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        logits = head(x)
        loss = PULL * (head.weight - start).square().sum()
        for index in corpus.unique():
            of = corpus == index
            loss = loss + CROSS_ENTROPY * action_unit_loss(logits[of], units[of], known[of])
            loss = loss + CORRELATION * unit_correlation_loss(logits[of], units[of], known[of])
        loss.backward()
        return loss

    optimizer.step(closure)


def main() -> None:
    if len(sys.argv) not in (6, 7):
        sys.exit((__doc__ or "").strip())
    config = load_config(MMATrainConfig, Path(sys.argv[1]), [])
    data, cache, run, out = map(Path, sys.argv[2:6])
    model = load_extractor_run(run).model.to(memory_format=torch.channels_last).eval()
    feeds = make_feeds(config, load_corpora(config, data, cache))
    x, units, corpus = features(model, config, feeds, int(sys.argv[6]) if sys.argv[6:] else 220)
    fit(model.action_units, x, units, corpus)
    tensors, state = load_checkpoint(run / "model.safetensors")
    tensors |= {f"action_units.{k}": v for k, v in model.action_units.state_dict().items()}
    out.mkdir(parents=True, exist_ok=True)
    save_checkpoint(out / "model.safetensors", tensors, {**state, "units_fitted_on": len(x)})
    print(f"{out}: units fitted on {len(x)} augmented faces")


if __name__ == "__main__":
    main()
