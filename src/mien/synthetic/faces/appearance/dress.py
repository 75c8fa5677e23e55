"""Meshes that a head lacks: teeth, hair, headwear, glasses and shoulders.

All are in the axes of `HeadModel`, mm, for one person at rest; `rendering.actor` moves them along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.appearance.canvas import SIZE_PX, Canvas
from mien.synthetic.faces.appearance.look import Look
from mien.synthetic.faces.appearance.noise import cloud_noise
from mien.synthetic.faces.appearance.skin import Painter, height_over_hairline
from mien.synthetic.faces.geometry.head import HeadModel, Person
from mien.types import FloatArray

Faces = npt.NDArray[np.int32]
Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Piece:
    """A mesh: vertices float32 (k, 3), faces int32 (m, 3), and paint coordinates (k, 2) in mm."""

    vertices: FloatArray
    faces: Faces
    uv: FloatArray


def sheet(points: Array, uv: Array, closed: bool = False) -> Piece:
    """A mesh of a grid of points (rows, columns, 3); `closed` joins last column and first."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate(
        [np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)]
    )
    return Piece(
        points.reshape(-1, 3).astype(np.float32),
        faces.astype(np.int32),
        uv.reshape(-1, 2).astype(np.float32),
    )


def teeth(head: HeadModel, person: Person, upper: bool) -> Piece:
    """One row of teeth and its gum. ``uv`` is the place along the arch and the height, mm."""
    at = {name: person.points[index] for name, index in head.landmarks.items()}
    line = (at["lip_upper_inner"][1] + at["lip_lower_inner"][1]) / 2
    front = min(at["lip_upper_inner"][2], at["lip_lower_inner"][2]) - (6.5 if upper else 8.5)
    half = 0.8 * at["mouth_left"][0]
    along, height = np.linspace(-1, 1, 25), np.linspace(0, 1, 5)
    edge, gum = (line - 1.5, line + 10) if upper else (line - 2.5, line - 13)
    rows = edge + (gum - edge) * height
    x = half * np.sin(1.35 * along) / np.sin(1.35)
    points = np.zeros((5, 25, 3))
    points[..., 0] = x * (1 - 0.04 * height[:, None])
    points[..., 1] = rows[:, None] + (0.8 if upper else -0.8) * along**2
    points[..., 2] = front - 15 * along**2 - 1.5 * height[:, None]
    uv = np.stack(np.broadcast_arrays(x, (np.abs(gum - edge) * height)[:, None]), axis=-1)
    return sheet(points, uv)


def covering_mm(head: HeadModel, canvas: Canvas, painter: Painter, look: Look) -> FloatArray:
    """How thick hair, beard and headwear lie on each vertex of the skin, float32 (n,), mm.

    0 where there is nothing; the border sinks below the skin, which the shell's maker does.
    """
    rng = np.random.default_rng([0xC0F, look.seed])
    mean, noise = canvas.mean, cloud_noise(rng, (64, 64), 16, 3)
    column, row = (np.clip(canvas.uv[:, k] / SIZE_PX * 64, 0, 63).astype(int) for k in (0, 1))
    lumps = noise[row, column]
    over = height_over_hairline(mean, painter.at["brow_inner_left"][1], look.hairline_mm)
    skin = ~head.region_mask(
        "eyeball_right", "eyeball_left", "tongue", "mouth_interior", "lips", "neck"
    )
    # the region holds some scalp around the ear, which hair may cover
    aside = np.abs(mean[:, 0])
    bare_ears = ~(head.region_mask("ear_right", "ear_left") & (aside > 72))
    bare_ears &= ~((aside > 76.5) & (np.abs(mean[:, 1] + 24) < 40))
    grown = np.clip((over + 1.2 * lumps) / 12, 0, 1)
    fuller = np.clip((mean[:, 1] - 20) / 80, 0, 1)
    hair = look.hair_mm * grown * (0.55 + 0.6 * fuller) * (1 + 0.16 * lumps) * bare_ears
    beard_share = painter.beard(look)[
        np.clip(canvas.uv[:, 1], 0, SIZE_PX - 1).astype(int),
        np.clip(canvas.uv[:, 0], 0, SIZE_PX - 1).astype(int),
    ]
    beard_mm = {"full": 4.0, "goatee": 2.5, "moustache": 2.0}.get(look.beard, 0.0)
    beard = beard_mm * np.clip(2 * beard_share - 0.8, 0, 1) * (1 + 0.25 * lumps)
    result = np.maximum(hair, beard) * skin
    return np.asarray(result, np.float32)


