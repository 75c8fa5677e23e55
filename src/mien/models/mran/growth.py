"""Starting a network of several streams from one that reads some of them.

A network that learns all streams from the start reads the best of them worse than a network of this
stream alone. `grow_streams` therefore lets it begin as that network: what reads features of further
streams starts at zero, so at first they change nothing, and they are learned from there (the idea
of Net2Net; Chen, Goodfellow & Shlens, ICLR 2016).
"""

from __future__ import annotations

import torch
from torch import Tensor

from mien.errors import ModelError
from mien.models.mran.network import MRAN


def streams_of(tensors: dict[str, Tensor]) -> tuple[str, ...]:
    """Streams that the network with these weights reads, in the order in which it names them."""
    names = [name.split(".")[1] for name in tensors if name.startswith("encoders.")]
    return tuple(dict.fromkeys(names))


def grow_streams(model: MRAN, tensors: dict[str, Tensor]) -> None:
    """Fill a freshly built network with the weights of one that reads fewer streams.

    Parameters
    ----------
    model
        Recurrence ``"concatenated"`` and ``volumes`` ``"all"``. Encoders of further streams stay
        as they are.
    tensors
        State of the other one, of the same sizes; a network of one stream may have any recurrence.

    Raises
    ------
    ModelError
        If the two differ in more than their streams, or this one lacks a stream of the other.
    """
    config = model.config
    theirs = tuple(name for name in config.modalities if name in streams_of(tensors))
    if {*theirs} != {*streams_of(tensors)}:
        raise ModelError(
            f"the trained network reads {', '.join(streams_of(tensors))}, this one "
            f"{', '.join(config.modalities)}: growing only adds streams"
        )
    if config.recurrence != "concatenated" or config.volumes != "all":
        raise ModelError(
            "a network grows by streams where their features stand side by side: set "
            "model.recurrence=concatenated and model.volumes=all"
        )
    volumes, bottoms = (
        {name: model.feature_widths(name)[part] for name in config.modalities} for part in (0, 1)
    )
    sided = {
        f"decoders.{config.lead}.lower.cell.from_input.weight": bottoms,
        f"decoders.{config.lead}.raise_volume.weight": volumes,
        "recognition.first.0.weight": volumes,
    }
    begun: dict[str, Tensor] = {}
    left = {*tensors}
    for name, value in model.state_dict().items():
        if name.startswith("encoders.") and name.split(".")[1] not in theirs:
            begun[name] = value
            continue
        known = name.replace(f"decoders.{config.lead}.", f"decoders.{theirs[0]}.")
        left.discard(known)
        source = tensors.get(known)
        if source is not None and name in sided:
            source = _beside(source, sided[name], theirs)
        if source is None or source.shape != value.shape:
            raise ModelError(f"the trained network differs in more than its streams: {name}")
        begun[name] = source
    if left:
        raise ModelError(f"the trained network has {len(left)} weights that this one has not")
    model.load_state_dict(begun)


def _beside(weight: Tensor, widths: dict[str, int], theirs: tuple[str, ...]) -> Tensor:
    """Weights of a convolution, its inputs of each stream in their place, others at zero.

    Inputs that belong to no stream stand behind those of all streams.
    """
    parts, start = [], 0
    for name, width in widths.items():
        if name in theirs:
            parts.append(weight[:, start : start + width])
            start += width
        else:
            parts.append(weight.new_zeros(len(weight), width, *weight.shape[2:]))
    return torch.cat([*parts, weight[:, start:]], 1)
