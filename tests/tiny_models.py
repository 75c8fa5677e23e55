"""ONNX files of a few nodes with the metadata that mien looks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from mien.faces.align import TEMPLATE
from mien.inference.metadata import AFFECT_FORMAT, METADATA_KEY, REACTIONS_FORMAT
from mien.labels import AFFECT_COLUMNS, REACTIONS

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


def _save(path: Path, graph: onnx.GraphProto, metadata: Any) -> Path:
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
    return _save(path, graph, metadata)


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
    return _save(path, graph, metadata)