def headwear_mm(head: HeadModel, canvas: Canvas, painter: Painter, look: Look) -> FloatArray:
    """How thick a cap, beanie or headscarf lies on each vertex of the skin, float32 (n,), mm."""
    p, brow = canvas.mean, painter.at["brow_inner_left"][1]
    if look.headwear == "none":
        return np.zeros(len(p), np.float32)
    angle = np.degrees(np.abs(np.arctan2(p[:, 0], p[:, 2] + 75)))
    if look.headwear == "headscarf":
        line = np.interp(angle, [0, 25, 42, 52, 58, 180], [62, 58, 30, -30, -200, -300])
        thick = 7.0
    else:
        rise = 24 if look.headwear == "cap" else 34
        line = brow + np.interp(angle, [0, 60, 90, 180], [rise, rise - 8, rise - 24, rise - 40])
        thick = 13.0 if look.headwear == "cap" else 10.0
    over = np.clip((p[:, 1] - line) / 4, 0, 1)
    allowed = ~head.region_mask("eyeball_right", "eyeball_left", "tongue", "mouth_interior")
    chin = (p[:, 1] < -110) & (look.headwear == "headscarf")
    return np.asarray(thick * np.maximum(over, chin) * allowed, np.float32)


def long_hair(person: Person, count: int, look: Look) -> Piece:
    """Hair that hangs behind and beside the face. ``uv`` is around and down, mm."""
    rng = np.random.default_rng([0x10A6, look.seed])
    skin = person.points[:count]
    level = np.abs(skin[:, 1] - 10) < 15
    half = float(np.abs(skin[level, 0]).max()) - 6 + look.hair_mm
    back = float(skin[level, 2].min())
    middle = back + 95
    length = float(rng.uniform(105, 230))
    opening = np.radians(rng.uniform(68, 88))  # from straight ahead
    around = np.linspace(opening, 2 * np.pi - opening, 49)
    down = np.linspace(0, 1, 18)
    waves = cloud_noise(rng, (18, 49), 9, 3) * rng.uniform(1.0, 4.0)
    flare = rng.uniform(-0.12, 0.15)
    radius = 1 + 0.08 * np.sin(np.pi * down) + flare * down**2  # (18,)
    points = np.zeros((18, 49, 3))
    points[..., 0] = np.sin(around) * (half * radius[:, None] + waves)
    points[..., 1] = 55 - (length + 55) * down[:, None] + 4 * waves / 3 * (down[:, None] > 0.9)
    points[..., 2] = middle + np.cos(around) * (100 * radius[:, None] + waves)
    points[:4, :, 0] *= np.array([0.86, 0.94, 0.98, 1.0])[:, None]
    uv = np.stack(np.broadcast_arrays(around * half, (down * (length + 55))[:, None]), axis=-1)
    return sheet(points, uv)


