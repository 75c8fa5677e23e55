"""Adam that leaves unrouted weights alone.

A zero gradient is not enough to keep a weight constant: Adam's first moment goes on moving it, and
weight decay shrinks it. Here a parameter with a gradient that is sparse over its first dimension is
touched only at the rows that the gradient names: weight, both moments and the step count of every
other row stay as they were, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_CHUNK = 2**17
"""Numbers that are updated together; a table's gradient and moments would not fit a cache."""


class RoutedAdam(torch.optim.Optimizer):
    """Adam (Kingma & Ba, ICLR 2015) for dense and row-sparse gradients.

    For a dense gradient it is ``torch.optim.Adam``. For a sparse one the update is the same, row
    by row, with a step count per row: the bias correction of a row counts the steps in which it
    took part.

    Parameters
    ----------
    params, lr, betas, eps
        As for ``torch.optim.Adam``.
    weight_decay
        L2 penalty added to the gradient (of routed rows only), as in ``torch.optim.Adam``.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if lr < 0 or eps < 0 or weight_decay < 0 or not all(0 <= b < 1 for b in betas):
            raise ValueError(f"out of range: {lr=}, {betas=}, {eps=}, {weight_decay=}")
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    rows = len(parameter) if parameter.grad.is_sparse else 1
                    state["step"] = torch.zeros(rows, dtype=torch.float64)
                    state["exp_avg"] = torch.zeros_like(parameter)
                    state["exp_avg_sq"] = torch.zeros_like(parameter)
                if parameter.grad.is_sparse:
                    _update_rows(parameter, parameter.grad.coalesce(), state, group)
                else:
                    state["step"] += 1
                    correction = _corrections(state["step"], group["betas"])
                    _update(
                        parameter,
                        parameter.grad,
                        state["exp_avg"],
                        state["exp_avg_sq"],
                        float(correction[0]),
                        float(correction[1]),
                        group,
                    )
        return loss


def _update_rows(
    parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
) -> None:
    """Adam on the rows that a coalesced sparse gradient names."""
    rows, values = grad.indices()[0], grad.values()
    count = len(rows)
    if count == 0:
        return
    # Routed positions are a prefix of the table: slices are views, nothing is copied.
    chosen: Any = slice(0, count) if int(rows[-1]) == count - 1 else rows
    stored = (parameter.data, state["exp_avg"], state["exp_avg_sq"])
    weight, exp_avg, exp_avg_sq = (tensor[chosen] for tensor in stored)
    steps = state["step"].to(torch.float64)
    steps[chosen] += 1
    state["step"] = steps
    first, second = _corrections(steps[chosen], group["betas"])
    # Some rows at a time: what one operation writes is still in the cache for the next.
    size = max(1, _CHUNK // values[0].numel())
    shape = (-1,) + (1,) * (parameter.ndim - 1)
    for start in range(0, count, size):
        part = slice(start, start + size)
        own_first, own_second = first[part], second[part]
        moments = (values[part], exp_avg[part], exp_avg_sq[part])
        if bool((own_first == own_first[0]).all()):  # every row as old as the next
            _update(weight[part], *moments, float(own_first[0]), float(own_second[0]), group)
        else:
            own_first, own_second = (c.to(values).view(shape) for c in (own_first, own_second))
            _update(weight[part], *moments, own_first, own_second, group)
    if not isinstance(chosen, slice):
        for tensor, part_of in zip(stored, (weight, exp_avg, exp_avg_sq), strict=True):
            tensor[chosen] = part_of


def _corrections(step: Tensor, betas: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Bias corrections ``1 - beta1^step`` and ``sqrt(1 - beta2^step)``, in float64."""
    first = 1 - torch.exp(step * math.log(betas[0])) if betas[0] else torch.ones_like(step)
    second = 1 - torch.exp(step * math.log(betas[1])) if betas[1] else torch.ones_like(step)
    return first, second.sqrt()


def _update(
    weight: Tensor,
    grad: Tensor,
    exp_avg: Tensor,
    exp_avg_sq: Tensor,
    first: float | Tensor,
    second: float | Tensor,
    group: dict[str, Any],
) -> None:
    """One Adam step in place."""
    beta1, beta2 = group["betas"]
    if group["weight_decay"]:
        grad = grad.add(weight, alpha=group["weight_decay"])
    exp_avg.lerp_(grad, 1 - beta1)
    exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    denominator = (exp_avg_sq.sqrt() / second).add_(group["eps"])
    if isinstance(first, float):
        weight.addcdiv_(exp_avg, denominator, value=-group["lr"] / first)
    else:
        weight.sub_(exp_avg / denominator * (group["lr"] / first))
