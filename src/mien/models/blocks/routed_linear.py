"""Dense layer over all positions of a sequence, with dynamic routing.

The layer is a table of ``positions`` blocks of ``features x outputs`` weights. A batch reads only
the blocks that its longest sequence reaches, and its gradient names only those, so that an
optimiser can leave every other weight untouched to the bit. Cost and memory of a step follow the
routed length, not the size of the table.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


class _RoutedProduct(torch.autograd.Function):
    """``features @ table[:n]`` with a gradient that is sparse over positions."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, table: Tensor) -> Tensor:
        batch, reached, width = features.shape
        ctx.save_for_backward(features, table)
        flat = features.reshape(batch, reached * width)  # (B, n * F)
        return flat @ table[:reached].reshape(reached * width, -1)  # (B, O)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        features, table = ctx.saved_tensors
        with torch.autocast(features.device.type, enabled=False):
            return _RoutedProduct._gradients(ctx, grads[0].to(table.dtype), features, table)

    @staticmethod
    def _gradients(
        ctx: Any, grad: Tensor, features: Tensor, table: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        batch, reached, width = features.shape
        grad_features = grad_table = None
        if ctx.needs_input_grad[0]:
            weights = table[:reached].reshape(reached * width, -1)
            grad_features = (grad @ weights.T).reshape(batch, reached, width)
        if ctx.needs_input_grad[1]:
            blocks = features.reshape(batch, -1).T @ grad  # (n * F, O)
            grad_table = torch.sparse_coo_tensor(
                torch.arange(reached, device=table.device)[None],
                blocks.reshape(reached, width, -1).to(table.dtype),
                table.shape,
                is_coalesced=True,
                check_invariants=False,
            )
        return grad_features, grad_table


class RoutedLinear(nn.Module):
    """Mask and dense layer in one: positions beyond a sequence's length count as zero.

    Shapes: features (batch, n, features) with n <= positions; lengths int (batch,) in 1..n ->
    (batch, outputs).

    Attributes
    ----------
    table
        (positions, features, outputs). Its gradient is sparse over the first dimension: use
        `mien.training.optimizers.routed_adam.RoutedAdam`, which understands it.
    """

    def __init__(self, positions: int, features: int, outputs: int) -> None:
        super().__init__()
        self.positions = positions
        self.table = nn.Parameter(torch.empty(positions, features, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        # Fan-in is what a typical half-filled sequence brings, not the full table.
        bound = 1 / math.sqrt(features * max(1, positions // 2))
        nn.init.uniform_(self.table, -bound, bound)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Apply mask and dense layer; see the class for shapes."""
        reached = features.shape[1]
        kept = torch.arange(reached, device=features.device)[None, :] < lengths[:, None]
        routed = torch.where(kept[:, :, None], features, torch.zeros_like(features))
        # Under autocast the product still runs in the table's precision: it sums 61,440 terms.
        with torch.autocast(features.device.type, enabled=False):
            routed = routed.to(self.table.dtype)
            if torch.is_grad_enabled() and self.table.requires_grad:
                product: Tensor = _RoutedProduct.apply(routed, self.table)  # type: ignore[no-untyped-call]
            else:
                # The same arithmetic in plain operations, which the ONNX exporter can follow.
                product = routed.flatten(1) @ self.table[:reached].flatten(0, 1)  # (B, O)
        return product + self.bias
