"""The one loop: patience, the best epoch, a start that may be the best, averages, resuming."""

import json
from dataclasses import replace

import pytest
import torch

from mien.errors import ModelError
from mien.training.checkpoint import load_checkpoint, save_checkpoint
from mien.training.engine import Engine
from mien.training.loop import (
    Loop,
    LoopConfig,
    Run,
    ScoredLoopConfig,
    Training,
    averaged,
    clip_gradients,
)
from mien.training.reactions.train import ReactionTrainConfig
from mien.training.schedule import constant, cosine

RECIPE = ReactionTrainConfig("any")
LINE = ScoredLoopConfig(epochs=10, patience=2, lr=0.1, max_grad_norm=0.0)


class Line(Training):
    """One weight that every step moves up by the learning rate; scores are those of a list."""

    schedule = staticmethod(constant)

    def __init__(self, scores, start=None, batches=1):
        self.model = self.learned = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(self.model.weight)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.scores, self.start, self.batches, self.seen = scores, start, batches, []

    def begin(self):
        self.seen.append("begin")
        return self.start

    def batch(self, epoch, index, generator):
        self.seen.append((epoch, index, int(torch.randint(1000, (1,), generator=generator))))

    def losses(self, batch):
        return {"loss": -self.model.weight.sum(), "half": self.model.weight.sum() / 2}

    def score(self, network, epoch):
        return self.scores[epoch], {"score": self.scores[epoch]}


def loop(out, training, config=LINE, **more):
    settings = {"identity": {"a": 1}, "report": lambda _: None, "engine": Engine(), **more}
    return Loop(training, config, Run(out, settings.pop("recipe", RECIPE), seed=3, **settings))


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def epochs(training):
    return [seen[0] for seen in training.seen if seen != "begin"]


def test_so_many_epochs_without_a_better_score_end_it_and_the_best_is_kept(tmp_path):
    line = Line([0.1, 0.5, 0.5, 0.4, 0.9])
    run = loop(tmp_path, line)
    assert run.run() and epochs(line) == [0, 1, 2, 3]
    assert run.progress.best_epoch == 2
    assert run.kept.weight.item() == pytest.approx(0.2)
    assert [row["score"] for row in log_of(tmp_path)] == [0.1, 0.5, 0.5, 0.4]


def test_the_start_may_be_the_best(tmp_path):
    run = loop(tmp_path, Line([0.1, 0.6, 0.2], start=0.7))
    assert run.run() and run.progress.best_epoch == 0 and run.kept.weight.item() == 0


def test_without_a_score_the_last_epoch_is_kept(tmp_path):
    run = loop(tmp_path, Line([None] * 4), LoopConfig(epochs=4, lr=0.1, max_grad_norm=0.0))
    assert run.run() and run.kept.weight.item() == pytest.approx(0.4)


def test_a_resumed_loop_remembers_its_best_and_its_start(tmp_path):
    scores = [0.1, 0.8, 0.2, 0.3, 0.4, 0.9]
    first = loop(tmp_path, Line(scores, start=0.3), replace(LINE, patience=3))
    assert not first.run(stop_after_steps=2)
    line, lines = Line(scores, start=0.9), []
    second = loop(tmp_path, line, replace(LINE, patience=3), report=lines.append)
    assert second.run() and lines[0] == "resuming at step 2 of 10"
    assert "begin" not in line.seen  # asked once only
    assert second.progress.best_epoch == 2 and epochs(line) == [2, 3, 4]
    assert second.kept.weight.item() == pytest.approx(0.2)


def test_a_run_stopped_anywhere_sees_and_logs_what_an_uninterrupted_one_does(tmp_path):
    config = replace(LINE, epochs=3, patience=9, ema=0.9, warmup_steps=4, checkpoint_steps=2)
    whole = Line([0.1, 0.2, 0.3], batches=3)
    straight = loop(tmp_path / "a", whole, config)
    assert straight.run()
    seen = []
    for stop in (1, 1, 3, 2, None):
        part = Line([0.1, 0.2, 0.3], batches=3)
        resumed = loop(tmp_path / "b", part, config)
        ended = resumed.run(stop)
        seen += [entry for entry in part.seen if entry != "begin"]
    assert ended and seen == whole.seen[1:] and len(seen) == 9
    assert torch.equal(resumed.kept.weight, straight.kept.weight)
    for one, other in zip(log_of(tmp_path / "a"), log_of(tmp_path / "b"), strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path):
    config = replace(LINE, epochs=2, checkpoint_steps=2)

    class Killed(Line):
        def batch(self, epoch, index, generator):
            if index == 3:
                raise KeyboardInterrupt
            return super().batch(epoch, index, generator)

    with pytest.raises(KeyboardInterrupt):
        loop(tmp_path, Killed([0.1, 0.2], batches=5), config).run()
    line = Line([0.1, 0.2], batches=5)
    assert loop(tmp_path, line, config).run()
    assert [seen[:2] for seen in line.seen] == [(0, 2), (0, 3), (0, 4), *((1, k) for k in range(5))]


