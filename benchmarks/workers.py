"""What several workers are worth: many short clips and one long video, with and without Ray.

    python benchmarks/workers.py VIDEO [--clips 500] [--rounds 3] [--minutes 20] [--no-ray]

Clips of 1.5 s, 320 px wide, start at other places of VIDEO; the long video is VIDEO over and over.
Every run is a whole command, by turns; seconds are medians. That ways write the same bytes is
checked, but for the file of their progress; --threads is a setting, which results name, so with it
the bytes are others. --clips 0 or --minutes 0 leaves one out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np

from mien.video import write_video

_CLIP_S, _CLIP_WIDTH_PX = 1.5, 320


def frames_of(video: Path, width_px: int | None) -> tuple[list[np.ndarray], float]:
    """All pictures of a short video, made smaller where a width is given; and its rate."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 25)
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    if width_px is not None:
        height_px = round(pictures[0].shape[0] * width_px / pictures[0].shape[1] / 2) * 2
        pictures = [cv2.resize(p, (width_px, height_px)) for p in pictures]
    return pictures, fps


def make_clips(video: Path, folder: Path, count: int) -> None:
    """So many short files."""
    pictures, fps = frames_of(video, _CLIP_WIDTH_PX)
    length = min(len(pictures), round(_CLIP_S * fps))
    folder.mkdir()
    for k, start in enumerate(np.linspace(0, len(pictures) - length, count).astype(int)):
        write_video(folder / f"clip-{k:04d}.mp4", pictures[start : start + length], fps=fps)


def make_long(video: Path, target: Path, minutes: float) -> None:
    """One file of that length: the packets of the video over and over, as they are."""
    with av.open(str(target), "w") as long:
        into, shift, ends = None, 0, False
        while not ends:
            with av.open(str(video)) as short:
                stream = short.streams.video[0]
                into = into or long.add_stream_from_template(stream)
                packets = [packet for packet in short.demux(stream) if packet.dts is not None]
                first = min(packet.dts for packet in packets)
                for packet in packets:
                    packet.dts += shift - first
                    packet.pts += shift - first
                    packet.stream = into
                    long.mux(packet)
                spans = [packet.dts + (packet.duration or 0) for packet in packets]
                shift = max(spans)
                ends = float(shift * stream.time_base) >= 60 * minutes


def digest(out: Path) -> str:
    """Of all files of results; when a run was, and how long it took, is in the summaries alone."""
    total = hashlib.sha256()
    for file in sorted(out.glob("*/*")):
        total.update(f"{file.relative_to(out)}\n".encode() + file.read_bytes())
    return total.hexdigest()


def run(source: Path, words: list[str]) -> tuple[float, str]:
    """Seconds of one command, and what it wrote."""
    out = Path(tempfile.mkdtemp(prefix="workers-"))
    try:
        started = time.perf_counter()
        command = [sys.executable, "-m", "mien", "analyze", str(source), "--out", str(out)]
        subprocess.run([*command, "--quiet", *words], check=True)
        return time.perf_counter() - started, digest(out)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def compare(title: str, source: Path, ways: dict[str, list[str]], rounds: int) -> dict[str, float]:
    """Medians of seconds by way."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    digests: dict[bool, set[str]] = {}
    for _ in range(rounds):
        for name, words in ways.items():
            took_s, written = run(source, words)
            seconds[name].append(took_s)
            digests.setdefault("--threads" in words, set()).add(written)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    same = all(len(found) == 1 for found in digests.values())
    print(f"{title}; {rounds} round(s); same bytes: {'yes' if same else 'NO'}")
    for name, took_s in medians.items():
        every = " ".join(f"{value:.1f}" for value in seconds[name])
        print(f"  {name:34} {took_s:7.1f} s   ({every})")
    return medians


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    ray = {} if chosen.no_ray else {"--engine ray --jobs 2": ["--engine", "ray", "--jobs", "2"]}
    one_ray = {} if chosen.no_ray else {"--engine ray --jobs 1": ["--engine", "ray", "--jobs", "1"]}
    told: dict[str, object] = {"machine": platform.platform(), "python": platform.python_version()}
    with tempfile.TemporaryDirectory(prefix="workers-") as place:
        if chosen.clips:
            folder = Path(place, "clips")
            make_clips(chosen.video, folder, chosen.clips)
            alone = ["--jobs", "1", "--threads", "1"]
            ways = {"--jobs 1 --threads 1": alone, "--jobs 1": [], "--jobs 2": ["--jobs", "2"]}
            told["clips"] = compare(f"{chosen.clips} clips", folder, ways | ray, chosen.rounds)
        if chosen.minutes:
            long = Path(place, "long.mp4")
            make_long(chosen.video, long, chosen.minutes)
            ways = {"--jobs 1 --threads 1": ["--jobs", "1", "--threads", "1"]}
            title = f"one video of {chosen.minutes:g} minutes"
            told["long"] = compare(title, long, ways | one_ray | ray, chosen.rounds)
    if chosen.json:
        chosen.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
