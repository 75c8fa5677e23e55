"""From torch to ONNX: graph, metadata, and the check that both say the same.

An exported file is complete: label orders, preprocessing, frame rate, version, licence and caveat
travel in its metadata, and `mien.runtime` believes nothing else.
"""

from __future__ import annotations

import json
import logging
import warnings
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from mien._version import __version__
from mien.config import read_toml
from mien.errors import ConfigError, ModelError
from mien.evaluation.calibration.probabilities import Calibration
from mien.faces.align import CROP_SIZE_PX, TEMPLATE
from mien.faces.modalities import CHANNELS, STREAMS, normalisation
from mien.io import atomic_path
from mien.labels import AFFECT_COLUMNS, VALENCE_AROUSAL
from mien.models.masked_rnn import MaskedRNN
from mien.models.mma import MMAExtractor, MMAOutput, without_input_norm
from mien.models.mran import MRAN
from mien.models.mran.network import MAP_PX
from mien.runtime.metadata import AFFECT_FORMAT, METADATA_KEY, MRAN_FORMAT, REACTIONS_FORMAT
from mien.sessions import open_session
from mien.training.from_onnx.normalisation import folded_weights

ABOUT_KEYS = ("name", "license", "trained_on", "caveat")
"""What every exported model must say of itself."""

FACE_OUTPUTS = ("au_intensity", "landmarks", "pose", "eye_open", "gaze", "quality")
"""Outputs of a network with a landmark branch, after ``affect``."""

PARITY_TOLERANCE = 1e-4
"""Largest difference, on any output, that torch and ONNX Runtime may show."""

HALF_TOLERANCE = 5e-3
"""The same where weights are stored in half precision."""

_HALVED_FROM = 1000  # numbers; smaller tensors, such as biases, stay as they are

_PREPROCESSING = {
    "crop_px": CROP_SIZE_PX,
    "channels": "RGB",
    "range": [-1.0, 1.0],
    "alignment": "similarity of the five landmarks to the template",
    "template": TEMPLATE.tolist(),
}

_OPSET = 20
_MAX_BATCH = 4096


def read_about(path: Path) -> dict[str, Any]:
    """Read the TOML file that describes a model.

    Raises
    ------
    ConfigError
        If it cannot be read, or one of `ABOUT_KEYS` is missing.
    """
    values = read_toml(path)
    missing = [key for key in ABOUT_KEYS if key not in values]
    if missing:
        raise ConfigError(f"{path}: looked for {missing}, found {sorted(values)}")
    return values


class _AffectGraph(nn.Module):
    def __init__(self, model: MMAExtractor, calibration: Calibration) -> None:
        super().__init__()
        self.model = without_input_norm(_with_affect_scale(model, calibration))
        self.expressions = calibration.expressions
        # Added only where there are any: a graph without calibration has no such node.
        biases = np.array(calibration.expression_biases, np.float32)
        if calibration.prior:
            biases = biases + np.log(calibration.prior).astype(np.float32)
        self.expression_biases = nn.Buffer(torch.from_numpy(biases)) if biases.any() else None
        self.action_units = nn.Buffer(torch.tensor(calibration.action_units))

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        raw: MMAOutput = self.model(faces)
        expressions = raw.expression_logits / self.expressions
        if self.expression_biases is not None:
            expressions = expressions + self.expression_biases
        affect = raw._replace(
            expression_logits=expressions,
            au_logits=raw.au_logits / self.action_units,
        ).affect()
        return (affect,) if raw.face is None else (affect, *raw.face[:-1])  # without heatmaps


def _with_affect_scale(model: MMAExtractor, calibration: Calibration) -> MMAExtractor:
    """A copy whose head says valence and arousal at their calibrated reach, at no cost in use."""
    if not calibration.moves_affect:
        return model
    scaled = deepcopy(model)
    gains = torch.tensor(calibration.affect_gains)
    with torch.no_grad():
        scaled.valence_arousal.weight.mul_(gains[:, None])
        scaled.valence_arousal.bias.mul_(gains).add_(torch.tensor(calibration.affect_offsets))
    return scaled


