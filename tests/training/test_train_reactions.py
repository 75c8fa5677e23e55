import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.data.sequences import SequenceSet
from mien.data.simulated import simulate
from mien.data.windows import window_starts
from mien.errors import ConfigError, ModelError
from mien.models.masked_rnn import MaskedRNN, MaskedRNNConfig
from mien.synthetic.reactions import StageOneNoise
from mien.training.losses import pearson_loss
from mien.training.reactions.batches import batch_scores, collate, epoch_batches
from mien.training.reactions.train import (
    ReactionTrainConfig,
    few_videos,
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
    lr=1e-2,
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


def test_a_finished_run_goes_on_with_more_epochs_as_if_it_had_been_asked_for_them(
    corpora, tmp_path
):
    train, valid = corpora
    straight = quiet(TINY, train, valid, tmp_path / "a")
    quiet(replace(TINY, epochs=2), train, valid, tmp_path / "b")
    assert (tmp_path / "b" / "model.safetensors").is_file()
    longer = quiet(TINY, train, valid, tmp_path / "b")
    for name, value in straight.state_dict().items():
        assert torch.equal(value, longer.state_dict()[name]), name
    assert json.loads((tmp_path / "b" / "config.json").read_text())["epochs"] == 4
    for other in (replace(TINY, epochs=3), replace(TINY, epochs=9, lr=2e-2)):
        with pytest.raises(ModelError, match="another configuration or other data"):
            quiet(other, train, valid, tmp_path / "b")


def test_more_patience_goes_on_where_patience_ended_a_run(corpora, tmp_path):
    train, valid = corpora
    ended = replace(TINY, epochs=3, patience=0)
    lines = []
    train_reactions(ended, train, valid, tmp_path, report=lines.append)
    assert len(lines) == 1
    train_reactions(replace(ended, patience=9), train, valid, tmp_path, report=lines.append)
    assert json.loads(lines[-1])["epoch"] == 3


def test_few_validation_videos_are_warned_about(corpora):
    _, valid = corpora
    (warning,) = few_videos(valid)
    assert "has 60 videos" in warning and "uncertain by 0.13 (one standard error)" in warning
    assert few_videos(simulate(100, 1, noise=QUIET, min_length=20, max_length=21)) == ()


def test_other_data_do_not_resume_and_other_labels_are_refused(corpora, tmp_path):
    train, valid = corpora
    train_reactions(TINY, train, valid, tmp_path, report=lambda _: None, stop_after_epochs=1)
    with pytest.raises(ModelError, match="another configuration or other data"):
        train_reactions(TINY, valid, valid, tmp_path, report=lambda _: None)
    renamed = SequenceSet(valid.values, valid.offsets, valid.labels, tuple("abcdefg"), valid.fps)
    with pytest.raises(ConfigError, match="labels differ"):
        train_reactions(TINY, train, renamed, tmp_path, report=lambda _: None)


def test_batches_hold_every_video_once_and_are_the_same_when_asked_again():
    batches = epoch_batches(160, 16, seed=0, epoch=3)
    assert sorted(np.concatenate(batches).tolist()) == list(range(160))
    assert any(
        not np.array_equal(a, b) for a, b in zip(batches, epoch_batches(160, 16, 0, 4), strict=True)
    )
    again = epoch_batches(160, 16, seed=0, epoch=3)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_a_last_video_alone_joins_another_batch():
    assert [len(rows) for rows in epoch_batches(17, 16, seed=0, epoch=0)] == [17]


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


def quiet(*arguments, **options):
    return train_reactions(*arguments, report=lambda _: None, **options)


def with_labels(data, labels):
    return SequenceSet(data.values, data.offsets, labels, data.reactions, data.fps)


def test_withheld_labels_move_nothing(corpora, tmp_path):
    """A video without any label trains as if it had another one: it does not count."""
    train, valid = corpora
    labels = train.labels.copy()
    labels[::3] = np.nan
    labels[1::5, 2] = np.nan
    model = quiet(replace(TINY, epochs=2), with_labels(train, labels), valid, tmp_path)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    scores = torch.randn(len(labels), 7)
    loss = pearson_loss(scores, torch.from_numpy(labels))
    known = np.isfinite(labels[:, 0])
    column = pearson_loss(scores[known, :1], torch.from_numpy(labels[known, :1]))
    assert pearson_loss(scores[:, :1], torch.from_numpy(labels[:, :1])) == pytest.approx(
        column.item(), abs=1e-6
    )
    assert torch.isfinite(loss)


@pytest.mark.parametrize("preset", ["fixed-length", "frame-label", "lstm-regressor"])
def test_baselines_learn_in_the_same_loop(corpora, tmp_path, preset):
    train, valid = corpora
    model = {"hidden": 12, **({"positions": 30} if preset == "fixed-length" else {})}
    config = replace(TINY, preset=preset, model=model, epochs=3)
    quiet(config, train, valid, tmp_path)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["loss"] < log[0]["loss"]
    assert max(row["valid_mean_pearson"] for row in log) > 0.1


def test_the_squared_error_trains_too(corpora, tmp_path):
    train, valid = corpora
    quiet(replace(TINY, loss="mse"), train, valid, tmp_path)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["loss"] < 0.8 * log[0]["loss"]


def test_a_tiny_run_overfits(corpora, tmp_path):
    few = corpora[0]
    few = SequenceSet(
        few.values[: few.offsets[12]], few.offsets[:13], few.labels[:12], few.reactions, few.fps
    )
    config = replace(TINY, epochs=60, patience=60, batch=12, weight_decay=0.0)
    quiet(config, few, few, tmp_path)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["loss"] < 0.3 * log[0]["loss"]


def test_the_log_of_a_resumed_run_is_that_of_an_uninterrupted_one(corpora, tmp_path):
    train, valid = corpora
    quiet(TINY, train, valid, tmp_path / "a")
    quiet(TINY, train, valid, tmp_path / "b", stop_after_epochs=2)
    # Killed between log and checkpoint: the row of an epoch that will be run again.
    with (tmp_path / "b" / "log.jsonl").open("a") as file:
        file.write(json.dumps({"epoch": 3, "seconds": 0.0, "loss": 9.0}) + "\n")
    quiet(TINY, train, valid, tmp_path / "b")

    def rows(folder):
        lines = (tmp_path / folder / "log.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]

    assert rows("a") == rows("b") and len(rows("a")) == 4
    head = (tmp_path / "b" / "log.csv").read_text().splitlines()
    assert head[0] == "epoch,seconds,loss,valid_mean_pearson" and len(head) == 5


def test_training_stops_early_and_keeps_the_best(corpora, tmp_path):
    train, valid = corpora
    rng = np.random.default_rng(0)
    noise = with_labels(train, rng.random(train.labels.shape, np.float32))
    lines = []
    config = replace(TINY, epochs=50, patience=1)
    model = train_reactions(config, noise, valid, tmp_path, report=lines.append)
    rows = [json.loads(line) for line in lines]
    assert len(rows) < 50
    best = max(row["valid_mean_pearson"] for row in rows)
    scores = reaction_report(predict_scores(model, valid).numpy(), valid)
    assert scores["mean_pearson"] == pytest.approx(best, abs=1e-4)


def test_videos_longer_than_a_window_are_read_whole(corpora, tmp_path):
    train, valid = corpora
    config = replace(TINY, model={"positions": 25, "hidden": 8, "dense": 4}, epochs=1)
    lines = []
    model = train_reactions(config, train, valid, tmp_path, report=lines.append)
    assert lines[0].startswith("160 videos are read as ")
    scores = predict_scores(model, valid)
    video = int(np.argmax(valid.lengths))
    sequence = torch.from_numpy(valid.sequence(video))
    parts = [sequence[start : start + 25] for start in window_starts(len(sequence), 25)]
    with torch.no_grad():
        each = torch.cat([model(p[None], torch.tensor([len(p)])) for p in parts])
    weight = torch.tensor([float(len(p)) for p in parts])
    expected = (each * weight[:, None]).sum(0) / weight.sum()
    torch.testing.assert_close(scores[video], expected, atol=1e-5, rtol=0)


def test_packed_batches_score_what_padded_ones_score(corpora):
    train, _ = corpora
    torch.manual_seed(0)
    model = MaskedRNN(MaskedRNNConfig(positions=60, hidden=12, dense=6)).eval()
    rows = np.array([5, 9, 2, 40])
    affect, lengths, _ = collate(train, rows)
    with torch.no_grad():
        packed = batch_scores(model, train, rows, torch.device("cpu"))
        assert torch.equal(packed, model(affect, lengths))
        torch.testing.assert_close(packed, model.scores(affect, lengths), atol=1e-6, rtol=0)


def test_the_intensity_line_ignores_withheld_labels():
    model = MaskedRNN(MaskedRNNConfig(positions=8, hidden=4, dense=2))
    scores = torch.randn(50, 7)
    labels = scores * 0.1 + 0.5
    labels[::4] = torch.nan
    labels[:, 6] = torch.nan
    model.fit_intensities(scores, labels)
    torch.testing.assert_close(model.scale[:6], torch.full((6,), 0.1), atol=1e-5, rtol=0)
    assert model.scale[6] == 0 and model.offset[6] == 0
