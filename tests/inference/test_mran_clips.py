"""Overlapping clips: every position is read, averages are those of a whole, memory is a clip's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.inference.mran_clips import ClipEstimate, ClipWindows, average_clips, clip_starts


def said_of(clip: list[float]) -> ClipEstimate:
    """Depends on the clip: a position's value plus the clip's first one."""
    values = np.array(clip, np.float32)
    affect = np.stack([values + values[0], -values], 1)
    return ClipEstimate(affect, np.broadcast_to(values[:, None, None], (len(clip), 2, 3)))


def reference(count: int, clip: int, hop: int | None) -> np.ndarray:
    sums, seen = np.zeros((count, 2)), np.zeros((count, 1))
    for start in clip_starts(count, clip, hop):
        part = np.arange(start, min(start + clip, count), dtype=float)
        sums[start : start + clip] += said_of(list(part)).affect
        seen[start : start + clip] += 1
    assert (seen > 0).all()
    return sums / seen


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 17), st.data())
def test_a_stream_says_what_the_whole_says(count: int, clip: int, data: st.DataObject) -> None:
    hop = data.draw(st.one_of(st.none(), st.integers(1, clip)))
    found = average_clips(said_of, [float(k) for k in range(count)], clip, hop)
    np.testing.assert_allclose(found.affect, reference(count, clip, hop), rtol=1e-6)
    np.testing.assert_allclose(found.attention[:, 0, 0], np.arange(count), rtol=1e-6)
    assert found.affect.dtype == found.attention.dtype == np.float32


def test_clips_are_read_at_once_and_memory_stays_that_of_one() -> None:
    lengths: list[int] = []

    def predict(clip: list[float]) -> ClipEstimate:
        lengths.append(len(clip))
        return said_of(clip)

    windows = ClipWindows(predict, 16)
    given_out = 0
    for k in range(1000):
        given_out += len(windows.push(float(k)))
        assert len(lengths) == max(0, (k + 1 - 16) // 8 + (k >= 15))
        assert k + 1 - given_out <= 16
        assert len(windows._positions) <= 16 and len(windows._sums) <= 16
    assert given_out == 984 and len(windows.finish()) == 16
    assert set(lengths) == {16}
    assert windows.finish() == []  # and again from the start
    assert windows.push(1.0) == [] and len(windows.finish()) == 1 and lengths[-1] == 1


def test_nothing_is_read_twice_where_clips_fit() -> None:
    for count, starts in ((16, [0]), (24, [0, 8]), (25, [0, 8, 9]), (5, [0])):
        seen: list[float] = []

        def predict(clip: list[float], seen: list[float] = seen) -> ClipEstimate:
            seen.append(clip[0])
            return said_of(clip)

        average_clips(predict, [float(k) for k in range(count)], 16)
        assert seen == starts == clip_starts(count, 16)


def test_arguments_that_are_wrong() -> None:
    with pytest.raises(ValueError, match="clip_frames must be 1 or more, not 0"):
        clip_starts(4, 0)
    with pytest.raises(ValueError, match=r"hop must lie in 1\.\.16, not 17"):
        ClipWindows(said_of, 16, 17)
    with pytest.raises(ValueError, match="count must be 0 or more"):
        clip_starts(-1, 4)
    with pytest.raises(ValueError, match="there is no position"):
        average_clips(said_of, [], 16)
    short = ClipEstimate(np.zeros((1, 2), np.float32), np.zeros((1, 2, 2), np.float32))
    with pytest.raises(ValueError, match="a clip of 2 positions gave 1 estimates and 1 maps"):
        average_clips(lambda _: short, [0.0, 1.0], 16)
