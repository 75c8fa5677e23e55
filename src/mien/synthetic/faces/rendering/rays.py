"""Rays against triangles, by Embree."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.errors import ModelError, install
from mien.types import FloatArray

# embreex reports every scene it makes at INFO level
logging.getLogger("embreex").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Hits:
    """What rays meet first.

    Attributes
    ----------
    triangle
        int32 (n,), index of the triangle; -1: nothing.
    distance
        float32 (n,), in units of the ray's direction; meaningless where nothing is met.
    weights
        float32 (n, 3), barycentric weights of the triangle's corners.
    """

    triangle: npt.NDArray[np.int32]
    distance: FloatArray
    weights: FloatArray


class RayScene:
    """Triangles to be asked what a ray meets.

    Parameters
    ----------
    vertices
        float32 (n, 3).
    faces
        int32 (m, 3).
    """

    def __init__(self, vertices: FloatArray, faces: npt.NDArray[np.int32]) -> None:
        try:
            from embreex.mesh_construction import TriangleMesh
            from embreex.rtcore_scene import EmbreeScene
        except ImportError:
            raise ModelError(f"synthetic faces need embreex: {install('synthetic')}") from None
        self._scene = EmbreeScene()
        # The mesh object must outlive the scene.
        self._mesh = TriangleMesh(
            self._scene,
            np.ascontiguousarray(vertices, np.float32),
            np.ascontiguousarray(faces, np.int32),
        )

    def first_hits(self, origins: FloatArray, directions: FloatArray) -> Hits:
        """Nearest triangle on each ray; origins and directions are float32 (n, 3)."""
        found = self._scene.run(
            np.ascontiguousarray(origins, np.float32),
            np.ascontiguousarray(directions, np.float32),
            output=1,
        )
        u, v = found["u"], found["v"]
        return Hits(found["primID"], found["tfar"], np.stack([1 - u - v, u, v], axis=1))

    def blocked(self, origins: FloatArray, directions: FloatArray) -> npt.NDArray[np.bool_]:
        """True where anything is met, bool (n,)."""
        found = self._scene.run(
            np.ascontiguousarray(origins, np.float32),
            np.ascontiguousarray(directions, np.float32),
            query="OCCLUDED",
        )
        return np.asarray(found >= 0)
