"""Words, grounds and sizes that the videos which mien draws have in common."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mien.types import ImageArray

LONGEST_PX = 1280
"""Longer side of a drawn video; larger frames are shrunk."""

FONT = cv2.FONT_HERSHEY_DUPLEX
WHITE, DARK = (255, 255, 255), (18, 18, 24)


def shrunk(image: ImageArray) -> tuple[ImageArray, float]:
    """A picture of at most `LONGEST_PX`, a new one, and by how much it is smaller (at most 1)."""
    factor = min(1.0, LONGEST_PX / max(image.shape[:2]))
    if factor == 1:
        return image.copy(), 1.0
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8), factor


def text_scale(canvas: ImageArray) -> float:
    """Size of words for a picture."""
    return float(np.clip(max(canvas.shape[:2]) / LONGEST_PX * 0.62, 0.3, 0.8))


def darken(canvas: ImageArray, left: int, top: int, right: int, bottom: int) -> None:
    """A dark ground for words, through which the picture still shows."""
    box = canvas[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    box[:] = (0.3 * box + 0.7 * np.array(DARK)).astype(np.uint8)


Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def overlap(one: Rectangle, other: Rectangle) -> bool:
    """Whether two rectangles share any area."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def label(
    canvas: ImageArray,
    texts: tuple[str, ...],
    left: float,
    bottom: float,
    taken: Sequence[Rectangle] = (),
) -> Rectangle:
    """The first of these words that fits and covers nothing taken, on a dark ground.

    The last one is drawn if none does; it is kept inside the picture. Returned is where.
    """
    height, width = canvas.shape[:2]
    scale = text_scale(canvas)
    for text in texts:
        (wide, high), base = cv2.getTextSize(text, FONT, scale, 1)
        pad = max(2, high // 2)
        x = int(np.clip(left, 0, max(0, width - wide - 2 * pad)))
        y = int(np.clip(bottom - 4, high + base + pad, height))
        place = (x, y - high - base - pad, x + wide + 2 * pad, y)
        if place[2] <= width and not any(overlap(place, other) for other in taken):
            break
    darken(canvas, *place)
    cv2.putText(canvas, text, (x + pad, y - base - pad // 4), FONT, scale, WHITE, 1, cv2.LINE_AA)
    return place
