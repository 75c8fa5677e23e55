"""MRAN's encoders that are the first stages of the MMA extractor."""

import pytest
import torch

from mien.errors import ModelError
from mien.models.blocks.relief import Relief
from mien.models.blocks.resample import resample_square
from mien.models.mma import build_mma
from mien.models.mran import MRAN, MRANConfig
from mien.models.mran.encoders import ExtractorEncoder, standardized
from mien.models.mran.network import MAP_PX


def extractor_config(**changes):
    sizes = {"color_hidden": (4, 4), "guide_hidden": (4, 4), "recognition": (4, 4)}
    return MRANConfig(clip_frames=2, **sizes, **changes)


@torch.no_grad()
def test_started_from_an_extractor_it_sees_what_the_extractor_sees():
    torch.manual_seed(1)
    extractor = build_mma("compact").eval()
    encoder = ExtractorEncoder(3, 8).eval()
    encoder.start_from(dict(extractor.state_dict()))
    faces = torch.rand(2, 3, 112, 112) * 2 - 1
    volume = encoder(faces[:, None], torch.ones(2, 1)).volume[0]
    x = resample_square((faces * extractor.luma).sum(1, keepdim=True), extractor.shrink)
    expected = extractor.stages[:5](extractor.stem(standardized(x)))
    assert volume.shape == (2, 64, 12, 12)
    torch.testing.assert_close(volume, expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_in_bfloat16_a_dark_frame_keeps_its_contrast():
    torch.manual_seed(4)
    encoder = ExtractorEncoder(3, 8).eval()
    frames = (-0.96 + 0.015 * torch.randn(4, 1, 3, 112, 112)).clamp(-1, 1)
    plain = encoder(frames, torch.ones(4, 1))
    prepared = encoder._prepare(frames[:, 0])
    encoder.in_bfloat16 = True
    half = encoder(frames, torch.ones(4, 1))
    assert encoder._prepare(frames[:, 0]).dtype == torch.float32
    assert torch.equal(encoder._prepare(frames[:, 0]), prepared)
    assert half.volume.dtype == torch.float32 and not torch.equal(half.volume, plain.volume)
    error = (half.volume - plain.volume).square().mean().sqrt()
    assert error < 0.02 * plain.volume.square().mean().sqrt()


@torch.no_grad()
def test_maps_have_the_side_that_the_configuration_says():
    config = extractor_config()
    streams = {"color": torch.rand(1, 2, 3, 112, 112), "depth": torch.rand(1, 2, 1, 112, 112)}
    streams["thermal"] = torch.rand(1, 2, 1, 112, 112)
    output = MRAN(config).eval()(streams, torch.ones(1, 2, 3))
    assert MAP_PX == 12 and output.attention.shape == (1, 2, 1, 12, 12)
    assert output.affect.shape == (1, 2, 2)


@torch.no_grad()
def test_depth_is_shaded_before_the_encoder_and_nothing_else_is():
    torch.manual_seed(6)
    model = MRAN(extractor_config()).eval()
    assert [name for name, part in model.encoders.items() if part.relief is not None] == ["depth"]
    frames = torch.rand(3, 1, 112, 112) * 2 - 1
    prepared = model.encoders["depth"]._prepare(frames)
    torch.testing.assert_close(prepared, standardized(Relief(112, 96)(frames)))
    streams = {"color": torch.rand(1, 2, 3, 112, 112), "thermal": torch.rand(1, 2, 1, 112, 112)}
    near, far = (torch.full((1, 2, 1, 112, 112), value) for value in (-0.5, 0.5))
    said = [model({**streams, "depth": depth}, torch.ones(1, 2, 3)).affect for depth in (near, far)]
    torch.testing.assert_close(*said, atol=1e-5, rtol=0)  # a wall is a wall, near or far


def test_only_weights_that_fit_are_taken():
    weights = dict(build_mma("compact", widths=(16, 32, 64, 128)).state_dict())
    model = MRAN(extractor_config(modalities=("color",)))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ModelError, match="weights of the encoders are not there"):
        model.start_encoders(weights)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_encoders_of_another_mran_are_taken_for_the_streams_that_are_there():
    torch.manual_seed(2)
    given = MRAN(extractor_config())
    model = MRAN(extractor_config(modalities=("color", "thermal"), recurrence="concatenated"))
    decoder = model.decoders["color"].upper.cell.from_input.weight.clone()
    model.start_encoders(dict(given.state_dict()))
    for name in ("color", "thermal"):
        pairs = zip(
            model.encoders[name].state_dict().items(),
            given.encoders[name].state_dict().values(),
            strict=True,
        )
        assert all(torch.equal(mine, theirs) for (_, mine), theirs in pairs), name
    assert torch.equal(decoder, model.decoders["color"].upper.cell.from_input.weight)
    with pytest.raises(ModelError, match=r"not there .* the first is encoders\.depth"):
        given.start_encoders(dict(model.state_dict()))


def test_networks_of_one_stream_each_make_the_encoders_of_one_of_all():
    torch.manual_seed(8)
    extractor = build_mma("compact", stem="wide")
    single = {name: MRAN(extractor_config(modalities=(name,))) for name in ("color", "depth")}
    joined = MRAN(extractor_config())
    joined.start_encoders(
        dict(extractor.state_dict()), *(dict(one.state_dict()) for one in single.values())
    )
    for name, one in single.items():
        for key, value in one.encoders[name].state_dict().items():
            assert torch.equal(joined.encoders[name].state_dict()[key], value), (name, key)
    stem = joined.encoders["thermal"].stem.state_dict()
    assert all(torch.equal(stem[n], value) for n, value in extractor.stem.state_dict().items())


@torch.no_grad()
def test_encoders_start_from_an_extractor_of_either_stem():
    torch.manual_seed(3)
    half, wide = (build_mma("compact", stem=stem).eval() for stem in ("half", "wide"))
    faces = torch.rand(2, 3, 112, 112) * 2 - 1
    for extractor in (half, wide):
        encoder = ExtractorEncoder(3, 8).eval()
        encoder.start_from(dict(extractor.state_dict()))
        volume = encoder(faces[:, None], torch.ones(2, 1)).volume[0]
        x = resample_square((faces * extractor.luma).sum(1, keepdim=True), extractor.shrink)
        expected = extractor.stages[:5](extractor.stem(standardized(x)))
        torch.testing.assert_close(volume, expected, atol=1e-5, rtol=1e-4)


def test_an_extractor_of_other_depths_is_refused():
    for first, second in ((2, 4), (1, 3), (2, 2), (1, 4)):
        other = build_mma("compact", depths=(first, second, 3, 1))
        with pytest.raises(ModelError, match=rf"first depths are \[{first}, {second}\], the enc"):
            MRAN(extractor_config()).start_encoders(dict(other.state_dict()))
