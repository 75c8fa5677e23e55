import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from striped import recipe, striped_faces

from mien.data.simulated import simulate
from mien.errors import ConfigError
from mien.synthetic.reactions import StageOneNoise
from mien.training.engine import EngineConfig, start_engine
from mien.training.extractor import train_mma
from mien.training.reactions.train import ReactionTrainConfig, train_reactions

TINY = ReactionTrainConfig(
    name="tiny",
    model={"positions": 40, "hidden": 8, "dense": 4},
    epochs=2,
    batch=16,
    lr=1e-2,
    threads=1,
)


def corpora():
    quiet = StageOneNoise(np.full(26, 0.02), np.full(26, 0.5), 30.0)
    return [
        simulate(n, s, noise=quiet, min_length=10, max_length=40) for n, s in ((80, 0), (40, 1))
    ]


def test_the_plain_engine_takes_no_devices():
    with pytest.raises(ValueError, match=r"set engine\.kind to 'fabric' for cuda, 2 device"):
        EngineConfig(accelerator="cuda", devices=2)
    with pytest.raises(ValueError, match=r"engine\.kind is 'plain' or 'fabric', not 'apex'"):
        EngineConfig(kind="apex")


def test_fabric_that_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setattr("mien.training.engine.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"not installed: pip install '.\[fabric\]'"):
        start_engine(EngineConfig(kind="fabric"))


@pytest.mark.filterwarnings("ignore")
def test_fabric_on_one_processor_gives_the_plain_loops_numbers(tmp_path):
    pytest.importorskip("lightning_fabric")
    train, valid = corpora()
    plain = train_reactions(TINY, train, valid, tmp_path / "a", report=lambda _: None)
    config = replace(TINY, engine=EngineConfig(kind="fabric"))
    fabric = train_reactions(config, train, valid, tmp_path / "b", report=lambda _: None)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, fabric.state_dict()[name]), name


@pytest.mark.filterwarnings("ignore")
def test_the_extractor_trains_by_fabric_as_by_the_plain_loop(tmp_path):
    pytest.importorskip("lightning_fabric")
    faces = {"stripes": striped_faces()}
    weights = []
    for kind in ("plain", "fabric"):
        config = recipe(engine=EngineConfig(kind))
        model = train_mma(config, faces, tmp_path / kind, report=lambda _: None)
        weights.append(model.state_dict())
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name


def test_scaled_half_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision is one of .* not '16-mixed'"):
        replace(TINY, precision="16-mixed")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["plain", "fabric"])
def test_bfloat16_follows_float32(tmp_path, kind):
    if kind == "fabric":
        pytest.importorskip("lightning_fabric")
    train, valid = corpora()
    losses = []
    for precision in ("float32", "bfloat16"):
        config = replace(TINY, engine=EngineConfig(kind), precision=precision)
        lines = []
        train_reactions(config, train, valid, tmp_path / precision, report=lines.append)
        losses.append([float(line.split('"loss": ')[1].split(",")[0]) for line in lines])
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[0], losses[1], atol=0.05)


@pytest.mark.slow
def test_two_devices_end_with_the_same_weights(tmp_path):
    """Two processes average their gradients: both train one model, and one of them writes it."""
    pytest.importorskip("lightning_fabric")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "two"\nepochs = 2\nbatch = 8\nthreads = 1\nmodel = {positions = 480, hidden = 4, '
        'dense = 2}\n[simulation]\ntrain = 48\nvalid = 24\ntest = 24\n[engine]\nkind = "fabric"\n'
        "devices = 2\n"
    )
    command = [sys.executable, "-m", "mien", "train", "reactions", "--config", str(recipe)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert done.stdout.count('"epoch": 2,') == 1
