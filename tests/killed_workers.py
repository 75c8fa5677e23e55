"""Kills workers of a Ray cluster, and its head, at random moments: part of `make soak`.

    python tests/killed_workers.py [--workers 10] [--heads 2] [--seed 0]

Every input has to have one whole result then, byte for byte what a run of one process writes, and
nothing may be left over. What differs is printed; exit code 1.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

from killed_runs import contents
from mien.demo import write_demo_clip

CLIPS, CLIP_S = 40, 3.0
_MOST_S = 600.0
_RAY = ("--engine", "ray", "--jobs", "2")
_QUICK = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5", "RAY_DISABLE_IMPORT_WARNING": "1"}


def start(folder: Path, out: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mien", "analyze", str(folder), "--out", str(out), "--quiet"]
    return subprocess.Popen([*command, *words], env=os.environ | _QUICK)


def descendants(process: int) -> dict[int, str]:
    """What a process has started, directly or not, with the command of each."""
    parents, commands = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "stat").read_text()
            commands[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
        except (OSError, UnicodeDecodeError):
            continue  # it has ended meanwhile
        parents[int(entry.name)] = int(status.rsplit(")", 1)[1].split()[1])
    found: dict[int, str] = {}
    for one in commands:
        above = one
        while above in parents and above != process:
            above = parents[above]
        if above == process and one != process:
            found[one] = commands[one]
    return found


def kill(process: subprocess.Popen[bytes], name: str, chance: random.Random) -> bool:
    """Kill one process of that name that it has started; False where it ended before."""
    while process.poll() is None:
        found = [one for one, words in descendants(process.pid).items() if name in words]
        if found:
            os.kill(chance.choice(found), signal.SIGKILL)
            return True
        time.sleep(0.1)
    return False


def differences(out: Path, expected: dict[str, bytes]) -> list[str]:
    found = {name: data for name, data in contents(out).items() if name != "summary.parquet"}
    status = pq.read_table(out / "summary.parquet").column("status").to_pylist()
    wrong = [name for name in {*found, *expected} if found.get(name) != expected.get(name)]
    return sorted(wrong) + [f"a row is {one}" for one in status if one != "analysed"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance, wrong, killed = random.Random(given.seed), [], 0
    with tempfile.TemporaryDirectory(prefix="killed-") as place:
        root = Path(place)
        (root / "in").mkdir()
        for k in range(CLIPS):
            write_demo_clip(root / "in" / f"{k:02d}.mp4", CLIP_S + 0.1 * k)
        assert start(root / "in", root / "whole").wait(_MOST_S) == 0
        expected = contents(root / "whole")

        while killed < given.workers:
            out = root / "workers" / str(killed)
            process = start(root / "in", out, *_RAY)
            for _ in range(3):  # of one run, so that no input is at work in all that die
                time.sleep(chance.uniform(3, 9))
                if killed < given.workers:
                    killed += kill(process, "ray::_Worker", chance)
            if process.wait(_MOST_S):
                wrong.append("a run failed whose workers were killed")
            wrong += differences(out, expected)
        for number in range(given.heads):
            out = root / "heads" / str(number)
            process = start(root / "in", out, *_RAY)
            time.sleep(chance.uniform(6, 20))
            was = kill(process, "gcs_server", chance)
            code = process.wait(_MOST_S)
            print(f"head {number}: killed {was}, the run ended with {code}")
            if start(root / "in", out, *_RAY).wait(_MOST_S):
                wrong.append("a run failed that went on after its head was killed")
            wrong += differences(out, expected)
    print(*wrong, sep="\n", end="\n" * bool(wrong))
    print(f"{killed} worker(s) and {given.heads} head(s) killed, {len(wrong)} difference(s)")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
