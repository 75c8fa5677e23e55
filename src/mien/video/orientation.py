"""How stored pixels are turned to stand upright: the display matrix of phone videos."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mien.types import ImageArray


@dataclass(frozen=True, slots=True)
class Orientation:
    """Where the stored axes point on the screen, y downwards.

    The stored x axis goes to ``(xx, xy)`` and the stored y axis to ``(yx, yy)``; each is -1, 0
    or 1, and one of ``xx`` and ``xy`` is 0: turns by quarter circles and mirrorings.
    """

    xx: int = 1
    xy: int = 0
    yx: int = 0
    yy: int = 1

    @property
    def swaps_sides(self) -> bool:
        """Whether the upright frame is as wide as the stored one is high."""
        return self.xx == 0

    @property
    def rotation_deg(self) -> int:
        """Counter-clockwise turn: 0, 90, 180 or 270; of a mirrored picture, after mirroring it
        left to right."""
        side = self.xx * self.yy - self.xy * self.yx  # -1: mirrored
        turn = (side * self.xx, side * self.xy)
        return {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}[turn]

    def apply(self, image: ImageArray) -> ImageArray:
        """Turn ``image``, (height, width) or (height, width, 3), upright; contiguous."""
        if self.swaps_sides:
            turned = image.swapaxes(0, 1)
            horizontal, vertical = self.yx, self.xy
        else:
            turned = image
            horizontal, vertical = self.xx, self.yy
        return np.ascontiguousarray(turned[:: vertical or 1, :: horizontal or 1])


def turned(rotation_deg: float) -> Orientation:
    """The orientation of a frame that is to be turned counter-clockwise, to the next quarter."""
    angle = math.radians(rotation_deg)
    xx, xy = round(2**16 * math.cos(angle)), round(-(2**16) * math.sin(angle))
    return snapped(xx, xy, -xy, xx)


def snapped(xx: int, xy: int, yx: int, yy: int) -> Orientation:
    """The quarter turn, or mirrored one, that is nearest to a display matrix."""
    if abs(xx) >= abs(xy):
        return Orientation(-1 if xx < 0 else 1, 0, 0, -1 if yy < 0 else 1)
    return Orientation(0, -1 if xy < 0 else 1, -1 if yx < 0 else 1, 0)
