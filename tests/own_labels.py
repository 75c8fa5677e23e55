"""A toy extractor with labels of its own, as somebody outside the package would make one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from tiny_models import AFFECT_METADATA, save_model

EXPRESSIONS = (
    *("neutral", "anger", "disgust", "fear"),
    *("happiness", "sadness", "surprise", "contempt"),
)
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26)
COLUMNS = (
    *("valence", "arousal"),
    *(f"expr_{name}" for name in EXPRESSIONS),
    *(f"au{unit:02d}" for unit in UNITS),
)
SHARES = (0.05, 0.1, 0.05, 0.05, 0.1, 0.05, 0.1, 0.5)
SAID = np.float32([0.25, -0.5, *SHARES, *(0.03 + 0.05 * k for k in range(18))])
"""What it says of every face."""
INTENSITIES = np.float32([0.2 * k for k in range(18)])
METADATA: dict[str, Any] = {
    **AFFECT_METADATA,
    "name": "own",
    "outputs": list(COLUMNS),
    "expressions": list(EXPRESSIONS),
    "action_units": list(UNITS),
    "au_decisions": [0.5] * 10 + [0.2] + [0.5] * 7,
    "prior": {"default": [0.125] * 8},
    "trust": {"au14": {"mark": "measured", "figure": "r = 0.50"}},
}


def own_extractor(path: Path, **entries: Any) -> Path:
    """It says `SAID` and `INTENSITIES` of whatever it is shown; `entries` change its metadata."""
    values = {"affect": SAID, "au_intensity": INTENSITIES}
    constants = [helper.make_tensor("axis", TensorProto.INT64, [1], [1])]
    constants += [helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])]
    constants += [
        helper.make_tensor(f"{name}_is", TensorProto.FLOAT, [1, len(one)], one.tolist())
        for name, one in values.items()
    ]
    nodes = [
        helper.make_node("ReduceMean", ["faces"], ["pooled"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["pooled", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["nothing", "axis"], ["column"]),
        *(helper.make_node("Add", ["column", f"{name}_is"], [name]) for name in values),
    ]
    graph = helper.make_graph(
        nodes,
        "own",
        [helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", len(one)])
            for name, one in values.items()
        ],
        constants,
    )
    return save_model(path, graph, {**METADATA, **entries})
