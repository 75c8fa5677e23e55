"""The loop over epochs: patience, the best of them, the start that may be the best, resuming."""

import json

import pytest
import torch

from mien.errors import ModelError
from mien.training.epochs import EpochLoop
from mien.training.reactions import ReactionTrainConfig

CONFIG = ReactionTrainConfig("any")


def loop(out, epochs=10, patience=2, **more):
    network = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(network.weight)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    settings = {"config": CONFIG, "identity": {"a": 1}, "report": lambda _: None, **more}
    return EpochLoop(
        out,
        networks={"net": network},
        judged="net",
        optimizer=optimizer,
        epochs=epochs,
        patience=patience,
        **settings,
    )


def scored(run, scores):
    """An epoch that writes its number into the weight and has the score of the list."""
    seen = []

    def epoch(number, best):
        seen.append((number, best))
        torch.nn.init.constant_(run.networks["net"].weight, number + 1)
        return scores[number], {"score": scores[number]}

    return epoch, seen


def test_so_many_epochs_without_a_better_score_end_it_and_the_best_is_kept(tmp_path):
    run = loop(tmp_path, patience=2)
    epoch, seen = scored(run, [0.1, 0.5, 0.5, 0.4, 0.9])
    assert run.run(epoch) == 2 and [number for number, _ in seen] == [0, 1, 2, 3]
    assert [best for _, best in seen] == [float("-inf"), 0.1, 0.5, 0.5]
    assert run.networks["net"].weight.item() == 2
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["score"] for row in rows] == [0.1, 0.5, 0.5, 0.4]


def test_the_start_may_be_the_best(tmp_path):
    run = loop(tmp_path, before=lambda: 0.7)
    epoch, _ = scored(run, [0.1, 0.6, 0.2])
    assert run.run(epoch) == 0 and run.networks["net"].weight.item() == 0


def test_a_resumed_loop_remembers_its_best_and_its_start(tmp_path):
    for before, count in ((lambda: 0.3, 2), (None, 9)):  # asked once only
        run = loop(tmp_path, patience=3, before=before)
        epoch, seen = scored(run, [0.1, 0.8, 0.2, 0.3, 0.4, 0.9])
        best = run.run(epoch, stop_after_epochs=count)
    assert best == 2 and [number for number, _ in seen] == [2, 3, 4]
    assert run.networks["net"].weight.item() == 2


def test_a_folder_of_another_run_is_left_as_it_is(tmp_path):
    run = loop(tmp_path)
    run.run(scored(run, [0.1] * 10)[0])
    files = {file: file.read_bytes() for file in tmp_path.iterdir()}
    other = loop(tmp_path, identity={"a": 2}, config=ReactionTrainConfig("other"))
    with pytest.raises(ModelError, match="made with another configuration"):
        other.run(scored(other, [0.1] * 10)[0])
    assert files == {file: file.read_bytes() for file in tmp_path.iterdir()}


def test_processes_that_do_not_write_keep_the_best_all_the_same(tmp_path):
    run = loop(tmp_path / "new", patience=1, writes=False)
    assert run.run(scored(run, [0.5, 0.1])[0]) == 1
    assert run.networks["net"].weight.item() == 1
    assert not (tmp_path / "new" / "checkpoint.safetensors").exists()
