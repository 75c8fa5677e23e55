"""Expressions that also read the fine network: only their reading of it is new."""

import pytest
import torch
from test_train_mma import TINY, recipe
from torch import nn

from mien.losses import expression_loss
from mien.models.mma import MMAConfig, build_mma
from mien.training.expressions_head import fit_beside
from mien.training.growth import grow

FINE = {**TINY, "fine": [4, 8, 8, 16]}


def test_what_is_left_unsaid_is_read_and_adds_nothing_in_the_mean():
    torch.manual_seed(0)
    features = torch.randn(1500, 10) * torch.logspace(-1, 1, 10) + 3
    wanted = nn.Linear(10, 7)
    with torch.no_grad():
        logits = 3 * wanted((features - features.mean(0)) / features.std(0))
    expressions, weight = logits.softmax(1), torch.ones(1500)
    expressions[7], weight[7] = torch.nan, 0.0
    said, corpus = torch.randn(7).expand(1500, 7), torch.arange(1500) % 3
    head = nn.Linear(10, 7)
    fit_beside(head, features, said, expressions, weight, corpus, [1, 2], 0.1, hold=0)
    added = head(features).detach()
    before = expression_loss(said, expressions, weight)
    after = expression_loss(said + added, expressions, weight)
    floor = -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()
    assert after - floor < 0.5 * (before - floor)
    # On the first corpus it adds nothing in the mean.
    torch.testing.assert_close(added[corpus == 0].mean(0), torch.zeros(7), atol=1e-4, rtol=0)


def test_held_faces_are_said_of_as_before_and_others_are_still_read():
    torch.manual_seed(0)
    features, corpus = torch.randn(1500, 10), torch.arange(1500) % 2
    # What held faces differ in, others hardly do, and the other way round: both can be had.
    features[corpus == 0, 5:] *= 0.02
    features[corpus == 1, :5] *= 0.2
    wanted = 3 * features @ torch.randn(10, 7)
    expressions, weight = wanted.softmax(1), torch.ones(1500)
    said = torch.randn(1500, 7)

    def fitted(**strength):
        head = nn.Linear(10, 7)
        known = (features, said, expressions, weight, corpus)
        fit_beside(head, *known, [1], pull=0.01, **strength)
        logits = said + head(features).detach()
        moved = (logits.softmax(1) - said.softmax(1))[corpus == 0].abs().mean()
        other = corpus == 1
        return moved, expression_loss(logits[other], expressions[other], weight[other])

    start = expression_loss(said[corpus == 1], expressions[corpus == 1], weight[corpus == 1])
    (freely, free_loss), (held, held_loss) = fitted(hold=0), fitted()
    assert held < 0.1 * freely
    assert start - held_loss > 0.7 * (start - free_loss)


def test_without_a_fine_network_there_is_nothing_to_read():
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
