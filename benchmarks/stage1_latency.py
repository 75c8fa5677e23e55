"""Time of an extractor per face with everything that it gives, by batch size, on ONNX Runtime.

usage: python benchmarks/stage1_latency.py [--threads 2] [--rounds 5] [--model FILE.onnx ...]

Several models are run by turns; without --model it is the shipped one.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from mien.runtime.models import AffectModel
from mien.weights import AFFECT_MODEL, weight_path

BATCHES = (1, 4, 16)
REPEATS = 200


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", type=Path, action="append")
    arguments = parser.parse_args()
    files = arguments.model or [weight_path(AFFECT_MODEL)]
    models = {file: AffectModel(file, threads=arguments.threads) for file in files}
    rng = np.random.default_rng(0)
    print(f"{'batch':>6}  median ms/face of {arguments.rounds} rounds (range), by model")
    for batch in BATCHES:
        crops = rng.integers(0, 256, (batch, 112, 112, 3)).astype(np.uint8)
        rounds: dict[Path, list[float]] = {file: [] for file in models}
        for _ in range(arguments.rounds):
            for file, model in models.items():
                model.estimate(crops)
                times = []
                for _ in range(max(10, REPEATS // batch)):
                    started = time.perf_counter()
                    model.estimate(crops)
                    times.append((time.perf_counter() - started) * 1000 / batch)
                rounds[file].append(statistics.median(times))
        for file, found in rounds.items():
            median = statistics.median(found)
            print(f"{batch:>6}  {median:.3f} ({min(found):.3f}-{max(found):.3f})  {file.name}")


if __name__ == "__main__":
    main()
