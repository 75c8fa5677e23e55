"""Folds that action units make: reliefs painted on the canvas, one per unit.

The head's mesh is too coarse for folds, and human coders read several units from them (9, 11 and 23
most of all). Where each fold runs follows the appearance changes that Ekman, Friesen & Hager,
*Facial Action Coding System* (2002) describe for the unit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mien.labels import ACTION_UNITS
from mien.synthetic.faces.appearance.canvas import Canvas
from mien.types import FloatArray

Points = list[tuple[float, float]]


def action_reliefs(canvas: Canvas) -> FloatArray:
    """Height in mm that each unit at intensity 1 adds on a person of middle age.

    Returns
    -------
    float32 (17, 384, 384), in the order of `mien.labels.ACTION_UNITS`, both sides of the face;
    zero where a unit folds nothing.
    """
    reliefs = np.zeros((len(ACTION_UNITS), *canvas.position.shape[:2]), np.float32)
    for unit, draw in _FOLDS.items():
        reliefs[ACTION_UNITS.index(unit)] = draw(_Chisel(canvas))
    return reliefs


def resting_relief(canvas: Canvas) -> FloatArray:
    """Height in mm of the folds of a very old face at rest, float32 (384, 384)."""
    chisel = _Chisel(canvas)
    for rise in (10, 19, 28):
        chisel.fold(_arc(chisel, rise, 44), 0.35, 1.6, mirrored=False)
    _crow_feet(chisel, 0.45)
    _nasolabial(chisel, 0.0, 1.0, 0.55)
    _under_eye(chisel, 0.5, 7.0)
    chisel.fold([(6, 12), (7, 24)], 0.3, 1.4)
    mouth = chisel.at["mouth_left"]
    chisel.fold([(mouth[0] + 1, mouth[1] - 2), (mouth[0] + 5, mouth[1] - 20)], 0.4, 1.8)
    return chisel.relief


class _Chisel:
    """Carves grooves into a relief."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.at = {k: (float(v[0]), float(v[1])) for k, v in canvas.at.items()}
        self.relief = np.zeros(canvas.position.shape[:2], np.float32)

    def fold(
        self, points: Points, depth_mm: float, width_mm: float, mirrored: bool = True
    ) -> _Chisel:
        """A groove along a curve on the person's left, and mirrored on the right.

        It is `depth_mm` deep, has a rim a third as high on both sides and runs out at its ends.
        """
        for sign in (1, -1) if mirrored else (1,):
            distance, place = self.canvas.along([(sign * x, y) for x, y in points])
            s = distance / width_mm
            groove = -np.exp(-(s**2)) + 0.35 * np.exp(-((np.abs(s) - 1.9) ** 2))
            ends = np.clip(np.minimum(place, 1 - place) / 0.2, 0, 1)
            self.relief += np.float32(depth_mm) * groove * ends * self.canvas.front
        return self

    def bump(self, centre: tuple[float, float], height_mm: float, radius_mm: float) -> _Chisel:
        """A soft swelling on both sides."""
        for sign in (1, -1):
            spot = self.canvas.spot((sign * centre[0], centre[1]), radius_mm)
            self.relief += np.float32(height_mm) * spot
        return self


def _arc(chisel: _Chisel, rise: float, reach: float) -> Points:
    """A line across the forehead, `rise` mm above the inner brows."""
    top = chisel.at["brow_inner_left"][1] + rise
    return [
        (x, top - 4 * (x / 40) ** 2 + 1.0 * np.sin(x / 9)) for x in np.linspace(-reach, reach, 15)
    ]


def _crow_feet(chisel: _Chisel, depth: float) -> None:
    x, y = chisel.at["eye_outer_left"]
    for turn in (28, 4, -22):
        a = np.radians(turn)
        chisel.fold(
            [(x + 4 * np.cos(a), y + 4 * np.sin(a)), (x + 17 * np.cos(a), y + 19 * np.sin(a))],
            depth,
            1.3,
        )


def _under_eye(chisel: _Chisel, depth: float, below: float) -> None:
    inner, outer = chisel.at["eye_inner_left"], chisel.at["eye_outer_left"]
    low = chisel.at["eyelid_lower_left"][1] - below
    middle = (inner[0] + outer[0]) / 2
    chisel.fold(
        [
            (inner[0] + 1, inner[1] - 4),
            (middle - 5, low),
            (middle + 5, low),
            (outer[0], outer[1] - 4),
        ],
        depth,
        1.4,
    )


def _nasolabial(chisel: _Chisel, start: float, end: float, depth: float) -> None:
    """The part from `start` to `end` of the fold from the nose's wing to beside the mouth."""
    ala, mouth = chisel.at["ala_left"], chisel.at["mouth_left"]
    whole = np.array(
        [
            (ala[0] + 1, ala[1] + 6),
            (ala[0] + 6, ala[1] - 3),
            (mouth[0] + 6, mouth[1] + 10),
            (mouth[0] + 10, mouth[1] + 1),
            (mouth[0] + 10, mouth[1] - 8),
        ]
    )
    t = np.linspace(start, end, 9) * (len(whole) - 1)
    xs = np.interp(t, range(len(whole)), whole[:, 0])
    ys = np.interp(t, range(len(whole)), whole[:, 1])
    chisel.fold(list(zip(xs.tolist(), ys.tolist(), strict=True)), depth, 2.2)


