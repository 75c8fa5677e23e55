"""Batch normalisations of a network that goes into an exported file, or comes from one.

An export folds every batch normalisation into the convolution before it. Read back, the folded
weights stand before normalisations that do nothing (`undo_normalisation`), so the network says what
the file says. In training a normalisation uses the statistics of the batch, which would throw
everything away; `settling` therefore makes each one subtract and divide by what it sees of typical
input, and undo both, again without changing what the network says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Normalised(NamedTuple):
    """A convolution, the name of the module, and the batch normalisation behind it."""

    name: str
    convolution: nn.Conv2d | nn.Conv3d
    normalisation: nn.BatchNorm2d | nn.BatchNorm3d


def normalised_convolutions(network: nn.Module) -> list[Normalised]:
    """Convolutions with their normalisations, in the order in which input passes them.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1))
    >>> [found.name for found in normalised_convolutions(net)]
    ['0']
    """
    found = []
    for prefix, module in network.named_modules():
        if not isinstance(module, nn.Sequential):
            continue
        for (place, first), (_, second) in pairwise(module.named_children()):
            if isinstance(first, nn.Conv2d | nn.Conv3d) and isinstance(
                second, nn.BatchNorm2d | nn.BatchNorm3d
            ):
                name = f"{prefix}.{place}" if prefix else place
                found.append(Normalised(name, first, second))
    return found


@torch.no_grad()
def folded_weights(network: nn.Module) -> dict[str, Tensor]:
    """A network's parameters with every normalisation folded into the convolution before it.

    A convolution's bias, which is the normalisation's then, is called ``NAME.bias``.
    """
    weights = {name: value.detach() for name, value in network.named_parameters()}
    names = {id(value): name for name, value in network.named_parameters()}
    for name, convolution, normalisation in normalised_convolutions(network):
        assert normalisation.running_mean is not None and normalisation.running_var is not None
        deviation = (normalisation.running_var + normalisation.eps).sqrt()
        gain = normalisation.weight / deviation
        for parameter in normalisation.parameters():
            del weights[names[id(parameter)]]
        shape = (-1, *[1] * (convolution.weight.ndim - 1))
        weights[f"{name}.weight"] = convolution.weight * gain.view(shape)
        weights[f"{name}.bias"] = normalisation.bias - normalisation.running_mean * gain
    return weights


@torch.no_grad()
def undo_normalisation(place: Normalised, weight: Tensor, bias: Tensor) -> None:
    """Put folded weights before a normalisation that only adds their bias."""
    _, convolution, normalisation = place
    convolution.weight.copy_(weight)
    normalisation.bias.copy_(bias)
    normalisation.running_mean.zero_()  # type: ignore[union-attr]
    normalisation.running_var.fill_(1 - normalisation.eps)  # type: ignore[union-attr]
    normalisation.weight.fill_(1.0)


@contextmanager
def settling(places: Sequence[Normalised]) -> Iterator[None]:
    """While typical input passes once, give normalisations that do nothing its statistics.

    Every one of `places` has to be passed, once. Convolutions are scaled to the size of an
    extractor's freshly drawn ones, which the normalisation behind them undoes: what a learning rate
    means no longer depends on what had been folded in.
    """
    hooks = []
    with torch.no_grad():
        for _, convolution, normalisation in places:
            size = convolution.weight[0, 0].numel()
            fresh = (2 / (convolution.out_channels * size)) ** 0.5
            scale = fresh / convolution.weight.square().mean().sqrt().clamp_min(1e-12)
            convolution.weight.mul_(scale)

            def settle(
                module: nn.Module, inputs: tuple[Tensor, ...], scale: Tensor = scale
            ) -> None:
                assert isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)
                seen = inputs[0].double()
                axes = [axis for axis in range(seen.ndim) if axis != 1]
                mean, variance = seen.mean(axes), seen.var(axes, unbiased=False)
                # y = (x - mean) / deviation * weight + bias shall be x / scale + bias as before.
                module.weight.copy_((variance + module.eps).sqrt() / scale)
                module.bias.add_((mean / scale).to(module.bias.dtype))
                module.running_mean.copy_(mean)  # type: ignore[union-attr]
                module.running_var.copy_(variance)  # type: ignore[union-attr]

            hooks.append(normalisation.register_forward_pre_hook(settle))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
