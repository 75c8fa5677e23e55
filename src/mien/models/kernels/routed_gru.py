"""GRU, Mask and routed dense layer in one walk through time, for training on processors.

The same arithmetic as `torch.nn.GRU` followed by `mien.models.blocks.routed_linear.RoutedLinear`,
arranged so that its cost is that of the products alone:

- sequences are packed (`mien.models.blocks.packing`): a step past a video's end is not computed;
- the 128 outputs of a position meet their block of the dense table while they are still in the
  cache, so the concatenation of 61,440 numbers, and its gradient, are never written down;
- gates are kept in buffers that are used again by the next batch: fresh memory costs more time in
  page faults than the arithmetic that fills it;
- gradients are written out by hand, and each thread walks through its own share of the batch.

With W the weights of `torch.nn.GRU`, reset gate r, update gate z and candidate n:
h_t = (1 - z) n + z h_{t-1}, n = tanh(W_in x + b_in + r (W_hn h_{t-1} + b_hn)).
tanh a is computed as 2 sigmoid(2 a) - 1, which is three times faster; the factor 2 is put on the
weights beforehand. The reset gate's gradient then comes out doubled, which a factor 1/2 on its
weights takes back. Both factors are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mien.models.blocks.packing import Packing, Share
from mien.models.kernels.gru_walk import backward_walk, forward_walk
from mien.models.kernels.shares import each


def routed_gru(
    values: Tensor,
    packing: Packing,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    table: Tensor,
) -> Tensor:
    """The dense layer's sums over all routed positions, without its bias.

    Parameters
    ----------
    values
        (rows, inputs) float32 or float64 on a processor, packed by `packing`.
    packing
        The sequences; none longer than `table`.
    weights
        ``weight_ih (3 H, inputs), weight_hh (3 H, H), bias_ih (3 H,), bias_hh (3 H,)`` of a
        one-layer `torch.nn.GRU`.
    table
        (positions, H, outputs). Its gradient is sparse over positions, see
        `mien.models.blocks.routed_linear`.

    Returns
    -------
    (batch, outputs). One backward pass is possible.
    """
    sums: Tensor = _RoutedGRU.apply(values, *weights, table, packing)  # type: ignore[no-untyped-call]
    return sums


class _Buffers:
    """Memory that is used again: taking it afresh for every batch would be slower."""

    def __init__(self) -> None:
        self._free: list[Tensor] = []

    def take(self, size: int, like: Tensor) -> Tensor:
        """A flat buffer of `size` numbers or more; its content is arbitrary."""
        for index, buffer in enumerate(self._free):
            if buffer.dtype == like.dtype and len(buffer) >= size:
                return self._free.pop(index)
        # What is too small is let go, not collected.
        self._free = [b for b in self._free if b.dtype != like.dtype or len(b) >= size]
        return torch.empty(size + size // 8, dtype=like.dtype)

    def give_back(self, buffer: Tensor) -> None:
        """To be taken by the next batch."""
        self._free.append(buffer)


_BUFFERS = _Buffers()


@dataclass(frozen=True)
class _Weights:
    """The GRU's weights as the walk reads them, transposed and scaled."""

    x_gates: Tensor  # (inputs, 2 H): reset, update
    x_new: Tensor  # (inputs, H), times 2
    h_gates: Tensor  # (H, 2 H)
    h_new: Tensor  # (H, H), times 2
    bias_gates: Tensor  # (2 H,)
    bias_x_new: Tensor  # (H,), times 2
    bias_h_new: Tensor  # (H,), times 2

    @classmethod
    def of(cls, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> _Weights:
        gates = 2 * w_hh.shape[1]
        return cls(
            w_ih[:gates].T.contiguous(),
            (2 * w_ih[gates:]).T.contiguous(),
            w_hh[:gates].T.contiguous(),
            (2 * w_hh[gates:]).T.contiguous(),
            b_ih[:gates] + b_hh[:gates],
            2 * b_ih[gates:],
            2 * b_hh[gates:],
        )


@dataclass(frozen=True)
class _Tape:
    """What the way back needs, (rows of the share, ...): views of one buffer."""

    gates: Tensor  # (., 2 H): reset and update gate
    new: Tensor  # (., H): candidate
    recurrent: Tensor  # (., H): 2 (W_hn h + b_hn)
    state: Tensor  # (., H): h

    @classmethod
    def cut(cls, buffer: Tensor, rows: slice, width: int) -> _Tape:
        start, count = rows.start * 5 * width, rows.stop - rows.start
        own = buffer[start : start + count * 5 * width]
        parts = torch.split(own, [count * 2 * width, *([count * width] * 3)])
        return cls(parts[0].view(count, 2 * width), *(p.view(count, width) for p in parts[1:]))


class _RoutedGRU(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor,
        b_hh: Tensor,
        table: Tensor,
        packing: Packing,
    ) -> Tensor:
        width = w_hh.shape[1]
        weights = _Weights.of(w_ih, w_hh, b_ih, b_hh)
        buffer = _BUFFERS.take(len(values) * 5 * width, values)
        sums = values.new_zeros(packing.batch, table.shape[2])

        def walk(share: Share) -> None:
            tape = _Tape.cut(buffer, share.rows, width)
            sums[share.members] = _forward(share, values[share.rows], weights, tape, table)

        each(walk, packing.shares)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(values, w_ih, w_hh, table)
            ctx.packing, ctx.buffer = packing, buffer
        else:
            _BUFFERS.give_back(buffer)
        return sums

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        values, w_ih, w_hh, table = ctx.saved_tensors
        packing: Packing = ctx.packing
        if ctx.buffer is None:
            raise RuntimeError("a second backward pass through a routed GRU is not possible")
        buffer, ctx.buffer = ctx.buffer, None
        width = w_hh.shape[1]
        wanted = torch.empty_like(values) if ctx.needs_input_grad[0] else None

        def walk(share: Share) -> _Gradients:
            return _backward(
                share,
                values[share.rows],
                _Tape.cut(buffer, share.rows, width),
                grads[0][share.members],
                (w_ih, w_hh, table),
                None if wanted is None else wanted[share.rows],
            )

        with torch.no_grad():
            total, *others = each(walk, packing.shares)
            for other in others:  # the first share holds the longest sequence
                total.add(other)
        _BUFFERS.give_back(buffer)
        blocks = torch.sparse_coo_tensor(
            torch.arange(packing.longest)[None],
            total.table,
            table.shape,
            is_coalesced=True,
            check_invariants=False,
        )
        return wanted, total.w_ih, total.w_hh, total.b_ih, total.b_hh, blocks, None


def _forward(share: Share, values: Tensor, weights: _Weights, tape: _Tape, table: Tensor) -> Tensor:
    """Fill the tape of a share; its dense sums (m, outputs)."""
    sums = values.new_zeros(share.counts[0], table.shape[2])
    forward_walk(
        share.counts,
        values,
        [weights.x_gates, weights.h_gates, weights.bias_gates],
        [weights.x_new, weights.bias_x_new, weights.h_new, weights.bias_h_new],
        [tape.gates, tape.new, tape.recurrent, tape.state],
        table,
        sums,
    )
    return sums


@dataclass
class _Gradients:
    """Gradients of the weights; see `routed_gru` for shapes."""

    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor
    b_hh: Tensor
    table: Tensor

    def add(self, other: _Gradients) -> None:
        """Add those of a share whose longest sequence is no longer."""
        for name in ("w_ih", "w_hh", "b_ih", "b_hh"):
            getattr(self, name).add_(getattr(other, name))
        self.table[: len(other.table)].add_(other.table)


def _backward(
    share: Share,
    values: Tensor,
    tape: _Tape,
    grad: Tensor,
    parameters: tuple[Tensor, Tensor, Tensor],
    wanted: Tensor | None,
) -> _Gradients:
    """Gradients of a share from that of its sums (m, outputs); `wanted` (rows, inputs) is filled.

    The tape is used up: gates are overwritten by their gradients.
    """
    w_ih, w_hh, table = parameters
    counts, width = share.counts, tape.state.shape[1]
    gates = 2 * width
    back_gates, back_new = w_hh[:gates].clone(), w_hh[gates:].contiguous()
    back_gates[:width] *= 0.5
    # A column of ones beside the inputs: its product is the bias's gradient.
    inputs = torch.cat([values, values.new_ones(len(values), 1)], dim=1)
    sum_x_gates = values.new_zeros(gates, inputs.shape[1])
    sum_x_new = values.new_zeros(width, inputs.shape[1])
    sum_h_gates, sum_h_new = values.new_zeros(gates, width), values.new_zeros(width, width)
    sum_bias = values.new_zeros(width)
    blocks = values.new_empty(len(counts), *table.shape[1:])
    backward_walk(
        counts,
        inputs,
        [tape.gates, tape.new, tape.recurrent, tape.state],
        grad.contiguous(),
        table,
        [back_gates, back_new],
        [sum_x_gates, sum_x_new, sum_h_gates, sum_h_new, sum_bias, blocks],
        [] if wanted is None else [wanted, w_ih[:gates], w_ih[gates:]],
    )
    sum_h_gates[:width] *= 0.5
    sum_x_gates[:width] *= 0.5
    bias = sum_x_gates[:, -1]
    return _Gradients(
        torch.cat([sum_x_gates, sum_x_new])[:, :-1].contiguous(),
        torch.cat([sum_h_gates, sum_h_new]),
        torch.cat([bias, sum_x_new[:, -1]]),
        torch.cat([bias, sum_bias]),
        blocks,
    )
