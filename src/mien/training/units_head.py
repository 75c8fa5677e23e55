"""The head of action units, fitted to features and targets."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.losses import action_unit_loss, unit_correlation_loss

CROSS_ENTROPY, CORRELATION, PULL = 1.0, 1.0, 1e-3
"""Factors of the terms; the last is of the squared distance from the weights before."""


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
