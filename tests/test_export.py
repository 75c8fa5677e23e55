"""What is exported says what torch says, and carries everything that inference needs."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from mien.errors import ModelError
from mien.evaluation.calibration.probabilities import Calibration
from mien.export import (
    FACE_OUTPUTS,
    HALF_TOLERANCE,
    PARITY_TOLERANCE,
    export_mma,
    export_reactions,
)
from mien.labels import ACTION_UNITS, AFFECT_COLUMNS, EXPRESSIONS
from mien.models.masked_rnn import MaskedRNN, MaskedRNNConfig
from mien.models.mma import build_mma
from mien.runtime.metadata import METADATA_KEY
from mien.runtime.models import AffectModel, ReactionModel

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


BRANCHED = {
    "widths": (8, 12, 16), "depths": (1, 1, 1), "stem_width": 8, "branch": (8, 8), "feature": 24,
}  # fmt: skip


@pytest.fixture(scope="module")
def branched(tmp_path_factory):
    torch.manual_seed(0)
    model = build_mma("landmarks", **BRANCHED)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.3 * torch.randn_like(parameter))
    for _ in range(3):
        model(torch.rand(8, 3, 112, 112) * 2 - 1)
    path = tmp_path_factory.mktemp("export") / "branched.onnx"
    biases = (0.3, 0.0, 0.0, 0.0, -0.2, 0.0, -0.1)
    shares = (0.28, *[0.12] * 6)
    calibration = Calibration(
        expressions=1.5, expression_biases=biases, prior=shares, everyday_prior=shares,
        quality_level=0.4,
    )  # fmt: skip
    difference = export_mma(model.eval(), path, ABOUT, calibration)
    return model, path, difference


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 4])
def test_further_outputs_are_what_torch_says(branched, batch):
    model, path, difference = branched
    assert difference <= PARITY_TOLERANCE
    faces = torch.rand(batch, 3, 112, 112, generator=torch.Generator().manual_seed(batch)) * 2 - 1
    session = ort.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    assert names == ["affect", *FACE_OUTPUTS]
    said = dict(zip(names, session.run(None, {"faces": faces.numpy()}), strict=True))
    with torch.no_grad():
        output = model(faces)
    face = output.face
    expected = {
        "au_intensity": face.intensities, "landmarks": face.landmarks, "pose": face.pose_deg,
        "eye_open": face.eye_open, "gaze": face.gaze_deg, "quality": face.quality,
    }  # fmt: skip
    for name, value in expected.items():
        assert said[name].shape == tuple(value.shape), name
        np.testing.assert_allclose(said[name], value.numpy(), rtol=1e-4, atol=2e-3, err_msg=name)
    # Temperature, biases and the prior that the file bakes in, by hand.
    biases = np.array([0.3, 0, 0, 0, -0.2, 0, -0.1]) + np.log([0.28, *[0.12] * 6])
    logits = output.expression_logits.numpy().astype(np.float64) / 1.5 + biases
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(said["affect"][:, 2:9], shares, atol=1e-4)


@pytest.mark.slow
def test_a_file_with_a_branch_carries_its_prior_and_level(branched):
    _, path, _ = branched
    metadata = AffectModel(path).metadata
    assert metadata["quality_level"] == 0.4
    assert metadata["prior"]["default"] == pytest.approx([0.28, *[0.12] * 6])
    assert metadata["architecture"]["branch"] == [8, 8]
    for name in ("prior", "everyday_prior", "quality_level", "decisions"):
        assert name not in metadata["calibration"]  # they stand by themselves


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
