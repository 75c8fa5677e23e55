"""A long manifest with an analysis that takes no time: run to the half, killed, resumed.

    python tests/long_manifest.py [--rows 1000000]

Prints memory and time; exit code 1 where they are over 2 GB and 15 minutes. Part of `make soak`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MOST_BYTES, MOST_S = 2e9, 900.0
_RUN = """
import os, sys
from pathlib import Path
from cluster_work import nothing, stub
from mien.jobs.cluster import Engine, Ledger, Manifest
from mien.jobs.cluster.run import run_rows

place, out, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
rows = Manifest.read(place, out)
ledger = Ledger(rows, out, "a")
count = 0

def tell(_):
    global count
    count += 1
    if count == most:
        ledger.write()
        os.kill(os.getpid(), 9)

run_rows(rows, ledger, Engine(), stub, nothing, tell)
import re
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(ledger.skipped, ledger.count("analysed"), int(peak) * 1024)
"""


def half_and_half(folder: Path, count: int) -> int:
    """Run a manifest to the half, kill, resume; the peak of memory in bytes."""
    sources = [f"s3://bucket/{k // 1000:04d}/video-{k:07d}.mp4" for k in range(count)]
    pq.write_table(pa.table({"source": sources}), folder / "m.parquet")
    out = folder / "out"
    out.mkdir()
    command = [sys.executable, "-c", _RUN, str(folder / "m.parquet"), str(out)]
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    first = subprocess.run([*command, str(count // 2)], env=environment, timeout=900, check=False)
    assert first.returncode == -9
    half = pq.read_table(out / "summary.parquet").column("status").to_pylist()
    assert half.count("analysed") == count // 2
    second = subprocess.run(
        [*command, "-1"], env=environment, timeout=900, check=True, capture_output=True
    )
    skipped, analysed, peak = map(int, second.stdout.split())
    assert (skipped, analysed) == (count // 2, count)
    table = pq.read_table(out / "summary.parquet")
    assert table.column("source").to_pylist() == sources
    assert set(table.column("status").to_pylist()) == {"analysed"}
    return peak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="manifest-") as place:
        peak = half_and_half(Path(place), rows)
    seconds = time.monotonic() - started
    print(
        f"{rows:,} rows planned, killed at the half, resumed: {seconds:.0f} s, {peak / 1e6:.0f} MB"
    )
    return int(peak > MOST_BYTES or seconds > MOST_S)


if __name__ == "__main__":
    sys.exit(main())
