"""Starting from an exported extractor: back from ONNX to a network that can be trained.

`read_exported` gives a network that says what the file says; before it can be trained,
`settle_normalisation` has to show it some faces (`mien.training.from_onnx.normalisation` says why).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import onnx
import torch
from google.protobuf.message import DecodeError
from torch import Tensor, nn

from mien.config import from_dict
from mien.errors import ModelError
from mien.models.landmark_branch import LandmarkBranch
from mien.models.mma import MMAConfig, MMAExtractor
from mien.runtime.metadata import AFFECT_FORMAT, METADATA_KEY, read_labels, read_metadata
from mien.training.checkpoint import load_checkpoint, tensor_fingerprint
from mien.training.from_onnx.normalisation import (
    normalised_convolutions,
    settling,
    undo_normalisation,
)


def is_exported(path: Path) -> bool:
    """Whether a place to start from is an exported file and not one of a run."""
    return path.suffix.lower() == ".onnx" and not path.is_dir()


def start_file(start: Path) -> Path:
    """What a command was given to start from, a run's folder or an exported file, as a file."""
    return start if is_exported(start) else start / "model.safetensors"


class ExportedFile(NamedTuple):
    """What a file of ``mien export`` holds: its metadata, its nodes and its weights by name."""

    metadata: dict[str, Any]
    architecture: dict[str, Any]
    nodes: Sequence[Any]
    values: dict[str, Tensor]


def open_exported(path: Path, kind: str) -> ExportedFile:
    """An exported file of one kind, its weights widened where they are stored in half precision.

    Raises
    ------
    ModelError
        If the file cannot be read, or is of another kind.
    """
    model = _load(path)
    metadata = read_metadata(_metadata(model), kind, path)
    architecture = metadata.get("architecture")
    if not isinstance(architecture, dict):
        raise ModelError(f"{path}: its metadata lacks 'architecture'; export it again")
    values = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]].astype("float32")
    tensors = {name: torch.tensor(value) for name, value in values.items()}
    return ExportedFile(metadata, architecture, list(model.graph.node), tensors)


def exported_format(path: Path) -> str | None:
    """The format that an exported file says it has.

    Raises
    ------
    ModelError
        If the file cannot be read.
    """
    try:
        metadata = json.loads(_metadata(_load(path)) or "")
    except ValueError:
        return None
    return str(metadata.get("format")) if isinstance(metadata, dict) else None


def _load(path: Path) -> Any:
    try:
        return onnx.load(str(path))
    except (OSError, DecodeError, onnx.checker.ValidationError) as error:
        raise ModelError(f"{path}: not a readable ONNX model ({error})") from error


def _metadata(model: Any) -> str | None:
    return {entry.key: entry.value for entry in model.metadata_props}.get(METADATA_KEY)


def read_exported(path: Path) -> MMAExtractor:
    """The extractor in a file of ``mien export extractor``, in evaluation mode, no temperatures.

    These are left out on purpose: they belong to the answers of the trained network, and a further
    training begins with its raw ones. The reach of valence and arousal is in their head and stays.

    Raises
    ------
    ModelError
        If the file cannot be read, is not an extractor, or its weights are not those of the
        architecture that it names.
    ConfigError
        If that architecture is none of `MMAConfig`.
    """
    file = open_exported(path, AFFECT_FORMAT)
    shape = from_dict(MMAConfig, file.architecture, f"{path}: architecture")
    network = MMAExtractor(shape, read_labels(file.metadata, path)).eval()
    folded = _weights_of(file, "Conv")
    heads = _weights_of(file, "Gemm")
    places = normalised_convolutions(network)
    lines = network.linear_layers
    wanted = [tuple(place.convolution.weight.shape) for place in places] + [
        tuple(line.weight.shape) for line in lines
    ]
    found = [tuple(weight.shape) for weight, _ in folded + heads]
    if wanted != found:
        raise ModelError(f"{path}: its weights are not those of the architecture it names")
    for place, (weight, bias) in zip(places, folded, strict=True):
        undo_normalisation(place, weight, bias)
    with torch.no_grad():
        for line, (weight, bias) in zip(lines, heads, strict=True):
            line.weight.copy_(weight)
            line.bias.copy_(bias)
    if network.config.branch:
        undo_input_norm(network.branch)
    return network


