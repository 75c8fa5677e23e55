"""How often `mien people suggest` takes two people for one, and one person for one.

    python benchmarks/people_suggest.py --faces london_third       # folders neutral/, happiness/
    mien synthesize videos --out clips --count 30 --seconds 1.6 --fps 10 --seed 77 --size 192 \
        --modalities color --light even --per-person 2
    python benchmarks/people_suggest.py --clips clips

Pictures: every pair of two pictures. Clips: videos of two people with four cuts and a gap, and of
three people side by side or one after the other, in two scenes, are put together and analysed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import av
import cv2
import numpy as np

import mien
from mien.faces.detectors import make_detector
from mien.output.people.file import default_people
from mien.output.people.likeness import SURE, Look, alike, apply_sure, describe, suggest_merges
from mien.video import write_video


def pictures(root: Path) -> None:
    settings = {"max_side_px": 640, "score_threshold": 0.9, "min_face_px": 32}
    detector = make_detector("retinaface", threads=1, device="cpu", **settings)
    looks = {}
    for path in sorted(root.glob("*/*")):
        image = np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])
        faces = detector.detect(image)
        if faces:
            parts = describe(image, faces[0].landmarks, faces[0].box)
            looks[path] = Look(*(part[None] for part in parts))
    for same, words in ((True, "one person"), (False, "two people")):
        found = [
            alike(looks[one], looks[other]) >= SURE
            for one, other in combinations(looks, 2)
            if (one.stem.split("_")[0] == other.stem.split("_")[0]) == same
        ]
        print(f"{words}: sure in {sum(found)} of {len(found)} pairs")


def frames(root: Path, clip: int) -> list[np.ndarray]:
    with av.open(str(root / "clips" / f"{clip:06d}" / "color.mp4")) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def videos(root: Path) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Name and frames; clip 2 p + s is person p in scene s."""
    for one, other in ((0, 1), (4, 9), (7, 12)):
        a, b = frames(root, 2 * one), frames(root, 2 * other)
        gap = [np.full_like(a[0], 90)] * 12
        yield f"two people, {one} and {other}", a[:5] + b[:8] + a[5:10] + b[8:] + gap + a[10:]
    for k in range(5):
        trio = (3 * k, 3 * k + 1, 3 * k + 2)
        scenes = [[frames(root, 2 * person + scene) for person in trio] for scene in (0, 1)]
        if k % 2:
            yield f"three people, {trio}", [f for scene in scenes for clip in scene for f in clip]
        else:
            rows = [np.hstack(row) for clips in scenes for row in zip(*clips, strict=True)]
            yield f"three people, {trio}", rows


def clips(root: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "clip.mp4"
        for name, content in videos(root):
            write_video(path, iter(content), fps=10)
            result = mien.analyze(path)
            faces = [face.face_id for face in result.summaries]
            people = default_people(faces)
            found = suggest_merges(result.table, result.document, people, path)
            merged = apply_sure(people, result.table, found)
            told = "; ".join(", ".join(map(str, p.pieces)) for p in merged.persons)
            print(f"{name}: {len(faces)} faces, {len(merged.persons)} persons: {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--clips", type=Path)
    chosen = parser.parse_args()
    if chosen.faces:
        pictures(chosen.faces)
    if chosen.clips:
        clips(chosen.clips)


if __name__ == "__main__":
    main()
