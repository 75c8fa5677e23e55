"""Models that load and are wrong: one line, never a hang and never nonsense in the tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
import onnx
from onnx import TensorProto, helper

import mien.weights
from mien.api import analyze
from mien.demo import write_demo_clip
from mien.errors import ModelError
from mien.runtime import session
from mien.runtime.models import AffectModel, ReactionModel
from mien.weights import AFFECT_MODEL, SUMS, checksums, weight_path
from tiny_models import (
    AFFECT_METADATA,
    REACTIONS_METADATA,
    full_affect,
    tiny_affect,
    tiny_reactions,
)

CROPS = np.full((2, 112, 112, 3), 200, np.uint8)


def scaled(path: Path, output: str, factor: float) -> Path:
    """The same model with one output times `factor`."""
    model = onnx.load(path)
    for node in model.graph.node:
        for k, name in enumerate(node.output):
            if name == output:
                node.output[k] = "before"
        for k, name in enumerate(node.input):
            if name == output:
                node.input[k] = "before"
    model.graph.initializer.append(helper.make_tensor("big", TensorProto.FLOAT, [1], [factor]))
    model.graph.node.append(helper.make_node("Mul", ["before", "big"], [output]))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("output", ["affect", "quality", "au_intensity"])
@pytest.mark.parametrize("factor", [985_548.0, -985_548.0])
def test_outputs_out_of_range_are_an_error(tmp_path: Path, output: str, factor: float) -> None:
    model = AffectModel(scaled(full_affect(tmp_path / "a.onnx"), output, factor), threads=1)
    with pytest.raises(ModelError, match=f"a.onnx: gives .* for its output '{output}'") as caught:
        model.estimate(CROPS)
    assert "\n" not in str(caught.value)


def test_reactions_out_of_range_are_an_error(tmp_path: Path) -> None:
    file = scaled(tiny_reactions(tmp_path / "r.onnx"), "reactions", 1e6)
    with pytest.raises(ModelError, match=r"r.onnx: gives 500000 for a reaction"):
        ReactionModel(file, threads=1).predict(np.full((4, 26), 0.5, np.float32))


def looping(path: Path) -> Path:
    """A graph that counts to 2 ** 62 before it answers."""
    scalar = TensorProto.BOOL
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Neg", ["x"], ["y"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", scalar, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 26]),
        ],
        [
            helper.make_tensor_value_info("on", scalar, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 26]),
        ],
    )
    model = onnx.load(tiny_affect(path))
    model.graph.node[-1].output[0] = "before"
    model.graph.initializer.extend(
        [
            helper.make_tensor("times", TensorProto.INT64, [], [2**62]),
            helper.make_tensor("yes", scalar, [], [True]),
        ]
    )
    model.graph.node.append(
        helper.make_node("Loop", ["times", "yes", "before"], ["affect"], body=body)
    )
    onnx.save(model, path)
    return path


def test_a_graph_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RUN_LIMIT_S", 0.3)
    model = AffectModel(looping(tmp_path / "loop.onnx"), threads=1)
    with pytest.raises(ModelError, match=r"loop.onnx: cannot be run \(one call takes over 0.3 s"):
        model.predict(CROPS)


def test_a_graph_of_other_shapes_is_an_error(tmp_path: Path) -> None:
    file = tiny_affect(tmp_path / "a.onnx")
    model = onnx.load(file)
    model.graph.initializer[0].CopyFrom(
        helper.make_tensor("ones", TensorProto.FLOAT, [3, 26], [1.0] * 78)
    )
    onnx.save(model, file)
    with pytest.raises(ModelError, match=r"a.onnx: cannot be run"):
        AffectModel(file, threads=1).predict(CROPS)


@pytest.mark.parametrize("changed", [{"fps": 1e9}, {"positions": 10**9}, {"fps": float("nan")}])
def test_metadata_has_limits(tmp_path: Path, changed: dict[str, float]) -> None:
    file = tiny_reactions(tmp_path / "r.onnx", REACTIONS_METADATA | changed)
    with pytest.raises(ModelError, match=r"r.onnx: a window of"):
        ReactionModel(file, threads=1)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, json.dumps(["x" * 11_000_000])])
def test_deep_and_long_metadata_are_damaged(tmp_path: Path, text: str) -> None:
    file = tiny_affect(tmp_path / "a.onnx", AFFECT_METADATA)
    model = onnx.load(file)
    model.metadata_props[0].value = text
    onnx.save(model, file)
    with pytest.raises(ModelError, match=r"a.onnx: its metadata of mien is damaged"):
        AffectModel(file, threads=1)


def test_undefined_numbers_of_any_model_are_counted(tmp_path: Path) -> None:
    clip = write_demo_clip(tmp_path / "clip.mp4", 1.6)
    nan = float("nan")
    file = scaled(tiny_reactions(tmp_path / "r.onnx"), "reactions", nan)
    result = analyze(clip, reaction_model=file, min_reaction_s=0.2)
    said = result.document["faces"][0]["reactions"]
    assert said == {
        "video": None,
        "windows": [],
        "note": "the reaction model gave undefined numbers",
    }
    [line] = [text for text in result.document["warnings"] if text.startswith("reactions: ")]
    assert line.split()[3].isdigit() and int(line.split()[3]) > 10
    details = scaled(full_affect(tmp_path / "a.onnx"), "au_intensity", nan)
    result = analyze(clip, affect_model=details, reactions=False, min_quality=0)
    frames = result.table["face_id"].is_valid().to_pylist().count(True)
    assert f"intensities or landmarks: undefined in {frames} rows" in "".join(
        result.document["warnings"]
    )


def test_what_ships_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = weight_path(AFFECT_MODEL).parent
    assert checksums(folder / SUMS).keys() == {file.name for file in folder.glob("*.onnx")}
    for file in (*folder.glob("*.onnx"), folder / SUMS):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(mien.weights.resources, "files", lambda _: tmp_path)
    assert weight_path(AFFECT_MODEL).parent == tmp_path
    file = tmp_path / f"{AFFECT_MODEL}.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"extractor.onnx: is not the file that ships .* reinst"):
        AffectModel(threads=1)
