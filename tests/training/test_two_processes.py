"""Two processes of Lightning Fabric train one model: every step of theirs is the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

_EXTRACTOR = """
from striped import recipe, striped_faces
from mien.training.extractor import train_mma
train = lambda out: train_mma(recipe(engine=engine), {"stripes": striped_faces()}, out, report=told)
"""
_REACTIONS = """
from test_engine import TINY, corpora
from mien.training.reactions.train import train_reactions
config = replace(TINY, engine=engine)
train = lambda out: train_reactions(config, *corpora(), out, report=told)
"""
_MRAN = """
from test_train_mran import TINY
from mien.data.formats.streams import load_streams
from mien.training.mran.train import train_mran
config = replace(TINY, engine=engine)
parts = [load_streams(Path(sys.argv[2]), name) for name in ("train", "valid")]
train = lambda out: train_mran(config, *parts, out, report=told)
"""
# Every process writes the weights after each step, as they are before the next one.
_RUN = """
import os, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
import torch
from mien.training import loop
from mien.training.engine import EngineConfig, FabricEngine
engine = EngineConfig(kind="fabric", devices=2)
told = lambda text: None
{what}
out, states, started = Path(sys.argv[1]), [], []
average = FabricEngine.average

def noted(self, model):
    own = [p.grad.to_dense().numpy().copy() for p in model.parameters() if p.grad is not None]
    average(self, model)
    states.append(np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]))
    started.append(np.concatenate([grad.ravel() for grad in own]))

FabricEngine.average = noted
train(out / "run")
rank = os.environ.get("LOCAL_RANK", "0")
np.savez(out / f"{{rank}}.npz", states=np.stack(states), grads=np.stack(started))
"""


def run(what: str, out: Path, *arguments: object) -> list[dict[str, np.ndarray]]:
    script = out / "train.py"
    script.write_text(_RUN.format(what=what))
    tests = Path(__file__).parents[1]
    paths = [str(tests), str(tests / "training"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(script), str(out), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [dict(np.load(out / f"{rank}.npz")) for rank in (0, 1)]


def check(found: list[dict[str, np.ndarray]]) -> None:
    one, two = found
    assert len(one["states"]) > 2
    np.testing.assert_array_equal(one["states"], two["states"])
    assert np.ptp(one["states"], axis=0).max() > 0  # they learn
    assert not np.array_equal(one["grads"], two["grads"])  # from batches of their own


@pytest.mark.slow
@pytest.mark.parametrize("what", [_REACTIONS, _EXTRACTOR], ids=["reactions", "extractor"])
def test_both_have_the_same_weights_at_every_step(what: str, tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric")
    check(run(what, tmp_path))
    assert (tmp_path / "run" / "model.safetensors").is_file()


@pytest.mark.slow
def test_both_have_the_same_mran(tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric")
    from stream_replica import write_replica

    folder = write_replica(tmp_path / "streams")
    check(run(_MRAN, tmp_path, folder))
    assert (tmp_path / "run" / "model.safetensors").is_file()