def test_a_folder_of_another_run_is_left_as_it_is(tmp_path):
    loop(tmp_path, Line([0.1] * 10)).run()
    files = {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    other = loop(tmp_path, Line([0.1] * 10), identity={"a": 2}, recipe=ReactionTrainConfig("other"))
    with pytest.raises(ModelError, match="made with another configuration"):
        other.run()
    assert files == {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}


def test_a_checkpoint_of_an_older_layout_is_one_line(tmp_path):
    old = tmp_path / "checkpoint.safetensors"
    save_checkpoint(old, {"model.weight": torch.ones(1)}, {"identity": {"a": 1}, "epoch": 2})
    with pytest.raises(ModelError, match="written by an older version of mien"):
        loop(tmp_path, Line([0.1])).run()


def test_processes_that_do_not_write_keep_the_best_all_the_same(tmp_path):
    engine = Engine()
    engine.rank, engine.world = 1, 2
    line = Line([0.5, 0.1], batches=3)
    run = loop(tmp_path / "new", line, replace(LINE, patience=1), engine=engine)
    assert run.run() and run.progress.best_epoch == 1
    assert run.kept.weight.item() == pytest.approx(0.2)
    assert not (tmp_path / "new" / "checkpoint.safetensors").exists()
    assert not (tmp_path / "new" / "config.json").exists()


def test_devices_get_as_many_batches_each_and_none_is_left_out(tmp_path):
    shares, draws = [], []
    for rank in range(2):
        engine = Engine()
        engine.rank, engine.world = rank, 2
        line = Line([0.5], batches=3)
        loop(tmp_path / str(rank), line, replace(LINE, epochs=1), engine=engine).run()
        shares.append([seen[1] for seen in line.seen[1:]])
        draws += [seen[2] for seen in line.seen[1:]]
    assert shares == [[0, 2], [1, 0]] and len(set(draws)) == 4


def test_a_loss_that_is_not_finite_ends_it(tmp_path):
    line = Line([0.1])
    line.losses = lambda batch: {"loss": line.model.weight.sum() * torch.nan}
    with pytest.raises(ModelError, match="the loss is nan in epoch 1; lower lr"):
        loop(tmp_path, line).run()


def test_the_average_follows_weights_and_statistics_as_its_formula_says():
    torch.manual_seed(0)
    network = torch.nn.BatchNorm1d(3)
    average = averaged(network, 0.5)
    expected = network.weight.detach().clone(), network.running_mean.clone()
    for step in range(8):
        with torch.no_grad():
            network.weight.add_(torch.randn(3))
        network(torch.randn(5, 3))
        average.update_parameters(network)
        decay = min(0.5, (1 + step) / (10 + step))
        values = network.weight.detach(), network.running_mean
        expected = [decay * a + (1 - decay) * b for a, b in zip(expected, values, strict=True)]
    torch.testing.assert_close(average.module.weight.detach(), expected[0])
    torch.testing.assert_close(average.module.running_mean, expected[1])
    assert average.module.num_batches_tracked == 8


def test_the_average_is_what_is_kept_and_its_count_is_in_the_checkpoint(tmp_path):
    line = Line([0.1, 0.2])
    run = loop(tmp_path, line, replace(LINE, epochs=2, ema=0.9))
    run.run()
    assert 0 < run.kept.weight.item() < line.model.weight.item()
    tensors, state = load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert tensors["average.n_averaged"] == 3 and state["progress"]["step"] == 2


def test_gradients_are_cut_to_a_norm_be_they_sparse_or_not():
    torch.manual_seed(0)
    dense = [torch.nn.Parameter(torch.zeros(4, 3)) for _ in range(2)]
    table = torch.nn.Parameter(torch.zeros(6, 2))
    network = torch.nn.ParameterList([*dense, table])
    rows = torch.randn(2, 2)
    for limit, shrinks in ((1.0, True), (100.0, False)):
        for parameter in dense:
            parameter.grad = torch.randn(4, 3)
        table.grad = torch.sparse_coo_tensor(
            [[1, 4]], rows.clone(), (6, 2), check_invariants=True
        ).coalesce()
        before = [p.grad.to_dense().clone() for p in network]
        norm = torch.cat([grad.flatten() for grad in before]).norm()
        clip_gradients(network, limit)
        scale = limit / norm if shrinks else 1.0
        for parameter, old in zip(network, before, strict=True):
            torch.testing.assert_close(parameter.grad.to_dense(), old * scale)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be 1 or more"),
        ({"checkpoint_steps": 0}, "checkpoint_steps must be 1 or more"),
        ({"lr": -1.0}, "lr must be 0 or more, not -1.0"),
        ({"max_grad_norm": -1.0}, "max_grad_norm must be 0 or more"),
        ({"ema": 1.0}, "ema lies in 0 to 1"),
        ({"patience": -1}, "patience must be 0 or more"),
        ({"precision": "half"}, r"precision is one of .*'bfloat16'.*, not 'half'"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        ScoredLoopConfig(**change)


def test_learning_rates_follow_the_schedule_of_the_training(tmp_path):
    config = replace(LINE, epochs=8, patience=9, warmup_steps=2)
    rates = {}
    for schedule in (constant, cosine):
        line = Line([0.1] * 8)
        line.schedule = schedule
        found = rates.setdefault(schedule.__name__, [])
        line.train = lambda line=line, found=found: found.append(
            line.optimizer.param_groups[0]["lr"]
        )
        loop(tmp_path / schedule.__name__, line, config).run()
    assert rates["constant"] == [0.05] + [0.1] * 7
    assert rates["cosine"] == [cosine(0.1, 2, step, 8) for step in range(8)]
