"""Reading runs of stage 1 back, and the mean of several."""

import pytest
import torch
from test_train_mma import TINY, recipe, striped_faces

from mien.errors import ModelError
from mien.training.mma import train_mma
from mien.training.runs import load_extractor_run, mean_of_runs


def trained(out, **changes):
    train_mma(recipe(**changes), {"stripes": striped_faces()}, out, report=lambda _: None)
    return out


def test_the_mean_of_runs_is_a_run_whatever_their_order(tmp_path):
    runs = [trained(tmp_path / f"{seed}", seed=seed) for seed in range(3)]
    mean = mean_of_runs(runs, tmp_path / "mean")
    again = mean_of_runs(runs[::-1], tmp_path / "again")
    assert mean.fingerprint == again.fingerprint
    states = [load_extractor_run(run).model.state_dict() for run in runs]
    for name, value in mean.model.state_dict().items():
        expected = sum(state[name].double() for state in states) / 3
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), expected, atol=1e-6, rtol=1e-6)
    assert sorted(mean.state["identity"]["mean_of"]) == sorted(
        load_extractor_run(run).fingerprint for run in runs
    )


def test_another_architecture_has_no_part_in_a_mean(tmp_path):
    one = trained(tmp_path / "one")
    other = trained(tmp_path / "other", model={**TINY, "depths": (1, 2)})
    with pytest.raises(ModelError, match="different architectures"):
        mean_of_runs([one, other], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
    with pytest.raises(ModelError, match="two runs or more, got 1"):
        mean_of_runs([one], tmp_path / "mean")
    with pytest.raises(ModelError, match="is one of the runs; choose another folder"):
        mean_of_runs([one, other], other)
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        mean_of_runs([one, tmp_path / "nothing"], tmp_path / "mean")
