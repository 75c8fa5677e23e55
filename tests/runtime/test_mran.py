"""The ONNX contract of MRAN: inputs, padding, missing streams, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from mien.errors import ModelError
from mien.faces.modalities import depth_to_network, thermal_to_network
from mien.runtime.mran import MranFrame, MranModel
from tiny_models import mran_metadata, tiny_mran, tiny_reactions


def frame(k: int, depth: bool = True, thermal: bool = True) -> MranFrame:
    color = np.full((112, 112, 3), 10 * k, np.uint8)
    depth_mm = np.full((112, 112), 800, np.float32)
    depth_mm[:28] = 840 + k
    thermal_c = np.full((112, 112), 33 + k / 10, np.float32)
    return MranFrame(color, depth_mm if depth else None, thermal_c if thermal else None)


def test_a_clip(tmp_path: Path) -> None:
    model = MranModel(tiny_mran(tmp_path / "m.onnx"), threads=1)
    assert (model.modalities, model.clip_frames, model.fps) == (
        ("color", "depth", "thermal"), 16, 25.0,
    )  # fmt: skip
    clip = [frame(k) for k in range(16)]
    said = model.predict(clip)
    assert said.affect.shape == (16, 2) and said.attention.shape == (16, 4, 4)
    assert said.affect.dtype == said.attention.dtype == np.float32
    np.testing.assert_allclose(said.affect[:, 0], np.arange(16) * 20 / 255 - 1, atol=2e-4)
    depth = depth_to_network(np.stack([f.depth_mm for f in clip])).mean((1, 2, 3))
    thermal = thermal_to_network(np.stack([f.thermal_c for f in clip])).mean((1, 2, 3))
    np.testing.assert_allclose(said.affect[:, 1], depth + thermal, atol=2e-4)
    np.testing.assert_allclose(said.attention.sum((1, 2)), 1, atol=1e-5)
    entry = model.describe()
    assert (entry["role"], entry["name"], entry["caveat"]) == ("mran", "tiny", "means of pictures")


def test_missing_frames_and_a_short_clip_are_marked(tmp_path: Path) -> None:
    model = MranModel(tiny_mran(tmp_path / "m.onnx"), threads=1)
    whole = [frame(k, depth=k != 1, thermal=False) for k in range(3)]
    said = model.predict(whole)
    assert said.affect.shape == (3, 2)
    assert said.affect[1, 1] == 0  # neither depth nor thermal
    assert said.affect[0, 1] > 0 and said.affect[2, 1] > said.affect[0, 1]
    for count in (0, 17):
        with pytest.raises(ValueError, match=f"a clip holds 1 to 16 frames, not {count}"):
            model.predict([frame(0)] * count)


def test_a_model_of_fewer_streams_leaves_the_others_aside(tmp_path: Path) -> None:
    model = MranModel(tiny_mran(tmp_path / "m.onnx", ("color", "thermal")), threads=1)
    assert model.modalities == ("color", "thermal")
    said = model.predict([frame(2)])
    np.testing.assert_allclose(said.affect[0, 1], (33.2 - 32) / 6, atol=2e-4)


def test_a_model_without_color(tmp_path: Path) -> None:
    model = MranModel(tiny_mran(tmp_path / "m.onnx", ("depth", "thermal")), threads=1)
    assert model.modalities == ("depth", "thermal")
    said = model.predict([frame(2), frame(2, depth=False), frame(2)])
    np.testing.assert_allclose(said.affect[:, 1], (33.2 - 32) / 6, atol=2e-4)
    assert said.affect[0, 0] > 0 and said.affect[1, 0] == 0
    assert frame(2).shows(("depth",)) and not frame(2, depth=False).shows(("depth",))
    assert frame(2, depth=False).shows(("color",)) and not frame(2).shows(())


def test_what_cannot_be_used_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.runtime.mran.MRAN_MODEL", "none")
    with pytest.raises(ModelError, match=r"no weights of MRAN; give a model of your own \(--mran-"):
        MranModel()
    with pytest.raises(ModelError, match="no such model file"):
        MranModel(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="is a model of format 'mien-reactions-1', expected"):
        MranModel(tiny_reactions(tmp_path / "r.onnx"))
    for changes, text in (
        ({"modalities": []}, "its metadata lacks 'modalities'"),
        ({"modalities": ["color", "sound"]}, "expected some of"),
        ({"clip_frames": None}, "its metadata lacks 'clip_frames'"),
        ({"fps": -1.0}, "a clip of 16 frames at -1.0 fps is none"),
        ({"outputs": ["arousal", "valence"]}, r"its outputs are not \['valence', 'arousal'\]"),
        ({"normalisation": {"depth_range_mm": 1}}, "expects other units of depth or thermal"),
        ({"preprocessing": {"crop_px": 96}}, "expects another face alignment"),
        ({"modalities": ["color"]}, r"its inputs are \['color', 'depth', 'present', 'thermal'\]"),
    ):
        path = tiny_mran(tmp_path / "x.onnx", metadata=mran_metadata(**changes))
        with pytest.raises(ModelError, match=text):
            MranModel(path)
