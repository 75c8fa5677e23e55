from dataclasses import replace

import pytest
import torch

from mien.training.mran import augment as stream_augment
from mien.training.mran.augment import StreamAugmentConfig, augment_clips, drop_streams

ALL = ("color", "depth", "thermal")
STILL = StreamAugmentConfig(
    rotation_deg=0, shift_px=0, log_scale=0, log_gamma=0, log_exposure=0, slope=0, flicker=0,
    noise=0, depth_noise_mm=0, thermal_noise_c=0,
)  # fmt: skip


@pytest.fixture
def still(monkeypatch, unmirrored):
    """Nothing is left that has no setting of its own."""
    for name in ("_CAST", "_DEPTH_OFFSET_MM", "_THERMAL_OFFSET_C", "_THERMAL_DRIFT_C"):
        monkeypatch.setattr(stream_augment, name, 0.0)


def clips(side=112, count=3, time=4):
    generator = torch.Generator().manual_seed(0)
    sizes = {"color": 3, "depth": 1, "thermal": 1}
    return {
        name: torch.rand(count, time, c, side, side, generator=generator) * 1.6 - 0.8
        for name, c in sizes.items()
    }


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.usefixtures("still")
def test_without_strengths_nothing_changes():
    given = clips()
    for name, clip in augment_clips(given, STILL, generator()).items():
        torch.testing.assert_close(clip, given[name], atol=1e-4, rtol=0)


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("side", [112, 32])
def test_all_streams_and_frames_of_a_clip_move_alike(side):
    picture = clips(side)["color"][:, :1, :1]
    given = {n: picture.expand(-1, 4, 3 if n == "color" else 1, -1, -1).clone() for n in ALL}
    moving = replace(STILL, rotation_deg=6, shift_px=3, log_scale=0.06)
    moved = augment_clips(given, moving, generator())
    for clip in moved.values():
        expected = moved["depth"][:, :1].expand_as(clip)
        torch.testing.assert_close(clip, expected, atol=1e-5, rtol=0)
    assert (moved["depth"] - given["depth"]).abs().mean() > 0.05


def test_values_stay_in_range_and_the_same_draw_gives_the_same_clip():
    given = clips()
    before = {name: clip.clone() for name, clip in given.items()}
    first = augment_clips(given, StreamAugmentConfig(), generator(1))
    again = augment_clips(given, StreamAugmentConfig(), generator(1))
    for name, clip in first.items():
        assert clip.abs().max() <= 1 and clip.shape == given[name].shape
        assert torch.equal(clip, again[name]) and torch.equal(given[name], before[name])


@pytest.mark.usefixtures("still")
def test_light_is_colors_own():
    relit = replace(STILL, log_gamma=0.5, log_exposure=0.5, slope=0.5, flicker=0.3)
    given = clips()
    out = augment_clips(given, relit, generator())
    assert (out["color"] - given["color"]).abs().mean() > 0.05
    torch.testing.assert_close(out["depth"], given["depth"], atol=1e-4, rtol=0)
    torch.testing.assert_close(out["thermal"], given["thermal"], atol=1e-4, rtol=0)


def test_whole_streams_are_dropped_but_never_all_of_a_clip(monkeypatch):
    monkeypatch.setattr(stream_augment, "_TIME_MASK", 0.0)
    config = StreamAugmentConfig(stream_dropout=0.6)
    left = drop_streams(torch.ones(2000, 4, 3), ALL, config, generator())
    assert ((left == left[:, :1]).all(1)).all()  # whole streams
    streams = left[:, 0].sum(1)
    assert streams.min() >= 1 and (streams == 1).any() and (streams == 3).any()
    assert (left[:, 0, 0] == 0).any()  # color too
    only = torch.zeros(50, 4, 3)
    only[:, :, 0] = 1
    assert torch.equal(drop_streams(only, ALL, config, generator()), only)


def test_what_the_network_does_not_read_counts_as_missing():
    config = StreamAugmentConfig(stream_dropout=0.6)
    left = drop_streams(torch.ones(200, 4, 3), ("color",), config, generator())
    assert (left[:, :, 0] == 1).all() and not left[:, :, 1:].any()


def test_time_masks_take_runs_and_leave_every_frame_something(monkeypatch):
    monkeypatch.setattr(stream_augment, "_TIME_MASK", 1.0)
    config = StreamAugmentConfig(stream_dropout=0.0)
    left = drop_streams(torch.ones(300, 16, 3), ALL, config, generator())
    gone = 1 - left
    assert 0 < gone.sum(1).max() <= 5 and (left.sum(2) >= 1).all()
    starts = (gone[:, 1:] > gone[:, :-1]).sum(1) + (gone[:, 0] > 0)
    assert starts.max() <= 2  # a run, or one that another stream's run interrupts
    absent = torch.zeros(5, 16, 3)
    absent[:, :10] = 1
    assert not drop_streams(absent, ALL, config, generator())[:, 10:].any()


def test_impossible_strengths_are_refused():
    with pytest.raises(ValueError, match="strides are 1 or more"):
        StreamAugmentConfig(strides=())
    with pytest.raises(ValueError, match=r"rates lie in 0 to 1.*stream_dropout 1"):
        StreamAugmentConfig(stream_dropout=1.0)
