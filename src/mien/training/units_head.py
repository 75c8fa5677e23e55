"""The action units' head of a trained extractor, fitted anew on the features it already has.

A mean of weights shifts what features look like, and blended faces or a teacher's mean answer leave
a head flatter than its features deserve. The head is linear, so the best one is a minute's work;
nothing else of the network changes.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from mien.datasets.base import FaceSet
from mien.errors import ModelError
from mien.losses import action_unit_loss, unit_correlation_loss
from mien.training.checkpoint import save_checkpoint
from mien.training.mma import CorpusFeed, MMATrainConfig, make_feeds, plain_batches
from mien.training.runs import ExtractorRun, load_extractor_run

CROSS_ENTROPY, CORRELATION, PULL = 1.0, 1.0, 1e-3
"""Factors of the terms; the last is of the squared distance from the weights before."""


def refit_units(
    run: Path, out: Path, config: MMATrainConfig, corpora: dict[str, FaceSet], steps: int = 220
) -> ExtractorRun:
    """A run folder that differs from another in its head of units alone.

    Parameters
    ----------
    run
        Folder of a finished run.
    out
        A folder of its own; receives ``model.safetensors``.
    config
        Says how training faces are drawn and augmented; none are blended here.
    corpora
        By the names of `config`; their training faces are read.
    steps
        How many training batches are looked at.

    Returns
    -------
    The run, read back.

    Raises
    ------
    ModelError
        If `run` is not that of a finished run, or is `out`.
    """
    if out.resolve() == run.resolve():
        raise ModelError(f"{out}: is the run itself; choose another folder")
    found = load_extractor_run(run)
    model = found.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fit_units(model.action_units, *_features(found, config, make_feeds(config, corpora), steps))
    identity = {**found.state["identity"], "units_refitted_from": found.fingerprint}
    save_checkpoint(out / "model.safetensors", dict(model.state_dict()), {"identity": identity})
    return load_extractor_run(out)


def fit_units(head: nn.Linear, features: Tensor, units: Tensor, corpus: Tensor) -> None:
    """Fit a head in place: cross entropy and correlation, each corpus by itself, by L-BFGS.

    Parameters
    ----------
    head
        (width -> 17).
    features
        (n, width).
    units
        (n, 17) targets in [0, 1], NaN where unknown.
    corpus
        int (n,).
    """
    known, start = units.isfinite(), head.weight.detach().clone()
    parts = [corpus == index for index in sorted(set(corpus.tolist()))]
    optimizer = torch.optim.LBFGS(
        head.parameters(), max_iter=80, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        logits = head(features)
        loss = PULL * (head.weight - start).square().sum()
        for of in parts:
            loss = loss + CROSS_ENTROPY * action_unit_loss(logits[of], units[of], known[of])
            loss = loss + CORRELATION * unit_correlation_loss(logits[of], units[of], known[of])
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]


@torch.no_grad()
def _features(
    run: ExtractorRun, config: MMATrainConfig, feeds: dict[str, CorpusFeed], steps: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Pooled features, units and corpus of so many training batches."""
    side = run.model.config.full_px
    found = [
        (run.model.features(crops), targets.action_units, corpus)
        for crops, targets, corpus in plain_batches(config, feeds, side, steps, config.seed)
    ]
    features, units, corpus = (torch.cat(parts) for parts in zip(*found, strict=True))
    return features, units, corpus
