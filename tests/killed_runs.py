"""Kills analyses at random moments and lets them go on: `make soak` does it twenty times.

    python tests/killed_runs.py [--count 20] [--seed 0]

What a run writes that was killed, and went on, has to be what an undisturbed run writes, byte for
byte, and nothing may be left over. What differs is printed; exit code 1.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mien.demo import write_demo_clip

CLIP_S = 16.0
_MOST_S = 300.0
_PARTS = 5  # that are whole before the last one begins
# Parts are short here, so that a moment of a short video is like one of a long video.
_RUN = """
import sys
from pathlib import Path
from mien.jobs import Batch, run_all
from mien.output.results import Contents
from mien.pipeline.options import AnalysisOptions

out, *inputs = sys.argv[1:]
options = AnalysisOptions(part_s=3.0, max_lost_s=0.5, threads=1, simulated_reactions=True)
contents = Contents(layouts=("openface",), player=True)
done = run_all(inputs, Path(out), Batch(options, contents), lambda _: None, print)
sys.exit(len(done.failed))
"""


def _start(inputs: Sequence[Path], out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _RUN, str(out), *map(str, inputs)])


def contents(out: Path) -> dict[str, bytes]:
    """All files of all results, by name."""
    return {
        str(file.relative_to(out)): file.read_bytes()
        for file in sorted(out.rglob("*"))
        if file.is_file() and file.name != "summary.json"
    }


def _finished(out: Path) -> int:
    return sum(1 for _ in out.glob(".mien-parts-*/[0-9]*.arrow"))


def kill_and_go_on(count: int, seed: int, videos: int = 1) -> tuple[list[str], int]:
    """Kill `count` runs; what went wrong, a line each, and how many went on inside of a video."""
    faults, inside, chance = [], 0, random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="killed-") as place:
        root = Path(place)
        inputs = [root / f"{k}.mp4" for k in range(videos)]
        for k, path in enumerate(inputs):
            write_demo_clip(path, CLIP_S + k if videos == 1 else 4.0 + k)
        assert _start(inputs[:1], root / "warm").wait(_MOST_S) == 0  # files are in memory now
        started = time.monotonic()
        assert _start(inputs, root / "whole").wait(_MOST_S) == 0
        whole_s = time.monotonic() - started
        expected = contents(root / "whole")
        for number in range(count):
            out = root / "out" / str(number)
            process = _start(inputs, out)
            parts = chance.randrange(_PARTS) if videos == 1 else 0
            while process.poll() is None and _finished(out) < parts:
                time.sleep(0.01)
            moment_s = chance.uniform(0, 0.8) * whole_s / (_PARTS if videos == 1 else 1)
            time.sleep(moment_s)
            process.kill()
            process.wait()
            inside += _finished(out) > 0
            if _start(inputs, out).wait(_MOST_S):
                faults.append(f"run {number}, killed: the second one failed")
            found = contents(out)
            differing = {
                name for name in {*found, *expected} if found.get(name) != expected.get(name)
            }
            if differing:
                faults.append(f"run {number}, killed: {sorted(differing)} differ")
    return faults, inside


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    wrong = False
    for videos in (1, 5):
        faults, inside = kill_and_go_on(given.count, given.seed, videos)
        print(*faults, sep="\n", end="\n" * bool(faults))
        print(
            f"{videos} video(s): {given.count} killed, {inside} inside of one, {len(faults)} differ"
        )
        wrong |= bool(faults)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
