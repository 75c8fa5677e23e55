import re

import pytest
import torch

from mien.errors import ModelError
from mien.models.mma import build_mma
from mien.training.growth import grow

SHAPE = {"widths": (8, 16), "stem_width": 8, "inner_px": 48}


def shallow(depths=(1, 2)):
    torch.manual_seed(0)
    model = build_mma("compact", depths=depths, **SHAPE)
    model.train()
    for _ in range(3):  # statistics of its own, weights away from their start
        loss = model(torch.rand(8, 3, 48, 48) * 2 - 1).affect().square().sum()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.05 * parameter.grad.sign()
        model.zero_grad()
    return model.eval()


@pytest.mark.parametrize("depths", [(1, 2), (3, 2), (1, 4), (2, 3)])
def test_a_grown_network_begins_by_saying_the_same(depths):
    old, new = shallow(), build_mma("compact", depths=depths, **SHAPE)
    grow(new, old.state_dict())
    faces = torch.rand(4, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(new.eval()(faces).affect(), old(faces).affect())


@pytest.mark.parametrize("side", [48, 112])
def test_a_stem_that_sees_single_pixels_begins_by_saying_the_same(side):
    old, new = shallow(), build_mma("compact", depths=(1, 2), stem="wide", **SHAPE)
    grow(new, old.state_dict())
    faces = torch.rand(4, 3, side, side) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(new.eval()(faces).affect(), old(faces).affect())
        new.stem[0].weight[:, :, ::2] += 0.1  # which the other cannot express
        new.stem[0].weight[:, :, 1::2] -= 0.1
        assert (new(faces).affect() - old(faces).affect()).abs().max() > 1e-3
    again = build_mma("compact", depths=(1, 2), stem="wide", **SHAPE)
    grow(again, new.state_dict())
    assert torch.equal(again.stem[0].weight, new.stem[0].weight)


@pytest.mark.parametrize(("depths", "apart"), [((1, 2), 1), ((2, 3), 1), ((1, 3), 1)])
def test_stages_apart_begin_as_those_they_are_a_second_set_of(depths, apart):
    old, new = shallow(), build_mma("compact", depths=depths, apart=apart, **SHAPE).eval()
    grow(new, old.state_dict())
    faces = torch.rand(4, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        expected = old(faces).affect()
        torch.testing.assert_close(new(faces).affect(), expected)
        for block in new.apart:
            block.first[0].weight.mul_(-1)
        changed = new(faces).affect()
    torch.testing.assert_close(changed[:, 2:9], expected[:, 2:9])
    assert (changed - expected)[:, :2].abs().max() > 1e-4
    again = build_mma("compact", depths=depths, apart=apart, **SHAPE).eval()
    grow(again, new.state_dict())
    assert torch.equal(again(faces).affect(), new(faces).affect())
    with pytest.raises(ModelError, match=r"differs in more than depth: \['apart"):
        grow(build_mma("compact", depths=depths, **SHAPE), new.state_dict())


def test_heads_begin_by_not_reading_a_fine_network():
    fine = (4, 8, 8, 16)
    old, new = shallow(), build_mma("compact", depths=(2, 2), fine=fine, **SHAPE).eval()
    grow(new, old.state_dict())
    faces = torch.rand(4, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        expected = old(faces).affect()
        torch.testing.assert_close(new(faces).affect(), expected)
        new.action_units.weight.add_(0.1)
        assert (new(faces).affect() - expected).abs().max() > 1e-3
    again = build_mma("compact", depths=(2, 2), fine=fine, **SHAPE).eval()
    grow(again, new.state_dict())
    assert torch.equal(again(faces).affect(), new(faces).affect())
    with pytest.raises(ModelError, match=r"differs in more than depth: \['fine"):
        grow(build_mma("compact", depths=(2, 2), **SHAPE), new.state_dict())


def test_added_blocks_learn():
    new = build_mma("compact", depths=(2, 2), **SHAPE)
    grow(new, shallow().state_dict())
    new.train()
    new(torch.rand(8, 3, 48, 48) * 2 - 1).affect().square().sum().backward()
    assert new.stages[1].second[1].weight.grad.abs().max() > 0


def test_what_cannot_be_grown_is_refused():
    state = shallow().state_dict()
    with pytest.raises(ModelError, match=re.escape("trained (1, 2), wanted (1, 1)")):
        grow(build_mma("compact", depths=(1, 1), **SHAPE), state)
    with pytest.raises(ModelError, match=re.escape("trained [8, 16], wanted [8, 24]")):
        grow(build_mma("compact", depths=(1, 2), **{**SHAPE, "widths": (8, 24)}), state)
    with pytest.raises(ModelError, match=r"differs in more than depth: .*stem\.1\.0\.weight"):
        grow(build_mma("compact", depths=(1, 2), **{**SHAPE, "stem_width": 4}), state)
    with pytest.raises(ModelError, match=r"differs in more than depth: \['other\.weight'\]"):
        grow(
            build_mma("compact", depths=(1, 2), **SHAPE), {**state, "other.weight": torch.zeros(1)}
        )
