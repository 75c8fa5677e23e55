"""Light on surfaces: what color each point of the actor sends to the camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.appearance.canvas import Canvas
from mien.synthetic.faces.appearance.color import HAIR, linear
from mien.synthetic.faces.appearance.eyes import paint_eye
from mien.synthetic.faces.appearance.skin import lip_color
from mien.synthetic.faces.rendering.actor import MATERIALS, Actor, Body
from mien.synthetic.faces.rendering.lights import Light
from mien.synthetic.faces.rendering.rays import RayScene
from mien.synthetic.faces.rendering.scene import Scene
from mien.types import FloatArray

_HAIR_GRAIN = 256

# How far light creeps around the terminator in skin, by red, green and blue
# and how much more of it gets into hollows
_SKIN_LEAK = np.array([0.25, -0.04, -0.1], np.float32)
_SKIN_WRAP = np.array([0.34, 0.17, 0.11], np.float32)


@dataclass(frozen=True, slots=True)
class Points:
    """Points of the actor that the camera sees, n of them.

    ``where`` are their places in the grid of samples; ``material`` indexes `MATERIALS`; ``toward``
    are unit vectors to the camera; ``uv`` and ``marks`` are those of `Actor`, interpolated.
    """

    where: npt.NDArray[np.intp]
    position: FloatArray
    normal: FloatArray
    toward: FloatArray
    material: npt.NDArray[np.uint8]
    uv: FloatArray
    marks: FloatArray


class Shader:
    """Shades points; what all scenes share is made once."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        rng = np.random.default_rng(0x4A17)
        strands: npt.NDArray[Any] = rng.standard_normal((_HAIR_GRAIN, _HAIR_GRAIN)).astype(
            np.float32
        )
        strands = cv2.GaussianBlur(strands, (0, 0), sigmaX=0.7, sigmaY=14)
        clumps: npt.NDArray[Any] = cv2.GaussianBlur(
            rng.standard_normal((_HAIR_GRAIN, _HAIR_GRAIN)).astype(np.float32), (0, 0), 5, sigmaY=40
        )
        field = strands / strands.std() + 0.8 * clumps / clumps.std()
        # one more row and column, so that places between the last and the first need no wrapping
        self._strands: FloatArray = np.pad(field, ((0, 1), (0, 1)), mode="wrap").astype(np.float32)

    def shade(
        self,
        points: Points,
        actor: Actor,
        body: Body,
        scene: Scene,
        lights: tuple[Light, ...],
        rays: RayScene,
        relief: FloatArray,
        grid: tuple[int, int],
    ) -> FloatArray:
        """Linear RGB, float32 (n, 3). ``relief`` (384, 384) is the skin's height in mm."""
        albedo, gloss = self._paint(points, actor, body)
        normal = self._carve(points, relief)
        skin = points.material == 0
        wrap = np.where(skin[:, None], _SKIN_WRAP, np.float32(0.12))
        opening = points.marks[:, 2:3] * self._lid_shade(points, body, actor)
        up = 0.5 + 0.5 * normal[:, 1:2]
        # light from all around, less where the surface lies in a hollow; red leaks into hollows
        leak = np.where(skin[:, None], _SKIN_LEAK, np.float32(0))
        hollow = opening * (1 + leak * (1 - opening))
        diffuse = (scene.sky * up + scene.ground * (1 - up)) * hollow
        shine = np.zeros((len(normal), 3), np.float32)
        hair = points.material == MATERIALS.index("hair")
        eye = (points.material == 1) | (points.material == 2)
        deep = 0.35 + 0.65 * np.sqrt(opening)
        for light in lights:
            facing = normal @ light.toward  # (n,)
            seen = self._visible(points, light, rays, grid, facing, scene.seed)
            if light.bars is not None:
                seen = seen * light.bars.share(points.position)
            around = np.clip((facing[:, None] + wrap) / (1 + wrap), 0, 1)
            around *= 0.75 + 0.25 * around
            diffuse = diffuse + light.color * around * (seen[:, None] * deep)
            half = points.toward + light.toward
            half /= np.maximum(np.sqrt(dots(half, half)), 1e-6)[:, None]
            edge = np.clip(dots(normal, half), 0, 1)
            fresnel = 0.035 + 0.965 * _fifth(1 - np.clip(dots(half, points.toward), 0, 1))
            power16 = edge**2
            for _ in range(3):
                power16 = power16 * power16
            power64 = power16 * power16 * power16 * power16
            lobes = 2.5 * power16 * edge * edge + 6.7 * power64
            strength = lobes * fresnel * gloss * np.clip(facing * 3, 0, 1)
            strength *= seen
            strength[eye] = 9.0 * edge[eye] ** 700 * seen[eye]
            if hair.any():
                along = half[hair, 1]  # strands hang: the angle to the vertical matters
                sheen = np.clip(1 - along**2, 0, 1) ** 20 * np.clip(facing[hair] + 0.3, 0, 1)
                strength[hair] = 0.08 * sheen * seen[hair]
            shine += strength[:, None] * light.color
        rim = (1 - np.clip(dots(normal, points.toward), 0, 1)) ** 2
        rim *= rim
        shine += (0.10 * rim * gloss * points.marks[:, 2])[:, None] * scene.sky
        return np.asarray(albedo * diffuse + shine, np.float32)

    def _paint(self, points: Points, actor: Actor, body: Body) -> tuple[FloatArray, FloatArray]:
        """Albedo (n, 3) and gloss (n,)."""
        look, paint, count = actor.look, actor.paint, len(points.material)
        albedo = np.zeros((count, 3), np.float32)
        gloss = np.full(count, 0.3, np.float32)
        skin = points.material == 0
        at = points.uv[skin]
        base, dull = sample(paint.albedo, at), sample(paint.gloss, at)
        lip = np.clip(points.marks[skin, 0] * 1.6 - 0.3, 0, 1)[:, None]
        lash = np.clip(points.marks[skin, 1], 0, 1)[:, None]
        base = base * (1 - 0.92 * lip) + lip_color(look) * (0.92 * lip)
        dark = np.clip(0.62 * look.lashes + 0.6 * look.eyeliner, 0, 0.95) * lash
        albedo[skin] = base * (1 - dark) + 0.012 * dark
        gloss[skin] = dull * (1 - lip[:, 0]) + (0.55 + 0.5 * look.lipstick) * lip[:, 0]
        for k, name in ((0, "eye_right"), (1, "eye_left")):
            mine = points.material == MATERIALS.index(name)
            if mine.any():
                local = (points.position[mine] - body.eyes.centres[k]) / body.eyes.radii[k]
                albedo[mine] = paint_eye(
                    local @ _frame(body.eyes.directions[k]), float(body.eyes.radii[k]), look
                )[0]
        mouth = points.material == MATERIALS.index("mouth")
        albedo[mouth] = linear([70, 26, 26])
        albedo[points.material == MATERIALS.index("tongue")] = linear([150, 72, 72])
        gloss[points.material == MATERIALS.index("tongue")] = 0.7
        tooth = points.material == MATERIALS.index("teeth")
        if tooth.any():
            albedo[tooth] = _teeth(points.uv[tooth])
            gloss[tooth] = 0.8
        hair = points.material == MATERIALS.index("hair")
        if hair.any():
            place = (points.uv[hair] * [3.4, 1.7]) % _HAIR_GRAIN
            strands = sample(self._strands, place.astype(np.float32))
            albedo[hair] = HAIR[look.hair] * np.exp(0.2 * strands)[:, None]
            gloss[hair] = 0.0
        for name, color in (
            ("cloth", look.cloth_color),
            ("headwear", look.headwear_color),
            ("frame", look.frame_color),
        ):
            mine = points.material == MATERIALS.index(name)
            weave = 1 + 0.04 * np.sin(points.uv[mine] @ [0.05, 0.13] + look.seed)
            albedo[mine] = np.array(color, np.float32) * weave[:, None]
            gloss[mine] = 0.9 if name == "frame" else 0.05
        return albedo, gloss

    def _carve(self, points: Points, relief: FloatArray) -> FloatArray:
        """Normals with the folds of the skin."""
        size = self.canvas.texel_mm
        slope = np.stack(
            [
                cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=1 / 8),
                cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=1 / 8),
            ],
            axis=2,
        )
        skin = points.material == 0
        at = sample((slope / size).astype(np.float32), points.uv[skin])  # mm per mm, right and down
        at = np.clip(at, -0.9, 0.9) * (1 - points.marks[skin, :1])
        normal = points.normal.copy()
        n = normal[skin]
        right = np.stack([n[:, 2], np.zeros(len(n), np.float32), -n[:, 0]], axis=1)
        right /= np.maximum(np.sqrt(dots(right, right)), 1e-6)[:, None]
        down = np.cross(right, n) * -1
        n = n - at[:, :1] * right + at[:, 1:] * -down
        normal[skin] = n / np.sqrt(dots(n, n))[:, None]
        return normal

    def _visible(
        self,
        points: Points,
        light: Light,
        rays: RayScene,
        grid: tuple[int, int],
        facing: FloatArray,
        seed: int,
    ) -> FloatArray:
        """Share of a light that reaches each point, float32 (n,), its border softened."""
        if not light.casts:
            return np.ones(len(facing), np.float32)
        seen = np.ones(len(facing), np.float32)
        lit = np.flatnonzero(facing > -0.35)
        spread = _spread(grid, seed)
        toward = light.toward + np.float32(0.6 * light.softness) * spread[points.where[lit]]
        start = points.position[lit] + 1.0 * points.normal[lit] + 0.5 * toward
        seen[lit] = ~rays.blocked(start.astype(np.float32), toward.astype(np.float32))
        picture = np.zeros(grid, np.float32)
        weight = np.zeros(grid, np.float32)
        picture.ravel()[points.where], weight.ravel()[points.where] = seen, 1
        width = max(3, 2 * round(grid[0] * (0.008 + 0.03 * light.softness)) + 1)
        smooth = cv2.blur(picture, (width, width)) / np.maximum(
            cv2.blur(weight, (width, width)), 1e-3
        )
        return np.asarray(smooth.ravel()[points.where], np.float32)

    def _lid_shade(self, points: Points, body: Body, actor: Actor) -> FloatArray:
        """Lids and lashes keep light off the top of the eyeballs; the mouth is dark inside."""
        shade = np.ones((len(points.material), 1), np.float32)
        index = list(actor.head.landmarks)
        for k, side in enumerate(("right", "left")):
            mine = points.material == 1 + k
            if mine.any():
                top = body.landmarks[index.index(f"eyelid_upper_{side}")]
                below = top[1] - points.position[mine, 1]
                shade[mine, 0] = 0.42 + 0.5 * np.clip(below / 4.5, 0, 1)
        lips = body.landmarks[index.index("lip_upper_inner")]
        for name, reach in (("mouth", 10.0), ("tongue", 22.0), ("teeth", 26.0)):
            mine = points.material == MATERIALS.index(name)
            if mine.any():
                inside = lips[2] - points.position[mine, 2]
                shade[mine, 0] = np.clip(1 - inside / reach, 0.06, 1) ** 1.3
                if name == "mouth":
                    shade[mine, 0] *= 0.5
        # the openness of inner parts was measured with the mouth shut
        inner = (points.material >= 1) & (points.material <= MATERIALS.index("teeth"))
        shade[inner] /= np.maximum(points.marks[inner, 2:3], 1e-3)
        return shade