class _ReactionGraph(nn.Module):
    def __init__(self, model: MaskedRNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, affect: Tensor, lengths: Tensor) -> Tensor:
        return self.model.to_intensities(self.model.scores(affect, lengths))


class _ClipGraph(nn.Module):
    """An MRAN with its modalities as arguments, in their order, then ``present``."""

    def __init__(self, model: MRAN) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        streams = dict(zip(self.model.config.modalities, inputs[:-1], strict=True))
        output = self.model(streams, inputs[-1])
        return output.affect, output.attention.flatten(2, 3)


def export_mma(
    model: MMAExtractor,
    path: Path,
    about: dict[str, Any],
    calibration: Calibration | None = None,
    half: bool = False,
) -> float:
    """Write an extractor as ONNX: ``faces`` (n, 3, 112, 112) -> ``affect`` (n, 26).

    The file names the network's labels; of others than the papers' there are as many outputs.

    A network with a landmark branch has further outputs, `FACE_OUTPUTS`, shaped as
    `mien.models.mma.FaceOutput`.

    Parameters
    ----------
    model
        Trained extractor.
    path
        The file to write.
    about
        ``name, license, trained_on, caveat`` and whatever else the record should hold.
    calibration
        Temperatures, biases and scales that become part of the file; None leaves all as trained.
    half
        Store weights in half precision: half the file. They are widened when it is loaded, so
        speed and memory stay; answers differ in the third digit behind the point at most.

    Returns
    -------
    Largest difference between torch and ONNX Runtime on random faces.

    Raises
    ------
    ModelError
        If that difference exceeds `PARITY_TOLERANCE` (in half precision: if it exceeded it before,
        or exceeds `HALF_TOLERANCE` now), or the calibration is one of other labels; nothing is left
        at `path` then.
    """
    labels, fitted = model.labels, calibration or Calibration.neutral(model.labels)
    if fitted.labels != labels:
        raise ModelError(f"{path}: the calibration is that of an extractor with other labels")
    temperatures = asdict(calibration) if calibration else None
    if temperatures is not None:
        for name in ("decisions", "prior", "everyday_prior", "quality_level", "labels"):
            del temperatures[name]  # they stand by themselves
    metadata = {
        **about,
        "format": AFFECT_FORMAT,
        "version": __version__,
        "architecture": model.describe(),
        "outputs": list(labels.affect_columns),
        "expressions": list(labels.expressions),
        "action_units": list(labels.action_units),
        "calibration": temperatures,
        "au_decisions": list(fitted.decisions),
        "preprocessing": _PREPROCESSING,
    }
    if calibration is not None and calibration.prior:
        metadata["prior"] = {
            "default": list(calibration.prior),
            "everyday": list(calibration.everyday_prior),
        }
    outputs = ("affect", *FACE_OUTPUTS) if model.config.branch else ("affect",)
    if model.config.branch:
        metadata["quality_level"] = fitted.quality_level
    generator = torch.Generator().manual_seed(0)
    faces = torch.rand(3, 3, CROP_SIZE_PX, CROP_SIZE_PX, generator=generator) * 2 - 1
    batch = torch.export.Dim("n", min=1, max=_MAX_BATCH)
    graph = _AffectGraph(model, fitted).eval()
    return _export(
        graph, {"faces": faces}, {"faces": {0: batch}}, outputs, path, metadata, half=half
    )


