"""A pinhole camera in front of the head, and how its picture is cut out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.faces.align import CROP_SIZE_PX, TEMPLATE, similarity
from mien.synthetic.faces.rendering.scene import Scene
from mien.types import FloatArray

_FACE_MM = 150.0  # from above the brows to under the chin, about
_FACE_MIDDLE_MM = np.array([0.0, -35.0, 10.0])


@dataclass(frozen=True, slots=True)
class Camera:
    """Looks along -z from ``(0, 0, distance_mm)``.

    ``to_pixels`` float64 (2, 3) maps the plane at distance 1 (x right, y down) to pixels, whose
    centres are whole numbers.
    """

    distance_mm: float
    to_pixels: npt.NDArray[np.float64]

    def project(self, points: FloatArray) -> FloatArray:
        """Points float (n, 3), mm, to pixels float32 (n, 2)."""
        plane = self.plane(points)
        return (plane @ self.to_pixels[:, :2].T + self.to_pixels[:, 2]).astype(np.float32)

    def plane(self, points: FloatArray) -> npt.NDArray[np.float64]:
        """Points (n, 3) to the plane at distance 1, (n, 2), x right and y down."""
        p = np.asarray(points, np.float64)
        depth = self.distance_mm - p[:, 2:]
        return p[:, :2] * [1, -1] / depth

    def rays(self, pixels: npt.NDArray[np.float64]) -> FloatArray:
        """Directions float32 (n, 3) through pixels (n, 2); z is -1, so that the way along a ray
        is its depth in mm."""
        inverse = np.linalg.inv(self.to_pixels[:, :2])
        plane = (pixels - self.to_pixels[:, 2]) @ inverse.T
        return np.column_stack([plane * [1, -1], np.full(len(plane), -1.0)]).astype(np.float32)


def portrait_camera(scene: Scene) -> Camera:
    """The head at rest stands in the middle, up to the scene's offset."""
    size = scene.size_px
    scale = scene.face_share * size * scene.distance_mm / _FACE_MM
    flat = Camera(scene.distance_mm, np.array([[scale, 0, 0], [0, scale, 0]]))
    middle = flat.project(_FACE_MIDDLE_MM[None])[0]
    wanted = (size - 1) / 2 + np.add(scene.offset, (0, 0.03)) * size
    return Camera(scene.distance_mm, np.column_stack([np.eye(2) * scale, wanted - middle]))


def aligned_camera(scene: Scene, five: FloatArray) -> Camera:
    """Five landmarks (5, 3) of this very moment fall on the template, up to the scene's jitter."""
    size, camera = scene.size_px, Camera(scene.distance_mm, np.eye(2, 3))
    grow = size / CROP_SIZE_PX
    template = (TEMPLATE.astype(np.float64) + 0.5) * grow - 0.5
    shift_x, shift_y, turn, log_scale = (float(v) for v in scene.jitter)
    a = np.radians(turn)
    rotate = np.exp(log_scale) * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    middle = template.mean(axis=0)
    jittered = (template - middle) @ rotate.T + middle + np.array([shift_x, shift_y]) * grow
    return Camera(scene.distance_mm, similarity(camera.plane(five), jittered))
