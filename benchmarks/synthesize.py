"""Speed of synthesis, and how often the detector finds the faces.

usage: python benchmarks/synthesize.py [--count 500] [--seconds 20] [--clips 4]
Frontal stills (--frontal, any light) are looked for with RetinaFace at mien's usual score of 0.9.
The speed is that of `mien synthesize videos` on all cores with color, depth and thermal at 112 px,
truth, coding and the start of the processes included.
"""

import argparse
import collections
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet

from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.synthetic.faces.generation import synthesize_images, synthesize_videos


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clips"
        started = time.perf_counter()
        synthesize_videos(folder, arguments.clips, arguments.seconds, arguments.seed)
        took = time.perf_counter() - started
        frames = sum(pyarrow.parquet.read_table(folder / "manifest.parquet")["frames"].to_pylist())
        print(
            f"videos: {frames} frames, three modalities, {took:.1f} s, {frames / took:.1f} a second"
        )
        folder = Path(scratch) / "images"
        started = time.perf_counter()
        synthesize_images(folder, arguments.count, arguments.seed, frontal=True)
        took = time.perf_counter() - started
        print(f"images: {arguments.count}, three modalities, {arguments.count / took:.1f} a second")
        detect(folder)
    print(f"cores: {os.cpu_count()}")


def detect(folder: Path) -> None:
    """Print the share of faces found, in all and by light."""
    detector = RetinaFaceDetector()
    rows = pyarrow.parquet.read_table(folder / "manifest.parquet").to_pylist()
    found: dict[str, list[bool]] = collections.defaultdict(list)
    errors = []
    for row in rows:
        image = cv2.imread(str(folder / row["color"]))[..., ::-1]
        faces = detector.detect(np.ascontiguousarray(image))
        found["all"].append(bool(faces))
        found[row["scene_light"]].append(bool(faces))
        if faces:
            names = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
            truth = np.array([[row[f"{n}_x"], row[f"{n}_y"]] for n in names])
            best = max(faces, key=lambda face: face.score)
            between = np.linalg.norm(truth[0] - truth[1])
            errors.append(np.linalg.norm(best.landmarks - truth, axis=1).mean() / between)
    for light, hits in found.items():
        print(f"found, light {light}: {np.mean(hits):.3f} of {len(hits)}")
    print(f"its landmarks are off by {np.median(errors):.3f} of the eyes' distance (median)")


if __name__ == "__main__":
    main()
