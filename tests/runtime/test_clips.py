from itertools import pairwise

import numpy as np
import pytest

from mien.runtime.clips import OverlapAverage, clip_inputs, clip_starts, grid_frames


@pytest.mark.parametrize("frames", [1, 3, 15, 16, 17, 23, 24, 40, 41, 100])
@pytest.mark.parametrize("hop", [None, 1, 16])
def test_clips_hold_every_frame_and_none_beyond_the_end(frames, hop):
    starts = clip_starts(frames, 16, hop)
    held = {start + k for start in starts for k in range(16) if start + k < frames}
    assert held == set(range(frames)) and starts[0] == 0
    assert frames <= 16 or starts[-1] + 16 == frames
    assert all(0 < b - a <= (hop or 8) for a, b in pairwise(starts))


def test_a_clip_of_one_frame_is_possible_and_no_frames_are_not():
    assert clip_starts(3, 1) == [0, 1, 2]
    with pytest.raises(ValueError, match="no clips of 16 frames, hop 8, in 0 frames"):
        clip_starts(0, 16)
    with pytest.raises(ValueError, match="hop 17"):
        clip_starts(40, 16, 17)


@pytest.mark.parametrize("frames", [5, 16, 37])
def test_the_average_over_clips_equals_sums_and_counts_over_the_whole_video(frames):
    rng = np.random.default_rng(0)
    average, given, sums, counts = OverlapAverage(), [], np.zeros((frames, 2)), np.zeros(frames)
    for start in clip_starts(frames, 16):
        said = rng.normal(size=(min(16, frames), 2))
        given.append(average.add(start, said))
        sums[start : start + 16] += said
        counts[start : start + 16] += 1
    given.append(average.finish())
    found = np.concatenate([part for part in given if len(part)])
    np.testing.assert_allclose(found, sums / counts[:, None], rtol=1e-12)


def test_clips_out_of_order_or_with_a_gap_are_refused():
    average = OverlapAverage()
    average.add(0, np.zeros((4, 2)))
    with pytest.raises(ValueError, match="a clip at frame 6 does not follow: expected 0 to 4"):
        average.add(6, np.zeros((4, 2)))
    average.add(2, np.zeros((4, 2)))
    with pytest.raises(ValueError, match="a clip at frame 1 does not follow"):
        average.add(1, np.zeros((4, 2)))


def test_frames_are_chosen_by_their_times():
    ntsc = np.arange(300) * 1001 / 30000
    assert grid_frames(ntsc, 30.0).tolist() == list(range(300))
    chosen = grid_frames(np.arange(100) / 50, 25.0)
    assert np.diff(chosen).tolist() == [2] * (len(chosen) - 1)
    slow = grid_frames(np.arange(10) / 12.5, 25.0)
    assert len(slow) == 19 and (np.diff(slow) >= 0).all() and set(slow) == set(range(10))
    irregular = np.cumsum(np.r_[0.0, np.random.default_rng(0).uniform(0.01, 0.09, 99)])
    chosen = grid_frames(irregular, 25.0)
    grid = irregular[0] + np.arange(len(chosen)) / 25
    nearest = np.abs(irregular[None] - grid[:, None]).min(1)
    np.testing.assert_allclose(np.abs(irregular[chosen] - grid), nearest, atol=1e-12)
    assert grid_frames(np.array([3.0]), 25.0).tolist() == [0]


def test_inputs_are_padded_and_missing_frames_are_zero():
    color = np.full((2, 8, 8, 3), 255, np.uint8)
    depth = np.full((2, 8, 8), 500, np.float32)
    present = np.array([[True, True, True], [True, False, True]])
    inputs = clip_inputs(color, depth, None, present, ("color", "depth", "thermal"), 4, 8)
    assert inputs.present.tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert {name: v.shape for name, v in inputs.streams.items()} == {
        "color": (4, 3, 8, 8),
        "depth": (4, 1, 8, 8),
        "thermal": (4, 1, 8, 8),
    }
    assert (inputs.streams["color"][:2] == 1).all() and not inputs.streams["color"][2:].any()
    assert not inputs.streams["depth"][1:].any() and not inputs.streams["thermal"].any()
    alone = clip_inputs(color, depth, None, present, ("color",), 4, 8)
    assert set(alone.streams) == {"color"} and not alone.present[:, 1:].any()
    with pytest.raises(ValueError, match="a clip holds 1 frames, got 2"):
        clip_inputs(color, None, None, present, ("color",), 1, 8)
