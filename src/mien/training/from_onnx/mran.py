"""Starting from an exported MRAN: back from ONNX to a network that can be trained.

Unlike the extractor's, this file names its weights (`mien.export.export_mran`). The layer for
action units is a second target of training and not in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from mien.config import from_dict
from mien.errors import ModelError
from mien.faces.modalities import STREAMS
from mien.models.mran import MRAN, MRANConfig
from mien.runtime.metadata import MRAN_FORMAT
from mien.training.from_onnx.extractor import open_exported
from mien.training.from_onnx.normalisation import (
    folded_weights,
    normalised_convolutions,
    settling,
    undo_normalisation,
)


def read_exported_mran(path: Path, part: str = "") -> MRAN:
    """The network in a file of ``mien export mran``, without action units, in evaluation mode.

    With `part`, as in ``"encoders."``, only weights whose names begin so are the file's, which may
    be of another architecture behind them; the others are zero.

    Raises
    ------
    ModelError
        If the file cannot be read, is no MRAN, does not name its weights (an export of before they
        were named), lacks one (a clip of one frame has no recurrence), or they are not those of the
        architecture that it names.
    ConfigError
        If that architecture is none of `MRANConfig`.
    """
    file = open_exported(path, MRAN_FORMAT)
    named, transposed = file.metadata.get("weights"), file.metadata.get("transposed", [])
    if not isinstance(named, dict) or not isinstance(transposed, list):
        raise ModelError(
            f"{path}: does not say which weights are which, so nothing can start from it; export "
            "it again from its run"
        )
    shape = from_dict(MRANConfig, file.architecture, f"{path}: architecture")
    network = MRAN(replace(shape, units=False)).eval()

    def weight(name: str, wanted: Tensor) -> Tensor:
        if not name.startswith(part) or named.get(name, "") is None:  # a file leaves zeros out
            return torch.zeros_like(wanted)
        if name not in named:
            raise ModelError(f"{path}: is no start: {name} is not in it")
        value = file.values.get(str(named[name]))
        if value is not None and name in transposed:
            value = value.T
        if value is None or value.numel() != wanted.numel():
            raise ModelError(
                f"{path}: its weights are not those of the architecture it names: {name}"
            )
        return value.reshape(wanted.shape)

    values = {name: weight(name, wanted) for name, wanted in folded_weights(network).items()}
    for place in normalised_convolutions(network):
        undo_normalisation(
            place, values.pop(f"{place.name}.weight"), values.pop(f"{place.name}.bias")
        )
    network.load_state_dict({**network.state_dict(), **values})
    return network


@torch.no_grad()
def settle_encoders(
    network: MRAN, names: Sequence[str], streams: dict[str, Tensor], present: Tensor
) -> None:
    """Give an encoder's normalisations that do nothing the statistics of frames; answers stay.

    Parameters
    ----------
    network
        Changed in place; in evaluation mode before and after.
    names
        Modalities whose encoders come from `read_exported_mran`.
    streams, present
        Some typical clips, as the network takes them. A missing frame has no part in the
        statistics, as it has none in training; an encoder whose modality is missing from all of
        them stays as it is.
    """
    for name in names:
        encoder, there = network.encoders[name], present[:, :, STREAMS.index(name)]
        if not there.any():
            continue
        places = normalised_convolutions(encoder)
        encoder.train()  # which encodes only what is there
        for place in places:
            place.normalisation.eval()  # its statistics are set, not mixed with the batch's
        with settling(places):
            encoder(streams[name], there)
        encoder.eval()


@torch.no_grad()
def settle_recognition(network: MRAN, streams: dict[str, Tensor], present: Tensor) -> None:
    """The same for the recognition, after its encoders; it counts every frame, as in training."""
    with settling(normalised_convolutions(network.recognition)):
        network(streams, present)
