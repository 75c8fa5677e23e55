import numpy as np
import pytest
import torch

from mien.evaluation.metrics import concordance
from mien.training.losses import trace_loss


@pytest.fixture
def traces():
    rng = np.random.default_rng(0)
    target = rng.normal(size=(3, 5, 2))
    target[1, 2:, 1] = np.nan
    prediction = torch.tensor(rng.normal(size=(3, 5, 2)), requires_grad=True)
    return prediction, torch.tensor(target)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_it_is_the_mixture_over_annotated_frames(traces, share):
    prediction, target = traces
    x, y = prediction.detach().numpy().reshape(-1, 2), target.numpy().reshape(-1, 2)
    known = np.isfinite(y)
    squares = ((x - y)[known] ** 2).mean()
    rho = [concordance(x[known[:, k], k], y[known[:, k], k]) for k in range(2)]
    wanted = (1 - share) * squares + share * (1 - np.mean(rho))
    loss = trace_loss(prediction, target, share)
    assert loss.item() == pytest.approx(wanted, rel=1e-9)
    loss.backward()
    gradient = prediction.grad.numpy().reshape(-1, 2)
    assert np.isfinite(gradient).all() and not gradient[~known].any()


def test_without_annotation_it_is_zero_with_zero_gradient(traces):
    prediction, target = traces
    loss = trace_loss(prediction, torch.full_like(target, torch.nan), 0.5)
    loss.backward()
    assert loss.item() == 0 and not prediction.grad.any()


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("annotated", [0, 1])
def test_an_unannotated_dimension_keeps_the_other_from_nothing(traces, share, annotated):
    prediction, target = traces
    target[..., 1] = torch.nan
    target[0, :annotated, 1] = 0.4  # one frame has no correlation either
    x, y = prediction.detach().numpy().reshape(-1, 2), target.numpy().reshape(-1, 2)
    known = np.isfinite(y)
    squares = ((x - y)[known] ** 2).mean()
    wanted = (1 - share) * squares + share * (1 - concordance(x[:, 0], y[:, 0]))
    loss = trace_loss(prediction, target, share)
    loss.backward()
    assert loss.item() == pytest.approx(wanted, rel=1e-9)
    assert prediction.grad[..., 0].all() and torch.isfinite(prediction.grad).all()
