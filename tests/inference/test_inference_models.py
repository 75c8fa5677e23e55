from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
from mien.errors import ModelError
from mien.faces.align import to_network
from mien.inference.models import AffectModel, ReactionModel
from mien.labels import ACTION_UNIT_COLUMNS, REACTIONS
from tiny_models import AFFECT_METADATA, REACTIONS_METADATA, tiny_affect, tiny_reactions


def changed(metadata: dict[str, Any], **entries: Any) -> dict[str, Any]:
    """A copy with other entries; None removes one."""
    new = copy.deepcopy(metadata) | entries
    return {key: value for key, value in new.items() if value is not None}


def assert_refused(kind: type, path: Path, text: str) -> None:
    with pytest.raises(ModelError, match=text) as caught:
        kind(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))


def test_a_good_extractor(tmp_path: Path) -> None:
    model = AffectModel(tiny_affect(tmp_path / "a.onnx"), threads=1)
    crops = np.stack([np.full((112, 112, 3), grey, np.uint8) for grey in (0, 51, 255)])
    affect = model.predict(crops)
    assert affect.dtype == np.float32
    assert affect.shape == (3, 26)
    np.testing.assert_allclose(affect[:, 5], [-1, -0.6, 1], atol=1e-4)
    assert model.predict(crops[:0]).shape == (0, 26)
    assert model.describe() == {
        "role": "affect",
        "name": "tiny",
        "version": "1",
        "license": "Apache-2.0",
        "trained_on": "nothing",
        "caveat": "a constant",
        "au_decisions": dict.fromkeys(ACTION_UNIT_COLUMNS, 0.5),
    }


def test_a_good_reaction_model(tmp_path: Path) -> None:
    model = ReactionModel(tiny_reactions(tmp_path / "r.onnx"), threads=1)
    assert (model.reactions, model.positions, model.fps) == (REACTIONS, 480, 25.0)
    affect = np.arange(4 * 26, dtype=np.float32).reshape(4, 26)
    np.testing.assert_allclose(model.predict(affect), affect.mean(0)[:7], rtol=1e-6)
    for count in (0, 481):
        with pytest.raises(ValueError, match=f"holds 1 to 480 positions, not {count}"):
            model.predict(np.zeros((count, 26), np.float32))


def test_names_and_numbers_of_reactions_come_from_the_file(tmp_path: Path) -> None:
    metadata = changed(REACTIONS_METADATA, outputs=list("abcdefg"), positions=10, fps=12)
    model = ReactionModel(tiny_reactions(tmp_path / "r.onnx", metadata))
    assert (model.reactions, model.positions, model.fps) == (tuple("abcdefg"), 10, 12.0)


def test_network_input_is_planar_and_between_minus_one_and_one() -> None:
    crops = np.zeros((1, 112, 112, 3), np.uint8)
    crops[0, 3, 5] = (0, 102, 255)
    blob = to_network(crops)
    assert blob.shape == (1, 3, 112, 112)
    assert blob.dtype == np.float32
    np.testing.assert_allclose(blob[0, :, 3, 5], [-1, -0.2, 1], atol=1e-6)


@pytest.mark.parametrize("kind", [AffectModel, ReactionModel])
def test_files_that_are_no_models(kind: type, tmp_path: Path) -> None:
    assert_refused(kind, tmp_path / "none.onnx", "no such model file")
    assert_refused(kind, tmp_path, "no such model file")
    for name, data in (
        ("garbage", b"\x00\x01garbage" * 99),
        ("empty", b""),
        ("text", b"not a model\n" * 5),
    ):
        file = tmp_path / f"{name}.onnx"
        file.write_bytes(data)
        assert_refused(kind, file, "not a readable ONNX model")


@pytest.mark.parametrize(
    ("kind", "make"), [(AffectModel, tiny_affect), (ReactionModel, tiny_reactions)]
)
def test_models_of_others(kind: type, make: Any, tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    assert_refused(kind, make(file, None), "has no metadata of mien; export it with 'mien export'")
    assert_refused(kind, make(file, "{broken"), "its metadata of mien is damaged")
    assert_refused(kind, make(file, "[1, 2]"), "its metadata of mien is damaged")
    assert_refused(kind, make(file, {}), "is a model of format None")


def test_the_other_stage_is_refused(tmp_path: Path) -> None:
    assert_refused(
        AffectModel, tiny_reactions(tmp_path / "r.onnx"), "format 'mien-reactions-1', expected"
    )
    assert_refused(
        ReactionModel, tiny_affect(tmp_path / "a.onnx"), "format 'mien-affect-1', expected"
    )


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ({"outputs": AFFECT_METADATA["outputs"][::-1]}, "outputs are not the 26"),
        ({"outputs": AFFECT_METADATA["outputs"][:-1]}, "outputs are not the 26"),
        ({"outputs": None}, "lacks 'outputs'"),
        ({"preprocessing": None}, "lacks 'preprocessing'"),
        ({"preprocessing": {"crop_px": 112}}, "another face alignment"),
        (
            {"preprocessing": {**AFFECT_METADATA["preprocessing"], "crop_px": 96}},
            "another face alignment",
        ),
        ({"preprocessing": {"crop_px": 112, "template": [[1, 2]] * 5}}, "another face alignment"),
        ({"preprocessing": {"crop_px": 112, "template": [[1], [1, 2]]}}, "another face alignment"),
        ({"preprocessing": {"crop_px": 112, "template": [["a", "b"]] * 5}}, "another face"),
    ],
)
def test_extractors_that_disagree(entries: dict[str, Any], text: str, tmp_path: Path) -> None:
    assert_refused(
        AffectModel, tiny_affect(tmp_path / "a.onnx", changed(AFFECT_METADATA, **entries)), text
    )


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ({"inputs": REACTIONS_METADATA["inputs"][::-1]}, "inputs are not the 26"),
        ({"inputs": None}, "lacks 'inputs'"),
        ({"outputs": None}, "lacks 'outputs'"),
        ({"positions": None}, "lacks 'positions'"),
        ({"positions": -3}, "a window of -3 positions"),
        ({"positions": "many"}, "lacks 'positions'"),
        ({"fps": None}, "lacks 'fps'"),
        ({"fps": -25}, r"at -25\.0 fps"),
    ],
)
def test_reaction_models_that_disagree(entries: dict[str, Any], text: str, tmp_path: Path) -> None:
    file = tiny_reactions(tmp_path / "r.onnx", changed(REACTIONS_METADATA, **entries))
    assert_refused(ReactionModel, file, text)


def test_graphs_with_other_inputs(tmp_path: Path) -> None:
    assert_refused(
        AffectModel, tiny_affect(tmp_path / "a.onnx", name="x"), r"its inputs are \['x'\]"
    )
    assert_refused(
        ReactionModel, tiny_reactions(tmp_path / "r.onnx", name="x"), "its inputs are .*'x'"
    )