@lru_cache(maxsize=2)
def _spread(grid: tuple[int, int], seed: int) -> FloatArray:
    """Directions within a lamp, the same in all frames of a scene: shadows do not flicker."""
    rng = np.random.default_rng([0x5AD, seed])
    return rng.standard_normal((grid[0] * grid[1], 3), dtype=np.float32)


def dots(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> FloatArray:
    """Dot products of rows, float32 (n,)."""
    return np.asarray(np.einsum("ij,ij->i", a, b), np.float32)


def _fifth(x: FloatArray) -> FloatArray:
    square = x * x
    return square * square * x


def sample(picture: FloatArray, at: FloatArray) -> FloatArray:
    """Bilinear values of a picture (h, w) or (h, w, c) at columns and rows (n, 2)."""
    if not len(at):
        return np.zeros((0, *picture.shape[2:]), np.float32)
    rows = -(-len(at) // 1024)
    places = np.zeros((2, rows * 1024), np.float32)  # remap wants a picture under 32768 wide
    places[:, : len(at)] = at.T
    columns, lines = places.reshape(2, rows, 1024)
    out = cv2.remap(picture, columns, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    flat = out.reshape(rows * 1024, *picture.shape[2:])
    return np.asarray(flat[: len(at)], np.float32)


def _frame(direction: FloatArray) -> FloatArray:
    """Axes with z along a direction and y as near to up as can be, as columns (3, 3)."""
    z = direction / np.linalg.norm(direction)
    x = np.cross([0, 1, 0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1).astype(np.float32)


def _teeth(uv: FloatArray) -> FloatArray:
    """Linear RGB (n, 3) of teeth and gum by place along the arch and height in mm."""
    x, height = np.abs(uv[:, 0]), uv[:, 1]
    gaps = np.array([0.0, 8.3, 14.8, 22.0, 28.5])
    gap = np.abs(x[:, None] - gaps).min(axis=1)
    tooth = linear([226, 216, 196]) * (0.55 + 0.45 * np.clip(gap / 0.8, 0, 1))[:, None]
    gum = np.clip((height - 8.0 + 0.8 * np.cos(x * 0.85)) / 1.2, 0, 1)[:, None]
    return np.asarray(tooth * (1 - gum) + linear([160, 84, 84]) * gum, np.float32)
