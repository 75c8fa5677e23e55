"""Time and memory of MRAN's recurrence in training.

A training step (forward and backward) of the decoders of a tri-modal MRAN, ours
(`mien.models.blocks.conv_lstm`) beside a straightforward loop of the same sizes and weights that
convolves [x, h] (and the guiding states) anew at every step. Both start from the same features;
"differ by" is the largest difference of outputs and of gradients, relative to the largest value.
The whole network's step stands below, with either decoder, and with encoders that calculate in
bfloat16 (``precision`` of a training). Peak memory is that of a process that does nothing else,
above what it held before its first step.

usage: python benchmarks/mran_step.py [--threads 2] [--batch 8] [--repeats 7] [--width 1]
    [--recipe configs/mran-trimodal.toml] [--quick]
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional

from mien.config import load_config
from mien.models.blocks import ga_lstm
from mien.models.mran import MRAN, MRANConfig
from mien.models.mran.encoders import Features
from mien.models.mran.network import MAP_PX
from mien.training.memory import keep_freed_memory
from mien.training.mran.train import MRANTrainConfig


class ObviousLSTM(nn.Module):
    """A ConvLSTM as one writes it down: every step convolves all that it reads, together."""

    def __init__(self, cell):
        super().__init__()
        parts = [cell.from_input.weight, cell.from_hidden.weight]
        if isinstance(cell, ga_lstm.GALSTMCell):
            parts.append(cell.from_guidance.weight)
        self.weight = nn.Parameter(torch.cat([part.detach() for part in parts], 1))
        self.bias = nn.Parameter(cell.from_input.bias.detach().clone())
        self.hidden = cell.hidden

    def forward(self, x, guidance=()):
        h = c = x.new_zeros(x.shape[1], self.hidden, *x.shape[3:])
        states = []
        for t in range(len(x)):
            read = torch.cat([x[t], h, *(guide[t] for guide in guidance)], 1)
            gates = functional.conv2d(read, self.weight, self.bias, padding=1)
            i, f, o, g = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        return torch.stack(states)


class ObviousGuided(ga_lstm.GALSTM):
    """`ObviousLSTM` where a decoder expects a layer that takes guidance."""

    def __init__(self, cell):
        nn.Module.__init__(self)
        self.loop = ObviousLSTM(cell)

    def forward(self, x, guidance):
        return self.loop(x, guidance)


def make_obvious(model):
    """Put the straightforward loop into every decoder."""
    for decoder in model.decoders.values():
        for name in ("lower", "upper"):
            layer = getattr(decoder, name)
            guided = isinstance(layer, ga_lstm.GALSTM)
            setattr(decoder, name, (ObviousGuided if guided else ObviousLSTM)(layer.cell))


def features(model, batch):
    """Features of a batch as the encoders would give them, and what to differentiate by."""
    torch.manual_seed(1)
    config = model.config
    t, side = config.clip_frames, MAP_PX
    found = {}
    for name in config.modalities:
        channels, below = model.feature_widths(name)
        volume = torch.randn(t, batch, channels, side, side, requires_grad=True)
        bottom = torch.randn(t, batch, below, side // 2, side // 2, requires_grad=True)
        found[name] = Features(volume, bottom)
    return found


def config(arguments):
    """The default sizes or a recipe's, with states so many times as wide."""
    if arguments.recipe:
        plain = load_config(MRANTrainConfig, arguments.recipe).model
    else:
        plain = MRANConfig()
    return replace(
        plain,
        color_hidden=tuple(arguments.width * hidden for hidden in plain.color_hidden),
        guide_hidden=tuple(arguments.width * hidden for hidden in plain.guide_hidden),
    )


