"""Losses against independent float64 NumPy references, and what masking promises."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.labels import relatedness
from mien.losses import (
    MMALossWeights,
    MMATargets,
    action_unit_loss,
    ccc_loss,
    concordance,
    distribution_matching_loss,
    expression_loss,
    landmark_loss,
    map_loss,
    mma_loss,
    pearson,
    pearson_loss,
    steadiness_loss,
    unit_correlation_loss,
)
from mien.models.mma import MMAOutput

TOLERANCE = 1e-6


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def reference_ccc(x, y):
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    return 2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def tensors(*arrays, dtype=torch.float64):
    return [torch.tensor(a, dtype=dtype) for a in arrays]


@given(seed=st.integers(0, 10_000), count=st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_ccc_loss_is_eq_3s_first_term_over_the_labelled_samples(seed, count):
    x, y = draw(seed, count, 2), draw(seed + 1, count, 2)
    known = np.random.default_rng(seed).random(count) < 0.7
    known[:2] = True
    y[~known] = np.nan
    got = ccc_loss(*tensors(x, y), torch.tensor(known))
    rho = [reference_ccc(x[known, k], y[known, k]) for k in range(2)]
    assert got.item() == pytest.approx(1 - 0.5 * sum(rho), abs=TOLERANCE)


def test_concordance_of_float32_agrees_with_float64_far_from_zero():
    x, y = 100 + 0.1 * draw(0, 500, 2), 100 + 0.1 * draw(1, 500, 2)
    exact = [reference_ccc(x[:, k], y[:, k]) for k in range(2)]
    # float32 holds 100.1 to 8e-6, a ten-thousandth of the deviation of these series.
    np.testing.assert_allclose(
        concordance(*tensors(x, y, dtype=torch.float32)).numpy(), exact, atol=2e-4
    )


@given(seed=st.integers(0, 10_000), count=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_expression_loss_is_the_weighted_cross_entropy_with_a_distribution(seed, count):
    logits = draw(seed, count, 7) * 3
    target = softmax(draw(seed + 1, count, 7))
    weight = np.random.default_rng(seed).random(count)
    weight[0] = 0.5
    weight[1::3] = 0
    target[weight == 0] = np.nan
    used = weight > 0
    cross = -(target[used] * np.log(softmax(logits[used]))).sum(axis=1)
    expected = (weight[used] * cross).sum() / weight[used].sum()
    got = expression_loss(*tensors(logits, target, weight))
    assert got.item() == pytest.approx(expected, abs=TOLERANCE)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_action_unit_loss_averages_known_units_then_samples(seed, count):
    logits, target = draw(seed, count, 17) * 3, sigmoid(draw(seed + 1, count, 17))
    known = np.random.default_rng(seed).random((count, 17)) < 0.5
    known[0, 0] = True
    target[~known] = np.nan
    per_sample = []
    for i in range(count):
        if known[i].any():
            p, t = sigmoid(logits[i, known[i]]), target[i, known[i]]
            per_sample.append(-(t * np.log(p) + (1 - t) * np.log(1 - p)).mean())
    got = action_unit_loss(*tensors(logits, target), torch.tensor(known))
    assert got.item() == pytest.approx(np.mean(per_sample), abs=TOLERANCE)


@pytest.mark.parametrize("kind", ["binary", "weighted"])
@given(seed=st.integers(0, 10_000), count=st.integers(1, 20))
@settings(max_examples=25, deadline=None)
def test_distribution_matching_is_eq_1_and_the_text_of_eq_2(kind, seed, count):
    expressions, units = draw(seed, count, 7) * 3, draw(seed + 1, count, 17) * 3
    table = relatedness(kind)
    implied = softmax(expressions) @ table
    p = sigmoid(units)
    expected = -(implied * np.log(p) + (1 - implied) * np.log(1 - p)).sum(axis=1).mean()
    got = distribution_matching_loss(*tensors(expressions, units), torch.tensor(table))
    assert got.item() == pytest.approx(expected, abs=1e-5 * max(1, expected))
    assert got.item() == pytest.approx(expected, rel=1e-9)


def test_distribution_matching_moves_both_heads_unless_detached():
    expressions, units = (t.requires_grad_() for t in tensors(draw(0, 4, 7), draw(1, 4, 17)))
    table = torch.tensor(relatedness("binary"))
    distribution_matching_loss(expressions, units, table).backward()
    assert expressions.grad.abs().max() > 0 and units.grad.abs().max() > 0
    expressions.grad = units.grad = None
    distribution_matching_loss(expressions, units, table, detach=True).backward()
    assert expressions.grad is None and units.grad.abs().max() > 0


@given(seed=st.integers(0, 10_000), count=st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_pearson_loss_is_eq_4(seed, count):
    x, y = draw(seed, count, 7), draw(seed + 1, count, 7)
    rho = [np.corrcoef(x[:, k], y[:, k])[0, 1] for k in range(7)]
    got = pearson_loss(*tensors(x, y))
    assert got.item() == pytest.approx(1 - np.mean(rho), abs=TOLERANCE)


def test_pearson_counts_a_constant_column_as_zero_and_sends_it_no_gradient():
    x, y = tensors(draw(0, 6, 3), draw(1, 6, 3))
    y[:, 1] = 0.3
    x[:, 2] = -1.5
    x.requires_grad_()
    rho = pearson(x, y)
    assert rho[1].item() == 0 and rho[2].item() == 0 and rho[0].item() != 0
    pearson_loss(x, y).backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad[:, 1:] == 0).all() and (x.grad[:, 0] != 0).any()


@pytest.mark.parametrize("count", [0, 1])
def test_pearson_loss_of_no_or_one_video_is_one_with_zero_gradient(count):
    x = torch.zeros(count, 7, requires_grad=True)
    loss = pearson_loss(x, torch.ones(count, 7))
    loss.backward()
    assert loss.item() == 1 and (x.grad == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_pearson_stays_finite_in_half_precision(dtype, scale):
    x = (torch.tensor(draw(0, 16, 7)) * scale).to(dtype).requires_grad_()
    y = torch.tensor(draw(1, 16, 7)).to(dtype)
    loss = pearson_loss(x, y)
    loss.backward()
    expected = [np.corrcoef(x.detach().double()[:, k], y.double()[:, k])[0, 1] for k in range(7)]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(1 - np.mean(expected), abs=1e-4)
    assert torch.isfinite(x.grad).all()


@given(seed=st.integers(0, 10_000), count=st.integers(4, 30))
@settings(max_examples=40, deadline=None)
def test_unit_correlation_loss_is_one_minus_rho_over_the_labelled(seed, count):
    logits, target = draw(seed, count, 17) * 3, sigmoid(draw(seed + 1, count, 17))
    known = np.random.default_rng(seed).random((count, 17)) < 0.5
    known[:3, 0] = True
    known[:, 5], known[0, 5] = False, True  # one label is no correlation
    known[:, 6] = False
    target[:, 7] = 0.0  # labels that are all alike are none either
    target[~known] = np.nan
    distances = [
        1 - np.corrcoef(sigmoid(logits[rows, unit]), target[rows, unit])[0, 1]
        for unit, rows in enumerate(known.T)
        if rows.sum() >= 2 and unit != 7
    ]
    got = unit_correlation_loss(*tensors(logits, target), torch.tensor(known))
    assert got.item() == pytest.approx(np.mean(distances), abs=TOLERANCE)


def test_unit_correlation_loss_without_labels_is_zero_with_zero_gradient():
    logits = torch.randn(5, 17, dtype=torch.float64, requires_grad=True)
    nothing = torch.full((5, 17), torch.nan, dtype=torch.float64)
    loss = unit_correlation_loss(logits, nothing, torch.zeros(5, 17, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0.0 and (logits.grad == 0).all()


def test_steadiness_loss_is_the_squared_distance_of_what_is_read():
    va, expressions, units = draw(0, 2, 5, 2), draw(1, 2, 5, 7), draw(2, 2, 5, 17)
    read = [
        np.concatenate([np.tanh(va[k]), softmax(expressions[k]), sigmoid(units[k])], axis=1)
        for k in range(2)
    ]
    view, other = (MMAOutput(*tensors(np.tanh(va[k]), expressions[k], units[k])) for k in range(2))
    expected = ((read[0] - read[1]) ** 2).sum(axis=1).mean()
    assert steadiness_loss(view, other).item() == pytest.approx(expected, abs=TOLERANCE)
    assert steadiness_loss(view, view).item() == 0.0
    none = MMAOutput(*(part[:0] for part in view))
    assert steadiness_loss(none, none).item() == 0.0


@given(seed=st.integers(0, 10_000), count=st.integers(1, 10))
@settings(max_examples=25, deadline=None)
def test_landmark_loss_is_the_mean_distance_of_what_is_known(seed, count):
    said, places = draw(seed, count, 26, 2) * 50, draw(seed + 1, count, 26, 2) * 50
    known = np.random.default_rng(seed).random((count, 26)) < 0.5
    known[0, 0] = True
    places[~known] = np.nan
    got = landmark_loss(*tensors(said, places))
    assert got.item() == pytest.approx(np.abs(said - places)[known].mean(), abs=TOLERANCE)
    nothing = torch.tensor(said, requires_grad=True)
    loss = landmark_loss(nothing, torch.full_like(nothing, torch.nan))
    loss.backward()
    assert loss.item() == 0.0 and (nothing.grad == 0).all()


@given(seed=st.integers(0, 10_000), count=st.integers(1, 4), side=st.sampled_from([12, 28]))
@settings(max_examples=25, deadline=None)
def test_map_loss_is_the_divergence_from_a_narrow_peak_at_each_known_place(seed, count, side):
    rng = np.random.default_rng(seed)
    maps, places = draw(seed, count, 42, side, side) * 3, rng.uniform(-8, 120, (count, 26, 2))
    known = rng.random((count, 26)) < 0.5
    known[0, 0] = True
    cell = 112 / side
    middles = (np.arange(side) + 0.5) * cell - 0.5
    expected = []
    for face, landmark in zip(*np.nonzero(known), strict=True):
        x, y = places[face, landmark]
        far = ((middles - x) ** 2 + (middles[:, None] - y) ** 2) / cell**2
        peak = softmax(-far.reshape(1, -1) / (2 * 0.5**2))[0]
        share = softmax(maps[face, landmark].reshape(1, -1))[0]
        there = peak > 0
        expected.append((peak[there] * np.log(peak[there] / share[there])).sum())
    places[~known] = np.nan
    got = map_loss(*tensors(maps, places))
    assert got.item() == pytest.approx(np.mean(expected), rel=1e-6)
    nothing = torch.tensor(maps, requires_grad=True)
    loss = map_loss(nothing, torch.full((count, 26, 2), torch.nan))
    loss.backward()
    assert loss.item() == 0.0 and (nothing.grad == 0).all()


def outputs_and_targets(count=6, seed=0):
    output = MMAOutput(
        *tensors(np.tanh(draw(seed, count, 2)), draw(1, count, 7), draw(2, count, 17))
    )
    for tensor in output:
        tensor.requires_grad_()
    nan = float("nan")
    empty = MMATargets(
        torch.full((count, 2), nan, dtype=torch.float64),
        torch.zeros(count, dtype=torch.bool),
        torch.full((count, 7), nan, dtype=torch.float64),
        torch.zeros(count, dtype=torch.float64),
        torch.full((count, 17), nan, dtype=torch.float64),
        torch.zeros(count, 17, dtype=torch.bool),
    )
    return output, empty


def test_terms_without_labels_are_exactly_zero_and_only_l_dm_remains():
    output, empty = outputs_and_targets()
    table = torch.tensor(relatedness("binary"))
    total, terms = mma_loss(output, empty, table)
    assert terms["ccc"].item() == terms["cce"].item() == terms["bce"].item() == 0.0
    expected = distribution_matching_loss(output.expression_logits, output.au_logits, table)
    assert total.item() == expected.item() > 0
    total.backward()
    assert (output.valence_arousal.grad == 0).all()
    assert all(torch.isfinite(tensor.grad).all() for tensor in output)
    only_others, _ = mma_loss(output, empty, table, MMALossWeights(dm=0))
    assert only_others.item() == 0.0


def test_a_sample_without_a_label_changes_nothing_for_the_others():
    output, targets = outputs_and_targets(count=5)
    units = torch.rand(5, 17, dtype=torch.float64)
    mask = torch.zeros(5, 17, dtype=torch.bool)
    mask[:3] = True
    whole = action_unit_loss(output.au_logits, torch.where(mask, units, torch.nan), mask)
    part = action_unit_loss(output.au_logits[:3], units[:3], mask[:3])
    assert whole.item() == pytest.approx(part.item(), abs=1e-12)
    assert targets.action_units.isnan().all()


def test_one_sample_with_valence_and_arousal_is_no_correlation():
    output, _ = outputs_and_targets(count=3)
    mask = torch.tensor([True, False, False])
    loss = ccc_loss(output.valence_arousal, torch.zeros(3, 2, dtype=torch.float64), mask)
    loss.backward()
    assert loss.item() == 0.0 and (output.valence_arousal.grad == 0).all()


def test_maps_count_in_the_total_by_their_factor():
    output, empty = outputs_and_targets()
    places = torch.tensor(np.random.default_rng(3).uniform(0, 111, (6, 26, 2)))
    maps, table = torch.randn(6, 42, 7, 7), torch.tensor(relatedness("weighted"))
    targets = replace(empty, places=places)
    without, terms = mma_loss(output, targets, table, MMALossWeights(), maps=maps)
    assert "maps" not in terms
    total, terms = mma_loss(output, targets, table, MMALossWeights(maps=0.5), maps=maps)
    assert terms["maps"].item() == map_loss(maps, places).item() > 1
    assert (total - without).item() == pytest.approx(0.5 * terms["maps"].item(), rel=1e-5)


def test_the_total_is_the_weighted_sum_of_the_four_terms():
    output, _ = outputs_and_targets(count=8)
    targets = MMATargets(
        *tensors(draw(5, 8, 2)),
        torch.ones(8, dtype=torch.bool),
        *tensors(softmax(draw(6, 8, 7)), np.ones(8), sigmoid(draw(7, 8, 17))),
        torch.ones(8, 17, dtype=torch.bool),
    )
    table = torch.tensor(relatedness("weighted"))
    weights = MMALossWeights(0.5, 2.0, 3.0, 0.25)
    total, terms = mma_loss(output, targets, table, weights)
    expected = (
        0.5 * terms["ccc"] + 2 * terms["cce"] + 3 * terms["bce"] + 0.25 * terms["dm"]
    ).item()
    assert total.item() == pytest.approx(expected, rel=1e-12)
    more, terms = mma_loss(output, targets, table, replace(weights, correlation=1.5))
    assert more.item() == pytest.approx(expected + 1.5 * terms["correlation"].item(), rel=1e-12)
    assert all(term.item() > 0 for term in terms.values())
    other, _ = outputs_and_targets(count=8, seed=9)
    weights = replace(weights, steadiness=4.0)
    more, terms = mma_loss(output, targets, table, weights, twins=(output, other))
    assert terms["steadiness"].item() == steadiness_loss(output, other).item() > 0
    assert more.item() == pytest.approx(expected + 4 * terms["steadiness"].item(), rel=1e-12)
    places = replace(targets, landmarks=torch.full((8, 26, 2), 5.0, dtype=torch.float64))
    weights = replace(weights, steadiness=0.0, landmarks=0.5)
    zeros = torch.zeros(8, 26, 2, dtype=torch.float64)
    more, terms = mma_loss(output, places, table, weights, landmarks=zeros)
    assert terms["landmarks"].item() == 5.0
    assert more.item() == pytest.approx(expected + 2.5, rel=1e-12)
    places = replace(targets, places=torch.full((8, 26, 2), 5.0, dtype=torch.float64))
    weights = replace(weights, landmarks=0.0, places=0.25)
    more, terms = mma_loss(output, places, table, weights, places=zeros)
    assert terms["places"].item() == 5.0
    assert more.item() == pytest.approx(expected + 1.25, rel=1e-12)
    weights = replace(weights, places=0.0, correlation=1.0, alone=3.0)
    # The same answers, given by a head alone, cost the same: affect raw, as a head says it.
    alone = torch.cat([output.valence_arousal.atanh(), output.au_logits], 1)
    more, terms = mma_loss(output, targets, table, weights, alone=alone)
    own = (terms["ccc"] + terms["bce"] + terms["correlation"]).item()
    assert terms["alone"].item() == pytest.approx(own, rel=1e-9)
    total = expected + terms["correlation"].item() + 3 * own
    assert more.item() == pytest.approx(total, rel=1e-9)
