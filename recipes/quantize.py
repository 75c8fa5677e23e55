"""The extractor in 8-bit integers, from its float file.

    mien synthesize images --out runs/calibration --count 256 --per-person 1 --seed 4242 \
        --framing aligned --modalities color --speech 0.3
    python recipes/quantize.py FLOAT.onnx runs/calibration OUT.onnx

Static quantization by ONNX Runtime's own tool: weights int8 per channel, activations uint8 with
ranges from calibration pictures, as QuantizeLinear / DequantizeLinear pairs around convolutions.
The first convolution stays in float: it reads what lighting does. Nobody's picture is needed: it is
calibrated on SYNTHETIC faces, sharp and spoiled in turn, and on the portrait of the demo.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from mien.demo import demo_frames
from mien.faces.align import align, to_luminance
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.runtime.metadata import METADATA_KEY

OPERATIONS = ["Conv"]
PICTURES = 96  # all that they bring about is held in memory
WITHIN_PERCENT = 99.99
"""Of the values of a tensor lie in its range; the few outside are cut off."""


class Pictures(CalibrationDataReader):
    """Inputs of a graph, one by one."""

    def __init__(self, name: str, inputs: Iterator[np.ndarray]) -> None:
        self._inputs = ({name: value} for value in inputs)

    def get_next(self) -> dict | None:
        return next(self._inputs, None)


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights that are stored in half precision and cast in the graph become float32."""
    graph = model.graph
    stored = {item.name: item for item in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "Cast" and n.input[0] in stored]:
        values = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        graph.initializer.remove(stored[node.input[0]])
        graph.node.remove(node)
    return model


def on_luminance(model: onnx.ModelProto) -> onnx.ModelProto:
    """A graph that weighs red, green and blue first gets their sum, (n, 1, 112, 112), instead."""
    graph = model.graph
    weigh, add = graph.node[0], graph.node[1]
    if (weigh.op_type, add.op_type) != ("Mul", "ReduceSum") or weigh.input[0] != "faces":
        raise SystemExit("the graph does not begin with luminance")
    graph.node.remove(weigh)
    graph.node.remove(add)
    for node in graph.node:
        node.input[:] = ["luminance" if name == add.output[0] else name for name in node.input]
    del graph.input[:]
    shape = ["n", 1, 112, 112]
    graph.input.append(helper.make_tensor_value_info("luminance", TensorProto.FLOAT, shape))
    return model


def quantize(model: onnx.ModelProto, pictures: CalibrationDataReader) -> onnx.ModelProto:
    """In integers, all convolutions but the first."""
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    first = next(node.name for node in model.graph.node if node.op_type == "Conv")
    with tempfile.TemporaryDirectory() as folder:
        before, ready, after = (Path(folder) / f"{k}.onnx" for k in range(3))
        onnx.save(model, before)
        quant_pre_process(before, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            after,
            pictures,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=OPERATIONS,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[first],
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": WITHIN_PERCENT},
        )
        return onnx.load(after)


def spoiled(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As small and noisy as faces in videos often are."""
    side = int(rng.integers(28, 80))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (112, 112), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    noise = rng.normal(0, rng.uniform(0, 8), large.shape)
    return np.clip(large + noise, 0, 255).astype(np.uint8)


def faces(folder: Path) -> Iterator[np.ndarray]:
    """Luminance of SYNTHETIC faces, and of the portrait as it is followed in the demo."""
    rng = np.random.default_rng(0)
    paths = sorted(folder.rglob("*.png"))[:PICTURES]
    if not paths:
        raise SystemExit(f"{folder}: holds no pictures; see the docstring")
    for number, path in enumerate(paths):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)[:, :, ::-1]
        yield to_luminance((image if number % 2 else spoiled(image, rng))[None])
    detector = RetinaFaceDetector()
    for frame in list(demo_frames(4.0))[::10]:
        [face, *_] = detector.detect(frame)
        yield to_luminance(align(frame, face.landmarks)[None])


def named(model: onnx.ModelProto, values: dict) -> onnx.ModelProto:
    """With metadata in place of what there is."""
    del model.metadata_props[:]
    helper.set_model_props(model, {METADATA_KEY: json.dumps(values)})
    return model


def main() -> None:
    match sys.argv[1:]:
        case [whole, folder, out]:
            model = onnx.load(whole)
            told = json.loads(next(p.value for p in model.metadata_props if p.key == METADATA_KEY))
            small = quantize(
                on_luminance(folded(model)), Pictures("luminance", faces(Path(folder)))
            )
            onnx.save(named(small, told | {"name": "extractor-int8", "precision": "int8"}), out)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
