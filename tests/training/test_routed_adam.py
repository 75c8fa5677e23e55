import pytest
import torch

from mien.training.optimizers.routed_adam import RoutedAdam


def sparse(rows, values, size):
    return torch.sparse_coo_tensor(
        torch.tensor([rows]), values, (size, *values.shape[1:]), check_invariants=True
    )


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_dense_gradients_give_what_torch_adam_gives(weight_decay):
    torch.manual_seed(0)
    ours = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    first = RoutedAdam([ours], lr=0.02, weight_decay=weight_decay)
    second = torch.optim.Adam([theirs], lr=0.02, weight_decay=weight_decay)
    for _ in range(20):
        ours.grad = torch.randn(5, 3, dtype=torch.float64)
        theirs.grad = ours.grad.clone()
        first.step()
        second.step()
    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [0, 1, 2], [1, 4]])
def test_each_row_is_an_adam_of_its_own(rows):
    """A row's path depends on the steps it took part in, and on nothing else."""
    torch.manual_seed(0)
    table = torch.randn(5, 3, 2, dtype=torch.float64, requires_grad=True)
    alone = {r: table.detach()[r].clone().requires_grad_() for r in range(5)}
    adams = {r: torch.optim.Adam([alone[r]], lr=0.02, weight_decay=0.1) for r in range(5)}
    optimizer = RoutedAdam([table], lr=0.02, weight_decay=0.1)
    for step in range(12):
        active = rows if step % 3 else [0, 1, 2, 3, 4]
        values = torch.randn(len(active), 3, 2, dtype=torch.float64)
        table.grad = sparse(active, values, 5)
        optimizer.step()
        for i, r in enumerate(active):
            alone[r].grad = values[i].clone()
            adams[r].step()
    for r in range(5):
        torch.testing.assert_close(table.detach()[r], alone[r].detach(), atol=1e-12, rtol=0)


def test_an_empty_sparse_gradient_changes_nothing():
    table = torch.randn(4, 2, requires_grad=True)
    before = table.detach().clone()
    optimizer = RoutedAdam([table], weight_decay=0.1)
    table.grad = torch.sparse_coo_tensor(
        torch.zeros(1, 0, dtype=torch.long), torch.zeros(0, 2), (4, 2), check_invariants=True
    )
    optimizer.step()
    assert torch.equal(table, before)


def test_out_of_range_settings_are_refused():
    with pytest.raises(ValueError, match="out of range"):
        RoutedAdam([torch.zeros(1, requires_grad=True)], betas=(1.0, 0.9))
