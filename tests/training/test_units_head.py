"""The head of action units, fitted anew: better on what it is fitted to."""

import torch
from torch import nn

from mien.losses import action_unit_loss, unit_correlation_loss
from mien.training.units_head import fit_units


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
