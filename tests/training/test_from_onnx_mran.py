"""From an exported MRAN back to a network that trains on."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch.nn import BatchNorm2d

from mien.errors import ConfigError, ModelError
from mien.export import HALF_TOLERANCE, export_mran
from mien.models.mran import MRAN, MRANConfig
from mien.models.mran.other_streams import start_from_other_streams
from mien.runtime.metadata import METADATA_KEY
from mien.training.from_onnx.mran import (
    read_exported_mran,
    settle_encoders,
    settle_recognition,
)
from mien.weights import MRAN_MODEL, weight_path
from tiny_models import tiny_affect

ABOUT = {"name": "tiny", "license": "x", "trained_on": "noise", "caveat": "none"}
SMALL = MRANConfig(
    modalities=("color", "depth"),
    clip_frames=3,
    color_hidden=(6, 5),
    guide_hidden=(4, 3),
    recognition=(8, 7),
)


def trained(config):
    """A network whose normalisations have statistics and weights of their own."""
    torch.manual_seed(0)
    model = MRAN(config).train()
    for _ in range(3):
        streams, present = clips(config, 4)
        output = model(streams, present)
        (output.affect.square().sum() + output.attention.square().sum()).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter -= 0.03 * parameter.grad.sign()
        model.zero_grad()
    with torch.no_grad():  # an encoder that never learned: exporters leave such a bias out
        for normalisation in (m for m in model.encoders.modules() if isinstance(m, BatchNorm2d)):
            last = normalisation
        last.bias.zero_()
        last.running_mean.zero_()
    return model.eval()


def settle(network, streams, present):
    settle_encoders(network, network.config.modalities, streams, present)
    settle_recognition(network, streams, present)


def clips(config, count, missing=0.2):
    channels = {"color": 3, "depth": 1, "thermal": 1}
    shape, side = (count, config.clip_frames), 112
    streams = {n: torch.rand(*shape, channels[n], side, side) * 2 - 1 for n in config.modalities}
    return streams, (torch.rand(*shape, 3) >= missing).float()


def said_by(file, streams, present):
    inputs = {**streams, "present": present}
    session = ort.InferenceSession(str(file))
    return session.run(None, {name: value.numpy() for name, value in inputs.items()})


SHAPES = {
    "guided": SMALL,
    "concatenated": replace(
        SMALL,
        modalities=("color", "thermal"),
        recurrence="concatenated",
        volumes="all",
        contrast=True,
        head=5,
        units=True,
    ),
    "framewise": replace(SMALL, recurrence="framewise", attention=False),
    "extractor": replace(
        SMALL,
        modalities=("depth",),
        head=7,
    ),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    export_mran(trained(SHAPES["concatenated"]), path, ABOUT, 6.25)
    return path


@pytest.mark.parametrize(
    ("shape", "half"),
    [("guided", False), ("concatenated", False), ("framewise", False), ("extractor", True)],
)
def test_what_is_read_back_says_what_the_file_says(tmp_path, shape, half):
    model, file = trained(SHAPES[shape]), tmp_path / "m.onnx"
    export_mran(model, file, ABOUT, 6.25, half=half)
    found = read_exported_mran(file)
    streams, present = clips(model.config, 3)
    expected = said_by(file, streams, present)
    with torch.no_grad():
        own, whole = found(streams, present), model(streams, present)
    close = 1e-4 if half else 1e-5  # what brings crops to size is stored in half precision, too
    np.testing.assert_allclose(own.affect, expected[0], atol=close)
    np.testing.assert_allclose(own.attention.flatten(2, 3), expected[1], atol=close)
    np.testing.assert_allclose(own.affect, whole.affect, atol=HALF_TOLERANCE if half else 1e-5)
    assert own.unit_logits is None


def test_settling_changes_no_answer_and_brings_training_and_evaluation_together(file):
    config = SHAPES["concatenated"]
    torch.manual_seed(3)
    streams, present = clips(config, 64)
    network, before = read_exported_mran(file), read_exported_mran(file)
    settle(network, streams, present)
    others = clips(config, 8)
    with torch.no_grad():
        expected = before(*others).affect
        torch.testing.assert_close(network(*others).affect, expected, atol=1e-5, rtol=1e-4)
        network.recognition.dropout.p = before.recognition.dropout.p = 0.0
        whole = before(streams, present).affect
        settled = (network.train()(streams, present).affect - whole).abs().max()
        thrown = (before.train()(streams, present).affect - whole).abs().max()
    assert settled < 1e-3 < 0.02 < thrown


def test_a_stream_that_no_clip_has_leaves_its_encoder_as_it_is(file):
    config = SHAPES["concatenated"]
    network, before = read_exported_mran(file), read_exported_mran(file)
    streams, present = clips(config, 4, missing=0.0)
    present[:, :, 2] = 0
    settle(network, streams, present)
    pairs = zip(
        network.encoders["thermal"].parameters(),
        before.encoders["thermal"].parameters(),
        strict=True,
    )
    assert all(torch.equal(own, theirs) for own, theirs in pairs)
    with torch.no_grad():
        others = clips(config, 5)
        expected = before(*others).affect
        torch.testing.assert_close(network(*others).affect, expected, atol=1e-5, rtol=1e-3)


def test_the_network_that_ships_is_a_start_for_color_alone():
    shipped = read_exported_mran(weight_path(MRAN_MODEL))
    alone = MRAN(replace(shipped.config, modalities=("color",))).eval()
    start_from_other_streams(alone, shipped.state_dict())
    streams, present = clips(shipped.config, 1, missing=0.0)
    present[:, :, 1:] = 0
    expected = said_by(weight_path(MRAN_MODEL), streams, present)
    with torch.no_grad():
        found = alone({"color": streams["color"]}, torch.ones_like(present))
    np.testing.assert_allclose(found.affect, expected[0], atol=2e-4)


def test_what_cannot_be_read_back_is_refused(tmp_path, file):
    with pytest.raises(ModelError, match="'mien-affect-1', expected 'mien-mran-1'"):
        read_exported_mran(tiny_affect(tmp_path / "extractor.onnx"))

    def changed(change):
        model = onnx.load(file)
        (entry,) = [entry for entry in model.metadata_props if entry.key == METADATA_KEY]
        metadata = json.loads(entry.value)
        change(metadata)
        entry.value = json.dumps(metadata)
        bad = tmp_path / "bad.onnx"
        onnx.save(model, bad)
        return bad

    with pytest.raises(ModelError, match=r"bad\.onnx: does not say which weights are which"):
        read_exported_mran(changed(lambda m: m.pop("weights")))
    with pytest.raises(
        ModelError, match=r"bad\.onnx: is no start: recognition\.affect\.weight is not"
    ):
        read_exported_mran(changed(lambda m: m["weights"].pop("recognition.affect.weight")))
    with pytest.raises(ModelError, match=r"bad\.onnx: its weights are not those"):
        read_exported_mran(changed(lambda m: m["architecture"].update(recognition=[9, 7])))
    with pytest.raises(ConfigError, match=r"bad\.onnx: architecture: unknown option 'wide'"):
        read_exported_mran(changed(lambda m: m["architecture"].update(wide=1)))
