"""Time and memory of one epoch of the reaction model on a corpus of Hume-Reaction's size.

Rows, each in a process of its own on the same generated corpus:
  fast      configs/reactions-fast.toml, as `mien train reactions` runs it
  obvious   the network, rate and batches of the first row written the obvious way: nn.GRU on videos
            padded to 480, a dense 61,440 x 32 layer behind a mask, torch's dense Adam; its loss
            curve should be that of the first row
  paper     configs/reactions-facernet.toml (batch 4), on a share of the videos; the time of an
            epoch is extrapolated by the number of videos
  half      the fast row on the same number of videos, each half as long: cost follows length
Every row starts from the same weights; its losses are the mean of each epoch. "CPU s" is the
processor time of all threads together. With --quick sizes times mean little.

usage: python benchmarks/stage2_epoch.py [--videos 15806] [--threads 2] [--paper-share 0.05]
       [--rows fast obvious paper half] [--epochs 1] [--quick]
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

POSITIONS, MEAN_LENGTH = 480, 340
CONFIGS = Path(__file__).parents[1] / "configs"


def corpus(videos, half):
    """Random walks with labels that depend on them; lengths 200 to 480, 340 on average."""
    import numpy as np

    from mien.data.sequences import SequenceSet
    from mien.labels import REACTIONS

    rng = np.random.default_rng(0)
    lengths = rng.integers(2 * MEAN_LENGTH - POSITIONS, POSITIONS + 1, videos)
    if half:
        lengths //= 2
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = rng.standard_normal((offsets[-1], 26), np.float32)
    values *= 0.1
    labels = rng.random((videos, 7), np.float32)
    for video in range(videos):
        values[offsets[video] : offsets[video + 1], :7] += labels[video]
    return SequenceSet(values, offsets, labels, REACTIONS, 30.0)


def ours(recipe, data, epochs, threads):
    import torch

    from mien.config import load_config
    from mien.models.sequence_models import build_sequence_model
    from mien.training.engine import Engine
    from mien.training.loop import Loop, Run
    from mien.training.reactions.train import ReactionTrainConfig, ReactionTraining

    config = load_config(ReactionTrainConfig, CONFIGS / recipe)
    torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    model = build_sequence_model(config.preset, config.model)
    training = ReactionTraining(config, model, data, data, Engine())
    loop = Loop(training, config, Run(Path(), config, {}, config.seed, Engine()))
    for epoch in range(epochs):
        yield (
            lambda epoch=epoch: (
                sum(loop.step(epoch, k) for k in range(loop.per_epoch)) / loop.per_epoch
            )
        )


def obvious(data, epochs, threads):
    import numpy as np
    import torch
    from torch import nn

    from mien.config import load_config
    from mien.models.masked_rnn import MaskedRNN
    from mien.training.losses import pearson_loss
    from mien.training.reactions.batches import epoch_batches
    from mien.training.reactions.train import ReactionTrainConfig

    config = load_config(ReactionTrainConfig, CONFIGS / "reactions-fast.toml")
    torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    start = MaskedRNN()  # the same weights to start from
    gru, output = start.gru, start.output
    dense = nn.Linear(POSITIONS * 128, 32)
    with torch.no_grad():
        dense.weight.copy_(start.routed.table.flatten(0, 1).T)
        dense.bias.copy_(start.routed.bias)
    parameters = [*gru.parameters(), *dense.parameters(), *output.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=config.lr, weight_decay=config.weight_decay)

    def run(epoch):
        losses = []
        for rows in epoch_batches(len(data.lengths), config.batch, config.seed, epoch):
            lengths = torch.from_numpy(data.lengths[rows])
            padded = nn.utils.rnn.pad_sequence(
                [torch.from_numpy(data.sequence(int(row))) for row in rows], batch_first=True
            )
            padded = nn.functional.pad(padded, (0, 0, 0, POSITIONS - padded.shape[1]))
            hidden, _ = gru(padded)
            mask = torch.arange(POSITIONS)[None] < lengths[:, None]
            features = (hidden * mask[:, :, None]).flatten(1)
            scores = output(torch.relu(dense(features)))
            loss = pearson_loss(scores, torch.from_numpy(data.labels[rows]))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
            optimizer.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    for epoch in range(epochs):
        yield lambda epoch=epoch: run(epoch)


def measure(row, videos, epochs, threads):
    data = corpus(videos, row == "half")
    if row == "obvious":
        runs = obvious(data, epochs, threads)
    else:
        recipe = "reactions-facernet.toml" if row == "paper" else "reactions-fast.toml"
        runs = ours(recipe, data, epochs, threads)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, losses, work = [], [], []
    for run in runs:
        started, busy = time.perf_counter(), time.process_time()
        losses.append(run())
        seconds.append(time.perf_counter() - started)
        work.append(time.process_time() - busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "videos": videos,
                "frames": int(data.offsets[-1]),
                "seconds": seconds,
                "cpu_seconds": work,
                "losses": losses,
                "data_mb": before / 1024,
                "peak_mb": peak / 1024,
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--videos", type=int, default=15806)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--paper-share", type=float, default=0.05)
    parser.add_argument("--rows", nargs="+", default=["fast", "obvious", "paper", "half"])
    parser.add_argument("--quick", action="store_true", help="1,024 videos")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    videos = 1024 if arguments.quick else arguments.videos
    if arguments.measure:
        measure(arguments.measure, videos, arguments.epochs, arguments.threads)
        return
    import torch

    print(
        f"{platform.processor() or platform.machine()}, {arguments.threads} thread(s), Python "
        f"{platform.python_version()}, torch {torch.__version__}; {videos} videos, {POSITIONS} "
        f"positions, mean length {MEAN_LENGTH}; last of {arguments.epochs} epoch(s)"
    )
    head = f"{'row':<10}{'videos':>8}{'frames':>10}{'s/epoch':>9}{'CPU s':>8}{'peak MB':>9}"
    print(f"{head}  loss by epoch")
    for row in arguments.rows:
        share = arguments.paper_share if row == "paper" else 1.0
        count = max(64, round(videos * share))
        command = [sys.executable, __file__, "--measure", row, "--videos", str(count)]
        command += ["--epochs", str(arguments.epochs), "--threads", str(arguments.threads)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        result = json.loads(done.stdout.splitlines()[-1])
        seconds = result["seconds"][-1] * videos / count
        work = result["cpu_seconds"][-1] * videos / count
        losses = " ".join(f"{loss:.4f}" for loss in result["losses"])
        note = f"  (extrapolated from {count} videos)" if count != videos else ""
        print(
            f"{row:<10}{result['videos']:>8}{result['frames']:>10}{seconds:>9.1f}"
            f"{work:>8.1f}{result['peak_mb']:>9.0f}  {losses}{note}",
            flush=True,
        )


if __name__ == "__main__":
    main()
