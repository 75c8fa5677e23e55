"""Damages media files in many ways and lets ``mien analyze`` read them: `make soak`.

    python tests/soak.py [--count 2000] [--seed 0] [--keep FOLDER]

No file may bring a traceback, a crash, a hang of over 20 s, a peak of over 1 GB, left-overs, or a
message that names temporary files. What does is printed, and its files are kept; exit code 1.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from mien.demo import demo_frames

MOST_S, MOST_BYTES = 20.0, 1_000_000_000
_AT_ONCE = 100
_SIZE = (160, 120)
_WRONG = re.compile(
    r"Traceback|should not happen|died \(|\.partial|\.mien-|Segmentation|core dumped|"
    + re.escape(str(Path(tempfile.gettempdir(), tempfile.gettempprefix())))
)
_VIDEOS = {
    "mp4": "libx264",
    "mkv": "libx264",
    "mov": "mpeg4",
    "avi": "mjpeg",
    "webm": "libvpx",
    "ts": "mpeg2video",
    "flv": "flv",
    "wmv": "msmpeg4v3",
    "mpg": "mpeg1video",
    "gif": "gif",
}
_PICTURES = ("png", "jpg", "bmp", "webp", "tiff", "jp2", "ppm")

Bytes = np.ndarray
Rng = np.random.Generator


def originals(folder: Path) -> list[Path]:
    """One small file of every kind; kinds that this FFmpeg cannot write are left out."""
    pictures = [cv2.resize(image, _SIZE) for image in demo_frames(0.4)]
    made = []
    for suffix, codec in _VIDEOS.items():
        path = folder / f"face.{suffix}"
        try:
            with av.open(str(path), "w") as container:
                stream = container.add_stream(codec, rate=25)
                stream.width, stream.height = _SIZE
                wanted = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
                stream.pix_fmt = wanted
                for k, picture in enumerate(pictures):
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                    frame = frame.reformat(format=wanted)
                    frame.pts, frame.time_base = k, Fraction(1, 25)
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
        except (av.error.FFmpegError, ValueError):
            path.unlink(missing_ok=True)
            continue
        made.append(path)
    for suffix in _PICTURES:
        path = folder / f"face.{suffix}"
        if cv2.imwrite(str(path), pictures[0][:, :, ::-1]):
            made.append(path)
    return made


def _flipped(data: Bytes, rng: Rng) -> Bytes:
    at = rng.integers(0, len(data), rng.integers(1, 60))
    data[at] ^= rng.integers(1, 256, len(at), dtype=np.uint8)
    return data


def _flipped_in_front(data: Bytes, rng: Rng) -> Bytes:
    at = rng.integers(0, min(400, len(data)), rng.integers(1, 6))
    data[at] ^= rng.integers(1, 256, len(at), dtype=np.uint8)
    return data


def _blanked(data: Bytes, rng: Rng) -> Bytes:
    at = int(rng.integers(0, len(data)))
    data[at : at + int(rng.integers(1, 2000))] = rng.choice([0, 255])
    return data


def _cut(data: Bytes, rng: Rng) -> Bytes:
    return data[: rng.integers(0, len(data))]


def _without_a_part(data: Bytes, rng: Rng) -> Bytes:
    at = int(rng.integers(0, len(data)))
    return np.concatenate([data[:at], data[at + int(rng.integers(1, 1500)) :]])


def _with_a_part_twice(data: Bytes, rng: Rng) -> Bytes:
    at, end = np.sort(rng.integers(0, len(data), 2))
    return np.concatenate([data[:end], data[at:]])


def _with_a_large_number(data: Bytes, rng: Rng) -> Bytes:
    at = int(rng.integers(0, max(1, len(data) - 4)))
    data[at : at + 4] = rng.choice([[255] * 4, [127, 255, 255, 255], [255, 255, 255, 127]])
    return data[:]


MUTATIONS: tuple[Callable[[Bytes, Rng], Bytes], ...] = (
    _flipped,
    _flipped_in_front,
    _blanked,
    _cut,
    _without_a_part,
    _with_a_part_twice,
    _with_a_large_number,
)


def damaged(sources: list[Path], folder: Path, numbers: range, seed: int) -> Iterator[Path]:
    """Files of these numbers; each is the same whenever it is made."""
    for number in numbers:
        rng = np.random.default_rng([seed, number])
        source = sources[number % len(sources)]
        data = np.frombuffer(source.read_bytes(), np.uint8).copy()
        for mutate in rng.choice(len(MUTATIONS), rng.integers(1, 3)):
            data = MUTATIONS[mutate](data, rng) if len(data) > 8 else data
        suffix = rng.choice(sources).suffix if rng.random() < 0.1 else source.suffix
        path = folder / f"{number:05d}{suffix}"
        path.write_bytes(data.tobytes())
        yield path


_WATCHED = """
import re, resource
from pathlib import Path
from mien.cli import main
try:
    main()
finally:  # of a process its own peak: ru_maxrss begins with that of the process before exec
    print("peak", re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], "kB")
    print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, "kB")
"""


def check(folder: Path, out: Path) -> list[str]:
    """Let mien read a folder; what went wrong, a line each."""
    files = sorted(folder.iterdir())
    command = [sys.executable, "-c", _WATCHED, "analyze", *map(str, files), "--out", str(out)]
    limit_s = 60 + MOST_S * len(files)
    try:
        done = subprocess.run(
            [*command, "--jobs", "2", "--quiet"],
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"{folder}: not done after {limit_s:g} s"]
    faults = [line for line in done.stderr.splitlines() if _WRONG.search(line)]
    if done.returncode not in (0, 1) or not (out / "summary.json").is_file():
        faults.append(f"{folder}: exit code {done.returncode}: {done.stderr[-500:]}")
        return faults
    told = json.loads((out / "summary.json").read_text(encoding="utf-8"))["inputs"]
    if len(told) != len(files):
        faults.append(f"{folder}: {len(told)} of {len(files)} files are in the summary")
    faults += [
        f"{one['source']}: took {one['seconds']:.1f} s" for one in told if one["seconds"] > MOST_S
    ]
    named = {Path(one["folder"]).name for one in told if one["folder"]} | {"summary.json"}
    faults += [f"{out}: left over: {p.name}" for p in out.iterdir() if p.name not in named]
    peak = 1024 * max(int(number) for number in re.findall(r"peak (\d+) kB", done.stdout))
    if peak > MOST_BYTES:
        faults.append(f"{folder}: a process took {peak / 1e6:.0f} MB")
    return faults


def soak(count: int, seed: int, keep: Path | None = None) -> list[str]:
    """Damage, read and look; what went wrong, a line each."""
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        root = Path(place)
        (root / "originals").mkdir()
        sources = originals(root / "originals")
        for first in range(0, count, _AT_ONCE):
            folder, out = root / f"{first:05d}", root / "out"
            folder.mkdir()
            list(damaged(sources, folder, range(first, min(first + _AT_ONCE, count)), seed))
            found = check(folder, out)
            if found and keep is not None:
                shutil.copytree(folder, keep / folder.name, dirs_exist_ok=True)
            faults += found
            shutil.rmtree(folder)
            shutil.rmtree(out, ignore_errors=True)
            if count > _AT_ONCE:
                print(
                    *found, f"{first + _AT_ONCE} files, {len(faults)} faults", sep="\n", flush=True
                )
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where batches with faults are copied to")
    given = parser.parse_args()
    return bool(soak(given.count, given.seed, given.keep))


if __name__ == "__main__":
    sys.exit(main())
