"""A sheet of development faces with what an extractor reads in them, to be looked at.

    python recipes/extractor/sheet.py DATA RUNS MODEL.onnx OUT.png [--set captions] [--count 40]

It shows people of the corpora: keep it as private as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from development import load, read_crops

from mien.labels import ACTION_UNIT_SLICE, ACTION_UNITS, EXPRESSION_SLICE, EXPRESSIONS
from mien.runtime.models import AffectModel

_TILE_PX, _TEXT_PX = 224, 76


def tile(crop: np.ndarray, lines: list[str]) -> np.ndarray:
    picture = np.full((_TILE_PX + _TEXT_PX, _TILE_PX, 3), 255, np.uint8)
    picture[:_TILE_PX] = cv2.resize(
        crop[:, :, ::-1], (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_CUBIC
    )
    for k, line in enumerate(lines):
        cv2.putText(picture, line, (3, _TILE_PX + 13 + 15 * k), 0, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "runs", "model", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--set", default="captions")
    parser.add_argument("--expression", default="", help="only faces of this majority")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=40)
    given = parser.parse_args()
    extractor = AffectModel(given.model)
    faces = load(given.data, given.runs / "data", given.runs / "mesh", given.runs / "cache")[
        given.set
    ]
    rows = np.arange(len(faces.crops))
    if given.expression:
        rows = rows[faces.majority == EXPRESSIONS.index(given.expression)]
    rng = np.random.default_rng(given.seed)
    rows = np.sort(rng.choice(rows, min(given.count, len(rows)), replace=False))
    read = read_crops(extractor, faces.crops[rows])
    tiles = []
    for k, row in enumerate(rows):
        shares = read.affect[k, EXPRESSION_SLICE]
        order = np.argsort(-shares)[:2]
        units = read.affect[k, ACTION_UNIT_SLICE]
        active = [
            str(u)
            for u, p, level in zip(ACTION_UNITS, units, extractor.au_decisions, strict=True)
            if p >= level
        ]
        d = read.details
        truth = EXPRESSIONS[faces.majority[row]] if faces.majority[row] >= 0 else "-"
        lines = [
            f"[{truth}] " + " ".join(f"{EXPRESSIONS[i]} {shares[i]:.2f}" for i in order),
            f"V {read.affect[k, 0]:+.2f} A {read.affect[k, 1]:+.2f} q {d.quality[k]:.2f}",
            "AU " + " ".join(active),
            "yaw {:.0f} pitch {:.0f} eyes {:.1f} {:.1f}".format(*d.pose_deg[k, :2], *d.eye_open[k]),
            "gaze {:.0f} {:.0f}".format(*d.gaze_deg[k]),
        ]
        tiles.append(tile(faces.crops[row], lines))
    while len(tiles) % 8:
        tiles.append(np.full_like(tiles[0], 255))
    sheet = np.vstack([np.hstack(tiles[k : k + 8]) for k in range(0, len(tiles), 8)])
    cv2.imwrite(str(given.out), sheet)


if __name__ == "__main__":
    main()
