"""ONNX files of a few nodes with the metadata that mien looks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from mien.faces.align import TEMPLATE
from mien.faces.modalities import CHANNELS, STREAMS, normalisation
from mien.labels import AFFECT_COLUMNS, EXPRESSIONS, REACTIONS
from mien.runtime.metadata import AFFECT_FORMAT, METADATA_KEY, MRAN_FORMAT, REACTIONS_FORMAT

AFFECT_METADATA: dict[str, Any] = {
    "format": AFFECT_FORMAT,
    "name": "tiny",
    "version": "1",
    "license": "Apache-2.0",
    "trained_on": "nothing",
    "caveat": "a constant",
    "outputs": list(AFFECT_COLUMNS),
    "preprocessing": {"crop_px": 112, "template": TEMPLATE.tolist()},
}
BAKED = (0.28, 0.12, 0.12, 0.12, 0.12, 0.12, 0.12)
EVERYDAY = (0.4, 0.05, 0.05, 0.05, 0.25, 0.1, 0.1)
FULL_METADATA: dict[str, Any] = {
    **AFFECT_METADATA,
    "prior": {"default": list(BAKED), "everyday": list(EVERYDAY)},
    "quality_level": 0.3,
    "trust": {
        **{f"expr_{name}": {"mark": "measured", "figure": "0.90"} for name in EXPRESSIONS},
        "au12": {"mark": "teacher", "figure": "r = 0.80"},
        "au20": {"mark": "synthetic", "figure": "only by looking"},
        "pose": {"mark": "synthetic", "figure": "2 degrees"},
        "intensity": {"mark": "synthetic", "figure": "r = 0.70"},
        "quality": {"mark": "measured", "figure": "AUC 0.95"},
    },
}
LANDMARKS = [[4.0 * k, 100.0 - 3.0 * k] for k in range(26)]
DETAILS: dict[str, Any] = {
    "landmarks": LANDMARKS,
    "pose": [10.0, -5.0, 3.0],
    "eye_open": [0.8, 0.6],
    "gaze": [4.0, -6.0],
}
"""What `full_affect` says of every crop."""
REACTIONS_METADATA: dict[str, Any] = {
    "format": REACTIONS_FORMAT,
    "name": "tiny",
    "version": "1",
    "license": "Apache-2.0",
    "trained_on": "nothing",
    "caveat": "a mean",
    "inputs": list(AFFECT_COLUMNS),
    "outputs": list(REACTIONS),
    "positions": 480,
    "fps": 25.0,
}


def save_model(path: Path, graph: onnx.GraphProto, metadata: Any) -> Path:
    """Write a graph as a model of mien with such metadata; None: without any."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if metadata is not None:
        text = metadata if isinstance(metadata, str) else json.dumps(metadata)
        helper.set_model_props(model, {METADATA_KEY: text})
    path.write_bytes(model.SerializeToString())
    return path


def tiny_affect(path: Path, metadata: Any = AFFECT_METADATA, name: str = "faces") -> Path:
    """All 26 outputs are the mean of the crop, -1 to 1."""
    ones = helper.make_tensor("ones", TensorProto.FLOAT, [1, 26], [1.0] * 26)
    nodes = [
        helper.make_node("ReduceMean", [name], ["pooled"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["pooled", "axis"], ["column"]),
        helper.make_node("Mul", ["column", "ones"], ["affect"]),
    ]
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    graph = helper.make_graph(
        nodes,
        "affect",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("affect", TensorProto.FLOAT, ["n", 26])],
        [ones, axis],
    )
    return save_model(path, graph, metadata)


