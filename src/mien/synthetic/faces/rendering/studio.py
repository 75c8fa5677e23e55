"""`Studio`: actors, scenes and pictures; what generation calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.appearance.canvas import Canvas
from mien.synthetic.faces.appearance.color import skin_color
from mien.synthetic.faces.appearance.look import Look, draw_look
from mien.synthetic.faces.appearance.skin import Painter
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.geometry.head import HeadModel
from mien.synthetic.faces.geometry.identity import Identity, draw_identity
from mien.synthetic.faces.rendering.actor import Actor, Body
from mien.synthetic.faces.rendering.camera import Camera, aligned_camera, portrait_camera
from mien.synthetic.faces.rendering.rays import RayScene
from mien.synthetic.faces.rendering.scene import Scene, draw_scene
from mien.synthetic.faces.rendering.sensor import measure_depth, measure_warmth, photograph
from mien.synthetic.faces.rendering.shading import Points, Shader, dots
from mien.synthetic.faces.rendering.shot import MODALITIES, Shot
from mien.synthetic.faces.rendering.thermal import skin_warmth
from mien.types import FloatArray

_SAMPLES = 1.5  # a side: nine rays for four pixels; twice as many cost 45 % more time


class Studio:
    """Makes actors and scenes from seeds and pictures of them; one per process.

    Parameters
    ----------
    head
        None: `HeadModel()`, which takes minutes the very first time.
    """

    def __init__(self, head: HeadModel | None = None) -> None:
        self.head = head or HeadModel()
        self.canvas = Canvas(self.head)
        self.painter = Painter(self.canvas)
        self.shader = Shader(self.canvas)
        face = self.head.region_mask(
            "forehead", "brow_right", "brow_left", "nose", "lips", "chin", "upper_lip_skin",
            "cheek_right", "cheek_left", "orbit_right", "orbit_left",
        )  # fmt: skip
        top = self.canvas.at["brow_inner_left"][1] + 47  # mm: detectors' boxes end on the forehead
        mean = self.canvas.mean
        low = self.canvas.at["chin"][1] - 20
        self._boxed = np.flatnonzero(face & (mean[:, 1] < top) & (mean[:, 1] > low))

    def actor(self, seed: int) -> Actor:
        """The person of a seed."""
        identity = draw_identity(self.head.basis, seed)
        return self.dressed(identity, draw_look(identity, seed))

    def dressed(self, identity: Identity, look: Look) -> Actor:
        """A person with a look of one's choice, for audits that vary one thing at a time."""
        return Actor(self.head, self.canvas, self.painter, identity, look)

    def scene(
        self,
        seed: int,
        framing: str = "portrait",
        size_px: int = 112,
        light: str = "any",
        clean: bool = False,
    ) -> Scene:
        """The scene of a seed; see `draw_scene`."""
        return draw_scene(seed, framing, size_px, light, clean)

    def render(
        self,
        actor: Actor,
        scene: Scene,
        moment: Moment,
        modalities: tuple[str, ...] = MODALITIES,
        time_s: float = 0.0,
        seed: int = 0,
    ) -> Shot:
        """Picture one moment.

        Parameters
        ----------
        actor, scene, moment
            Who, where and what.
        modalities
            Some of `MODALITIES`.
        time_s
            For light that changes.
        seed
            Of the sensors' noise: another one for each frame.

        Raises
        ------
        ValueError
            If a modality is unknown.
        """
        if unknown := set(modalities) - set(MODALITIES):
            raise ValueError(f"modalities are {MODALITIES}, not {sorted(unknown)}")
        body = actor.pose(moment)
        shift = moment.shift_mm.astype(np.float32)
        camera = self._camera(actor, scene, body, shift)
        rays = RayScene(body.vertices, actor.faces)
        eye = np.array([0, 0, scene.distance_mm], np.float32) - shift
        points, depth = self._look(actor, scene, body, camera, rays, eye)
        grid = (round(scene.size_px * _SAMPLES),) * 2
        rng = np.random.default_rng([0x5E45, scene.seed, seed])
        noise = [np.random.default_rng(s) for s in rng.integers(0, 2**62, 3)]
        color = depth_mm = thermal_ck = None
        if "color" in modalities:
            lights = scene.lights_at(time_s)
            relief = self._relief(actor, moment)
            shaded = self.shader.shade(points, actor, body, scene, lights, rays, relief, grid)
            exposure = _exposure(actor, scene)
            light = cv2.resize(scene.backdrop, grid, interpolation=cv2.INTER_LINEAR).reshape(-1, 3)
            light = light * np.float32(0.8 * 2.0**scene.exposure_ev)
            light[points.where] = shaded * np.float32(exposure)
            color = photograph(_mean(light.reshape(*grid, 3), scene.size_px), scene, noise[0])
        if "depth" in modalities:
            side = (scene.size_px, scene.size_px)  # one sample each: edges do not mix distances
            nearest = cv2.resize(depth.reshape(grid), side, interpolation=cv2.INTER_NEAREST)
            depth_mm = measure_depth(np.asarray(nearest, np.float32), scene, noise[1])
        if "thermal" in modalities:
            warmth = np.full(grid[0] * grid[1], scene.backdrop_c, np.float32)
            warmth[points.where] = skin_warmth(points, actor, body, scene, moment, eye)
            celsius = _mean(warmth.reshape(grid), scene.size_px)
            celsius = celsius + np.float32(moment.physiology.drift_c)
            thermal_ck = measure_warmth(celsius, scene, noise[2])
        return Shot(
            color, depth_mm, thermal_ck, camera.project(body.landmarks + shift),
            camera.project(self._five(actor, body) + shift), self._box(body, camera, shift),
        )  # fmt: skip

    def _five(self, actor: Actor, body: Body) -> FloatArray:
        return self.head.five_landmarks(body.vertices)

    def _camera(self, actor: Actor, scene: Scene, body: Body, shift: FloatArray) -> Camera:
        if scene.framing == "aligned":
            return aligned_camera(scene, self._five(actor, body) + shift)
        return portrait_camera(scene)

    def _box(self, body: Body, camera: Camera, shift: FloatArray) -> FloatArray:
        inside = camera.project(body.vertices[self._boxed] + shift)
        low, high = inside.min(axis=0), inside.max(axis=0)
        return np.concatenate([low, high - low]).astype(np.float32)

    def _look(
        self,
        actor: Actor,
        scene: Scene,
        body: Body,
        camera: Camera,
        rays: RayScene,
        eye: FloatArray,
    ) -> tuple[Points, FloatArray]:
        """What each sample of the picture sees of the actor, and its depth, float32 (samples,)."""
        pixels = _sample_places(scene.size_px)
        directions = camera.rays(pixels)
        hits = rays.first_hits(np.tile(eye, (len(directions), 1)), directions)
        where = np.flatnonzero(hits.triangle >= 0)
        depth = np.full(len(directions), scene.backdrop_mm, np.float32)
        depth[where] = hits.distance[where]
        triangle, weights = hits.triangle[where], hits.weights[where].astype(np.float32)
        table = np.concatenate([body.normals, actor.uv, actor.marks], axis=1)  # (n, 3 + 2 + 3)
        corners = actor.faces[triangle]  # (k, 3)
        values = weights[:, :1] * table[corners[:, 0]]
        values += weights[:, 1:2] * table[corners[:, 1]]
        values += weights[:, 2:] * table[corners[:, 2]]
        normal: npt.NDArray[Any] = values[:, :3]
        normal = normal / np.maximum(np.sqrt(dots(normal, normal)), 1e-6)[:, None]
        toward: npt.NDArray[Any] = -directions[where]
        toward = toward / np.sqrt(dots(toward, toward))[:, None]
        back = dots(normal, toward)[:, None] < -0.2
        return Points(
            where,
            eye + directions[where] * hits.distance[where, None],
            np.where(back, -normal, normal).astype(np.float32),
            toward.astype(np.float32),
            actor.material[triangle],
            values[:, 3:5].astype(np.float32),
            values[:, 5:].astype(np.float32),
        ), depth

    def _relief(self, actor: Actor, moment: Moment) -> FloatArray:
        """Height of the skin's folds in this moment, float32 (384, 384), mm."""
        relief = actor.paint.relief
        left = self.canvas.left_share
        for k in np.flatnonzero(moment.action_units > 0.02):
            a, s = float(moment.action_units[k]), float(moment.asymmetry[k])
            sides = a * min(1.0, 1 - s) * (1 - left) + a * min(1.0, 1 + s) * left
            gain = np.float32(actor.paint.fold_gain)
            relief = relief + self.painter.folds[k] * (sides * gain)[None].astype(np.float32)
        return np.asarray(relief, np.float32)


@lru_cache(maxsize=4)
def _sample_places(size_px: int) -> npt.NDArray[np.float64]:
    """Where the samples lie, pixels, float64 (samples, 2), row by row."""
    line = (np.arange(round(size_px * _SAMPLES)) + 0.5) * size_px / round(size_px * _SAMPLES) - 0.5
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


def _exposure(actor: Actor, scene: Scene) -> float:
    """Gain that brings the face near mid grey, half way for skin tone, plus the scene's error."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    light = float((0.6 * scene.sky + 0.4 * scene.ground) @ weights)
    light += sum(
        float(lamp.color @ weights) * max(0.15, float(lamp.toward[2])) for lamp in scene.lamps
    )
    skin = float(skin_color(actor.look.tone) @ weights)
    wanted = 0.3 * (skin / 0.3) ** 0.55
    return float(wanted / (skin * max(light, 1e-3)) * 2.0**scene.exposure_ev)


def _mean(samples: FloatArray, size_px: int) -> FloatArray:
    """Average of the samples of each pixel, (size, size) or (size, size, c)."""
    small = cv2.resize(samples, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)
