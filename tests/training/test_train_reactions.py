import numpy as np
import pytest
import torch

from mien.datasets.sequences import SequenceSet
from mien.errors import ConfigError, ModelError
from mien.synthetic.reactions import StageOneNoise, simulate
from mien.training.batches import collate, epoch_batches
from mien.training.reactions import (
    ReactionTrainConfig,
    predict_scores,
    reaction_report,
    train_reactions,
)

QUIET = StageOneNoise(np.full(26, 0.02), np.full(26, 0.5), 30.0)
TINY = ReactionTrainConfig(
    name="tiny",
    model={"positions": 60, "hidden": 12, "dense": 6},
    epochs=4,
    batch=16,
    rate=1e-2,
    threads=1,
)


@pytest.fixture(scope="module")
def corpora():
    train = simulate(160, 0, noise=QUIET, min_length=20, max_length=60)
    valid = simulate(60, 1, noise=QUIET, min_length=20, max_length=60)
    return train, valid


def test_training_raises_the_correlation(corpora, tmp_path):
    train, valid = corpora
    lines = []
    model = train_reactions(TINY, train, valid, tmp_path, report=lines.append)
    scores = reaction_report(predict_scores(model, valid).numpy(), valid)
    assert scores["mean_pearson"] > 0.3 and scores["n"] == 60
    assert len(lines) == 4
    intensities = model.to_intensities(predict_scores(model, train))
    assert intensities.min() >= 0 and intensities.max() <= 1
    # The fitted line brings predictions to the scale of the labels.
    np.testing.assert_allclose(intensities.mean(0).numpy(), train.labels.mean(0), atol=0.06)


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(corpora, tmp_path):
    train, valid = corpora
    straight = train_reactions(TINY, train, valid, tmp_path / "a", report=lambda _: None)
    for _ in range(3):
        resumed = train_reactions(
            TINY, train, valid, tmp_path / "b", report=lambda _: None, stop_after_epochs=2
        )
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_other_data_do_not_resume_and_other_labels_are_refused(corpora, tmp_path):
    train, valid = corpora
    train_reactions(TINY, train, valid, tmp_path, report=lambda _: None, stop_after_epochs=1)
    with pytest.raises(ModelError, match="another configuration or other data"):
        train_reactions(TINY, valid, valid, tmp_path, report=lambda _: None)
    renamed = SequenceSet(valid.values, valid.offsets, valid.labels, tuple("abcdefg"), valid.fps)
    with pytest.raises(ConfigError, match="labels differ"):
        train_reactions(TINY, train, renamed, tmp_path, report=lambda _: None)


def test_batches_hold_every_video_once_and_are_alike_in_length(corpora):
    train, _ = corpora
    batches = epoch_batches(train.lengths, 16, bucket=10, seed=0, epoch=3)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(train)))
    spread = np.mean([np.ptp(train.lengths[rows]) for rows in batches])
    unsorted = epoch_batches(train.lengths, 16, bucket=1, seed=0, epoch=3)
    assert spread < 0.4 * np.mean([np.ptp(train.lengths[rows]) for rows in unsorted])
    again = epoch_batches(train.lengths, 16, bucket=10, seed=0, epoch=3)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_a_last_video_alone_joins_another_batch():
    batches = epoch_batches(np.full(17, 30), 16, bucket=1, seed=0, epoch=0)
    assert [len(rows) for rows in batches] == [17]


def test_collate_pads_with_zeros_to_the_longest(corpora):
    train, _ = corpora
    rows = np.array([3, 5, 8])
    affect, lengths, labels = collate(train, rows)
    assert affect.shape == (3, int(lengths.max()), 26) and labels.shape == (3, 7)
    for i, row in enumerate(rows):
        assert torch.equal(affect[i, : lengths[i]], torch.from_numpy(train.sequence(row)))
        assert (affect[i, lengths[i] :] == 0).all()


def test_a_reaction_that_never_varies_in_validation_is_an_error_not_a_bad_model(corpora, tmp_path):
    train, valid = corpora
    labels = valid.labels.copy()
    labels[:, 2] = 0.5
    flat = SequenceSet(valid.values, valid.offsets, labels, valid.reactions, valid.fps)
    with pytest.raises(ConfigError, match=r"no correlation is defined .*\['anxiety'\]"):
        train_reactions(TINY, train, flat, tmp_path, report=lambda _: None)
    assert not (tmp_path / "model.safetensors").exists()
