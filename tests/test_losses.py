"""Losses against independent float64 NumPy references, and what masking promises."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.labels import relatedness
from mien.models.mma import FaceOutput, MMAOutput
from mien.training.losses import (
    MMALossWeights,
    MMATargets,
    action_unit_loss,
    ccc_loss,
    concordance,
    distribution_matching_loss,
    expression_loss,
    heatmap_loss,
    mma_loss,
    pearson,
    pearson_loss,
    unit_correlation_loss,
)

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


def test_ccc_loss_of_half_annotated_rows_counts_each_dimension_by_itself():
    x, y = draw(0, 9, 2), draw(1, 9, 2)
    y[2, 0] = y[5, 1] = y[7, 1] = np.nan
    x, y = tensors(x, y)
    x.requires_grad_()
    loss = ccc_loss(x, y, torch.ones(9, dtype=torch.bool))
    loss.backward()
    known = y.isfinite().numpy()
    rho = [
        reference_ccc(x.detach().numpy()[known[:, k], k], y.numpy()[known[:, k], k])
        for k in range(2)
    ]
    assert loss.item() == pytest.approx(1 - np.mean(rho), abs=TOLERANCE)
    assert torch.isfinite(x.grad).all()
    np.testing.assert_array_equal(x.grad.numpy() != 0, known)


def test_ccc_loss_leaves_a_dimension_without_labels_out():
    x, y = tensors(draw(0, 9, 2), draw(1, 9, 2))
    y[1:, 1] = torch.nan  # one label is no correlation
    x.requires_grad_()
    loss = ccc_loss(x, y, torch.ones(9, dtype=torch.bool))
    loss.backward()
    rho = reference_ccc(x.detach().numpy()[:, 0], y.numpy()[:, 0])
    assert loss.item() == pytest.approx(1 - rho, abs=TOLERANCE)
    assert x.grad[:, 0].all() and not x.grad[:, 1].any()


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


def exact_pearson(x, y):
    """With fractions: not a digit is lost."""
    x, y = ([Fraction(float(value)) for value in side] for side in (x, y))
    x, y = ([value - sum(side) / len(side) for value in side] for side in (x, y))
    product = sum(a * b for a, b in zip(x, y, strict=True))
    squares = sum(a * a for a in x) * sum(b * b for b in y)
    return math.copysign(math.sqrt(float(product**2 / squares)), product)


@pytest.mark.parametrize(
    ("dtype", "deviation"), [(torch.float32, 0.3), (torch.float64, 0.05), (torch.float64, 1e-5)]
)
def test_pearson_of_scores_around_a_million_is_exact(dtype, deviation):
    x, y = tensors(1e6 + deviation * draw(0, 50, 2), 1e6 + deviation * draw(1, 50, 2), dtype=dtype)
    y[3, 1] = torch.nan
    found = pearson(x, y)
    assert found[0].item() == pytest.approx(exact_pearson(x[:, 0], y[:, 0]), abs=1e-6)
    kept = y[:, 1].isfinite()
    assert found[1].item() == pytest.approx(exact_pearson(x[kept, 1], y[kept, 1]), abs=1e-6)


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


@given(seed=st.integers(0, 10_000), count=st.integers(1, 4), side=st.sampled_from([12, 28]))
@settings(max_examples=25, deadline=None)
def test_heatmap_loss_is_the_divergence_from_a_narrow_peak_at_each_known_place(seed, count, side):
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
    got = heatmap_loss(*tensors(maps, places))
    assert got.item() == pytest.approx(np.mean(expected), rel=1e-6)
    nothing = torch.tensor(maps, requires_grad=True)
    loss = heatmap_loss(nothing, torch.full((count, 26, 2), torch.nan))
    loss.backward()
    assert loss.item() == 0.0 and (nothing.grad == 0).all()


def outputs_and_targets(count=6, seed=0):
    output = MMAOutput(
        *tensors(np.tanh(draw(seed, count, 2)), draw(1, count, 7), draw(2, count, 17))
    )
    for tensor in output[:3]:
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
    assert all(torch.isfinite(tensor.grad).all() for tensor in output[:3])
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


def test_shares_of_a_corpus_are_added_to_the_logits_and_leave_the_rest_to_the_network():
    """Logit adjustment (Menon et al., ICLR 2021, eq. 10), written out in float64."""
    output, _ = outputs_and_targets(count=8)
    wanted = softmax(draw(6, 8, 7))
    weight = np.array([1, 0.5, 0, 1, 1, 2, 1, 1])
    shares = np.tile([0.4, 0.05, 0.01, 0.02, 0.3, 0.12, 0.1], (8, 1))
    shares[4:] = 1 / 7  # another corpus
    nothing = torch.zeros(8, 17, dtype=torch.bool)
    targets = MMATargets(
        *tensors(draw(5, 8, 2)), torch.zeros(8, dtype=torch.bool), *tensors(wanted, weight),
        torch.zeros(8, 17, dtype=torch.float64), nothing, log_shares=torch.tensor(np.log(shares)),
    )  # fmt: skip
    table = torch.tensor(relatedness("weighted"))
    _, terms = mma_loss(output, targets, table)
    logits = output.expression_logits.detach().numpy()
    odds = shares * np.exp(logits)
    said = odds / odds.sum(axis=1, keepdims=True)
    expected = (weight * -(wanted * np.log(said)).sum(axis=1)).sum() / weight.sum()
    assert terms["cce"].item() == pytest.approx(expected, abs=TOLERANCE)
    # What units are to be expected follows from what is said with the shares, too.
    implied, units = said @ table.numpy(), sigmoid(output.au_logits.detach().numpy())
    matching = -(implied * np.log(units) + (1 - implied) * np.log(1 - units)).sum(axis=1).mean()
    assert terms["dm"].item() == pytest.approx(matching, rel=1e-6)
    # Shares that are all alike change nothing.
    _, plain = mma_loss(output, replace(targets, log_shares=None), table)
    level = replace(targets, log_shares=torch.full((8, 7), np.log(1 / 7), dtype=torch.float64))
    assert mma_loss(output, level, table)[1]["cce"].item() == pytest.approx(plain["cce"].item())
    assert abs(plain["cce"].item() - expected) > 0.05


def test_l_dm_is_a_sum_over_the_units_or_their_mean():
    output, empty = outputs_and_targets()
    table = torch.tensor(relatedness("binary"))
    one, summed = mma_loss(output, empty, table, dm_reduction="sum")
    other, mean = mma_loss(output, empty, table, dm_reduction="mean")
    assert summed["dm"].item() == pytest.approx(17 * mean["dm"].item(), rel=1e-12)
    assert (one.item(), other.item()) == (summed["dm"].item(), mean["dm"].item())
    assert mma_loss(output, empty, table)[0].item() == one.item()  # Eq. 2, unless asked otherwise


FACE = {
    "intensities": (17,), "landmarks": (26, 2), "pose_deg": (3,), "eye_open": (2,),
    "gaze_deg": (2,), "quality": (),
}  # fmt: skip
TERMS = {"pose": "pose_deg", "eyes": "eye_open", "gaze": "gaze_deg"}


def faces_and_targets(count=6, known=0.5):
    """What a network with a landmark branch says, and what is known of it here and there."""
    rng = np.random.default_rng(3)
    said = {name: rng.uniform(0.05, 0.95, (count, *shape)) for name, shape in FACE.items()}
    wanted = {name: rng.uniform(0.05, 0.95, (count, *shape)) for name, shape in FACE.items()}
    for name, values in wanted.items():
        missing = rng.random(count) >= known
        missing[0] = known == 0
        values[missing] = np.nan
        assert np.isnan(values).any() or known == 1, name
    face = FaceOutput(*tensors(*said.values()), torch.tensor(rng.normal(size=(count, 42, 7, 7))))
    for tensor in face:
        tensor.requires_grad_()
    output, empty = outputs_and_targets(count)
    targets = replace(empty, **{name: torch.tensor(value) for name, value in wanted.items()})
    return output._replace(face=face), targets, said, wanted


@pytest.mark.parametrize("name", ["intensities", "landmarks", "pose", "eyes", "gaze"])
def test_terms_of_the_branch_are_mean_errors_of_what_is_known(name):
    output, targets, said, wanted = faces_and_targets()
    label = TERMS.get(name, name)
    unit = 10 if name in ("pose", "gaze") else 1  # degrees
    squared = name in ("intensities", "eyes")
    error = said[label] - wanted[label]
    expected = np.nanmean(error**2 if squared else np.abs(error)) / unit
    table, alone = torch.tensor(relatedness("weighted")), MMALossWeights(dm=0, **{name: 2.0})
    total, terms = mma_loss(output, targets, table, alone)
    assert terms[name].item() == pytest.approx(expected, abs=TOLERANCE)
    assert total.item() == pytest.approx(2 * expected, abs=TOLERANCE)
    total.backward()
    grad = getattr(output.face, label).grad
    assert torch.equal(grad != 0, torch.isfinite(getattr(targets, label)))


def test_quality_is_a_cross_entropy_over_what_is_known():
    output, targets, said, wanted = faces_and_targets()
    p, t = said["quality"], wanted["quality"]
    expected = np.nanmean(-(t * np.log(p) + (1 - t) * np.log(1 - p)))
    alone = MMALossWeights(dm=0, quality=3.0)
    total, terms = mma_loss(output, targets, torch.tensor(relatedness("weighted")), alone)
    assert terms["quality"].item() == pytest.approx(expected, abs=TOLERANCE)
    assert total.item() == pytest.approx(3 * expected, abs=TOLERANCE)
    total.backward()
    assert torch.equal(output.face.quality.grad != 0, torch.isfinite(targets.quality))


def test_heatmaps_count_in_the_total_by_their_factor():
    output, targets, _, _ = faces_and_targets()
    table, alone = torch.tensor(relatedness("weighted")), MMALossWeights(dm=0, heatmaps=0.5)
    total, terms = mma_loss(output, targets, table, alone)
    assert terms["heatmaps"].item() == heatmap_loss(output.face.heatmaps, targets.landmarks).item()
    assert total.item() == pytest.approx(0.5 * terms["heatmaps"].item(), rel=1e-6) and total > 0.5
    total.backward()
    assert (output.face.landmarks.grad is None) and output.face.heatmaps.grad.abs().max() > 0


BRANCH = MMALossWeights(
    dm=0, intensities=1, landmarks=1, heatmaps=1, pose=1, eyes=1, gaze=1, quality=1
)


def test_what_is_not_known_of_anybody_is_zero_with_zero_gradient():
    output, targets, _, _ = faces_and_targets(known=0)
    total, terms = mma_loss(output, targets, torch.tensor(relatedness("weighted")), BRANCH)
    assert [terms[name].item() for name in BRANCH.of_branch()] == [0.0] * 7
    assert total.item() == 0.0
    total.backward()
    assert all((tensor.grad == 0).all() for tensor in output.face)


def test_terms_of_the_branch_are_there_only_where_asked_for_and_labelled():
    output, targets, _, _ = faces_and_targets()
    table = torch.tensor(relatedness("weighted"))
    _, terms = mma_loss(output, targets, table)
    assert set(terms) == {"ccc", "cce", "bce", "dm"}
    _, empty = outputs_and_targets()
    assert set(mma_loss(output, empty, table, BRANCH)[1]) == {"ccc", "cce", "bce", "dm"}
    papers = output._replace(face=None)
    assert set(mma_loss(papers, targets, table, BRANCH)[1]) == {"ccc", "cce", "bce", "dm"}
    assert MMALossWeights(pose=1, quality=0.5).of_branch() == ["pose", "quality"]
    assert MMALossWeights(correlation=1, blendshapes=1).of_branch() == []


def test_scores_of_a_mesh_are_learned_where_there_are_some():
    output, empty = outputs_and_targets(count=4)
    logits, wanted = draw(8, 4, 47), sigmoid(draw(9, 4, 47))
    wanted[1] = np.nan
    targets = replace(empty, blendshapes=torch.tensor(wanted))
    rest = (torch.tensor(relatedness("weighted")), MMALossWeights(dm=0, blendshapes=2.0))
    total, terms = mma_loss(output, targets, *rest, blendshape_logits=torch.tensor(logits))
    p, t = sigmoid(logits[[0, 2, 3]]), wanted[[0, 2, 3]]
    expected = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
    assert terms["blendshapes"].item() == pytest.approx(expected, abs=TOLERANCE)
    assert total.item() == pytest.approx(2 * expected, abs=TOLERANCE)
    assert "blendshapes" not in mma_loss(output, targets, *rest)[1]
