"""A network of several streams begins as one that reads some of them."""

import pytest
import torch

from mien.errors import ModelError
from mien.models.mran import MRAN, MRANConfig
from mien.models.mran.growth import grow_streams, streams_of

SIZES = {
    "clip_frames": 3,
    "size_px": 32,
    "color_widths": (4, 6, 8, 6),
    "guide_widths": (4, 4, 6, 4),
    "color_hidden": (6, 5),
    "recognition": (8, 7),
    "recurrence": "concatenated",
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
    return {n: torch.rand(2, 3, c, 32, 32) * 2 - 1 for n, c in channels.items()}


@pytest.mark.parametrize("known", [("depth",), ("color",), ("color", "thermal"), ALL])
@pytest.mark.parametrize("contrast", [False, True])
def test_a_grown_network_begins_by_saying_the_same(known, contrast):
    old = network(known, 1, contrast=contrast)
    new = network(ALL, 2, contrast=contrast)
    grow_streams(new, old.state_dict())
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


def test_what_is_added_can_be_learned():
    new = network(ALL, 2)
    before = new.encoders["color"].state_dict()
    grow_streams(new, network(("depth",), 1).state_dict())
    for name, value in before.items():
        assert torch.equal(value, new.encoders["color"].state_dict()[name]), name
    new.train()(streams(), torch.ones(2, 3, 3)).affect.sum().backward()
    grown = new.recognition.first[0].weight.grad[:, : 2 * 8]  # color's features and contrast
    assert (grown != 0).float().mean() > 0.5


def test_what_does_not_fit_is_refused():
    depth = network(("depth",), 1).state_dict()
    assert streams_of(depth) == ("depth",)
    with pytest.raises(ModelError, match="reads depth, this one color: growing only adds streams"):
        grow_streams(network(("color",), 2), depth)
    with pytest.raises(ModelError, match=r"set model\.recurrence=concatenated and model\.volumes"):
        grow_streams(network(ALL, 2, volumes="lead"), depth)
    with pytest.raises(ModelError, match=r"differs in more than its streams: recognition\.hidden"):
        grow_streams(network(ALL, 2, head=3), depth)
    with pytest.raises(ModelError, match="has 2 weights that this one has not"):
        grow_streams(network(ALL, 2, units=False), depth)
    with pytest.raises(ValueError, match="volumes is 'lead' or 'all', not 'some'"):
        network(ALL, 2, volumes="some")
