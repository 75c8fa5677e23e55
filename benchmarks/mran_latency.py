"""Time of an exported MRAN per clip on ONNX Runtime, from crops in sensor units to affect.

usage: python benchmarks/mran_latency.py [--model FILE] [--threads 2] [--repeats 30]
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from mien.faces.align import CROP_SIZE_PX
from mien.runtime.mran import MranFrame, MranModel


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, help="Default: the shipped one.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    model = MranModel(arguments.model, arguments.threads)
    rng = np.random.default_rng(0)
    side = CROP_SIZE_PX, CROP_SIZE_PX
    clip = [
        MranFrame(
            rng.integers(0, 256, (*side, 3)).astype(np.uint8),
            rng.uniform(500, 900, side).astype(np.float32) if "depth" in model.modalities else None,
            rng.uniform(20, 38, side).astype(np.float32) if "thermal" in model.modalities else None,
        )
        for _ in range(model.clip_frames)
    ]
    model.predict(clip)
    times_ms = []
    for _ in range(arguments.repeats):
        started = time.perf_counter()
        model.predict(clip)
        times_ms.append((time.perf_counter() - started) * 1000)
    print(
        f"{' + '.join(model.modalities)}, a clip of {model.clip_frames} frames, "
        f"{arguments.threads} thread(s): median {statistics.median(times_ms):.0f} ms, "
        f"p95 {sorted(times_ms)[int(0.95 * len(times_ms))]:.0f} ms"
    )


if __name__ == "__main__":
    main()
