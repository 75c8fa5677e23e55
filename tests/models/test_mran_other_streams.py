"""A network begins as one that reads other streams."""

import pytest
import torch

from mien.errors import ModelError
from mien.models.mran import MRAN, MRANConfig
from mien.models.mran.other_streams import (
    start_from_other_streams,
    streams_of,
    with_units_as_in,
)

SIZES = {
    "clip_frames": 3,
    "color_hidden": (6, 5),
    "recognition": (8, 7),
    "recurrence": "concatenated",
    "guide_hidden": (3, 4),
    "head": 4,
    "units": True,
    "contrast": True,
}
ALL = ("color", "depth", "thermal")


def network(modalities, seed, **changes):
    torch.manual_seed(seed)
    settings = {**SIZES, "modalities": modalities, "volumes": "all", **changes}
    return MRAN(MRANConfig(**settings)).eval()


def streams():
    torch.manual_seed(9)
    channels = {"color": 3, "depth": 1, "thermal": 1}
    return {n: torch.rand(2, 3, c, 112, 112) * 2 - 1 for n, c in channels.items()}


def without_units(state):
    return {name: value for name, value in state.items() if ".units." not in name}


GROWN = [
    *(("concatenated", known) for known in [("depth",), ("color",), ("color", "thermal"), ALL]),
    *(("guided", known) for known in [("color",), ("color", "thermal"), ("color", "depth"), ALL]),
]


@pytest.mark.parametrize(("recurrence", "known"), GROWN)
@pytest.mark.parametrize("contrast", [False, True])
@pytest.mark.parametrize("convolutions", ["time", "space-time"])
def test_a_grown_network_begins_by_saying_the_same(recurrence, known, contrast, convolutions):
    more = {"recurrence": recurrence, "contrast": contrast, "convolutions": convolutions}
    old, new = network(known, 1, **more), network(ALL, 2, **more)
    start_from_other_streams(new, old.state_dict())
    present = torch.ones(2, 3, 3)
    present[0, 1, 2] = present[1, 2, 2] = 0
    with torch.no_grad():
        expected, found = old(streams(), present), new(streams(), present)
    for own, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(own, theirs, atol=1e-6, rtol=1e-5)
    others = streams()
    for name in {*ALL} - {*known}:
        others[name] = -others[name]
    with torch.no_grad():
        torch.testing.assert_close(new(others, present).affect, found.affect)


FEWER = [
    *(("concatenated", kept) for kept in [("color",), ("depth",), ("thermal",)]),
    ("concatenated", ("color", "thermal")),
    *(("guided", kept) for kept in [("color",), ("color", "depth"), ("color", "thermal")]),
]


@pytest.mark.parametrize(("recurrence", "kept"), FEWER)
@pytest.mark.parametrize("old_volumes", ["all", "lead"])
def test_a_network_of_fewer_streams_says_what_the_whole_one_says_without_the_others(
    recurrence, kept, old_volumes
):
    whole = network(ALL, 1, volumes=old_volumes, recurrence=recurrence)
    narrow = network(kept, 2, recurrence=recurrence)
    start_from_other_streams(narrow, whole.state_dict())
    present = torch.ones(2, 3, 3)
    present[0, 1, 2] = present[1, 2, 0] = 0
    without = present.clone()
    for index, name in enumerate(ALL):
        if name not in kept:
            without[:, :, index] = 0
    with torch.no_grad():
        expected, found = whole(streams(), without), narrow(streams(), present)
    for own, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(own, theirs, atol=1e-6, rtol=1e-5)


def test_streams_are_exchanged():
    old, new = network(("color", "depth"), 1), network(("depth", "thermal"), 2)
    before = new.encoders["thermal"].state_dict()
    start_from_other_streams(new, old.state_dict())
    present = torch.ones(2, 3, 3)
    only = present.clone()
    only[:, :, 0] = 0
    with torch.no_grad():
        torch.testing.assert_close(new(streams(), present).affect, old(streams(), only).affect)
    assert all(torch.equal(v, new.encoders["thermal"].state_dict()[n]) for n, v in before.items())


def test_the_layer_for_action_units_is_its_own_business():
    with_units, without = network(ALL, 1), network(ALL, 2, units=False)
    dropped = with_units_as_in(without, with_units.state_dict())
    without.load_state_dict(dropped)
    fresh = with_units.recognition.units.weight.clone()
    with_units.load_state_dict(
        with_units_as_in(with_units, network(ALL, 3, units=False).state_dict())
    )
    assert torch.equal(with_units.recognition.units.weight, fresh)
    state = network(ALL, 3).state_dict()
    assert with_units_as_in(with_units, state).keys() == state.keys()
    assert all(value is state[name] for name, value in with_units_as_in(with_units, state).items())


def test_what_is_added_can_be_learned():
    new = network(ALL, 2)
    before = new.encoders["color"].state_dict()
    start_from_other_streams(new, network(("depth",), 1).state_dict())
    for name, value in before.items():
        assert torch.equal(value, new.encoders["color"].state_dict()[name]), name
    new.train()(streams(), torch.ones(2, 3, 3)).affect.sum().backward()
    grown = new.recognition.first[0].weight.grad[:, : 2 * 8]  # color's features and contrast
    assert (grown != 0).float().mean() > 0.5


def test_what_does_not_fit_is_refused():
    depth = network(("depth",), 1).state_dict()
    assert streams_of(depth) == ("depth",)
    with pytest.raises(ModelError, match="reads depth, this one color: they have no modality in"):
        start_from_other_streams(network(("color",), 2), depth)
    with pytest.raises(ModelError, match=r"all features are read: set model\.volumes=all"):
        start_from_other_streams(network(ALL, 2, volumes="lead"), depth)
    with pytest.raises(ModelError, match=r"led by depth, .* set model\.recurrence=concatenated"):
        start_from_other_streams(network(ALL, 2, recurrence="guided"), depth)
    more = "differs in more than its modalities: "
    with pytest.raises(ModelError, match=more + r"recognition\.hidden"):
        start_from_other_streams(network(ALL, 2, head=3), depth)
    with pytest.raises(
        ModelError, match=r"has 4 weights that this one has not, the first is attention\."
    ):
        start_from_other_streams(
            network(ALL, 2, units=False, attention=False), without_units(depth)
        )
    with pytest.raises(ModelError, match=more + r"recognition\.units"):
        start_from_other_streams(network(ALL, 2), without_units(depth))
    guided = network(("color", "depth"), 1, recurrence="guided")
    with pytest.raises(ModelError, match=more + "attention"):
        start_from_other_streams(network(("color",), 2), guided.state_dict())
    with pytest.raises(ValueError, match="volumes is 'lead' or 'all', not 'some'"):
        network(ALL, 2, volumes="some")
