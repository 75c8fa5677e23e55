"""Time of the shipped extractor per face, by batch size, on ONNX Runtime.

usage: python benchmarks/stage1_latency.py [--threads 2] [--repeats 200]
"""

import argparse
import statistics
import time

import numpy as np

from mien.inference.models import AffectModel


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=200)
    arguments = parser.parse_args()
    model = AffectModel(threads=arguments.threads)
    rng = np.random.default_rng(0)
    print(f"{'batch':>6}{'median ms/face':>16}{'p95':>8}")
    for batch in (1, 4, 16):
        crops = rng.integers(0, 256, (batch, 112, 112, 3)).astype(np.uint8)
        for _ in range(5):
            model.predict(crops)
        times = []
        for _ in range(max(10, arguments.repeats // batch)):
            started = time.perf_counter()
            model.predict(crops)
            times.append((time.perf_counter() - started) * 1000 / batch)
        p95 = sorted(times)[int(0.95 * len(times))]
        print(f"{batch:>6}{statistics.median(times):>16.2f}{p95:>8.2f}")


if __name__ == "__main__":
    main()
