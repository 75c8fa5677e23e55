from dataclasses import replace

import pytest
import torch

from mien.models.mran import MRAN, RECURRENCES, MRANConfig
from mien.models.mran.recognition import EmotionRecognition

SMALL = MRANConfig(
    clip_frames=6,
    color_hidden=(6, 6),
    guide_hidden=(4, 4),
    recognition=(8, 8),
)
MODALITIES = [
    ("color",),
    ("color", "depth"),
    ("color", "thermal"),
    ("color", "depth", "thermal"),
    ("depth",),
    ("thermal",),
    ("depth", "thermal"),
]


def network(**changes):
    torch.manual_seed(0)
    model = MRAN(replace(SMALL, **changes))
    for module in model.modules():  # statistics as after training, so that nothing is trivial
        if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return model.eval()


def clips(count=2, time=6, seed=1):
    generator = torch.Generator().manual_seed(seed)
    sizes = {"color": 3, "depth": 1, "thermal": 1}
    return {
        name: torch.rand(count, time, channels, 112, 112, generator=generator) * 2 - 1
        for name, channels in sizes.items()
    }


@pytest.mark.parametrize("modalities", MODALITIES)
@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize("attention", [True, False])
@torch.no_grad()
def test_every_variant_answers_every_frame(modalities, recurrence, attention):
    model = network(modalities=modalities, recurrence=recurrence, attention=attention)
    affect, maps, units = model(clips(), torch.ones(2, 6, 3))
    assert units is None
    assert affect.shape == (2, 6, 2) and affect.abs().max() <= 1
    assert maps.shape == (2, 6, 1, 12, 12) and maps.min() >= 0
    torch.testing.assert_close(maps.sum((2, 3, 4)), torch.ones(2, 6))
    assert (maps.std() > 1e-5) == attention
    assert set(dict(model.named_children())) >= {"encoders", "decoders", "recognition"}
    assert set(model.encoders) == set(modalities)
    assert model.config.lead == modalities[0] and model.config.guides == modalities[1:]
    other = {name: -clip if name in modalities else clip for name, clip in clips().items()}
    assert not torch.equal(model(other, torch.ones(2, 6, 3)).affect, affect)


WAYS = [*((recurrence, False) for recurrence in RECURRENCES), ("concatenated", True)]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize(("recurrence", "contrast"), WAYS)
def test_values_of_a_missing_stream_never_matter(recurrence, contrast, mode):
    present = torch.ones(2, 6, 3)
    present[0, :, 1] = 0  # a whole stream
    present[1, 2:4, 0] = 0  # some frames
    streams = clips()
    spoiled = {name: clip.clone() for name, clip in streams.items()}
    spoiled["depth"][0] = float("nan")
    spoiled["color"][1, 2:4] = 1e6
    results = []
    for given in (streams, spoiled):
        model = network(recurrence=recurrence, contrast=contrast, dropout=0.0, units=True)
        model.train(mode == "train")
        output = model(given, present)
        output.affect.sum().backward()
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        assert all(torch.isfinite(g).all() for g in grads)
        results.append((output, model.state_dict()))
    for a, b in zip(results[0][0], results[1][0], strict=True):
        assert torch.equal(a, b)
    for name, value in results[0][1].items():  # running statistics count real frames only
        assert torch.equal(value, results[1][1][name]), name


@pytest.mark.parametrize("missing", [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]])
@torch.no_grad()
def test_it_answers_whatever_is_missing(missing):
    model = network()
    present = torch.ones(2, 6, 3)
    present[:, :, missing] = 0
    whole = model(clips(), torch.ones(2, 6, 3)).affect
    part = model(clips(), present).affect
    assert torch.isfinite(part).all() and not torch.allclose(part, whole)


