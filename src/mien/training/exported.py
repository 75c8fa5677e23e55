"""Starting from an exported extractor: back from ONNX to a network that can be trained.

An export folds every batch normalisation into the convolution before it. `read_exported` puts the
folded weights behind normalisations that do nothing, so the network says what the file says. In
training a normalisation uses the statistics of the batch, which would throw everything away;
`settle_normalisation` therefore looks at some faces and makes each normalisation subtract and
divide by what it sees, and undo both, again without changing what the network says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from torch import Tensor, nn

from mien.errors import ModelError
from mien.inference.metadata import AFFECT_FORMAT, METADATA_KEY, read_metadata
from mien.models.mma import MMAConfig, MMAExtractor
from mien.training.checkpoint import load_checkpoint, tensor_fingerprint
from mien.training.config import from_dict


def is_exported(path: Path) -> bool:
    """Whether a place to start from is an exported file and not one of a run."""
    return path.suffix.lower() == ".onnx" and not path.is_dir()


def start_file(start: Path) -> Path:
    """What a command was given to start from, a run's folder or an exported file, as a file."""
    return start if is_exported(start) else start / "model.safetensors"


def start_fingerprint(start: Path | None) -> str | None:
    """Hash of the weights in a file that a training starts from; None: from scratch."""
    if start is None:
        return None
    if is_exported(start):
        return tensor_fingerprint(read_exported(start).state_dict())
    return tensor_fingerprint(load_checkpoint(start)[0])


def starts_fingerprint(starts: Sequence[Path]) -> str | list[str] | None:
    """What tells several places to start from, in this order, from others; None: from scratch.

    One place is told as `start_fingerprint` tells it.
    """
    hashes = [str(start_fingerprint(start)) for start in starts]
    return hashes if len(hashes) > 1 else next(iter(hashes), None)


def read_exported(path: Path) -> MMAExtractor:
    """The extractor in a file of ``mien export mma``, in evaluation mode, without its temperatures.

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
    try:
        model = onnx.load(str(path))
    except (OSError, DecodeError, onnx.checker.ValidationError) as error:
        raise ModelError(f"{path}: not a readable ONNX model ({error})") from error
    texts = {entry.key: entry.value for entry in model.metadata_props}
    metadata = read_metadata(texts.get(METADATA_KEY), AFFECT_FORMAT, path)
    shape = metadata.get("architecture")
    if not isinstance(shape, dict):
        raise ModelError(f"{path}: its metadata lacks 'architecture'; export it again")
    network = MMAExtractor(from_dict(MMAConfig, shape, f"{path}: architecture")).eval()
    values = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    for node in model.graph.node:  # weights that are stored in half precision
        if node.op_type == "Cast" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]].astype("float32")
    folded = _weights_of(model, "Conv", values)
    heads = _weights_of(model, "Gemm", values)
    places = _convolutions(network)
    lines = [network.valence_arousal, network.expressions, network.action_units]
    wanted = [tuple(conv.weight.shape) for conv, _ in places] + [
        tuple(line.weight.shape) for line in lines
    ]
    found = [tuple(weight.shape) for weight, _ in folded + heads]
    if wanted != found:
        raise ModelError(f"{path}: its weights are not those of the architecture it names")
    with torch.no_grad():
        for (conv, norm), (weight, bias) in zip(places, folded, strict=True):
            conv.weight.copy_(weight)
            norm.bias.copy_(bias)
            norm.running_mean.zero_()  # type: ignore[union-attr]
            norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
            norm.weight.fill_(1.0)
        for line, (weight, bias) in zip(lines, heads, strict=True):
            line.weight.copy_(weight)
            line.bias.copy_(bias)
    return network


def _weights_of(model: Any, operator: str, values: dict[str, Any]) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of every node of one kind, in the order of the graph."""
    nodes = [node for node in model.graph.node if node.op_type == operator]
    if any(len(node.input) != 3 or not {*node.input[1:]} <= values.keys() for node in nodes):
        return []
    return [
        (torch.tensor(values[node.input[1]]), torch.tensor(values[node.input[2]])) for node in nodes
    ]


def _convolutions(network: MMAExtractor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions with their normalisations, in the order in which a face passes them."""
    modules = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    pairs = list(zip(modules[::2], modules[1::2], strict=True))
    return [
        (conv, norm)
        for conv, norm in pairs
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    ]


@torch.no_grad()
def settle_normalisation(network: MMAExtractor, crops: Tensor) -> None:
    """Give normalisations that do nothing the statistics of some faces; the answers stay.

    Parameters
    ----------
    network
        From `read_exported`; changed in place.
    crops
        (n, 3, side, side) network input of typical faces, some hundred of them, at the side that
        training uses. Convolutions are scaled to the size of freshly drawn ones, which the
        normalisation behind them undoes: the learning rate then means what it means elsewhere.
    """
    hooks = []
    for conv, norm in _convolutions(network):
        fresh = (2 / (conv.out_channels * conv.kernel_size[0] * conv.kernel_size[1])) ** 0.5
        scale = fresh / conv.weight.square().mean().sqrt().clamp_min(1e-12)
        conv.weight.mul_(scale)

        def settle(module: nn.Module, inputs: tuple[Tensor, ...], scale: Tensor = scale) -> None:
            assert isinstance(module, nn.BatchNorm2d)
            seen = inputs[0].double()
            mean, variance = seen.mean((0, 2, 3)), seen.var((0, 2, 3), unbiased=False)
            # y = (x - mean) / deviation * weight + bias shall be x / scale + bias as before.
            module.weight.copy_((variance + module.eps).sqrt() / scale)
            module.bias.add_((mean / scale).to(module.bias.dtype))
            module.running_mean.copy_(mean)  # type: ignore[union-attr]
            module.running_var.copy_(variance)  # type: ignore[union-attr]

        hooks.append(norm.register_forward_pre_hook(settle))
    network.eval()
    try:
        network(crops)
    finally:
        for hook in hooks:
            hook.remove()