def _unit_1(c: _Chisel) -> FloatArray:
    for rise in (11, 19, 27):
        c.fold(_arc(c, rise, 26), 0.7, 1.7, mirrored=False)
    return c.relief


def _unit_2(c: _Chisel) -> FloatArray:
    x, y = c.at["brow_outer_left"]
    for rise in (13, 22, 31):
        c.fold([(x - 28, y + rise + 6), (x - 14, y + rise + 5), (x + 2, y + rise - 2)], 0.6, 1.7)
    return c.relief


def _unit_4(c: _Chisel) -> FloatArray:
    y = c.at["brow_inner_left"][1]
    c.fold([(5.5, y - 12), (6.5, y), (8, y + 13)], 1.0, 1.8)
    c.fold([(2.5, y - 8), (2.5, y + 9)], 0.4, 1.5)
    c.bump((15, y + 3), 0.8, 6)
    return c.relief


def _unit_6(c: _Chisel) -> FloatArray:
    _crow_feet(c, 0.8)
    _under_eye(c, 0.7, 10.0)
    x, y = c.at["cheek_left"]
    return c.bump((x + 2, y + 3), 1.2, 14).relief


def _unit_7(c: _Chisel) -> FloatArray:
    _under_eye(c, 0.7, 5.0)
    x, y = c.at["eyelid_lower_left"]
    return c.bump((x, y - 2.5), 0.5, 5).relief


def _unit_9(c: _Chisel) -> FloatArray:
    for y in (-3.0, 2.0, 7.0):
        c.fold([(-9, y - 1.5), (0, y), (9, y - 1.5)], 0.8, 1.4, mirrored=False)
    c.fold([(3.5, -16), (11, -22)], 0.7, 1.5)
    c.fold([(5, -10), (13, -14)], 0.7, 1.5)
    _nasolabial(c, 0.0, 0.4, 0.9)
    _under_eye(c, 0.4, 9.0)
    return c.relief


def _unit_10(c: _Chisel) -> FloatArray:
    _nasolabial(c, 0.05, 0.65, 1.1)
    x, y = c.at["ala_left"]
    return c.bump((x + 12, y + 4), 0.9, 9).relief


def _unit_11(c: _Chisel) -> FloatArray:
    _nasolabial(c, 0.2, 0.7, 1.0)
    return c.relief


def _unit_12(c: _Chisel) -> FloatArray:
    _nasolabial(c, 0.1, 1.0, 1.0)
    x, y = c.at["mouth_left"]
    c.fold([(x + 4, y + 3), (x + 6, y - 4)], 0.7, 1.6)
    cheek = c.at["cheek_left"]
    return c.bump((cheek[0] + 2, cheek[1] - 4), 0.9, 13).relief


def _unit_15(c: _Chisel) -> FloatArray:
    x, y = c.at["mouth_left"]
    c.fold([(x + 1, y - 1), (x + 5, y - 10), (x + 6, y - 19)], 1.0, 1.8)
    return c.bump((x + 9, y - 8), 0.7, 6).relief


def _unit_17(c: _Chisel) -> FloatArray:
    low = c.at["lip_lower_outer"][1]
    c.fold([(-16, low - 2), (0, low - 4.5), (16, low - 2)], 0.8, 2.0, mirrored=False)
    # the dimpled, "orange peel" chin
    rng = np.random.default_rng(17)
    chin = c.at["chin"][1]
    for _ in range(28):
        spot = (float(rng.uniform(0, 13)), float(rng.uniform(chin - 9, chin + 7)))
        c.bump(spot, -0.45, 1.5)
    return c.relief


def _unit_20(c: _Chisel) -> FloatArray:
    x, y = c.at["mouth_left"]
    for out in (7, 12):
        c.fold([(x + out, y + 8), (x + out + 2, y), (x + out, y - 10)], 0.6, 1.6)
    low = c.at["lip_lower_outer"][1]
    return c.fold([(-14, low - 5), (14, low - 5)], -0.35, 2.5, mirrored=False).relief


def _unit_23(c: _Chisel) -> FloatArray:
    top, low = c.at["lip_upper_outer"][1], c.at["lip_lower_outer"][1]
    for x in (3, 8, 13, 18):
        c.fold([(x, top + 1), (x + 1.5, top + 8)], 0.5, 1.0)
        c.fold([(x, low - 1), (x + 1, low - 6)], 0.35, 1.0)
    return c.relief


def _unit_24(c: _Chisel) -> FloatArray:
    top, low = c.at["lip_upper_outer"][1], c.at["lip_lower_outer"][1]
    x, y = c.at["mouth_left"]
    c.fold([(-20, top - 1), (0, top + 2), (20, top - 1)], 0.5, 1.6, mirrored=False)
    c.fold([(-18, low - 1), (0, low - 3), (18, low - 1)], 0.6, 1.6, mirrored=False)
    c.fold([(x + 3, y + 3), (x + 4, y - 4)], 0.6, 1.5)
    return c.bump((9, top + 7), 0.5, 5).relief


_FOLDS: dict[int, Callable[[_Chisel], FloatArray]] = {
    1: _unit_1,
    2: _unit_2,
    4: _unit_4,
    6: _unit_6,
    7: _unit_7,
    9: _unit_9,
    10: _unit_10,
    11: _unit_11,
    12: _unit_12,
    15: _unit_15,
    17: _unit_17,
    20: _unit_20,
    23: _unit_23,
    24: _unit_24,
}
