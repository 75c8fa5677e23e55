"""The head of action units, fitted anew: better on what it is fitted to, and nothing else moves."""

import pytest
import torch
from test_train_mma import recipe, striped_faces
from torch import nn

from mien.errors import ModelError
from mien.losses import action_unit_loss, unit_correlation_loss
from mien.training.mma import train_mma
from mien.training.runs import load_extractor_run
from mien.training.units_head import fit_units, refit_units


def test_a_flattened_head_gets_its_edge_back():
    torch.manual_seed(0)
    features, right = torch.randn(600, 12), nn.Linear(12, 17)
    units = (4 * right(features)).sigmoid().detach()
    corpus = torch.arange(600) % 3
    units[corpus == 2, 5] = torch.nan  # a corpus that does not know a unit
    units[:, 9] = torch.nan  # and a unit that none knows
    head = nn.Linear(12, 17)
    head.load_state_dict({name: 0.5 * value for name, value in right.state_dict().items()})
    before = head.weight.detach().clone()
    known = units.isfinite()

    def losses():
        logits = head(features).detach()
        of = (logits, units, known)
        return action_unit_loss(*of).item(), unit_correlation_loss(*of).item()

    flat = losses()
    fit_units(head, features, units, corpus)
    sharp = losses()
    assert sharp[0] < flat[0] - 0.02 and sharp[1] < 0.5 * flat[1]
    torch.testing.assert_close(head.weight[9], before[9], atol=1e-6, rtol=0)


def test_nothing_but_the_head_changes_and_the_run_says_where_it_comes_from(tmp_path):
    faces = {"stripes": striped_faces()}
    train_mma(recipe(), faces, tmp_path / "run", report=lambda _: None)
    old = load_extractor_run(tmp_path / "run")
    new = refit_units(tmp_path / "run", tmp_path / "new", recipe(), faces, steps=3)
    again = refit_units(tmp_path / "run", tmp_path / "again", recipe(), faces, steps=3)
    assert new.fingerprint == again.fingerprint != old.fingerprint
    assert new.state["identity"]["units_refitted_from"] == old.fingerprint
    before = old.model.state_dict()
    for name, value in new.model.state_dict().items():
        assert torch.equal(value, before[name]) != name.startswith("action_units."), name
    with pytest.raises(ModelError, match="is the run itself"):
        refit_units(tmp_path / "run", tmp_path / "run", recipe(), faces)
