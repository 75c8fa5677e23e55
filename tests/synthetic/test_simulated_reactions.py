import numpy as np
import pytest

from mien.data.simulated import simulate
from mien.labels import ACTION_UNIT_SLICE, ACTION_UNITS, AFFECT_COLUMNS, EXPRESSION_SLICE, REACTIONS
from mien.synthetic.reactions import PROTOTYPES, StageOneNoise, measured_noise

SILENT = StageOneNoise(np.zeros(26), np.zeros(26), 30.0)


@pytest.fixture(scope="module")
def corpus():
    return simulate(600, seed=4, noise=SILENT)


def test_the_same_seed_gives_the_same_bytes_whatever_the_count(corpus):
    again = simulate(20, seed=4, noise=SILENT)
    assert np.array_equal(again.values, corpus.values[: again.offsets[-1]])
    assert np.array_equal(again.labels, corpus.labels[:20])
    other = simulate(20, seed=5, noise=SILENT)
    assert other.values.shape != again.values.shape or not np.array_equal(
        other.values, again.values
    )


def test_sequences_are_affect_representations(corpus):
    values = corpus.values
    assert values.dtype == np.float32 and values.shape[1] == len(AFFECT_COLUMNS)
    assert np.isfinite(values).all()
    assert np.abs(values[:, :2]).max() <= 1
    np.testing.assert_allclose(values[:, EXPRESSION_SLICE].sum(axis=1), 1, atol=1e-5)
    units = values[:, ACTION_UNIT_SLICE]
    assert units.min() >= 0 and units.max() <= 1
    assert corpus.lengths.min() >= 30 and corpus.lengths.max() <= 480
    assert corpus.labels.min() >= 0 and corpus.labels.max() <= 1 and corpus.reactions == REACTIONS


@pytest.mark.parametrize("reaction", REACTIONS)
def test_a_strong_reaction_shows_its_movements(corpus, reaction):
    """Where only one reaction is strong, its action units move and the others hardly do."""
    column = REACTIONS.index(reaction)
    others = np.delete(corpus.labels, column, axis=1).max(axis=1)
    alone = np.flatnonzero((corpus.labels[:, column] > 0.45) & (others < 0.2))
    assert len(alone) >= 5
    peaks = np.mean([corpus.sequence(i)[:, ACTION_UNIT_SLICE].max(axis=0) for i in alone], axis=0)
    own = [ACTION_UNITS.index(unit) for unit in PROTOTYPES[reaction]]
    assert peaks[own].mean() > np.delete(peaks, own).mean() + 0.15


def test_movements_have_onset_and_offset_not_jumps(corpus):
    steps = [np.abs(np.diff(corpus.sequence(i)[:, ACTION_UNIT_SLICE], axis=0)) for i in range(100)]
    # The quickest movement in the docstring, a brow flash, rises in 0.1 s: 3 frames at 30 fps.
    assert max(step.max() for step in steps) < 0.55
    assert np.median(np.concatenate(steps)) < 0.02


def test_dynamics_are_in_seconds_not_frames():
    slow, fast = (simulate(60, 9, fps=fps, noise=SILENT, min_length=int(4 * fps),
                           max_length=int(4 * fps)) for fps in (15.0, 60.0))  # fmt: skip
    speed = [
        np.abs(np.diff(s.values[:, ACTION_UNIT_SLICE], axis=0)).mean() * s.fps for s in (slow, fast)
    ]
    assert speed[1] == pytest.approx(speed[0], rel=0.35)


def test_noise_has_the_deviation_and_correlation_it_was_given():
    noise = StageOneNoise(np.full(26, 0.01), np.full(26, 0.6), 30.0)
    noisy = simulate(40, 2, noise=noise, min_length=400, max_length=400)
    clean = simulate(40, 2, noise=SILENT, min_length=400, max_length=400)
    column = AFFECT_COLUMNS.index("valence")
    added = (noisy.values - clean.values)[:, column].reshape(40, 400)
    assert added.std() == pytest.approx(0.01, rel=0.1)
    lag = (added[:, 1:] * added[:, :-1]).mean() / added.var()
    assert lag == pytest.approx(0.6, abs=0.05)


def test_the_shipped_noise_was_measured_and_is_complete():
    noise = measured_noise()
    assert noise.deviation.shape == noise.correlation.shape == (26,)
    assert (noise.deviation > 0).all() and (noise.deviation < 0.3).all()
    assert (noise.correlation >= 0).all() and (noise.correlation < 1).all()
    assert 10 < noise.fps < 120


@pytest.mark.parametrize(
    "settings", [{"count": 0}, {"fps": 0}, {"min_length": 50, "max_length": 40}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match="out of range"):
        simulate(**{"count": 2, "seed": 0, "noise": SILENT, **settings})