def export_reactions(model: MaskedRNN, path: Path, about: dict[str, Any]) -> float:
    """Write a reaction model as ONNX: ``affect`` (n, t, 26), ``lengths`` (n,) -> ``intensities``.

    See `export_mma` for parameters, result and errors.
    """
    config = model.config
    metadata = {
        **about,
        "format": REACTIONS_FORMAT,
        "version": __version__,
        "architecture": model.describe(),
        "inputs": list(AFFECT_COLUMNS),
        "outputs": list(config.reactions),
        "positions": config.positions,
        "fps": config.fps,
    }
    generator = torch.Generator().manual_seed(0)
    longest = max(1, min(40, config.positions - 1))
    affect = torch.rand(3, longest, len(AFFECT_COLUMNS), generator=generator)
    lengths = torch.tensor([longest, max(1, longest // 2), 1])
    batch = torch.export.Dim("n", min=1, max=_MAX_BATCH)
    time = torch.export.Dim("t", min=1, max=config.positions)
    return _export(
        _ReactionGraph(model).eval(),
        {"affect": affect, "lengths": lengths},
        {"affect": {0: batch, 1: time}, "lengths": {0: batch}},
        ("intensities",),
        path,
        metadata,
        {
            "affect": torch.rand(2, config.positions, len(AFFECT_COLUMNS), generator=generator),
            "lengths": torch.tensor([1, longest]),
        },
    )


def export_mran(
    model: MRAN,
    path: Path,
    about: dict[str, Any],
    fps: float,
    seed: int | None = None,
    half: bool = False,
) -> float:
    """Write a multi-modal recurrent attention network as ONNX.

    Inputs: ``color`` (n, t, 3, 112, 112), ``depth`` and ``thermal`` (n, t, 1, 112, 112) as far as
    the network has them, ``present`` (n, t, 3) of 0 and 1 in the order color, depth, thermal; t is
    the network's clip length. Outputs: ``affect`` (n, t, 2), valence and arousal, and
    ``attention`` (n, t, h, w), each frame's map of sum 1.

    Parameters
    ----------
    model, path, about, half
        As in `export_mma`.
    fps
        Frames per second that a clip has.
    seed
        Of the training, for the record.

    Returns
    -------
    Largest difference between torch and ONNX Runtime on random clips, some frames missing.

    Raises
    ------
    ModelError
        As in `export_mma`.
    """
    config = model.config
    metadata = {
        **about,
        "format": MRAN_FORMAT,
        "kind": "mran",
        "version": __version__,
        "architecture": model.describe(),
        "modalities": list(config.modalities),
        "outputs": list(VALENCE_AROUSAL),
        "clip_frames": config.clip_frames,
        "fps": fps,
        "attention_px": MAP_PX,
        "seed": seed,
        "preprocessing": _PREPROCESSING,
        "normalisation": normalisation(),
    }
    generator = torch.Generator().manual_seed(0)
    shape = (2, config.clip_frames)
    inputs = {
        name: torch.rand(*shape, CHANNELS[name], CROP_SIZE_PX, CROP_SIZE_PX, generator=generator)
        for name in config.modalities
    }
    inputs["present"] = (torch.rand(*shape, len(STREAMS), generator=generator) < 0.8).float()
    batch = torch.export.Dim("n", min=1, max=_MAX_BATCH)
    return _export(
        _ClipGraph(model).eval(),
        inputs,
        {"inputs": tuple({0: batch} for _ in inputs)},  # the graph takes them as *inputs
        ("affect", "attention"),
        path,
        metadata,
        half=half,
        name_weights=model,
    )


def _export(
    graph: nn.Module,
    inputs: dict[str, Tensor],
    dynamic: dict[str, Any],
    outputs: tuple[str, ...],
    path: Path,
    metadata: dict[str, Any],
    *others: dict[str, Tensor],
    half: bool = False,
    name_weights: nn.Module | None = None,
) -> float:
    """Write the file; `others` are inputs of other sizes that it has to agree on as well.

    It says where the weights of `name_weights` are, which is ``graph.model``: a training can start
    from them (`mien.training.from_onnx.mran`).
    """
    # The exporter reports its own internals as warnings and log lines; none concern the user.
    _forget_how_recurrence_was_dispatched()
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                graph,
                tuple(inputs.values()),
                dynamo=True,
                opset_version=_OPSET,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=dynamic,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    if program is None:  # what the exporter returns when it writes a file itself
        raise ModelError(f"{path}: the ONNX exporter returned no program")
    model = program.model_proto
    del model.metadata_props[:]
    for node in model.graph.node:  # source lines and paths of this machine are nobody's business
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:]  # shapes in between, which every runtime infers by itself
    named, transposed = _named_weights(name_weights, model.graph) if name_weights else ({}, [])
    short = _shorten_names(model.graph)
    if name_weights is not None:
        places = {name: stored and short[stored] for name, stored in named.items()}
        metadata = {**metadata, "weights": places, "transposed": transposed}
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(metadata)
    onnx.checker.check_model(model)
    content = model.SerializeToString()
    difference = _parity(graph, (inputs, *others), content)
    if not difference <= PARITY_TOLERANCE:
        raise ModelError(f"{path}: ONNX and torch differ by {difference:.2g}; not written")
    if half:
        _store_in_half(model.graph)
        onnx.checker.check_model(model)
        content = model.SerializeToString()
        difference = _parity(graph, (inputs, *others), content)
        if not difference <= HALF_TOLERANCE:
            raise ModelError(
                f"{path}: in half precision it differs from torch by {difference:.2g}; not written"
            )
    with atomic_path(path) as partial:
        partial.write_bytes(content)
    return difference


def _forget_how_recurrence_was_dispatched() -> None:
    """Let the exporter's own rule for recurrent layers take effect.

    For the time of an export torch replaces the decomposition of GRU and LSTM by a loop of free
    length, but leaves what it remembers of an earlier call in place (seen in torch 2.13): after
    one export, or one forward pass under tracing, the next would unroll the loop and fix its
    length without a word.
    """
    for operator in (torch.ops.aten.gru.input, torch.ops.aten.lstm.input):
        remembered = getattr(operator, "_dispatch_cache", None)
        if remembered is not None:
            remembered.clear()


def _named_weights(network: nn.Module, graph: Any) -> tuple[dict[str, str | None], list[str]]:
    """Where a graph has a network's weights, and which of them lie there transposed.

    They are told by their values: the exporter renames some, and stores equal ones once. None: it
    left out what is zero.
    """
    stored = [(weight.name, onnx.numpy_helper.to_array(weight)) for weight in graph.initializer]
    named: dict[str, str | None] = {}
    transposed = []
    for name, tensor in folded_weights(network).items():
        wanted = tensor.numpy()
        for other, values in stored:
            if values.size == wanted.size and _equal(values.ravel(), wanted.ravel()):
                named[name] = other
                break
            if wanted.ndim == 2 and values.shape == wanted.T.shape and _equal(values, wanted.T):
                named[name] = other
                transposed.append(name)
                break
        else:
            if not wanted.any():
                named[name] = None
    return named, transposed


def _equal(values: Any, wanted: Any) -> bool:
    """But for the rounding of a normalisation that was folded in."""
    return bool(np.allclose(values, wanted, rtol=1e-4, atol=1e-6))


def _shorten_names(graph: Any) -> dict[str, str]:
    """Number what is neither input nor output: the exporter's names take kilobytes."""
    kept = {value.name for value in (*graph.input, *graph.output)} | {""}
    short: dict[str, str] = {}
    for weight in graph.initializer:
        weight.name = short.setdefault(weight.name, f"w{len(short)}")
    for node in graph.node:
        node.name = ""
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name not in kept:
                    names[place] = short.setdefault(name, f"v{len(short)}")
    return short


def _store_in_half(graph: Any) -> None:
    """Replace large float32 weights by float16 ones and a node that widens them."""
    for weight in list(graph.initializer):
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _HALVED_FROM:
            continue
        stored = f"{weight.name}h"
        graph.initializer.append(onnx.numpy_helper.from_array(values.astype(np.float16), stored))
        widen = onnx.helper.make_node("Cast", [stored], [weight.name], to=onnx.TensorProto.FLOAT)
        graph.initializer.remove(weight)
        graph.node.insert(0, widen)


def _parity(graph: nn.Module, samples: tuple[dict[str, Tensor], ...], content: bytes) -> float:
    """Largest difference on the given inputs, and on a batch of one of each.

    Of numbers beyond 1 (pixels, degrees) it is relative to the largest of their output.
    """
    session = open_session(content, 0)
    worst = 0.0
    for inputs in samples:
        for count in (len(next(iter(inputs.values()))), 1):
            part = {name: value[:count] for name, value in inputs.items()}
            with torch.no_grad():
                said = graph(*part.values())
            expected = said if isinstance(said, tuple) else (said,)
            actual = session.run(None, {name: value.numpy() for name, value in part.items()})
            for one, other in zip(expected, actual, strict=True):
                size = max(1.0, float(one.abs().max()))
                worst = max(worst, float(np.abs(one.numpy() - other).max()) / size)
    return worst
