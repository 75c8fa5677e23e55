"""Frames per second beside other tools, by turns, medians; whole table as JSON.

    python benchmarks/bench.py VIDEO [--rounds 5] [--budget 270] [--json bench.json]
    MEDIAPIPE_PYTHON=PYTHON MEDIAPIPE_MODEL=face_landmarker.task python benchmarks/bench.py VIDEO

MediaPipe pins libraries that mien does not want, so its Python is named by a variable; its Face
Landmarker runs in video mode with mesh and blendshapes. `fer` runs where it is installed. Every run
is a process of its own, which times the work after its models are loaded, from the first frame to
the last row; "command" is a whole `mien analyze` with its start. What the budget of seconds does
not allow is left out, rounds first.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_USAGE = """
import json, resource, sys, time
def tell(frames, seconds, **more):
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
    cpu = used.ru_utime + used.ru_stime
    told = {"frames": frames, "seconds": seconds, "peak_mb": peak, "cpu_s": cpu}
    print(json.dumps(told | more))
path = sys.argv[1]
"""

DECODE = """
import av
started = time.perf_counter()
with av.open(path) as container:
    container.streams.video[0].thread_type = "AUTO"
    frames = sum(1 for _ in container.decode(video=0))
tell(frames, time.perf_counter() - started)
"""

MIEN = """
from pathlib import Path
from tempfile import TemporaryDirectory
entered = time.perf_counter()
from mien.jobs.job import Job
from mien.jobs.run import Batch, analyze_one
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
options = AnalysisOptions(**json.loads(sys.argv[2]))
analyzer = Analyzer(options)
with analyzer.open(path) as analysis:
    next(iter(analysis))
    first = time.perf_counter() - entered
with TemporaryDirectory() as folder:
    started = time.perf_counter()
    outcome = analyze_one(analyzer, Job(path, Path(folder) / "result"), Batch(options))
    seconds = time.perf_counter() - started
tell(outcome.frames, seconds, faces=outcome.faces, first_row_s=first, profile_s=outcome.profile)
"""

ROWS = """
from mien.output.schema import to_table
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
analyzer = Analyzer(AnalysisOptions(**json.loads(sys.argv[2])))
started = time.perf_counter()
with analyzer.open(path) as analysis:
    tables = [to_table(rows) for rows in analysis]
seconds = time.perf_counter() - started
document = analysis.summary().document
tell(document["source"]["frames"], seconds, faces=len(document["faces"]),
     profile_s=analysis.watch.seconds)
"""

LIVE = """
import numpy as np
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.video.reader import VideoReader
import cv2
with VideoReader(path) as reader:
    images = [cv2.resize(f.image, (640, 480)) for f, _ in zip(reader, range(120))]
analyzer = Analyzer(AnalysisOptions(batch=1, reactions=False))
waits, sent = [], [0.0]
def camera():
    for k, image in enumerate(images):
        sent[0] = time.perf_counter()
        yield k / 25, image
started = time.perf_counter()
with analyzer.open_frames(camera(), nominal_fps=25) as analysis:
    for rows in analysis:
        waits.append(time.perf_counter() - sent[0])
tell(len(images), time.perf_counter() - started, latency_ms=1000 * float(np.median(waits[5:])),
     latency_p95_ms=1000 * float(np.percentile(waits[5:], 95)))
"""

MEDIAPIPE = """
import cv2
import mediapipe as mp
from mediapipe.tasks.python import BaseOptions, vision
options = vision.FaceLandmarkerOptions(
    base_options=BaseOptions(model_asset_path=sys.argv[2]),
    running_mode=vision.RunningMode.VIDEO, output_face_blendshapes=True)
faces = frames = 0
with vision.FaceLandmarker.create_from_options(options) as marker:
    video = cv2.VideoCapture(path)
    started = time.perf_counter()
    while True:
        there, image = video.read()
        if not there:
            break
        time_ms = int(video.get(cv2.CAP_PROP_POS_MSEC))
        color = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=color)
        faces += len(marker.detect_for_video(image, time_ms).face_landmarks)
        frames += 1
    seconds = time.perf_counter() - started
tell(frames, seconds, faces_in_frames=faces)
"""

FER = """
import av
from fer import FER
reader = FER()
frames = 0
started = time.perf_counter()
with av.open(path) as container:
    for frame in container.decode(video=0):
        reader.detect_emotions(frame.to_ndarray(format="bgr24"))
        frames += 1
        if time.perf_counter() - started > 20:
            break
tell(frames, time.perf_counter() - started)
"""

COMMAND = """
import contextlib, io
from tempfile import TemporaryDirectory
import subprocess
with TemporaryDirectory() as folder:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "mien", "analyze", path, "--out", folder, "--quiet"],
                   check=True)
    seconds = time.perf_counter() - started
    from pathlib import Path
    [found] = Path(folder).glob("*/video.json")
    frames = json.loads(found.read_text())["source"]["frames"]
