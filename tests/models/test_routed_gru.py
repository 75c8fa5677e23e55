"""The walk through time against torch's own layers: values, gradients, and memory used again."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.models.blocks.packing import Packing
from mien.models.blocks.routed_linear import RoutedLinear
from mien.models.kernels.routed_gru import routed_gru
from mien.models.masked_rnn import MaskedRNN, MaskedRNNConfig


def layers(seed=0, inputs=5, hidden=6, outputs=3, positions=12):
    torch.manual_seed(seed)
    gru = torch.nn.GRU(inputs, hidden, batch_first=True).double()
    dense = RoutedLinear(positions, hidden, outputs).double()
    return gru, dense, [*gru.parameters(), dense.table]


def dense(grad):
    return grad.to_dense() if grad.is_sparse else grad


def both_ways(lengths, threads, inputs_need_grad=True, seed=0):
    gru, routed, parameters = layers(seed)
    lengths = torch.tensor(lengths)
    affect = torch.randn(len(lengths), int(lengths.max()) + 2, 5, dtype=torch.float64)
    affect.requires_grad_(inputs_need_grad)
    wanted = [*parameters, affect] if inputs_need_grad else parameters
    kept = (torch.arange(affect.shape[1])[None] < lengths[:, None])[:, :, None]
    hidden, _ = gru(torch.where(kept, affect, 0.0))
    theirs = routed(hidden[:, : int(lengths.max())], lengths) - routed.bias
    packing = Packing.of(lengths.numpy(), threads)
    ours = routed_gru(packing.pack(affect), packing, tuple(gru.parameters()), routed.table)
    upstream = torch.randn_like(ours)
    return (
        (ours, torch.autograd.grad(ours, wanted, upstream)),
        (theirs, torch.autograd.grad(theirs, wanted, upstream)),
    )


@given(lengths=st.lists(st.integers(1, 10), min_size=1, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_scores_and_every_gradient_equal_those_of_torch_layers(lengths, seed):
    ours, theirs = both_ways(lengths, threads=1, seed=seed)
    torch.testing.assert_close(ours[0], theirs[0], atol=1e-12, rtol=1e-10)
    for mine, reference in zip(ours[1], theirs[1], strict=True):
        torch.testing.assert_close(dense(mine), dense(reference), atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("inputs_need_grad", [False, True])
def test_shares_of_threads_add_up(threads, inputs_need_grad):
    lengths = np.random.default_rng(0).integers(1, 11, 100).tolist()
    ours, theirs = both_ways(lengths, threads, inputs_need_grad)
    torch.testing.assert_close(ours[0], theirs[0], atol=1e-12, rtol=1e-10)
    for mine, reference in zip(ours[1], theirs[1], strict=True):
        torch.testing.assert_close(dense(mine), dense(reference), atol=1e-11, rtol=1e-9)


def test_threads_of_the_walk_leave_the_number_of_threads_alone():
    before = torch.get_num_threads()
    both_ways([3] * 64, threads=2)
    assert torch.get_num_threads() == before


def test_two_forward_passes_before_a_backward_one_do_not_disturb_each_other():
    gru, routed, parameters = layers()
    packing = Packing.of(np.array([4, 2, 3]))
    values = [torch.randn(9, 5, dtype=torch.float64) for _ in range(2)]

    def sums(x):
        return routed_gru(x, packing, tuple(gru.parameters()), routed.table)

    alone = [torch.autograd.grad(sums(x).sum(), parameters) for x in values]
    first, second = sums(values[0]), sums(values[1])
    with torch.no_grad():
        sums(values[1])
    for output, expected in ((second, alone[1]), (first, alone[0])):
        for mine, reference in zip(
            torch.autograd.grad(output.sum(), parameters), expected, strict=True
        ):
            assert torch.equal(dense(mine), dense(reference))


def test_a_second_backward_pass_is_refused():
    gru, routed, parameters = layers()
    packing = Packing.of(np.array([4, 2]))
    values = torch.randn(6, 5, dtype=torch.float64)
    output = routed_gru(values, packing, tuple(gru.parameters()), routed.table).sum()
    torch.autograd.grad(output, parameters, retain_graph=True)
    with pytest.raises(RuntimeError, match="second backward pass"):
        torch.autograd.grad(output, parameters)


def test_packing_holds_every_position_once_and_deals_fair_shares():
    lengths = np.random.default_rng(1).integers(1, 50, 150)
    packing = Packing.of(lengths, 3)
    seen = set(zip(packing.sequence.tolist(), packing.position.tolist(), strict=True))
    assert seen == {(s, p) for s, n in enumerate(lengths) for p in range(n)}
    assert len(seen) == len(packing.sequence) == lengths.sum()
    costs = [share.rows.stop - share.rows.start for share in packing.shares]
    assert len(costs) == 3 and max(costs) < 1.1 * min(costs)
    assert len(Packing.of(lengths[:20], 3).shares) == 1


def test_cost_follows_the_length_of_the_videos_not_the_table():
    packing = Packing.of(np.array([30, 12]))
    assert len(packing.sequence) == 42 and packing.longest == 30
    model = MaskedRNN(MaskedRNNConfig(hidden=8, dense=4))
    model(torch.randn(2, 480, 26), torch.tensor([30, 12])).sum().backward()
    assert model.routed.table.grad.coalesce().values().shape == (30, 8, 4)


@pytest.mark.parametrize("changes", [{"cell": "lstm"}, {"layers": 2}])
def test_other_layers_take_torch_way_and_are_routed_all_the_same(changes):
    torch.manual_seed(0)
    model = MaskedRNN(MaskedRNNConfig(positions=24, hidden=8, dense=4, **changes))
    affect, lengths = torch.randn(3, 10, 26), torch.tensor([10, 4, 7])
    padded = torch.cat([affect, torch.full((3, 14, 26), torch.nan)], dim=1)
    assert not model.walks(torch.device("cpu"))
    model.eval()
    assert torch.equal(model(affect, lengths), model(padded, lengths))
    model(affect, lengths).sum().backward()
    assert model.routed.table.grad.coalesce().indices().max() == 9


def test_without_mask_and_routing_the_padding_counts():
    torch.manual_seed(0)
    config = MaskedRNNConfig(positions=24, hidden=8, dense=4, routed=False)
    model = MaskedRNN(config).eval()
    affect, lengths = torch.randn(3, 10, 26), torch.tensor([10, 4, 7])
    dirty = torch.cat([affect, torch.full((3, 3, 26), torch.nan)], dim=1)
    with torch.no_grad():
        scores = model(affect, lengths)
        torch.testing.assert_close(scores, model.scores(affect, lengths), atol=1e-6, rtol=0)
        assert torch.equal(scores, model(dirty, lengths))
        model.routed.table[10:] += 1.0  # weights that only padding reaches
        assert not torch.equal(scores, model(affect, lengths))
    model(affect, lengths).sum().backward()
    assert model.routed.table.grad.coalesce().indices().max() == 23


@pytest.mark.parametrize(
    ("parts", "columns"),
    [(("va",), range(2)), (("au", "va"), [0, 1, *range(9, 26)]), (("expr",), range(2, 9))],
)
def test_a_part_of_the_representation_is_all_that_is_read(parts, columns):
    torch.manual_seed(0)
    config = MaskedRNNConfig(positions=24, hidden=8, dense=4, representation=parts)
    model = MaskedRNN(config).eval()
    affect, lengths = torch.randn(2, 9, 26), torch.tensor([9, 5])
    changed = torch.randn(2, 9, 26)
    changed[..., list(columns)] = affect[..., list(columns)]
    with torch.no_grad():
        assert torch.equal(model(affect, lengths), model(changed, lengths))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "rnn"}, "'gru' or 'lstm', not 'rnn'"),
        ({"representation": ("aus",)}, r"names some of \['va', 'expr', 'au'\]"),
        ({"representation": ()}, "names some of"),
        ({"layers": 0}, "1 or more"),
    ],
)
def test_settings_that_make_no_network_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        MaskedRNNConfig(**changes)
