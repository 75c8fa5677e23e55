"""Following (`--detect auto`) against a detector in every frame, on generated scenes and on files.

    python benchmarks/following.py PICTURE_OF_SEVERAL_FACES [VIDEO ...] [--json following.json]

Faces are cut out of the picture and moved over a backdrop at 640 x 360, 25 frames a second: one
enters and leaves, two cross, one is cut away and comes back, one dissolves into another. Said of
each way: how long until a face that is there has a row, how often a person's number changes, how
many people share a number; and over rows that both have, the mean and the largest difference of a
channel's mean.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

import mien
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.labels import AFFECT_COLUMNS
from mien.types import ImageArray

FPS, SIZE = 25, (640, 360)
Places = dict[int, tuple[float, float, float]]  # by person: centre x, y, and how visible
_FACE_PX = 110


def cut_out(picture: ImageArray) -> list[np.ndarray]:
    """Faces with an alpha channel, float32 (side, side, 4)."""
    found = []
    for face in RetinaFaceDetector().detect(picture):
        x, y, width, height = face.box
        centre, side = np.array([x + width / 2, y + height / 2]), 1.5 * max(width, height)
        scale = 1.5 * _FACE_PX / side
        matrix = np.array([[scale, 0, 0], [0, scale, 0]])
        matrix[:, 2] = 0.75 * _FACE_PX - scale * centre
        shown = cv2.warpAffine(
            picture,
            matrix,
            (int(1.5 * _FACE_PX),) * 2,
            flags=cv2.INTER_AREA,
            borderMode=cv2.BORDER_REPLICATE,
        )
        down, across = np.mgrid[: shown.shape[0], : shown.shape[1]] / (shown.shape[0] / 2) - 1
        alpha = np.clip((1 - np.hypot(across, down)) * 6, 0, 1)
        found.append(np.dstack([shown, 255 * alpha]).astype(np.float32))
    return found


def painted(faces: list[np.ndarray], places: Places, empty: bool = False) -> ImageArray:
    """One frame; people who are half visible dissolve, and the room with them."""
    if (share := places.get(1, (0, 0, 1.0))[2]) < 1:
        rooms = [painted(faces, {p: (320, 180, 1.0)}, bool(p)).astype(float) for p in (0, 1)]
        return np.round((1 - share) * rooms[0] + share * rooms[1]).astype(np.uint8)
    width, height = SIZE
    down, across = np.mgrid[:height, :width]
    backdrop = 90 + 40 * np.sin(across / 37) + 30 * np.cos(down / 23)
    if empty:
        backdrop = 128 + 100 * np.sin(across / 9) * np.cos(down / 11)
    canvas = np.repeat(backdrop[..., None], 3, 2).astype(np.float32)
    for person, (x, y, visible) in places.items():
        sprite = faces[person]
        matrix = np.array([[1, 0, x - sprite.shape[1] / 2], [0, 1, y - sprite.shape[0] / 2]])
        moved = cv2.warpAffine(sprite, matrix, SIZE)
        share = moved[..., 3:] / 255 * visible
        canvas += share * (moved[..., :3] - canvas)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def enters_and_leaves(k: int) -> Places:
    x = -90 + 12 * max(0, k - 12) if k < 45 else 306 + 12 * max(0, k - 55)
    return {0: (min(x, 800), 180, 1)}


def crosses(k: int) -> Places:
    return {0: (100 + 6 * k, 170, 1), 1: (540 - 6 * k, 200, 1)}


def is_cut_away(k: int) -> Places:
    return {} if 25 <= k < 45 else {0: (300, 180, 1)}


def dissolves(k: int) -> Places:
    share = float(np.clip((k - 25) / 12, 0, 1))
    return {p: (320, 180, v) for p, v in ((0, 1 - share), (1, share)) if p == 1 or share < 1}


SCENES: dict[str, Callable[[int], Places]] = {
    "enters and leaves": enters_and_leaves,
    "two cross": crosses,
    "cut away": is_cut_away,
    "dissolve": dissolves,
}


def judged(result: mien.Result, scene: Callable[[int], Places]) -> dict:
    """Delay, changes of number and shared numbers."""
    table = result.table.to_pydict()
    ids: dict[int, list[int]] = {}
    first_there: dict[int, int] = {}
    first_found: dict[int, int] = {}
    seen: dict[int, list[tuple[int, float, float]]] = {}
    for k, one, x, y, w, h in zip(
        *(table[n] for n in ("frame", "face_id", "box_x", "box_y", "box_w", "box_h")), strict=True
    ):
        if one is not None:
            seen.setdefault(k, []).append((one, x + w / 2, y + h / 2))
    for k in range(max(table["frame"]) + 1):
        for person, (x, y, visible) in scene(k).items():
            if visible < 0.9 or not 60 < x < SIZE[0] - 60:
                continue
            first_there.setdefault(person, k)
            near = [(np.hypot(a - x, b - y), one) for one, a, b in seen.get(k, [])]
            if near and min(near)[0] < 40:
                ids.setdefault(person, []).append(min(near)[1])
                first_found.setdefault(person, k)
    shared = set.intersection(*map(set, ids.values())) if len(ids) > 1 else set()
    return {
        "longest wait, s": max((first_found.get(p, 999) - k) / FPS for p, k in first_there.items()),
        "changes of number": sum(
            sum(a != b for a, b in itertools.pairwise(one)) for one in ids.values()
        ),
        "numbers shared": len(shared),
        "numbers": len({one for row in ids.values() for one in row}),
    }


def apart(auto: mien.Result, every: mien.Result) -> dict:
    """Differences in rows of the same frame and number, and how many rows only one has."""
    keys, values = [], []
    for result in (auto, every):
        table = result.table.to_pydict()
        keys.append(
            {
                (k, one): i
                for i, (k, one) in enumerate(zip(table["frame"], table["face_id"], strict=True))
                if one is not None
            }
        )
        values.append(np.array([table[name] for name in AFFECT_COLUMNS], float).T)
    both = sorted(keys[0].keys() & keys[1].keys())
    told = {"rows of auto": len(keys[0]), "rows of every": len(keys[1]), "in both": len(both)}
    if both:
        off = np.abs(
            values[0][[keys[0][k] for k in both]] - values[1][[keys[1][k] for k in both]]
        ).mean(axis=0)
        worst = int(off.argmax())
        told |= {"mean difference": float(off.mean()), "largest of a channel": float(off[worst])}
        told |= {"channel": AFFECT_COLUMNS[worst]}
    return told


def _other_room(name: str, places: Places) -> bool:
    return (name == "cut away" and not places) or (name == "dissolve" and 0 not in places)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("picture", type=Path)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    picture = cv2.imread(str(arguments.picture), cv2.IMREAD_COLOR)
    faces = cut_out(np.ascontiguousarray(picture[:, :, ::-1]))
    ways = {
        way: mien.Analyzer(mien.AnalysisOptions(detect=way, reactions=False))
        for way in ("auto", "every")
    }
    document: dict[str, dict] = {}
    for name, scene in SCENES.items():
        frames = [painted(faces, scene(k), empty=_other_room(name, scene(k))) for k in range(75)]
        results = {w: mien.analyze_frames(frames, fps=FPS, analyzer=a) for w, a in ways.items()}
        document[name] = {w: judged(result, scene) for w, result in results.items()}
        document[name]["apart"] = apart(results["auto"], results["every"])
        print(name, json.dumps(document[name], indent=1), flush=True)
    for video in arguments.videos:
        auto, every = (mien.analyze(video, analyzer=a) for a in ways.values())
        document[video.name] = apart(auto, every)
        print(video.name, json.dumps(document[video.name], indent=1), flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
