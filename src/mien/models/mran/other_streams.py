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
from mien.faces.modalities import STREAMS
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
        Of several modalities: ``volumes`` ``"all"``. Encoders and guiding decoders of modalities
        that the other one has not stay as they are.
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
    if config.recurrence != "concatenated" and theirs[0] != config.lead:
        raise ModelError(
            f"the trained network is led by {theirs[0]}, this one by {config.lead}: where depth "
            "and thermal guide, both have to be led by the same; or set "
            "model.recurrence=concatenated"
        )
    if config.guides and config.volumes != "all":
        raise ModelError(
            "a network of several modalities starts from one of others where all features are "
            "read: set model.volumes=all"
        )
    sided = _sided(model, {*theirs, *config.modalities})
    lead = f"decoders.{config.lead}."
    begun: dict[str, Tensor] = {}
    left = {name for name in tensors if not _is_of_others(name, config.modalities, config.lead)}
    for name, value in model.state_dict().items():
        known = name.replace(lead, f"decoders.{theirs[0]}.")
        left.discard(known)
        source = tensors.get(known)
        if _is_of_others(name, theirs, config.lead):
            source = value
        elif name in sided and (source is not None or "guidance" in name):
            source = value.new_zeros(0) if source is None else source
            source = _beside(source, sided[name], theirs, config.modalities, value.shape)
        if source is None or source.shape != value.shape:
            raise ModelError(f"the trained network differs in more than its modalities: {name}")
        begun[name] = source
    left = {name for name in left if config.guides or "guidance" not in name}
    if left:
        raise ModelError(
            f"the trained network has {len(left)} weights that this one has not, the first is "
            f"{min(left)}"
        )
    model.load_state_dict(begun)


def _sided(model: MRAN, names: set[str]) -> dict[str, dict[str, int]]:
    """Weights whose inputs are those of the modalities side by side: the channels of each."""
    config, lead = model.config, f"decoders.{model.config.lead}."
    volumes, bottoms = (
        {name: model.feature_widths(name)[part] for name in names} for part in (0, 1)
    )
    sided = {"recognition.first.0.weight": volumes}
    if config.recurrence == "concatenated":
        sided[f"{lead}lower.cell.from_input.weight"] = bottoms
        sided[f"{lead}raise_volume.weight"] = volumes
        return sided
    for level, width in zip(("lower", "upper"), config.guide_hidden, strict=True):
        guides = {name: 0 if name == config.lead else width for name in names}
        sided[f"{lead}{level}.cell.from_guidance.weight"] = guides
    states = dict.fromkeys(names, config.guide_hidden[1])
    sided["attention.read.weight"] = {**states, config.lead: config.color_hidden[1]}
    return sided


def _is_of_others(name: str, streams: tuple[str, ...], lead: str) -> bool:
    """Whether a weight is of the encoder or the guiding decoder of a modality not among these."""
    part, stream, *_ = (*name.split("."), "")
    if part == "decoders":
        return stream != lead and stream in STREAMS and stream not in (*streams, lead)
    return part == "encoders" and stream not in streams


def _beside(
    weight: Tensor,
    widths: dict[str, int],
    theirs: tuple[str, ...],
    wanted: tuple[str, ...],
    shape: torch.Size,
) -> Tensor:
    """Weights of a convolution over what the wanted modalities have; new ones begin at zero."""
    if weight.ndim > 1 and weight.shape[1] == widths[theirs[0]]:  # it read the first one's only
        theirs = theirs[:1]
    parts, start = {}, 0
    for name in theirs if weight.ndim > 1 else ():
        parts[name] = weight[:, start : start + widths[name]]
        start += widths[name]
    empty = {name: weight.new_zeros(shape[0], widths[name], *shape[2:]) for name in wanted}
    return torch.cat([{**empty, **parts}[name] for name in wanted], 1)
