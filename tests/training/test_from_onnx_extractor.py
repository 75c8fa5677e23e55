"""From an exported file back to a network that trains on."""

import json
import re

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from striped import BRANCHED

from mien.errors import ConfigError, ModelError
from mien.evaluation.calibration.probabilities import Calibration
from mien.export import HALF_TOLERANCE, export_mma
from mien.models.mma import build_mma
from mien.runtime.metadata import METADATA_KEY
from mien.training.from_onnx.extractor import read_exported, settle_normalisation, start_file
from mien.weights import REACTION_MODEL, weight_path

SHAPE = {"widths": (8, 16), "depths": (2, 1), "stem_width": 8, "inner_px": 48}
ABOUT = {"name": "tiny", "license": "x", "trained_on": "noise", "caveat": "none"}


def trained(**changes):
    """A network whose normalisations have statistics and weights of their own."""
    torch.manual_seed(0)
    model = build_mma("compact", **{**SHAPE, **changes})
    model.train()
    for _ in range(4):
        model(torch.rand(16, 3, 48, 48) * 2 - 1).affect().square().sum().backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.05 * parameter.grad.sign()
        model.zero_grad()
    return model.eval()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    export_mma(trained(), path, ABOUT)
    return path


def test_what_is_read_back_says_what_the_file_says(file):
    faces = torch.rand(5, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        found = read_exported(file)(faces).affect().numpy()
    expected = ort.InferenceSession(str(file)).run(None, {"faces": faces.numpy()})[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def branched(**changes):
    """A network with a landmark branch of which no parameter or statistic is as it began.

    Normalisations that begin at zero would be left out by the exporter.
    """
    torch.manual_seed(2)
    model = build_mma("landmarks", **{**BRANCHED, **changes})
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var") or (name.endswith("weight") and value.ndim == 1):
                value.copy_(torch.rand_like(value) + 0.5)
            elif value.ndim == 1 and value.is_floating_point():
                value.copy_(0.3 * torch.randn_like(value))
    return model.eval()


@pytest.fixture(scope="module")
def branched_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "branched.onnx"
    export_mma(branched(), path, ABOUT)
    return path


def parts_of(output):
    """What a file says, in its order, and every part relative to its size."""
    face = output.face
    said = [output.affect(), face.intensities, face.landmarks, face.pose_deg, face.eye_open]
    return [part.numpy() for part in (*said, face.gaze_deg, face.quality)]


def assert_alike(found, expected, atol=2e-5):
    for one, other in zip(found, expected, strict=True):
        size = max(1.0, np.abs(other).max())
        np.testing.assert_allclose(one / size, other / size, atol=atol)


@torch.no_grad()
def test_a_landmark_branch_is_read_back_too(branched_file):
    faces = torch.rand(5, 3, 112, 112) * 2 - 1
    expected = ort.InferenceSession(str(branched_file)).run(None, {"faces": faces.numpy()})
    model, read = branched(), read_exported(branched_file)
    assert_alike(parts_of(read(faces)), expected)
    assert_alike(parts_of(model(faces)), expected)
    assert read.config == model.config
    # Nothing is folded twice: it can be exported again, and says the same.
    norm = read.branch.input_norm
    assert torch.equal(norm.weight, torch.ones_like(norm.weight)) and not norm.bias.any()


@torch.no_grad()
def test_settling_a_landmark_branch_changes_no_answer(branched_file):
    torch.manual_seed(3)
    faces = torch.rand(192, 3, 64, 64) * 2 - 1
    network, before = read_exported(branched_file), read_exported(branched_file)
    settle_normalisation(network, faces)
    others = torch.rand(16, 3, 64, 64) * 2 - 1
    assert_alike(parts_of(network(others)), parts_of(before(others)), 1e-4)
    read = []
    network.branch.input_norm.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    network(faces)
    norm = network.branch.input_norm
    torch.testing.assert_close(norm.running_mean, read[0].mean(0), atol=1e-3, rtol=1e-3)
    network.dropout.p = before.dropout.p = 0.0
    expected = before(faces).affect()
    settled = (network.train()(faces).affect() - expected).abs().max()
    thrown = (before.train()(faces).affect() - expected).abs().max()
    assert settled < 5e-3 < 0.02 < thrown


def test_weights_in_half_precision_are_read_back_as_they_are(tmp_path, file):
    small = tmp_path / "half.onnx"
    export_mma(trained(), small, ABOUT, half=True)
    faces = torch.rand(5, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        found = read_exported(small)(faces).affect().numpy()
    expected = ort.InferenceSession(str(small)).run(None, {"faces": faces.numpy()})[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    whole = ort.InferenceSession(str(file)).run(None, {"faces": faces.numpy()})[0]
    assert 0 < np.abs(expected - whole).max() <= HALF_TOLERANCE


def test_settling_changes_no_answer_and_brings_training_and_evaluation_together(file):
    torch.manual_seed(1)
    faces = torch.rand(256, 3, 48, 48) * 2 - 1
    network, before = read_exported(file), read_exported(file)
    settle_normalisation(network, faces)
    others = torch.rand(64, 3, 48, 48) * 2 - 1
    with torch.no_grad():
        expected = before(others).affect()
        torch.testing.assert_close(network(others).affect(), expected, atol=1e-5, rtol=1e-4)
        network.dropout.p = before.dropout.p = 0.0
        settled = (network.train()(faces).affect() - before(faces).affect()).abs().max()
        thrown = (before.train()(faces).affect() - before.eval()(faces).affect()).abs().max()
    assert settled < 1e-3 < 0.02 < thrown
    # Convolutions are as large as freshly drawn ones, so that a learning rate means the same.
    stem = network.stem[1][0].weight.detach()
    assert stem.square().mean().sqrt() == pytest.approx((2 / (8 * 9)) ** 0.5, rel=1e-4)


def test_temperatures_are_left_out(tmp_path):
    calibration = Calibration(expressions=3.0, action_units=(2.0,) * 17)
    model = trained()
    export_mma(model, tmp_path / "m.onnx", ABOUT, calibration)
    faces = torch.rand(3, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(
            read_exported(tmp_path / "m.onnx")(faces).affect(), model(faces).affect()
        )


def test_what_is_no_extractor_is_refused(tmp_path, file):
    with pytest.raises(ModelError, match="not a readable ONNX model"):
        read_exported(tmp_path / "missing.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a readable ONNX model"):
        read_exported(tmp_path / "broken.onnx")
    with pytest.raises(ModelError, match=re.escape("'mien-reactions-1', expected 'mien-affect-1'")):
        read_exported(weight_path(REACTION_MODEL))


@pytest.mark.parametrize(
    ("change", "error", "complaint"),
    [
        (lambda _: "{", ModelError, "its metadata of mien is damaged"),
        (lambda _: "[1]", ModelError, "its metadata of mien is damaged"),
        (lambda m: {k: v for k, v in m.items() if k != "architecture"}, ModelError, "lacks 'arch"),
        (lambda m: {**m, "architecture": "deep"}, ModelError, "lacks 'architecture'"),
        (lambda m: with_shape(m, depth=3), ConfigError, r"bad\.onnx: architecture: unknown option"),
        (lambda m: with_shape(m, depths=[1, 1]), ModelError, "its weights are not those of the"),
    ],
)
def test_damaged_metadata_is_one_line_that_names_the_file(change, error, complaint, file, tmp_path):
    model = onnx.load(str(file))
    entry = next(e for e in model.metadata_props if e.key == METADATA_KEY)
    changed = change(json.loads(entry.value))
    entry.value = changed if isinstance(changed, str) else json.dumps(changed)
    bad = tmp_path / "bad.onnx"
    onnx.save(model, str(bad))
    with pytest.raises(error, match=complaint) as found:
        read_exported(bad)
    assert "bad.onnx" in str(found.value) and "\n" not in str(found.value)


def with_shape(metadata, **changes):
    return {**metadata, "architecture": {**metadata["architecture"], **changes}}


def test_what_is_given_to_start_from_is_a_file_or_a_runs_folder(tmp_path):
    (tmp_path / "run.onnx").mkdir()
    assert start_file(tmp_path / "A.ONNX") == tmp_path / "A.ONNX"
    assert start_file(tmp_path / "run.onnx") == tmp_path / "run.onnx" / "model.safetensors"
    assert start_file(tmp_path / "run") == tmp_path / "run" / "model.safetensors"
