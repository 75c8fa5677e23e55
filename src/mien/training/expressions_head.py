"""What expressions read of a fine network, fitted to its features.

The head is added to theirs (`MMAConfig.fine_expressions`) and is linear. It learns from some
corpora what the fine network has to add; of the faces of others, which it could not learn from (say
because the fine network knows their labels already), it is held to leave what was said as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from mien.errors import ConfigError
from mien.losses import expression_loss

PULL = 1.0
"""Factor of the squared weights, those of features brought to a deviation of 1."""

HOLD = 100.0
"""Factor of how far held faces are moved: of each corpus that is not learned from the mean
Kullback-Leibler divergence of what was said of a face from what is said with the reading,
KL(was || is), in nats.

Unlike a stronger pull it costs only what would change these faces: what tells others apart may be
read freely.
"""


def fit_beside(
    head: nn.Linear, features: Tensor, said: Tensor, expressions: Tensor, weight: Tensor,
    corpus: Tensor, counted: Sequence[int],
    pull: float = PULL, hold: float = HOLD,
) -> None:  # fmt: skip
    """Fit a head in place, whose answer is added to what is said: each corpus alike, by L-BFGS.

    Over the faces of the first corpus nothing is added in the mean to any logit.

    Parameters
    ----------
    head
        (width -> 7).
    features
        (n, width).
    said
        (n, 7) logits without it.
    expressions, weight
        (n, 7) and (n,) as of `mien.losses.expression_loss`.
    corpus
        int (n,).
    counted
        Which corpora are fitted on; of all others what is said is held as it was.
    pull, hold
        See `PULL` and `HOLD`.

    Raises
    ------
    ConfigError
        If no face has an expression.
    """
    parts = [corpus == index for index in counted]
    if not any((weight[of] > 0).any() for of in parts):
        raise ConfigError("no training face has an expression: nothing to fit")
    still = [corpus == index for index in sorted(set(corpus.tolist()) - set(counted))]
    before = [said[of].log_softmax(1) for of in still]
    middle, spread = features[corpus == corpus.min()].mean(0), features.std(0) + 1e-3
    even = (features - middle) / spread
    reading = torch.zeros_like(head.weight, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [reading], max_iter=60, history_size=15, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        logits = said + even @ reading.T
        loss = pull * reading.square().sum()
        for of in parts:
            loss = loss + expression_loss(logits[of], expressions[of], weight[of])
        for of, was in zip(still, before, strict=True):
            now = logits[of].log_softmax(1)
            loss = loss + hold * kl_div(now, was, log_target=True, reduction="batchmean")
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        head.weight.copy_(reading / spread)
        head.bias.copy_(-head.weight @ middle)
