"""Heads fitted anew: nothing else of the network changes, and the run says where it comes from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_train_mma import TINY, recipe, striped_faces

from mien.errors import ConfigError, ModelError
from mien.training.config import from_dict
from mien.training.expressions_head import HOLD, PULL, fit_beside
from mien.training.mma import MMATrainConfig, train_mma
from mien.training.refitting import refit_heads
from mien.training.runs import load_extractor_run

APART = recipe(model={**TINY, "fine": [4, 8, 8, 16]}, learn="apart")
FACES = {"stripes": striped_faces()}
UNITS = {"action_units.weight", "action_units.bias"}
READING = {"fine_expressions.weight", "fine_expressions.bias"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The papers' network, and one with a fine part."""
    folder = tmp_path_factory.mktemp("runs")
    train_mma(recipe(), FACES, folder / "papers", report=lambda _: None)
    start = folder / "papers" / "model.safetensors"
    train_mma(APART, FACES, folder / "fine", report=lambda _: None, init=start)
    return folder


def changed(before, after):
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


def test_the_head_of_units_alone(runs, tmp_path):
    old = load_extractor_run(runs / "papers")
    new, again = (
        refit_heads(runs / "papers", tmp_path / name, recipe(), FACES, steps=3)
        for name in ("new", "again")
    )
    assert new.fingerprint == again.fingerprint != old.fingerprint
    assert new.state["identity"]["heads_fitted_from"] == old.fingerprint
    assert changed(old.model.state_dict(), new.model.state_dict()) == UNITS


def test_what_expressions_read_of_a_fine_network_besides(runs, tmp_path):
    old = load_extractor_run(runs / "fine")
    plain = refit_heads(runs / "fine", tmp_path / "plain", recipe(), FACES, steps=3)
    new, again = (
        refit_heads(start, tmp_path / name, recipe(), FACES, 3, ["stripes"])
        for start, name in ((runs / "fine", "new"), (tmp_path / "new", "again"))
    )
    before, after = old.model.state_dict(), new.model.state_dict()
    assert after.keys() - before.keys() == READING
    common = {name: value for name, value in after.items() if name not in READING}
    assert changed(before, common) == UNITS
    # The one head does not depend on whether the other is fitted, nor on a reading that is there.
    assert not changed(plain.model.state_dict(), common)
    assert not changed(again.model.state_dict(), {name: after[name] for name in READING})
    assert new.model.fine_expressions.weight.abs().max() > 0
    assert new.state["identity"]["heads_fitted_by"]["expressions_of"] == ["stripes"]


def test_what_is_said_of_corpora_that_are_not_named_is_held(runs, tmp_path, monkeypatch):
    (part,) = recipe().corpora.values()
    config = recipe(corpora={"first": part, "second": part})
    corpora = {"first": striped_faces(), "second": striped_faces(seed=1)}
    asked = []

    def asks(*arguments):
        asked.append(arguments[-1])
        fit_beside(*arguments)

    monkeypatch.setattr("mien.training.refitting.fit_beside", asks)
    for named, expected in ((["second"], [1]), (["first", "second"], [0, 1])):
        out = tmp_path / "-".join(named)
        run = refit_heads(runs / "fine", out, config, corpora, 3, named)
        assert asked[-1] == expected
        fitted_by = run.state["identity"]["heads_fitted_by"]
        assert (fitted_by["expressions_pull"], fitted_by["expressions_hold"]) == (PULL, HOLD)


def test_a_reading_that_is_there_stays_where_it_is_not_fitted(runs, tmp_path):
    refit_heads(runs / "fine", tmp_path / "new", recipe(), FACES, 3, ["stripes"])
    old = load_extractor_run(tmp_path / "new")
    kept = refit_heads(tmp_path / "new", tmp_path / "kept", recipe(), FACES, steps=2)
    assert changed(old.model.state_dict(), kept.model.state_dict()) == UNITS


def test_a_training_goes_on_from_it_without_the_reading(runs, tmp_path):
    new = refit_heads(runs / "fine", tmp_path / "new", recipe(), FACES, 3, ["stripes"])
    from_dict(MMATrainConfig, new.state["identity"]["config"], "run")  # still that of its training
    said = []
    start = tmp_path / "new" / "model.safetensors"
    train_mma(APART, FACES, tmp_path / "on", said.append, stop_after_steps=1, init=start)
    assert said[0].startswith("how expressions read the fine network is left behind")


def test_what_cannot_be_fitted_is_refused(runs, tmp_path):
    with pytest.raises(ModelError, match="is the run itself"):
        refit_heads(runs / "papers", runs / "papers", recipe(), FACES)
    with pytest.raises(ModelError, match="papers: has no fine network"):
        refit_heads(runs / "papers", tmp_path / "new", recipe(), FACES, expressions_of=["stripes"])
    with pytest.raises(ConfigError, match=r"no corpora \['spots'\] in the recipe; it has"):
        refit_heads(runs / "fine", tmp_path / "new", recipe(), FACES, expressions_of=["spots"])
    unlabelled = replace(FACES["stripes"], expression_weight=np.zeros(96, np.float32))
    with pytest.raises(ConfigError, match="no training face has an expression"):
        refit_heads(
            runs / "fine", tmp_path / "new", recipe(), {"stripes": unlabelled}, 1, ["stripes"]
        )
    assert not (tmp_path / "new").exists()
