"""Mask, routing and the masked RNN against float64 references, to the bit where it is promised."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.models.blocks.routed_linear import RoutedLinear
from mien.models.masked_rnn import MaskedRNN, MaskedRNNConfig
from mien.training.losses import pearson_loss
from mien.training.optimizers.routed_adam import RoutedAdam

SMALL = MaskedRNNConfig(positions=24, hidden=8, dense=4)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference_forward(model, affect, lengths):
    """The whole second stage in float64 NumPy: GRU step by step, mask, dense, output."""
    p = {k: v.detach().double().numpy() for k, v in model.state_dict().items()}
    batch, steps, _ = affect.shape
    hidden = p["gru.weight_hh_l0"].shape[1]
    state, outputs = np.zeros((batch, hidden)), np.zeros((batch, model.config.positions, hidden))
    for t in range(steps):
        gi = affect[:, t] @ p["gru.weight_ih_l0"].T + p["gru.bias_ih_l0"]
        gh = state @ p["gru.weight_hh_l0"].T + p["gru.bias_hh_l0"]
        ir, iz, inew = np.split(gi, 3, axis=1)
        hr, hz, hnew = np.split(gh, 3, axis=1)
        r, z = sigmoid(ir + hr), sigmoid(iz + hz)
        state = (1 - z) * np.tanh(inew + r * hnew) + z * state
        outputs[:, t] = state
    for i, length in enumerate(lengths):
        outputs[i, length:] = 0  # the Mask layer
    flat = outputs.reshape(batch, -1)  # t * 128 numbers
    weights = p["routed.table"].reshape(flat.shape[1], -1)
    dense = np.maximum(flat @ weights + p["routed.bias"], 0)
    return dense @ p["output.weight"].T + p["output.bias"]


@given(seed=st.integers(0, 1000), steps=st.integers(1, 24), batch=st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_scores_equal_the_float64_reference(seed, steps, batch):
    torch.manual_seed(seed)
    model = MaskedRNN(SMALL).double().eval()
    rng = np.random.default_rng(seed)
    affect = rng.normal(size=(batch, steps, 26))
    lengths = rng.integers(1, steps + 1, batch)
    got = model(torch.tensor(affect), torch.tensor(lengths)).detach().numpy()
    np.testing.assert_allclose(got, reference_forward(model, affect, lengths), atol=1e-9)


def test_float32_scores_agree_with_float64_to_1e_6():
    torch.manual_seed(0)
    model = MaskedRNN(MaskedRNNConfig()).eval()
    rng = np.random.default_rng(0)
    affect = rng.normal(size=(3, 480, 26)).astype(np.float32) * 0.3
    lengths = np.array([480, 200, 30])
    with torch.no_grad():
        got = model(torch.tensor(affect), torch.tensor(lengths)).numpy()
    np.testing.assert_allclose(
        got, reference_forward(model, affect.astype(float), lengths), atol=1e-6
    )


def test_padding_further_changes_no_bit():
    torch.manual_seed(0)
    model = MaskedRNN(SMALL).eval()
    affect, lengths = torch.randn(3, 10, 26), torch.tensor([10, 4, 7])
    padded = torch.cat([affect, torch.full((3, 14, 26), 7.0)], dim=1)
    with torch.no_grad():
        assert torch.equal(model(affect, lengths), model(padded, lengths))


def test_what_lies_beyond_a_length_has_no_influence():
    torch.manual_seed(0)
    model = MaskedRNN(SMALL).eval()
    affect, lengths = torch.randn(2, 10, 26), torch.tensor([10, 4])
    changed = affect.clone()
    changed[1, 4:] = torch.randn(6, 26)
    with torch.no_grad():
        assert torch.equal(model(affect, lengths), model(changed, lengths))


def test_a_batch_says_what_its_members_say_alone():
    torch.manual_seed(0)
    model = MaskedRNN(SMALL).eval()
    affect, lengths = torch.randn(4, 20, 26), torch.tensor([20, 3, 11, 1])
    with torch.no_grad():
        together = model(affect, lengths)
        alone = torch.cat(
            [model(affect[i : i + 1], lengths[i : i + 1]) for i in range(len(lengths))]
        )
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_nan_in_the_padding_reaches_neither_scores_nor_gradients():
    torch.manual_seed(0)
    model = MaskedRNN(SMALL)
    affect, lengths = torch.randn(2, 10, 26), torch.tensor([10, 4])
    dirty = affect.clone()
    dirty[1, 4:] = torch.nan
    assert torch.equal(model(affect, lengths), model(dirty, lengths))
    model(dirty, lengths).square().sum().backward()
    for name, parameter in model.named_parameters():
        grad = parameter.grad.coalesce().values() if parameter.grad.is_sparse else parameter.grad
        assert torch.isfinite(grad).all(), name


def test_training_under_bfloat16_autocast_follows_float32():
    losses = []
    for enabled in (False, True):
        torch.manual_seed(0)
        model = MaskedRNN(SMALL)
        optimizer = RoutedAdam(model.parameters(), lr=1e-2)
        for _ in range(10):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
                loss = train_step(model, optimizer, [24, 10, 16, 5, 20, 8], seed=7)
        assert np.isfinite(loss)
        losses.append(loss)
    assert losses[1] == pytest.approx(losses[0], abs=0.05)


def train_step(model, optimizer, lengths, seed):
    generator = torch.Generator().manual_seed(seed)
    affect = torch.randn(len(lengths), max(lengths), 26, generator=generator)
    labels = torch.rand(len(lengths), 7, generator=generator)
    loss = pearson_loss(model(affect, torch.tensor(lengths)), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@given(
    first=st.lists(st.integers(1, 24), min_size=2, max_size=5),
    second=st.lists(st.integers(1, 24), min_size=2, max_size=5),
)
@settings(max_examples=20, deadline=None)
def test_unreached_positions_stay_bit_for_bit_under_adam_with_weight_decay(first, second):
    torch.manual_seed(1)
    model = MaskedRNN(SMALL)
    optimizer = RoutedAdam(model.parameters(), lr=0.05, weight_decay=0.1)
    start = model.routed.table.detach().clone()
    train_step(model, optimizer, first, seed=0)
    reached = max(first)
    assert torch.equal(model.routed.table[reached:], start[reached:])
    assert not torch.equal(model.routed.table[:reached], start[:reached])
    # Positions that have moments from the first step must rest in a second that is shorter.
    between = model.routed.table.detach().clone()
    moments = {k: v.clone() for k, v in optimizer.state[model.routed.table].items()}
    train_step(model, optimizer, second, seed=1)
    reached = max(second)
    assert torch.equal(model.routed.table[reached:], between[reached:])
    assert not torch.equal(model.routed.table[:reached], between[:reached])
    for name, value in moments.items():
        assert torch.equal(optimizer.state[model.routed.table][name][reached:], value[reached:])


def test_plain_adam_would_move_unreached_weights_so_the_test_above_can_fail():
    torch.manual_seed(1)
    layer = RoutedLinear(6, 3, 2)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05, weight_decay=0.1)
    start = layer.table.detach().clone()
    layer(torch.randn(2, 4, 3), torch.tensor([4, 2])).sum().backward()
    layer.table.grad = layer.table.grad.to_dense()
    optimizer.step()
    assert not torch.equal(layer.table[4:], start[4:])


def test_gradients_equal_those_of_a_dense_layer():
    torch.manual_seed(2)
    layer = RoutedLinear(6, 3, 2).double()
    features = torch.randn(3, 4, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([4, 1, 3])
    layer(features, lengths).square().sum().backward()
    routed_grad, feature_grad = layer.table.grad.to_dense(), features.grad.clone()

    features.grad = None
    table = layer.table.detach().clone().requires_grad_()
    mask = (torch.arange(4)[None] < lengths[:, None])[:, :, None]
    padded = torch.cat([features * mask, torch.zeros(3, 2, 3, dtype=torch.float64)], dim=1)
    (padded.flatten(1) @ table.flatten(0, 1) + layer.bias.detach()).square().sum().backward()
    torch.testing.assert_close(routed_grad, table.grad)
    torch.testing.assert_close(feature_grad, features.grad)


def test_the_gradient_names_only_routed_positions():
    layer = RoutedLinear(480, 8, 4)
    layer(torch.randn(2, 30, 8), torch.tensor([30, 12])).sum().backward()
    grad = layer.table.grad
    assert grad.is_sparse and grad.coalesce().indices().max() == 29
    assert grad.coalesce().values().shape == (30, 8, 4)  # cost follows the routed length, not 480


def test_a_tiny_run_overfits():
    torch.manual_seed(0)
    model = MaskedRNN(SMALL)
    optimizer = RoutedAdam(model.parameters(), lr=1e-2)
    losses = [train_step(model, optimizer, [24, 10, 16, 5, 20, 8], seed=7) for _ in range(150)]
    assert losses[-1] < 0.1 * losses[0]


def test_intensities_are_the_least_squares_line_and_stay_in_range():
    torch.manual_seed(0)
    model = MaskedRNN(SMALL).eval()
    scores = torch.randn(200, 7)
    labels = (scores * 0.1 + 0.4).clamp(0, 1)
    labels[:, 3] = 0.25
    model.fit_intensities(scores, labels)
    torch.testing.assert_close(model.to_intensities(scores), labels, atol=1e-2, rtol=0)
    extreme = model.to_intensities(scores * 100)
    assert extreme.min() >= 0 and extreme.max() <= 1


@pytest.mark.parametrize(
    ("shape", "lengths", "message"),
    [
        ((2, 10, 25), [10, 5], "affect should be"),
        ((2, 10, 26), [10], "lengths should be"),
        ((2, 10, 26), [10, 0], "should lie in 1..10, got 0..10"),
        ((2, 10, 26), [11, 2], "should lie in 1..10, got 2..11"),
        ((1, 30, 26), [30], "should lie in 1..24"),
    ],
)
def test_wrong_shapes_and_lengths_are_refused(shape, lengths, message):
    with pytest.raises(ValueError, match=message):
        MaskedRNN(SMALL)(torch.zeros(shape), torch.tensor(lengths))