def decoder_step(model, batch):
    """A function that runs forward and backward; returns outputs and gradients by the features."""
    given = features(model, batch)
    inputs = [part for one in given.values() for part in one]
    weights = list(model.decoders.parameters())

    def step():
        states = [part.upper for part in model._decode(given)]
        loss = sum((state * state).sum() for state in states)
        grads = torch.autograd.grad(loss, inputs + weights)
        by_weight = torch.cat([grad.flatten() for grad in grads[len(inputs) :]])
        return [state.detach() for state in states], [*grads[: len(inputs)], by_weight.norm()]

    return step


def network_step(model, batch):
    torch.manual_seed(1)
    config = model.config
    shape = batch, config.clip_frames
    channels = {"color": 3, "depth": 1, "thermal": 1}
    streams = {
        name: torch.rand(*shape, channels[name], 112, 112) * 2 - 1 for name in config.modalities
    }
    present = torch.ones(*shape, 3)

    def step():
        model.zero_grad()
        model(streams, present).affect.square().mean().backward()

    return step


def measure(arguments, what, way, batch, repeats):
    """Seconds of single steps and the memory that they needed, in a process of its own."""
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = MRAN(config(arguments)).train()
    if way.startswith("obvious"):
        make_obvious(model)
    model.encode_in_bfloat16(way.endswith("bf16"))
    step = (decoder_step if what == "decoders" else network_step)(model, batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):  # first calls are slow
        step()
    seconds, work = [], []
    for _ in range(repeats):
        started, busy = time.perf_counter(), time.process_time()
        step()
        seconds.append(time.perf_counter() - started)
        work.append(time.process_time() - busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "seconds": statistics.median(seconds),
                "cpu_seconds": statistics.median(work),
                "peak_mb": (peak - before) / 1024,
            }
        )
    )


def check(batch, arguments):
    """Largest relative difference of outputs and of gradients between both ways."""
    torch.manual_seed(0)
    model = MRAN(config(arguments))
    ours = decoder_step(model, batch)()
    make_obvious(model)
    obvious = decoder_step(model, batch)()
    return [
        max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(mine, theirs, strict=True))
        for mine, theirs in zip(ours, obvious, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--width", type=int, default=1, help="states so many times as wide")
    parser.add_argument("--encoder", choices=("small", "extractor"), default="small")
    parser.add_argument("--quick", action="store_true", help="two clips, three repeats")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    batch, repeats = (2, 3) if arguments.quick else (arguments.batch, arguments.repeats)
    if arguments.measure:
        measure(arguments, *arguments.measure, batch, repeats)
        return
    network = config(arguments)
    print(
        f"{platform.processor() or platform.machine()}, {arguments.threads} thread(s), Python "
        f"{platform.python_version()}, torch {torch.__version__}; {batch} clips of "
        f"{network.clip_frames} frames, {network.recurrence}, states of {network.color_hidden[1]} "
        f"channels, median of {repeats} steps"
    )
    print(f"{'step':<12}{'way':<14}{'ms':>8}{'CPU ms':>9}{'peak MB':>9}{'ratio':>7}")
    for what in ("decoders", "network"):
        base = 0.0
        halves = ("obvious, bf16", "ours, bf16") if what == "network" else ()
        for way in ("obvious", "ours", *halves):
            command = [sys.executable, __file__, "--measure", what, way, "--batch", str(batch)]
            command += ["--threads", str(arguments.threads), "--repeats", str(repeats)]
            command += ["--width", str(arguments.width)]
            command += ["--recipe", arguments.recipe] if arguments.recipe else []
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            result = json.loads(done.stdout.splitlines()[-1])
            base = base or result["seconds"]
            print(
                f"{what:<12}{way:<14}{result['seconds'] * 1e3:>8.0f}"
                f"{result['cpu_seconds'] * 1e3:>9.0f}{result['peak_mb']:>9.0f}"
                f"{base / result['seconds']:>7.2f}",
                flush=True,
            )
    outputs, gradients = check(2, arguments)
    print(f"differ by {outputs:.1e} in the states, {gradients:.1e} in the gradients")


if __name__ == "__main__":
    main()
