"""Starting a network from one that reads other modalities.

*More modalities.* A network that learns all modalities from the start reads the best of them worse
than a network of this modality alone. So it begins as that network: what reads features of further
modalities starts at zero, so at first they change nothing, and they are learned from there (the
idea of Net2Net; Chen, Goodfellow & Shlens, ICLR 2016).

*Fewer modalities.* Features of a missing modality are zero. A network without what reads them says
what the whole one says where that modality is missing: a start for recordings in color alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mien.errors import ModelError
from mien.models.mran.network import MRAN

_UNITS = "recognition.units."


def streams_of(tensors: dict[str, Tensor]) -> tuple[str, ...]:
    """Modalities that the network with these weights reads, in the order in which it names them."""
    names = [name.split(".")[1] for name in tensors if name.startswith("encoders.")]
    return tuple(dict.fromkeys(names))


def with_units_as_in(model: MRAN, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights with a layer for action units, its own, where this network has one, and no other.

    These are a second target for training: a network that says them may start from one that does
    not, and the other way round.
    """
    kept = {name: value for name, value in tensors.items() if not name.startswith(_UNITS)}
    own = {name: v for name, v in model.state_dict().items() if name.startswith(_UNITS)}
    known = {name: tensors.get(name, value) for name, value in own.items()}
    return {**kept, **known}


def start_from_other_streams(model: MRAN, tensors: dict[str, Tensor]) -> None:
    """Fill a freshly built network with the weights of one that reads other modalities.

    Parameters
    ----------
    model
        Of several modalities: recurrence ``"concatenated"`` and ``volumes`` ``"all"``. Encoders of
        modalities that the other one has not stay as they are.
    tensors
        State of the other one, of the same sizes and with a modality in common; of several
        modalities: concatenated. A network of one modality has no recurrence but its own.

    Raises
    ------
    ModelError
        If the two differ in more than their modalities, or have none in common.
    """
    config = model.config
    theirs = streams_of(tensors)
    if not {*theirs} & {*config.modalities}:
        raise ModelError(
            f"the trained network reads {', '.join(theirs)}, this one "
            f"{', '.join(config.modalities)}: they have no modality in common"
        )
    if config.guides and (config.recurrence != "concatenated" or config.volumes != "all"):
        raise ModelError(
            "a network of several modalities starts from one of others where their features stand "
            "side by side: set model.recurrence=concatenated and model.volumes=all"
        )
    volumes, bottoms = (
        {name: model.feature_widths(name)[part] for name in {*theirs, *config.modalities}}
        for part in (0, 1)
    )
    lead = f"decoders.{config.lead}."
    sided = {
        f"{lead}lower.cell.from_input.weight": bottoms,
        f"{lead}raise_volume.weight": volumes,
        "recognition.first.0.weight": volumes,
    }
    begun: dict[str, Tensor] = {}
    left = {name for name in tensors if not _is_encoder_of_others(name, config.modalities)}
    for name, value in model.state_dict().items():
        if _is_encoder_of_others(name, theirs):
            begun[name] = value
            continue
        known = name.replace(lead, f"decoders.{theirs[0]}.")
        left.discard(known)
        source = tensors.get(known)
        if source is not None and name in sided:
            source = _beside(source, sided[name], theirs, config.modalities, value.shape[1])
        if source is None or source.shape != value.shape:
            raise ModelError(f"the trained network differs in more than its modalities: {name}")
        begun[name] = source
    if left:
        raise ModelError(
            f"the trained network has {len(left)} weights that this one has not, the first is "
            f"{min(left)}"
        )
    model.load_state_dict(begun)


def _is_encoder_of_others(name: str, streams: tuple[str, ...]) -> bool:
    return name.startswith("encoders.") and name.split(".")[1] not in streams


def _beside(
    weight: Tensor,
    widths: dict[str, int],
    theirs: tuple[str, ...],
    wanted: tuple[str, ...],
    inputs: int,
) -> Tensor:
    """Weights of a convolution over the features of the wanted modalities; new ones begin at zero.

    Inputs that belong to no modality stand behind those of all modalities; `inputs` are to come
    out.
    """
    rest = inputs - sum(widths[name] for name in wanted)
    if weight.shape[1] == widths[theirs[0]] + rest:  # it read the first modality's only
        theirs = theirs[:1]
    parts, start = {}, 0
    for name in theirs:
        parts[name] = weight[:, start : start + widths[name]]
        start += widths[name]
    empty = {
        name: weight.new_zeros(len(weight), widths[name], *weight.shape[2:]) for name in wanted
    }
    return torch.cat([*({**empty, **parts}[name] for name in wanted), weight[:, start:]], 1)
