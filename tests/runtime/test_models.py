from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
from mien.errors import ModelError
from mien.faces.align import to_network
from mien.labels import ACTION_UNIT_COLUMNS, REACTIONS
from mien.runtime.models import AffectModel, ReactionModel
from tiny_models import (
    AFFECT_METADATA,
    BAKED,
    DETAILS,
    EVERYDAY,
    FULL_METADATA,
    REACTIONS_METADATA,
    full_affect,
    tiny_affect,
    tiny_reactions,
)


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


def greys(*levels: int) -> np.ndarray:
    return np.stack([np.full((112, 112, 3), grey, np.uint8) for grey in levels])


def test_an_extractor_with_all_outputs(tmp_path: Path) -> None:
    model = AffectModel(full_affect(tmp_path / "a.onnx"), threads=1)
    crops = greys(0, 51, 255)
    said = model.estimate(crops)
    np.testing.assert_array_equal(said.affect, model.predict(crops))
    np.testing.assert_allclose(said.affect[:, 5], [-1, -0.6, 1], atol=1e-4)
    np.testing.assert_allclose(said.details.quality, [0, 0.2, 1], atol=1e-5)
    np.testing.assert_allclose(said.details.au_intensity[:, 3], [0, 1, 5], atol=1e-4)
    for name, values in (
        ("pose_deg", DETAILS["pose"]),
        ("eye_open", DETAILS["eye_open"]),
        ("gaze_deg", DETAILS["gaze"]),
        ("landmarks", DETAILS["landmarks"]),
    ):
        found = getattr(said.details, name)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, np.float32([values] * 3))
    one = said.of(1)
    assert one.affect.shape == (26,)
    assert one.details.landmarks.shape == (26, 2)
    np.testing.assert_allclose(one.details.numbers()[:4], [0.2, 10, -5, 3], atol=1e-5)
    assert model.estimate(crops[:0]).details.landmarks.shape == (0, 26, 2)
    assert model.priors is not None
    np.testing.assert_allclose(model.priors["default"], BAKED)
    np.testing.assert_allclose(model.priors["everyday"], EVERYDAY)
    assert model.quality_level == 0.3
    assert model.trust["au12"] == {"mark": "teacher", "figure": "r = 0.80"}


@pytest.mark.parametrize("missing", ["pose", "landmarks", "quality"])
def test_an_extractor_may_lack_an_output(missing: str, tmp_path: Path) -> None:
    model = AffectModel(full_affect(tmp_path / "a.onnx", leave_out=(missing,)), threads=1)
    details = model.estimate(greys(51)).details
    assert missing not in model.details
    for name, field in (
        ("pose", "pose_deg"),
        ("landmarks", "landmarks"),
        ("quality", "quality"),
        ("gaze", "gaze_deg"),
    ):
        values = getattr(details, field)
        assert np.isnan(values).all() if name == missing else np.isfinite(values).all()


def test_an_extractor_of_before_says_nothing_more(tmp_path: Path) -> None:
    model = AffectModel(tiny_affect(tmp_path / "a.onnx"), threads=1)
    assert (model.details, model.priors, model.quality_level, model.trust) == ((), None, None, {})
    said = model.estimate(greys(0, 255))
    np.testing.assert_array_equal(said.affect, model.predict(greys(0, 255)))
    assert np.isnan(said.details.of(0).numbers()).all()
    assert np.isnan(said.details.landmarks).all()


def test_undefined_details_are_missing(tmp_path: Path) -> None:
    model = AffectModel(full_affect(tmp_path / "a.onnx"), threads=1)

    class Session:
        def run(self, names: list[str], _: Any) -> list[np.ndarray]:
            assert names == ["affect", *model.details]
            shapes = {"affect": (1, 26), "au_intensity": (1, 17), "landmarks": (1, 26, 2)}
            shapes |= {"quality": (1,), "pose": (1, 3), "eye_open": (1, 2), "gaze": (1, 2)}
            return [np.full(shapes[name], np.inf, np.float32) for name in names]

    model._session = Session()
    details = model.estimate(greys(0)).details
    assert np.isnan(details.of(0).numbers()).all()
    assert np.isnan(details.landmarks).all()


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ({"prior": [1, 2]}, "'prior' is damaged"),
        ({"prior": {"everyday": list(EVERYDAY)}}, "'prior' is damaged"),
        ({"prior": {"default": [0.5, 0.5]}}, "'prior' is damaged"),
        ({"prior": {"default": [0.0, *[1 / 6] * 6]}}, "'prior' is damaged"),
        ({"prior": {"default": ["a"] * 7}}, "'prior' is damaged"),
        ({"quality_level": 1.5}, "'quality_level' is damaged"),
        ({"quality_level": "high"}, "'quality_level' is damaged"),
        ({"quality_level": True}, "'quality_level' is damaged"),
        ({"trust": ["au12"]}, "'trust' is damaged"),
        ({"trust": {"au12": "teacher"}}, "'trust' is damaged"),
        ({"trust": {"au12": {"mark": "sure"}}}, "'trust' is damaged"),
    ],
)
def test_damaged_entries_of_an_extractor(
    entries: dict[str, Any], text: str, tmp_path: Path
) -> None:
    assert_refused(
        AffectModel, full_affect(tmp_path / "a.onnx", changed(FULL_METADATA, **entries)), text
    )


def test_outputs_of_another_shape_are_refused(tmp_path: Path) -> None:
    import onnx

    file = full_affect(tmp_path / "a.onnx")
    graph = onnx.load(file)
    # The graph says 26 points, so the output named "pose" is swapped for the landmarks.
    for output in graph.graph.output:
        if output.name in ("pose", "landmarks"):
            output.name = {"pose": "landmarks", "landmarks": "pose"}[output.name]
    for node in graph.graph.node:
        names = [{"pose": "landmarks", "landmarks": "pose"}.get(n, n) for n in node.output]
        node.output[:] = names
    onnx.save(graph, file)
    assert_refused(AffectModel, file, r"its output '\w+' is .*, expected \('n', ")


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
