"""Muon: steps for convolutions whose every direction counts alike.

A gradient of a matrix is mostly a few directions, and Adam's step, number by number, follows these.
Muon (Jordan et al., 2024, "Muon: an optimizer for hidden layers in neural networks") takes the
nearest matrix with orthogonal rows or columns instead, so the small directions, where most of what
is still to be learned lies, are followed as far as the large ones.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mien.training.optimizers.adamw import decay_groups

_MOMENTUM = 0.95
_STEPS = 5
_QUINTIC = (3.4445, -4.7750, 2.0315)  # the paper's: quickest to about 1, not exactly to 1


class Muon(torch.optim.AdamW):
    """Muon for the weights of convolutions, AdamW for all others, in one optimizer.

    Parameters
    ----------
    model
        Whose parameters learn. Convolutions that read a single number per channel (a scale) are
        AdamW's too. What has no gradient stays as it is.
    lr, weight_decay
        AdamW's; biases and normalisation do not decay.
    muon_lr, muon_decay
        Muon's: a step moves a weight of r rows and c columns by about ``muon_lr * sqrt(r)``
        (Frobenius norm; rows are output channels, r <= c), and shrinks it by
        ``muon_lr * muon_decay``.
    """

    def __init__(
        self,
        model: nn.Module,
        lr: float,
        weight_decay: float,
        muon_lr: float,
        muon_decay: float = 0.01,
    ) -> None:
        matrices: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for weight in model.parameters():
            (matrices if weight.ndim == 4 and weight[0].numel() > 1 else others).append(weight)
        groups = decay_groups(others, lr, weight_decay)
        for group in decay_groups(matrices, muon_lr, muon_decay):
            groups.append(group | {"orthogonal": True})
        super().__init__([group for group in groups if group["params"]], lr=lr)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient; gradients of matrices are used up."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if not group.get("orthogonal"):
                continue
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    # AdamW looks for a count in whatever it restores.
                    state["step"] = torch.zeros(())
                    state["momentum"] = torch.zeros_like(weight)
                state["step"] += 1
                momentum = state["momentum"].mul_(_MOMENTUM).add_(weight.grad)
                ahead = weight.grad + _MOMENTUM * momentum  # Nesterov's
                rows = len(weight)
                move = orthogonalised(ahead.reshape(rows, -1))
                scale = max(1.0, rows / move.shape[1]) ** 0.5
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(move.reshape(weight.shape), alpha=-group["lr"] * scale)
                weight.grad = None  # so that AdamW, below, leaves it alone
        super().step()
        return loss


def orthogonalised(matrix: Tensor) -> Tensor:
    """About the nearest matrix whose singular values are all 1.

    Those above 0.002 of the matrix's norm end between 0.6 and 1.3; smaller ones grow 480-fold.

    Parameters
    ----------
    matrix
        (rows, columns); all 0 stays so.

    Returns
    -------
    Of the same shape: five steps of a quintic Newton-Schulz iteration.
    """
    a, b, c = _QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    wide: Tensor = matrix.T if tall else matrix
    wide = wide / wide.abs().amax().clamp_min(1e-38)  # squares of tiny numbers would be 0
    wide = wide / wide.norm().clamp_min(1e-30)  # 0 stays 0
    for _ in range(_STEPS):
        square = wide @ wide.T
        wide = a * wide + (b * square + c * square @ square) @ wide
    return wide.T if tall else wide
