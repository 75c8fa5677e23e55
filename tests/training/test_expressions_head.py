"""Expressions that also read the fine network: only their reading of it is new."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_train_mma import TINY, recipe, striped_faces
from torch import nn

from mien.errors import ConfigError, ModelError
from mien.losses import expression_loss
from mien.models.mma import MMAConfig, build_mma
from mien.training.config import from_dict
from mien.training.expressions_head import fit_beside, fit_fine_expressions
from mien.training.growth import grow
from mien.training.mma import MMATrainConfig, train_mma
from mien.training.runs import load_extractor_run

FINE = {**TINY, "fine": [4, 8, 8, 16]}


def test_what_is_left_unsaid_is_read_and_adds_nothing_in_the_mean(monkeypatch):
    monkeypatch.setattr("mien.training.expressions_head.PULL", 0.1)
    torch.manual_seed(0)
    features = torch.randn(1500, 10) * torch.logspace(-1, 1, 10) + 3
    wanted = nn.Linear(10, 7)
    with torch.no_grad():
        logits = 3 * wanted((features - features.mean(0)) / features.std(0))
    expressions, weight = logits.softmax(1), torch.ones(1500)
    expressions[7], weight[7] = torch.nan, 0.0
    said, corpus = torch.randn(7).expand(1500, 7), torch.arange(1500) % 3
    head = nn.Linear(10, 7)
    fit_beside(head, features, said, expressions, weight, corpus, [1, 2])
    added = head(features).detach()
    before = expression_loss(said, expressions, weight)
    after = expression_loss(said + added, expressions, weight)
    floor = -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()
    assert after - floor < 0.5 * (before - floor)
    # On the first corpus it adds nothing in the mean.
    torch.testing.assert_close(added[corpus == 0].mean(0), torch.zeros(7), atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder, faces = tmp_path_factory.mktemp("expressions"), {"stripes": striped_faces()}
    train_mma(recipe(), faces, folder / "before", report=lambda _: None)
    apart = recipe(model=FINE, learn="apart")
    start = folder / "before" / "model.safetensors"
    train_mma(apart, faces, folder / "run", report=lambda _: None, init=start)
    return folder / "run"


def test_nothing_else_changes_and_the_run_says_where_it_comes_from(run, tmp_path):
    faces, old = {"stripes": striped_faces()}, load_extractor_run(run)
    new, again = (
        fit_fine_expressions(start, tmp_path / name, recipe(), faces, steps=3)
        for start, name in ((run, "new"), (tmp_path / "new", "again"))
    )
    assert new.fingerprint == again.fingerprint != old.fingerprint
    assert new.state["identity"]["expressions_fitted_from"] == old.fingerprint
    before, after = old.model.state_dict(), new.model.state_dict()
    assert sorted(after.keys() - before.keys()) == ["fine_expressions.bias",
                                                   "fine_expressions.weight"]  # fmt: skip
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert new.model.fine_expressions.weight.abs().max() > 0
    # It says still what its training was, which may go on from it without the head.
    from_dict(MMATrainConfig, new.state["identity"]["config"], "run")
    said = []
    config = recipe(model=FINE, learn="apart")
    start = tmp_path / "new" / "model.safetensors"
    train_mma(config, faces, tmp_path / "on", said.append, stop_after_steps=1, init=start)
    assert said[0].startswith("how expressions read the fine network is left behind")
    with pytest.raises(ConfigError, match=r"no corpora \['spots'\] in the recipe; it has"):
        fit_fine_expressions(run, tmp_path / "none", recipe(), faces, fitted_on=["spots"])
    with pytest.raises(ModelError, match="is the run itself"):
        fit_fine_expressions(run, run, recipe(), faces)
    unlabelled = replace(faces["stripes"], expression_weight=np.zeros(96, np.float32))
    with pytest.raises(ConfigError, match="no training face has an expression"):
        fit_fine_expressions(run, tmp_path / "none", recipe(), {"stripes": unlabelled}, steps=1)


def test_without_a_fine_network_there_is_nothing_to_read(tmp_path):
    faces = {"stripes": striped_faces()}
    train_mma(recipe(), faces, tmp_path / "plain", report=lambda _: None)
    with pytest.raises(ModelError, match="plain: has no fine network"):
        fit_fine_expressions(tmp_path / "plain", tmp_path / "new", recipe(), faces)
    with pytest.raises(ValueError, match="there is no fine network: set fine"):
        MMAConfig(fine_expressions=True)
    with pytest.raises(ValueError, match="nothing learns apart from them"):
        build_mma("compact", **FINE, fine_expressions=True).learn_apart()
    with pytest.raises(ValueError, match="but expressions read the fine network"):
        recipe(model={**FINE, "fine_expressions": True}, learn="apart")


def both_sides(seed=0):
    torch.manual_seed(seed)
    model = build_mma("compact", **FINE, fine_expressions=True).eval()
    return model, torch.rand(4, 3, 112, 112) * 2 - 1


def test_a_start_leaves_it_behind_where_it_is_not_wanted_and_begins_without_it():
    model, crops = both_sides()
    plain = build_mma("compact", **FINE).eval()
    grow(plain, model.state_dict())
    again = build_mma("compact", **FINE, fine_expressions=True).eval()
    grow(again, plain.state_dict())
    with torch.no_grad():
        full, bare, begun = (network(crops) for network in (model, plain, again))
    for name in ("valence_arousal", "au_logits"):
        assert torch.equal(getattr(full, name), getattr(bare, name))
    assert torch.equal(bare.expression_logits, begun.expression_logits)
    assert not torch.allclose(full.expression_logits, bare.expression_logits, atol=1e-3)