def full_affect(path: Path, metadata: Any = FULL_METADATA, leave_out: tuple[str, ...] = ()) -> Path:
    """As `tiny_affect`, and all further outputs: `DETAILS`, quality 0 (black) to 1 (white), and
    intensities of 0 to 5 alike. "affect" is not the first output."""
    nodes = [
        helper.make_node("ReduceMean", ["faces"], ["pooled"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["pooled", "axis"], ["column"]),
        helper.make_node("Mul", ["column", "ones"], ["affect"]),
        helper.make_node("Mul", ["pooled", "half"], ["halved"]),
        helper.make_node("Add", ["halved", "half"], ["quality"]),
        helper.make_node("Unsqueeze", ["quality", "axis"], ["share"]),
        helper.make_node("Mul", ["share", "fives"], ["au_intensity"]),
        helper.make_node("Mul", ["column", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["nothing", "axis"], ["nothing3"]),
    ]
    constants = [
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("ones", TensorProto.FLOAT, [1, 26], [1.0] * 26),
        helper.make_tensor("half", TensorProto.FLOAT, [], [0.5]),
        helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("fives", TensorProto.FLOAT, [1, 17], [5.0] * 17),
    ]
    shapes: dict[str, list[Any]] = {"quality": ["n"], "au_intensity": ["n", 17]}
    for name, values in DETAILS.items():
        shape = [1, 26, 2] if name == "landmarks" else [1, len(values)]
        flat = [x for row in values for x in row] if name == "landmarks" else values
        constants.append(helper.make_tensor(f"{name}_is", TensorProto.FLOAT, shape, flat))
        base = "nothing3" if name == "landmarks" else "nothing"
        nodes.append(helper.make_node("Add", [base, f"{name}_is"], [name]))
        shapes[name] = ["n", *shape[1:]]
    shapes["affect"] = ["n", 26]
    graph = helper.make_graph(
        nodes,
        "affect",
        [helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
            if name not in leave_out
        ],
        constants,
    )
    return save_model(path, graph, metadata)


def tiny_reactions(path: Path, metadata: Any = REACTIONS_METADATA, name: str = "affect") -> Path:
    """The mean over time of the first seven channels; lengths are read and not used."""
    bounds = [
        helper.make_tensor(key, TensorProto.INT64, [1], [value])
        for key, value in (("start", 0), ("stop", 7), ("along", 1))
    ]
    nodes = [
        helper.make_node("ReduceMean", [name], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Slice", ["mean", "start", "stop", "along"], ["first"]),
        helper.make_node("Cast", ["lengths"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["nothing", "along"], ["column"]),
        helper.make_node("Add", ["first", "column"], ["reactions"]),
    ]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    graph = helper.make_graph(
        nodes,
        "reactions",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "t", 26]),
            helper.make_tensor_value_info("lengths", TensorProto.INT64, ["n"]),
        ],
        [helper.make_tensor_value_info("reactions", TensorProto.FLOAT, ["n", 7])],
        [*bounds, zero],
    )
    return save_model(path, graph, metadata)


def mran_metadata(modalities: tuple[str, ...] = STREAMS, **changes: Any) -> dict[str, Any]:
    return {
        "format": MRAN_FORMAT,
        "kind": "mran",
        "name": "tiny",
        "version": "1",
        "license": "Apache-2.0",
        "trained_on": "nothing",
        "caveat": "means of pictures",
        "seed": 0,
        "outputs": ["valence", "arousal"],
        "modalities": list(modalities),
        "clip_frames": 16,
        "fps": 25.0,
        "size_px": 112,
        "normalisation": normalisation(),
        "preprocessing": {"crop_px": 112, "template": TEMPLATE.tolist()},
        **changes,
    }


def tiny_mran(
    path: Path, modalities: tuple[str, ...] = STREAMS, metadata: Any = None, frames: int = 16
) -> Path:
    """Valence is the mean of the first stream, arousal that of the other ones, where present.

    Attention follows brightness, on a grid of 4 x 4.
    """
    nodes: list[onnx.NodeProto] = []
    means = []
    for k, name in enumerate(STREAMS):
        if name not in modalities:
            continue
        nodes += [
            helper.make_node("ReduceMean", [name], [f"{name}_m"], axes=[2, 3, 4], keepdims=0),
            helper.make_node("Gather", ["present", f"at{k}"], [f"{name}_p"], axis=2),
            helper.make_node("Mul", [f"{name}_m", f"{name}_p"], [f"{name}_v"]),
        ]
        means.append(f"{name}_v")
    others = means[1:] or means
    nodes += [
        helper.make_node("Sum", others, ["others"]),
        helper.make_node("Unsqueeze", [means[0], "last"], ["valence"]),
        helper.make_node("Unsqueeze", ["others", "last"], ["arousal"]),
        helper.make_node("Concat", ["valence", "arousal"], ["affect"], axis=2),
        helper.make_node("ReduceMean", [modalities[0]], ["grey"], axes=[2], keepdims=0),
        helper.make_node(
            "AveragePool", ["grey"], ["pooled"], kernel_shape=[28, 28], strides=[28, 28]
        ),
        helper.make_node("Reshape", ["pooled", "flat"], ["cells"]),
        helper.make_node("Mul", ["cells", "sharp"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["shares"], axis=2),
        helper.make_node("Reshape", ["shares", "square"], ["attention"]),
    ]
    constants = [
        *(helper.make_tensor(f"at{k}", TensorProto.INT64, [], [k]) for k in range(3)),
        helper.make_tensor("last", TensorProto.INT64, [1], [2]),
        helper.make_tensor("flat", TensorProto.INT64, [3], [0, 0, 16]),
        helper.make_tensor("square", TensorProto.INT64, [4], [0, 0, 4, 4]),
        helper.make_tensor("sharp", TensorProto.FLOAT, [1], [4.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "mran",
        [
            *(
                helper.make_tensor_value_info(
                    name, TensorProto.FLOAT, ["b", frames, CHANNELS[name], 112, 112]
                )
                for name in modalities
            ),
            helper.make_tensor_value_info("present", TensorProto.FLOAT, ["b", frames, 3]),
        ],
        [
            helper.make_tensor_value_info("affect", TensorProto.FLOAT, ["b", frames, 2]),
            helper.make_tensor_value_info("attention", TensorProto.FLOAT, ["b", frames, 4, 4]),
        ],
        constants,
    )
    return save_model(path, graph, mran_metadata(modalities) if metadata is None else metadata)