used = resource.getrusage(resource.RUSAGE_CHILDREN)
peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
tell(frames, seconds, peak_mb=peak, cpu_s=used.ru_utime + used.ru_stime)
"""


def tools(python: str | None, model: str | None) -> dict[str, list[str]]:
    """Commands by name, without the video."""
    here = [sys.executable, "-c"]
    found = {
        "decode only": [*here, _USAGE + DECODE],
        "mien, rows": [*here, _USAGE + ROWS, "{}"],
        "mien, all files": [*here, _USAGE + MIEN, "{}"],
        "mien --detect every": [*here, _USAGE + ROWS, '{"detect": "every"}'],
        "mien --precise": [*here, _USAGE + ROWS, '{"precise": true}'],
        "mien, command": [*here, _USAGE + COMMAND],
        "mien, live 640 x 480": [*here, _USAGE + LIVE],
    }
    if python and model:
        found["MediaPipe Face Landmarker"] = [python, "-c", _USAGE + MEDIAPIPE, model]
    if importlib.util.find_spec("fer"):
        found["fer"] = [*here, _USAGE + FER]
    return found


def run(command: list[str], video: Path, timeout_s: float) -> dict | None:
    """What one process tells; None where it fails or takes too long."""
    code = command.index("-c") + 2
    line = [*command[:code], str(video), *command[code:]]
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=timeout_s, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        reason = getattr(error, "stderr", None) or error
        print(str(reason).strip().splitlines()[-1][:200], file=sys.stderr)
        return None
    told: dict = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def measure(videos: list[Path], rounds: int, budget_s: float) -> list[dict]:
    """All tools by turns, round after round, as far as the budget reaches."""
    chosen = tools(os.environ.get("MEDIAPIPE_PYTHON"), os.environ.get("MEDIAPIPE_MODEL"))
    pairs = [(video, name) for video in videos for name in chosen]
    runs: dict[tuple[Path, str], list[dict]] = {pair: [] for pair in pairs}
    failed: set[tuple[Path, str]] = set()
    ends = time.monotonic() + budget_s
    for number in range(rounds):
        started = time.monotonic()
        for video, name in pairs:
            left_s = ends - time.monotonic()
            if left_s < 1 or (video, name) in failed:
                continue
            told = run(chosen[name], video, left_s)
            if told is None:
                failed.add((video, name))
            else:
                runs[video, name].append(told)
        if ends - time.monotonic() < time.monotonic() - started:  # another round does not fit
            print(f"{number + 1} of {rounds} rounds within {budget_s:g} s", file=sys.stderr)
            break
    return [summed(video, name, told) for (video, name), told in runs.items() if told]


def summed(video: Path, name: str, runs: list[dict]) -> dict:
    """Medians over runs."""
    rates = [one["frames"] / one["seconds"] for one in runs]
    row = {
        "video": video.name,
        "tool": name,
        "runs": len(runs),
        "frames_per_s": statistics.median(rates),
        "slowest": min(rates),
        "fastest": max(rates),
    }
    for key in ("peak_mb", "cpu_s", "first_row_s", "latency_ms", "latency_p95_ms", "faces"):
        if key in runs[0]:
            row[key] = statistics.median(one[key] for one in runs)
    if "profile_s" in runs[0]:
        stages = runs[0]["profile_s"]
        row["profile_s"] = {s: statistics.median(r["profile_s"][s] for r in runs) for s in stages}
    return row


def printed(rows: list[dict]) -> str:
    """A table; the last column is the speed over that of MediaPipe on the same video."""
    peer = {r["video"]: r["frames_per_s"] for r in rows if r["tool"].startswith("MediaPipe")}
    head = f"{'video':<22}{'tool':<28}{'frames/s':>9}{'range':>14}{'peak MB':>9}{'x MediaPipe':>13}"
    lines = [head]
    for row in rows:
        against = peer.get(row["video"])
        ratio = f"{row['frames_per_s'] / against:.2f}" if against else "-"
        span = f"{row['slowest']:.0f}-{row['fastest']:.0f}"
        lines.append(
            f"{row['video'][:21]:<22}{row['tool']:<28}{row['frames_per_s']:>9.1f}{span:>14}"
            f"{row['peak_mb']:>9.0f}{ratio:>13}"
        )
        for key in ("first_row_s", "latency_ms"):
            if key in row:
                lines.append(f"{'':<22}  {key} {row[key]:.3g}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=270, help="seconds")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = arguments.videos
        if not videos:  # nobody's video is needed to try it
            from mien.demo import write_demo_clip

            videos = [write_demo_clip(Path(folder) / "demo.mp4", 12.0)]
        rows = measure(videos, arguments.rounds, arguments.budget)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    print(printed(rows))
    if arguments.json is not None:
        document = {
            "date": time.strftime("%Y-%m-%d"),
            "machine": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
            "rows": rows,
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
