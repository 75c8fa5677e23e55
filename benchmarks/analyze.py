"""Frames per second and peak memory of `mien analyze`, one process per input.

usage: python benchmarks/analyze.py FILE... [--repeats 3]
"""

import argparse
import platform
import statistics
import subprocess
import sys
from pathlib import Path

_CHILD = """
import resource, sys, time
from mien.pipeline.analyzer import Analyzer
from mien.output.schema import to_table
loaded = time.perf_counter()
analyzer = Analyzer()
started = time.perf_counter()
with analyzer.open(sys.argv[1]) as analysis:
    for rows in analysis.rows():
        to_table(rows)
seconds = time.perf_counter() - started
document = analysis.summary().document
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(document["source"]["frames"], len(document["faces"]), seconds, started - loaded, peak)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"{'file':<24}{'frames':>8}{'faces':>7}{'frames/s':>10}{'load s':>8}{'peak MB':>9}")
    for file in arguments.files:
        runs = []
        for _ in range(arguments.repeats):
            out = subprocess.run(
                [sys.executable, "-c", _CHILD, str(file)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()
            runs.append([float(value) for value in out])
        frames, faces = runs[0][:2]
        rate = statistics.median(frames / run[2] for run in runs)
        load = statistics.median(run[3] for run in runs)
        peak = max(run[4] for run in runs)
        print(f"{file.name:<24}{frames:>8.0f}{faces:>7.0f}{rate:>10.1f}{load:>8.2f}{peak:>9.0f}")


if __name__ == "__main__":
    main()
