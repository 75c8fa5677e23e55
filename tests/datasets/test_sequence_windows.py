import numpy as np
import pytest

from mien.data.sequences import SequenceSet
from mien.data.windows import cut_windows, window_starts
from mien.pipeline.reaction_windows import ReactionWindows


def a_set(lengths):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = np.random.default_rng(0).random((offsets[-1], 26)).astype(np.float32)
    labels = np.arange(len(lengths), dtype=np.float32)[:, None]
    ids = tuple(f"v{i}" for i in range(len(lengths)))
    return SequenceSet(values, offsets, labels, ("x",), 30.0, ids, persons=ids)


@pytest.mark.parametrize("positions", [1, 2, 7, 8])
def test_windows_are_those_of_an_analysis(positions):
    """Whatever the length, training reads the windows that `mien analyze` will read."""
    for length in range(1, 40):
        seen = []

        def predict(window, seen=seen):
            seen.append(window)
            return window.mean(0)

        data = a_set([length])
        live = ReactionWindows(predict, positions, 30.0)
        for time, value in enumerate(data.values):
            live.push(time / 30, value)
        combined = live.finish()
        windows = cut_windows(data, positions)
        assert len(windows.data) == len(seen)
        for row, window in enumerate(seen):
            assert np.array_equal(windows.data.sequence(row), window)
        means = np.stack([w.mean(0) for w in seen])
        np.testing.assert_allclose(windows.combine(means, 1)[0], combined, atol=1e-6)


def test_every_window_knows_its_video():
    data = a_set([5, 20, 3])
    windows = cut_windows(data, 8)
    starts = window_starts(20, 8)
    assert windows.owner.tolist() == [0, *[1] * len(starts), 2]
    assert windows.data.labels[:, 0].tolist() == windows.owner.tolist()
    assert windows.data.ids[1] == windows.data.persons[1] == "v1"
    assert cut_windows(data, 20).data is data