@pytest.mark.parametrize(("recurrence", "contrast"), WAYS)
@torch.no_grad()
def test_an_absent_tail_never_changes_what_real_frames_say(recurrence, contrast):
    model = network(recurrence=recurrence, contrast=contrast)
    streams, present = clips(), torch.ones(2, 6, 3)
    present[:, 4:] = 0
    other = {name: clip.clone() for name, clip in streams.items()}
    for clip in other.values():
        clip[:, 4:] = -clip[:, 4:] + 7
    padded, again = model(streams, present), model(other, present)
    assert torch.equal(padded.affect, again.affect)
    short = model({name: clip[:, :4] for name, clip in streams.items()}, present[:, :4])
    torch.testing.assert_close(padded.affect[:, :4], short.affect, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(padded.attention[:, :4], short.attention, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_a_clip_says_the_same_alone_and_in_a_batch():
    model = network()
    streams, present = clips(4), torch.ones(4, 6, 3)
    present[2, :, 2] = 0
    before = {name: clip.clone() for name, clip in streams.items()}
    together = model(streams, present).affect
    for row in range(4):
        alone = model({k: v[row : row + 1] for k, v in streams.items()}, present[row : row + 1])
        torch.testing.assert_close(alone.affect[0], together[row], atol=1e-6, rtol=1e-5)
    assert all(torch.equal(before[name], clip) for name, clip in streams.items())


@torch.no_grad()
def test_framewise_no_frame_knows_another_and_guided_they_do():
    streams = clips(1)
    changed = {name: clip.clone() for name, clip in streams.items()}
    changed["depth"][0, 2] = 0
    for recurrence in ("framewise", "guided"):
        model = network(recurrence=recurrence)
        before, after = (model(given, torch.ones(1, 6, 3)).affect for given in (streams, changed))
        moved = (before != after).any(-1)[0]
        others = moved[[0, 1, 3, 4, 5]]
        assert moved[2] and bool(others.any()) == (recurrence == "guided")


def test_depth_and_thermal_steer_where_color_looks():
    model = network()
    streams = clips(1)
    streams["depth"].requires_grad_()
    streams["thermal"].requires_grad_()
    model(streams, torch.ones(1, 6, 3)).attention[0, 5, 0, 1, 2].backward()
    assert streams["depth"].grad.abs().sum() > 0 and streams["thermal"].grad.abs().sum() > 0


def with_map(model, change):
    """The same network with a `change` of the maps that its attention finds, of nothing else."""
    model.attention.register_forward_hook(lambda _, __, found: change(found))
    return model


@pytest.mark.parametrize("recurrence", RECURRENCES)
@torch.no_grad()
def test_where_the_network_looks_changes_what_it_says(recurrence):
    def answer(change=None):
        model = network(recurrence=recurrence)
        model.attention.score.weight.mul_(100)  # an untrained map has no peak
        return (with_map(model, change) if change else model)(clips(), present)

    present, uniform = torch.ones(2, 6, 3), torch.full((12, 12), 1 / 144)
    own, even = answer(), answer(lambda maps: uniform.expand_as(maps))
    turned = answer(lambda maps: maps.flip(-1))
    for other in (even, turned):
        assert (other.affect - own.affect).abs().amax() > 1e-4
    assert torch.equal(turned.attention, own.attention.flip(-1))
    without = network(recurrence=recurrence, attention=False)
    weights = network(recurrence=recurrence).state_dict()
    without.load_state_dict({k: v for k, v in weights.items() if not k.startswith("attention.")})
    torch.testing.assert_close(without(clips(), present).affect, even.affect)


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_the_attention_learns_and_so_does_what_it_reads(recurrence):
    """Through the map alone: the recognition's own way to the features is cut."""
    model = network(recurrence=recurrence)
    recognise = model.recognition.forward
    model.recognition.forward = lambda volume, maps, mask: recognise(volume.detach(), maps, mask)
    model(clips(), torch.ones(2, 6, 3)).affect.square().sum().backward()
    for part in (*model.attention.parameters(), *model.decoders.parameters()):
        assert part.grad is not None and torch.isfinite(part.grad).all()
    weights = [p for name, p in model.decoders.named_parameters() if name.endswith("weight")]
    assert all(p.grad.any() for p in (*weights, model.attention.read.weight))


@torch.no_grad()
def test_what_the_map_leaves_out_cannot_be_read():
    recognition = EmotionRecognition(8, (8, 8), 3, True, 0.0).eval()
    seen = []
    recognition.first.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    generator = torch.Generator().manual_seed(2)
    volume = torch.randn(6, 2, 8, 4, 4, generator=generator)
    one = torch.zeros(6, 2, 1, 4, 4)
    one[..., 1, 2] = 1
    said, _ = recognition(volume, one, torch.ones(6, 2))
    boosted = seen[0].permute(2, 0, 1, 3, 4)  # (T, B, C, h, w)
    wanted = torch.zeros_like(volume)
    wanted[..., 1, 2] = volume[..., 1, 2] * 4 * 4  # X * A, A rescaled by h w
    torch.testing.assert_close(boosted, wanted)
    other = torch.randn(volume.shape, generator=generator)
    other[..., 1, 2] = volume[..., 1, 2]
    assert torch.equal(recognition(other, one, torch.ones(6, 2))[0], said)


@pytest.mark.parametrize("volumes", ["lead", "all"])
@torch.no_grad()
def test_recognition_reads_features_of_the_streams_through_the_map_and_nothing_else(volumes):
    """The whole network: features change where the map is nothing, and it says the same."""
    model = network(recurrence="concatenated", volumes=volumes)
    left = torch.zeros(12, 12)
    left[:, :6] = 1 / 72
    with_map(model, lambda maps: left.expand_as(maps))
    said = model(clips(), torch.ones(2, 6, 3)).affect
    for encoder in model.encoders.values():

        def changed(_, __, found):
            found.volume[..., 6:] += 5
            found.bottom.add_(5)
            return found

        encoder.register_forward_hook(changed)
    assert torch.equal(model(clips(), torch.ones(2, 6, 3)).affect, said)


@torch.no_grad()
def test_exposure_of_color_hardly_matters():
    streams, present = clips(1), torch.ones(1, 6, 3)
    darker = {**streams, "color": streams["color"] * 0.6 - 0.3}
    other = {**streams, "color": -streams["color"]}
    model = network()
    plain = model(streams, present).affect
    assert (model(darker, present).affect - plain).abs().max() < 0.03 * plain.abs().max()
    read = [model.encoders["color"](s["color"], present[:, :, 0]) for s in (streams, darker, other)]
    for own, dark, turned in zip(*read, strict=True):  # volume, then what the decoder starts from
        moved, changed = ((part - own).norm() / own.norm() for part in (dark, turned))
        assert moved < 0.05 and changed > 0.3


@torch.no_grad()
def test_a_head_has_a_rectified_layer_between_face_and_affect():
    model = network(head=5)
    seen = []
    model.recognition.affect.register_forward_hook(
        lambda _, given, said: seen.append((given[0], said))
    )
    affect = model(clips(), torch.ones(2, 6, 3)).affect
    hidden, raw = seen[0]
    assert hidden.shape == (2, 6, 5) and hidden.min() == 0 and hidden.max() > 0
    torch.testing.assert_close(torch.tanh(raw), affect)
    assert not any(name.startswith("recognition.hidden") for name in network().state_dict())


def test_a_network_can_say_action_units_beside_what_it_said_without():
    plain, with_units = network(), network(units=True)
    fresh = with_units.recognition.units
    shared = {n: v for n, v in with_units.state_dict().items() if "recognition.units" not in n}
    assert plain.state_dict().keys() == shared.keys()
    plain.load_state_dict(shared)
    pooled = []
    with_units.recognition.affect.register_forward_hook(lambda _, inputs, __: pooled.append(inputs))
    with torch.no_grad():
        present = torch.ones(2, 6, 3)
        without, found = plain(clips(), present), with_units(clips(), present)
        assert torch.equal(without.affect, found.affect) and without.unit_logits is None
        assert found.unit_logits.shape == (2, 6, 17)
        assert torch.equal(found.unit_logits, fresh(pooled[0][0]))  # from the same features


@pytest.mark.parametrize("recurrence", ["guided", "concatenated"])
@torch.no_grad()
def test_with_contrast_a_later_frame_changes_an_earlier_one_only_if_it_is_there(recurrence):
    model = network(recurrence=recurrence, contrast=True)
    streams = clips(1)
    changed = {name: clip.clone() for name, clip in streams.items()}
    changed["depth"][:, 5] = 0
    for there in (True, False):
        present = torch.ones(1, 6, 3)
        present[:, 5, 1] = float(there)
        before, after = (model(given, present).affect[0, 0] for given in (streams, changed))
        assert torch.equal(before, after) != there


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"modalities": ()}, r"modalities are some of .*not \[\]"),
        ({"modalities": ("depth", "warmth")}, "modalities are some of"),
        ({"modalities": ("depth", "color")}, "in this order"),
        ({"recurrence": "plain"}, "recurrence is one of .*not 'plain'"),
        ({"recognition": (8,)}, r"recognition holds 2 positive numbers, not \[8\]"),
        ({"dropout": 1.0}, "dropout lies in 0 to 1"),
        ({"clip_frames": 0}, "clip_frames must be 1 or more"),
        ({"head": -1}, "head must be 0 or more, not -1"),
        (
            {"contrast": True, "recurrence": "framewise"},
            "contrast reads the whole clip: not with recurrence 'framewise'",
        ),
    ],
)
def test_impossible_networks_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        replace(SMALL, **change)


@pytest.mark.parametrize("training", [True, False])
def test_encoders_in_bfloat16_say_nearly_the_same_with_frames_missing_too(training):
    model = network().train(training)
    model.recognition.dropout.p = 0.0
    present = torch.ones(2, 6, 3)
    present[0, 2:4, 1] = 0
    present[1, 5] = 0
    with torch.no_grad():
        plain = model(clips(), present)
        model.encode_in_bfloat16(True)
        half = model(clips(), present)
    assert half.affect.dtype == half.attention.dtype == torch.float32
    assert not torch.equal(half.affect, plain.affect)
    torch.testing.assert_close(half.affect, plain.affect, atol=0.03, rtol=0.05)
