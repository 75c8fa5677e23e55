"""3 x 3 convolutions that keep the size, with 16 products where the plain way takes 36.

Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin and Gray, CVPR 2016): each tile of 2 x 2 output
pixels comes from a patch of 4 x 4 input pixels,

    Y = A^T [(G g G^T) * (B^T d B)] A,

and the products, summed over channels, are 16 matrix products over all tiles. Exact in real
numbers; in float32 the rounding is that of a plain convolution, nearly.

Frames are kept *by parity*, so that the transforms are sums of long stretches of memory: (2, 2, n,
rows + 1, columns + 1, channels), where [a, b, :, i + a, j + b] is pixel (2 i + a, 2 j + b), rows
and columns count tiles, and what is left over is the border of zeros.

Everything here is also TorchScript, for `mien.models.blocks.conv_lstm_walk`.
"""

from __future__ import annotations

from typing import List  # noqa: UP035  TorchScript reads annotations itself

import torch
from torch import Tensor

_FILTERS = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]]  # G


def filters(weight: Tensor) -> Tensor:
    """G g G^T of a convolution's weight (outputs, inputs, 3, 3) -> (16, inputs, outputs)."""
    g = torch.tensor(_FILTERS, dtype=weight.dtype, device=weight.device)
    found = torch.einsum("ky,oiyx,lx->klio", g, weight, g)
    return found.reshape(16, weight.shape[1], weight.shape[0])


def filters_back(grad: Tensor) -> Tensor:
    """Gradient by the weight from the gradient by `filters`."""
    g = torch.tensor(_FILTERS, dtype=grad.dtype, device=grad.device)
    return torch.einsum("ky,klio,lx->oiyx", g, grad.view(4, 4, *grad.shape[1:]), g)


def tiles(pixels: int) -> int:
    """Tiles along a side."""
    return (pixels + 1) // 2


def to_parity(frames: Tensor, out: Tensor) -> None:
    """Write frames (..., n, channels, h, w) into `out` (..., 2, 2, n, rows + 1, ...)."""
    source = frames.movedim(-3, -1)
    for a in (0, 1):
        for b in (0, 1):
            part = source[..., a::2, b::2, :]
            rows, columns = part.shape[-3], part.shape[-2]
            target = out[..., a, b, :, a : a + rows, b : b + columns, :]
            target.copy_(part)


def from_parity(parity: Tensor, out: Tensor) -> None:
    """Read frames (..., n, channels, h, w) out of what `to_parity` writes."""
    target = out.movedim(-3, -1)
    for a in (0, 1):
        for b in (0, 1):
            part = target[..., a::2, b::2, :]
            rows, columns = part.shape[-3], part.shape[-2]
            part.copy_(parity[..., a, b, :, a : a + rows, b : b + columns, :])


def borders(parity: Tensor) -> List[Tensor]:  # noqa: UP006
    """The frames by parity (..., 2, 2, n, rows + 1, columns + 1, c) as `patches` reads them.

    Looking costs as much as adding where maps are small, so it is done once for all steps.
    """
    even, odd = parity.select(-6, 0), parity.select(-6, 1)
    last = parity.size(-3) - 1
    return [
        even.narrow(-3, 0, last),
        even.narrow(-3, 1, last),
        odd.narrow(-3, 0, last),
        odd.narrow(-3, 1, last),
    ]


