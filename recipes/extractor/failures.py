"""Where an extractor is wrong, as a picture for its card: half B of the eye panel.

    python recipes/extractor/failures.py MODEL.onnx OUT.jpg

Of each unit with enough positives the two faces on which it is farthest on the wrong side of its
level. Nobody in the pictures exists (SFHQ, MIT); the coders are not certified.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from development import PANEL

from mien.evaluation.eye_panel import LEAST_POSITIVES, load_eye_panel
from mien.labels import ACTION_UNIT_SLICE, ACTION_UNITS, unit_name
from mien.runtime.models import AffectModel

SIDE_PX, WORDS_PX, COLUMNS, EACH = 168, 62, 8, 2
BAD, PLAIN, GROUND = (40, 40, 178), (40, 40, 40), (255, 255, 255)


def worst(truth: np.ndarray, p: np.ndarray, level: float) -> list[int]:
    """Rows on the wrong side of the level, the farthest first."""
    beyond = np.where(truth > 0.5, level - p, p - level)
    wrong = np.flatnonzero(np.isfinite(truth) & (beyond > 0))
    return [int(row) for row in wrong[np.argsort(-beyond[wrong])][:EACH]]


def tile(crop: np.ndarray, unit: int, said: float, is_there: bool) -> np.ndarray:
    """One face with what was said and what the coders saw."""
    made = np.full((SIDE_PX + WORDS_PX, SIDE_PX + 12, 3), 255, np.uint8)
    face = cv2.resize(crop, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    made[:SIDE_PX, 6 : 6 + SIDE_PX] = face[:, :, ::-1]
    name = unit_name(unit)
    seen = "missed" if is_there else "not there"
    for line, (text, color) in enumerate(((name, PLAIN), (f"said {said:.2f}: {seen}", BAD))):
        place = (6, SIDE_PX + 20 + 20 * line)
        cv2.putText(made, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, 1, cv2.LINE_AA)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    extractor, panel = AffectModel(given.model), load_eye_panel(PANEL)
    half = ~panel.first_half
    truth, crops = panel.truth[half], panel.crops[half]
    p = extractor.predict(crops)[:, ACTION_UNIT_SLICE]
    tiles = []
    for column, unit in enumerate(ACTION_UNITS):
        if np.nansum(panel.truth[:, column]) < LEAST_POSITIVES:
            continue
        for row in worst(truth[:, column], p[:, column], extractor.au_decisions[column]):
            there = bool(truth[row, column] > 0.5)
            tiles.append(tile(crops[row], unit, float(p[row, column]), there))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[k : k + COLUMNS]) for k in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(given.out), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