def glasses(person: Person, look: Look) -> tuple[Piece, Piece]:
    """Frame and lenses."""
    centres = person.eye_centres
    front = float(centres[:, 2].max() + person.eye_radii.max()) + 9
    wide, high = {"round": (23.0, 22.0), "square": (27.0, 18.0)}.get(look.glasses, (25.0, 16.0))
    power = {"round": 2.0, "square": 4.5}.get(look.glasses, 3.0)
    thin = 0.45 if look.glasses == "rimless" else 1.5
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    tube = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    frames, lenses = [], []
    for k, sign in ((0, -1), (1, 1)):
        cos, sin = np.cos(turn), np.sin(turn)
        r = (np.abs(cos / wide) ** power + np.abs(sin / high) ** power) ** (-1 / power)
        rim = np.stack([r * cos, r * sin], -1)  # (40, 2)
        middle = centres[k] + [sign * 2.0, -3.0, 0]
        ring = np.zeros((6, 40, 3))
        for j, a in enumerate(tube):
            grow = 1 + thin * np.cos(a) / r
            ring[j, :, :2] = rim * grow[:, None] + middle[:2]
            ring[j, :, 2] = front - 0.004 * (ring[j, :, 0] ** 2) + thin * np.sin(a)
        frames.append(sheet(np.concatenate([ring, ring[:1]]), np.zeros((7, 40, 2)), closed=True))
        disc = np.stack([rim + middle[:2], np.repeat(middle[None, :2], 40, 0)])
        lens = np.concatenate([disc, front - 0.004 * disc[..., :1] ** 2], axis=-1)
        lenses.append(sheet(lens, np.zeros((2, 40, 2)), closed=True))
        hinge = np.array([middle[0] + sign * wide, middle[1] + 3, front - 4])
        ear = np.array([sign * (abs(hinge[0]) + 6), middle[1] + 4, front - 105])
        frames.append(_bar(hinge, ear, 1.6))
    bridge = centres.mean(axis=0)[1] + 1
    gap = centres[1, 0] + 2 - wide
    frames.append(_bar(np.array([-gap, bridge, front]), np.array([gap, bridge, front]), thin))
    return _join(frames), _join(lenses)


def brim(person: Person, count: int, look: Look, brow_y_mm: float) -> Piece:
    """The peak of a cap."""
    rng = np.random.default_rng([0xB81, look.seed])
    skin = person.points[:count]
    base = brow_y_mm + 27
    near = (np.abs(skin[:, 1] - base) < 8) & (skin[:, 2] > -40)
    front = float(skin[near, 2].max()) + 8
    across, out = np.linspace(-1, 1, 21), np.linspace(0, 1, 5)
    reach, droop = rng.uniform(45, 65), rng.uniform(0, 12)
    points = np.zeros((5, 21, 3))
    points[..., 0] = 66 * across
    points[..., 1] = base - 9 * across**2 - droop * out[:, None]
    points[..., 2] = front - 42 * across**2 + reach * out[:, None] * (1 - 0.75 * across**2)
    uv = np.stack(np.broadcast_arrays(66 * across, reach * out[:, None]), axis=-1)
    return sheet(points, uv)


def shoulders(person: Person, head: HeadModel) -> Piece:
    """Collar, shoulders and chest. ``uv`` is around and down, mm."""
    neck = person.points[: len(head.regions)][head.region_mask("neck")]
    foot = neck[neck[:, 1] < neck[:, 1].min() + 14]
    centre = (foot.min(axis=0) + foot.max(axis=0)) / 2
    half = (foot.max(axis=0) - foot.min(axis=0)) / 2
    around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    t = np.linspace(0, 1, 14)[:, None]
    wide = half[0] + 5 + (205 - half[0]) * np.sin(t * np.pi / 2) ** 1.1
    deep = half[2] + 7 + (100 - half[2]) * np.sin(t * np.pi / 2)
    points = np.zeros((14, 48, 3))
    points[..., 0] = wide * np.sin(around)
    points[..., 1] = foot[:, 1].min() + 13 - 62 * t**1.3 - 190 * t**4
    points[..., 2] = centre[2] + deep * np.cos(around)
    uv = np.stack(np.broadcast_arrays(around * 90, 250 * t), axis=-1)
    return sheet(points, uv, closed=True)


def _bar(a: Array, b: Array, thick: float) -> Piece:
    turn = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    along = (b - a) / np.linalg.norm(b - a)
    side = np.cross(along, [0, 1, 0.1])
    side /= np.linalg.norm(side)
    ring = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * np.cross(along, side)
    points = np.stack([a + thick * ring, b + thick * ring])
    return sheet(points, np.zeros((2, 6, 2)), closed=True)


def _join(pieces: list[Piece]) -> Piece:
    starts = np.cumsum([0] + [len(p.vertices) for p in pieces[:-1]])
    return Piece(
        np.concatenate([p.vertices for p in pieces]),
        np.concatenate([p.faces + s for p, s in zip(pieces, starts, strict=True)]).astype(np.int32),
        np.concatenate([p.uv for p in pieces]),
    )