def work_for(shape: List[int], like: Tensor) -> List[Tensor]:  # noqa: UP006
    """Room for `patches` of (n, rows, columns, channels), and the views that it takes of it.

    The last is the result, (4, 4, n, rows, columns, channels).
    """
    n, rows, columns, channels = shape[0], shape[1], shape[2], shape[3]
    work = torch.empty([4, 2, n, rows, columns + 1, channels], dtype=like.dtype, device=like.device)
    patch = torch.empty([4, 4, n, rows, columns, channels], dtype=like.dtype, device=like.device)
    even, odd = work.select(1, 0), work.select(1, 1)
    return [
        work[0],
        work[1],
        work[2],
        work[3],
        even.narrow(3, 0, columns),
        even.narrow(3, 1, columns),
        odd.narrow(3, 0, columns),
        odd.narrow(3, 1, columns),
        patch.select(1, 0),
        patch.select(1, 1),
        patch.select(1, 2),
        patch.select(1, 3),
        even.narrow(3, columns, 1),
        odd.narrow(3, 0, 1),
        patch,
    ]


def patches(
    here: Tensor,
    after: Tensor,
    before: Tensor,
    next_odd: Tensor,
    w: List[Tensor],  # noqa: UP006
) -> Tensor:
    """B^T d B (4, 4, n, rows, columns, channels) of a step's `borders`, in the room of `w`."""
    torch.sub(before, next_odd, out=w[0])
    torch.add(here, next_odd, out=w[1])
    torch.sub(next_odd, here, out=w[2])
    torch.sub(here, after, out=w[3])
    torch.sub(w[6], w[7], out=w[8])
    torch.add(w[4], w[7], out=w[9])
    torch.sub(w[7], w[4], out=w[10])
    torch.sub(w[4], w[5], out=w[11])
    return w[14]


def patches_back(w: List[Tensor], out: Tensor) -> None:  # noqa: UP006
    """Gradient by frames by parity, its border included, from that by `patches`.

    The latter stands where `patches` put its result, the former is written to `out`.
    """
    _spread(w[8], w[9], w[10], w[11], w[4], w[5], w[6], w[7], w[12], w[13])
    even, odd = out[0], out[1]
    p = borders(out)
    even_border, odd_border = even.narrow(2, even.size(2) - 1, 1), odd.narrow(2, 0, 1)
    _spread(w[0], w[1], w[2], w[3], p[0], p[1], p[2], p[3], even_border, odd_border)


def _spread(
    g0: Tensor,
    g1: Tensor,
    g2: Tensor,
    g3: Tensor,
    here: Tensor,
    after: Tensor,
    before: Tensor,
    next_odd: Tensor,
    even_border: Tensor,
    odd_border: Tensor,
) -> None:
    # Every place is first written, then added to.
    torch.sub(g1, g2, out=here).add_(g3)
    even_border.zero_()
    after.sub_(g3)
    torch.add(g1, g2, out=next_odd)
    odd_border.zero_()
    next_odd.sub_(g0)
    before.add_(g0)


def outputs(products: Tensor, rows: Tensor, out: Tensor) -> None:
    """A^T m A: products (4, 4, ...) to pixels by parity (2, 2, ...); `rows` (2, 4, ...) is used."""
    p1, p2 = products[1], products[2]
    torch.add(p1, p2, out=rows[0]).add_(products[0])
    torch.sub(p1, p2, out=rows[1]).sub_(products[3])
    r1, r2 = rows.select(1, 1), rows.select(1, 2)
    torch.add(r1, r2, out=out.select(1, 0)).add_(rows.select(1, 0))
    torch.sub(r1, r2, out=out.select(1, 1)).sub_(rows.select(1, 3))


def outputs_back(grad: Tensor, rows: Tensor, out: Tensor) -> None:
    """Gradient by the products (4, 4, ...) from that by pixels (2, 2, ...); `rows` (4, 2, ...)."""
    upper, lower = grad[0], grad[1]
    rows[0].copy_(upper)
    torch.add(upper, lower, out=rows[1])
    torch.sub(upper, lower, out=rows[2])
    torch.neg(lower, out=rows[3])
    left, right = rows.select(1, 0), rows.select(1, 1)
    out.select(1, 0).copy_(left)
    torch.add(left, right, out=out.select(1, 1))
    torch.sub(left, right, out=out.select(1, 2))
    torch.neg(right, out=out.select(1, 3))
