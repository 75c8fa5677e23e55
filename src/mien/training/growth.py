"""Starting a deeper network from a shallower one that is trained already.

A residual block whose last normalisation has weight and bias zero passes its (non-negative) input
through. `grow` keeps every trained block in its place and leaves the added ones, at the end of
each stage, in that state: the deeper network begins by saying exactly what the shallower one says
(the idea of Net2DeeperNet; Chen, Goodfellow & Shlens, ICLR 2016). Likewise the convolution of a
``"half"`` stem becomes one of a ``"wide"`` stem (`mien.models.blocks.stems`). Stages that the
deeper network has `apart` begin as those of which they are a second set, and their heads read them
alone. Of a `fine` network that the trained one lacks nothing is known yet: its heads begin by not
reading it. How expressions read one (`fine_expressions`) is left behind where the new network's do
not.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from mien.errors import ModelError
from mien.models.blocks.stems import is_wide, wide_stem
from mien.models.fine import FEATURE
from mien.models.mma import MMAConfig, MMAExtractor, blocks_by_width

_HEADS = ("valence_arousal.weight", "action_units.weight")
_BLOCK = re.compile(r"stages\.(\d+)\.(.+)")


def grow(model: MMAExtractor, tensors: dict[str, Tensor]) -> None:
    """Fill a freshly built model with the weights of one that may have fewer blocks per stage.

    Parameters
    ----------
    model
        The deeper network, as built.
    tensors
        State of the shallower one; same widths and heads, and the same stem or, of a model with a
        ``"wide"`` one, a ``"half"`` one.

    Raises
    ------
    ModelError
        If the two differ in more than depth, or the trained one is deeper somewhere.
    """
    if model.config.stem == "wide":
        tensors = wide_stem(tensors)
    elif is_wide(tensors) and model.config.stem == "half":
        raise ModelError("the trained network's stem is 'wide': set model.stem=wide")
    depths = _depths(tensors, model.config)
    if len(depths) != len(model.config.depths) or any(
        old > new for old, new in zip(depths, model.config.depths, strict=True)
    ):
        raise ModelError(
            f"blocks per stage: trained {depths}, wanted {model.config.depths}; growing only adds"
        )
    starts = [sum(model.config.depths[:stage]) for stage in range(len(depths))]
    place = [start + k for start, depth in zip(starts, depths, strict=True) for k in range(depth)]
    moved = {_moved(name, place): value for name, value in tensors.items()}
    parts = bool(model.config.apart) and not any(name.startswith("apart.") for name in tensors)
    if parts:
        moved = _parted(moved, model.config.parting)
    finer = bool(model.config.fine) and not any(name.startswith("fine.") for name in tensors)
    if finer:
        moved = _with_unread(moved, FEATURE)
    reading = "fine_expressions."
    if model.fine_expressions is None:
        moved = {name: value for name, value in moved.items() if not name.startswith(reading)}
    state = model.state_dict()
    nothing = {n: torch.zeros_like(value) for n, value in state.items() if n.startswith(reading)}
    moved = {**nothing, **moved}
    unknown = sorted(name for name in moved if name not in state)
    wrong = sorted(
        name for name in moved if name in state and moved[name].shape != state[name].shape
    )
    added = ("stages.", *["apart."] * parts, *["fine."] * finer)
    outside = sorted(name for name in state if name not in moved and not name.startswith(added))
    if unknown or wrong or outside:
        raise ModelError(
            f"the trained network differs in more than depth: {(unknown + wrong + outside)[:3]}"
        )
    model.load_state_dict({**state, **moved})


def _parted(tensors: dict[str, Tensor], parting: int) -> dict[str, Tensor]:
    """With the last stages a second time; valence-arousal and action units read the second ones."""
    parted = dict(tensors)
    for name, value in tensors.items():
        found = _BLOCK.match(name)
        if found and int(found[1]) >= parting:
            parted[f"apart.{int(found[1]) - parting}.{found[2]}"] = value
    for head in _HEADS:
        if head in parted:
            parted[head] = torch.cat([torch.zeros_like(parted[head]), parted[head]], 1)
    return parted


def _with_unread(tensors: dict[str, Tensor], width: int) -> dict[str, Tensor]:
    """With so many more inputs of valence-arousal and action units, of which nothing is read."""
    wider = dict(tensors)
    for head in _HEADS:
        if head in wider:
            unread = wider[head].new_zeros(len(wider[head]), width)
            wider[head] = torch.cat([wider[head], unread], 1)
    return wider


def _moved(name: str, place: list[int]) -> str:
    found = _BLOCK.match(name)
    return f"stages.{place[int(found[1])]}.{found[2]}" if found else name


def _depths(tensors: dict[str, Tensor], config: MMAConfig) -> tuple[int, ...]:
    """Blocks per stage of a state."""
    blocks = blocks_by_width(tensors)
    if tuple(blocks) != config.widths:
        raise ModelError(f"stage widths: trained {list(blocks)}, wanted {list(config.widths)}")
    return tuple(blocks.values())
