"""Overlapping clips: every position is read, averages are those of a whole, memory is bounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.runtime.clip_stream import ClipEstimate, ClipWindows
from mien.runtime.clips import clip_starts


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
    windows = ClipWindows(said_of, clip, hop)
    for _ in range(2):  # the second stream starts afresh
        found = [e for k in range(count) for e in windows.push(float(k))] + windows.finish()
        affect, attention = (np.stack(part) for part in zip(*found, strict=True))
        np.testing.assert_allclose(affect, reference(count, clip, hop), rtol=1e-6)
        np.testing.assert_allclose(attention[:, 1, 2], np.arange(count), rtol=1e-6)
        assert affect.dtype == attention.dtype == np.float32


def test_clips_are_read_at_once_and_memory_is_bounded() -> None:
    lengths: list[int] = []

    def predict(clip: list[float]) -> ClipEstimate:
        lengths.append(len(clip))
        return said_of(clip)

    windows = ClipWindows(predict, 16)
    given_out = 0
    for k in range(1000):
        given_out += len(windows.push(float(k)))
        assert len(lengths) == max(0, (k + 1 - 16) // 8 + (k >= 15))
        assert k + 1 - given_out < 24
        assert len(windows._positions) <= 16
    assert given_out + len(windows.finish()) == 1000
    assert set(lengths) == {16}
    assert windows.finish() == []
    assert windows.push(1.0) == [] and len(windows.finish()) == 1 and lengths[-1] == 1


def test_the_clips_are_those_of_evaluation() -> None:
    for count in (5, 16, 17, 24, 25, 31, 64):
        seen: list[float] = []

        def predict(clip: list[float], seen: list[float] = seen) -> ClipEstimate:
            seen.append(clip[0])
            return said_of(clip)

        windows = ClipWindows(predict, 16)
        for k in range(count):
            windows.push(float(k))
        windows.finish()
        assert seen == clip_starts(count, 16)


def test_arguments_that_are_wrong() -> None:
    for clip, hop in ((0, None), (16, 17), (16, 0)):
        with pytest.raises(ValueError, match=f"no clips of {clip} positions, hop"):
            ClipWindows(said_of, clip, hop)
    short = ClipEstimate(np.zeros((1, 2), np.float32), np.zeros((1, 2, 2), np.float32))
    windows = ClipWindows(lambda _: short, 2)
    windows.push(0.0)
    with pytest.raises(ValueError, match="a clip of 2 positions gave 1 estimates and 1 maps"):
        windows.push(1.0)