def start_for(model: MMAExtractor, exported: MMAExtractor) -> dict[str, Tensor]:
    """Weights of `exported` as a start for `model`, which may say other labels.

    Heads are taken over by name; what `exported` does not say begins as it does in `model`.
    """
    state = exported.state_dict()
    if exported.labels == model.labels:
        return state
    drawn, own, wanted = model.state_dict(), exported.labels, model.labels
    heads = {
        "expressions": (own.expressions, wanted.expressions),
        "action_units": (own.action_units, wanted.action_units),
        "intensities": (own.action_units, wanted.action_units),
    }
    for head, (said, names) in heads.items():
        for name in (f"{head}.weight", f"{head}.bias"):
            if name in state:
                rows = drawn[name].clone()
                for row, label in enumerate(names):
                    if label in said:
                        rows[row] = state[name][said.index(label)]
                state[name] = rows
    return state


def _weights_of(file: ExportedFile, operator: str) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of every node of one kind, in the order of the graph."""
    nodes, values = [node for node in file.nodes if node.op_type == operator], file.values
    if any(len(node.input) != 3 or not {*node.input[1:]} <= values.keys() for node in nodes):
        return []
    return [(values[node.input[1]], values[node.input[2]]) for node in nodes]


def settle_normalisation(network: MMAExtractor, crops: Tensor) -> None:
    """Give normalisations that do nothing the statistics of some faces; the answers stay.

    Parameters
    ----------
    network
        From `read_exported`; changed in place.
    crops
        (n, 3, side, side) network input of typical faces, some hundred of them, at the side that
        training uses.
    """
    network.eval()
    with settling(normalised_convolutions(network)), settling_input_norm(network):
        network(crops)


@torch.no_grad()
def undo_input_norm(branch: LandmarkBranch) -> None:
    """Make the normalisation before the feature do nothing: the file has it in the feature."""
    norm = branch.input_norm
    norm.weight.fill_(1.0)
    norm.bias.zero_()
    norm.running_mean.zero_()  # type: ignore[union-attr]
    norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]


@contextmanager
def settling_input_norm(network: MMAExtractor) -> Iterator[None]:
    """As `normalisation.settling`, for the normalisation before the feature."""
    if not network.config.branch:
        yield
        return
    branch = network.branch

    def settle(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm1d)
        seen = inputs[0].double()
        mean, variance = seen.mean(0), seen.var(0, unbiased=False)
        deviation = (variance + module.eps).sqrt().float()
        branch.feature.bias.add_(branch.feature.weight @ mean.float())
        branch.feature.weight.mul_(deviation)
        module.running_mean.copy_(mean)  # type: ignore[union-attr]
        module.running_var.copy_(variance)  # type: ignore[union-attr]

    with torch.no_grad():
        hook = branch.input_norm.register_forward_pre_hook(settle)
        try:
            yield
        finally:
            hook.remove()


def start_fingerprint(
    start: Path | None, read: Callable[[Path], nn.Module] = read_exported
) -> str | None:
    """Hash of the weights in a file that a training starts from; None: from scratch.

    `read` reads an exported file.
    """
    if start is None:
        return None
    if is_exported(start):
        return tensor_fingerprint(read(start).state_dict())
    return tensor_fingerprint(load_checkpoint(start)[0])


def starts_fingerprint(
    starts: Sequence[Path], read: Callable[[Path], nn.Module] = read_exported
) -> str | list[str] | None:
    """What tells several places to start from, in this order, from others; None: from scratch.

    One place is told as `start_fingerprint` tells it.
    """
    hashes = [str(start_fingerprint(start, read)) for start in starts]
    return hashes if len(hashes) > 1 else next(iter(hashes), None)
