"""What is exported says what torch says, and carries everything that inference needs."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from mien.errors import ModelError
from mien.export import HALF_TOLERANCE, PARITY_TOLERANCE, export_mma, export_reactions
from mien.inference.metadata import METADATA_KEY
from mien.inference.models import AffectModel, ReactionModel
from mien.labels import ACTION_UNITS, AFFECT_COLUMNS, EXPRESSIONS
from mien.models.masked_rnn import MaskedRNN, MaskedRNNConfig
from mien.models.mma import build_mma

ABOUT = {"name": "test", "license": "Apache-2.0", "trained_on": "nothing", "caveat": "random"}


@pytest.fixture(scope="module")
def extractor(tmp_path_factory):
    torch.manual_seed(0)
    model = build_mma("compact", widths=(8, 16), depths=(1, 1), stem_width=8)
    for _ in range(3):  # give the running statistics something to hold
        model(torch.rand(8, 3, 112, 112) * 2 - 1)
    path = tmp_path_factory.mktemp("export") / "mma.onnx"
    difference = export_mma(model.eval(), path, ABOUT)
    return model, path, difference


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    torch.manual_seed(0)
    model = MaskedRNN(MaskedRNNConfig(positions=40, hidden=8, dense=4, fps=25.0)).eval()
    model.fit_intensities(torch.randn(50, 7), torch.rand(50, 7))
    path = tmp_path_factory.mktemp("export") / "reactions.onnx"
    difference = export_reactions(model, path, ABOUT)
    return model, path, difference


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_the_extractor_agrees_with_torch_for_any_batch(extractor, batch):
    model, path, difference = extractor
    assert difference <= PARITY_TOLERANCE
    crops = np.random.default_rng(batch).integers(0, 256, (batch, 112, 112, 3)).astype(np.uint8)
    faces = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        expected = model(faces).affect().numpy()
    np.testing.assert_allclose(AffectModel(path).predict(crops), expected, atol=PARITY_TOLERANCE)


@pytest.mark.slow
def test_in_half_precision_the_file_is_half_as_large_and_says_nearly_the_same(tmp_path):
    torch.manual_seed(0)
    model = build_mma("compact", depths=(1, 1, 1, 1)).eval()
    sizes, answers = [], []
    crops = np.random.default_rng(0).integers(0, 256, (4, 112, 112, 3)).astype(np.uint8)
    for half in (False, True):
        path = tmp_path / f"{half}.onnx"
        difference = export_mma(model, path, ABOUT, half=half)
        assert difference <= (HALF_TOLERANCE if half else PARITY_TOLERANCE)
        sizes.append(path.stat().st_size)
        answers.append(AffectModel(path).predict(crops))
    assert 0.48 < sizes[1] / sizes[0] < 0.55
    assert 0 < np.abs(answers[1] - answers[0]).max() <= HALF_TOLERANCE


@pytest.mark.slow
def test_the_extractor_carries_labels_preprocessing_and_version(extractor):
    _, path, _ = extractor
    metadata = AffectModel(path).metadata
    assert metadata["outputs"] == list(AFFECT_COLUMNS)
    assert metadata["expressions"] == list(EXPRESSIONS)
    assert metadata["action_units"] == list(ACTION_UNITS)
    assert metadata["preprocessing"]["range"] == [-1.0, 1.0]
    assert metadata["version"] and metadata["caveat"] == "random"
    assert metadata["architecture"]["widths"] == [8, 16]


@pytest.mark.slow
def test_exported_files_hold_no_paths_of_the_machine(extractor, reader):
    for _, path, _ in (extractor, reader):
        model = onnx.load(path)
        assert [entry.key for entry in model.metadata_props] == [METADATA_KEY]
        assert all(not node.metadata_props and not node.doc_string for node in model.graph.node)
        assert str(Path(torch.__file__).parent).encode() not in path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 13, 40])
def test_the_masked_rnn_agrees_with_torch_for_any_length(reader, length):
    model, path, difference = reader
    assert difference <= PARITY_TOLERANCE
    affect = np.random.default_rng(length).random((length, 26)).astype(np.float32)
    with torch.no_grad():
        scores = model(torch.from_numpy(affect)[None], torch.tensor([length]))
        expected = model.to_intensities(scores)[0].numpy()
    exported = ReactionModel(path)
    np.testing.assert_allclose(exported.predict(affect), expected, atol=PARITY_TOLERANCE)
    assert (exported.fps, exported.positions) == (25.0, 40)
    assert json.dumps(exported.describe())


@pytest.mark.slow
def test_windows_longer_than_the_model_are_refused(reader):
    _, path, _ = reader
    with pytest.raises(ValueError, match="1 to 40 positions, not 41"):
        ReactionModel(path).predict(np.zeros((41, 26), np.float32))


@pytest.mark.slow
def test_a_file_that_disagrees_is_not_written(extractor, tmp_path, monkeypatch):
    model, _, _ = extractor
    monkeypatch.setattr("mien.export._parity", lambda *_: float("nan"))
    with pytest.raises(ModelError, match="differ by nan; not written"):
        export_mma(model, tmp_path / "bad.onnx", ABOUT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_second_export_in_one_process_has_a_free_length_too(tmp_path):
    for positions in (5, 9):
        model = MaskedRNN(MaskedRNNConfig(positions=positions, hidden=3, dense=2)).eval()
        export_reactions(model, tmp_path / "again.onnx", ABOUT)
        read = ReactionModel(tmp_path / "again.onnx").predict
        for length in range(1, positions + 1):
            assert read(np.zeros((length, 26), np.float32)).shape == (7,)
