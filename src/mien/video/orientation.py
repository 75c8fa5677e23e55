"""How stored pixels are turned to stand upright: the display matrix of phone videos."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType

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
        """Counter-clockwise turn of the stored x axis: 0, 90, 180 or 270."""
        return {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}[self.xx, self.xy]

    def apply(self, image: ImageArray) -> ImageArray:
        """Turn ``image``, (height, width, 3), upright; the result is contiguous."""
        if self.swaps_sides:
            turned = image.transpose(1, 0, 2)  # (width, height, 3)
            horizontal, vertical = self.yx, self.xy
        else:
            turned = image
            horizontal, vertical = self.xx, self.yy
        return np.ascontiguousarray(turned[:: vertical or 1, :: horizontal or 1])


def frame_orientation(frame: av.VideoFrame) -> Orientation:
    """Read the orientation of a decoded frame, snapped to the nearest quarter turn.

    The whole matrix is used where it can be had, so that mirrored recordings (some front
    cameras) are shown as players show them; otherwise the angle alone.
    """
    matrix: bytes | None = None
    try:
        side_data = cast("Mapping[SideDataType, SideData]", frame.side_data)
        matrix = bytes(side_data[SideDataType.DISPLAYMATRIX])
    except (KeyError, ValueError):
        # No matrix; or PyAV refuses to list side data, where one item is newer than its table.
        matrix = None
    if matrix is not None and len(matrix) >= 20:
        xx, xy, _, yx, yy = struct.unpack("=5i", matrix[:20])
    else:
        angle = math.radians(frame.rotation)  # counter-clockwise, seen with y upwards
        xx, xy = round(2**16 * math.cos(angle)), round(-(2**16) * math.sin(angle))
        yx, yy = -xy, xx
    if abs(xx) >= abs(xy):
        return Orientation(-1 if xx < 0 else 1, 0, 0, -1 if yy < 0 else 1)
    return Orientation(0, -1 if xy < 0 else 1, -1 if yx < 0 else 1, 0)
