"""The canvas that faces are painted on: the mean head unrolled from a cylinder.

A texel stands for one place on every head, since all heads share one mesh. Painting works in
millimetres of the mean head: ``canvas.position`` says where each texel is, and landmarks of the
mean head say where the brows and folds run.
"""

from __future__ import annotations

import itertools
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.geometry.head import HeadModel
from mien.synthetic.faces.geometry.identity import mean_identity
from mien.synthetic.faces.rendering.rays import RayScene
from mien.types import FloatArray

SIZE_PX = 384
_AXIS_Z_MM = -75.0
_TOP_MM, _BOTTOM_MM = 135.0, -135.0
_HALF = np.arctan(np.pi)


class Canvas:
    """Where the texels are.

    Attributes
    ----------
    uv
        float32 (n, 2), column and row of each vertex of the head on the canvas.
    position
        float32 (384, 384, 3), mm on the mean head.
    at
        Landmark -> float32 (3,), mm on the mean head.
    """

    def __init__(self, head: HeadModel) -> None:
        self.mean = head.neutral(mean_identity())
        self.at: dict[str, FloatArray] = {k: self.mean[i] for k, i in head.landmarks.items()}
        angle = np.arctan2(self.mean[:, 0], self.mean[:, 2] - _AXIS_Z_MM)
        row = (_TOP_MM - self.mean[:, 1]) / (_TOP_MM - _BOTTOM_MM) * SIZE_PX - 0.5
        column = (0.5 + 0.5 * np.arctan(angle) / _HALF) * SIZE_PX - 0.5
        self.uv: FloatArray = np.stack([column, row], axis=1).astype(np.float32)
        outside = ~head.region_mask("eyeball_right", "eyeball_left", "tongue", "mouth_interior")
        self._spots: dict[tuple[float, ...], FloatArray] = {}
        self.position = self._cast(head.faces[outside[head.faces].all(axis=1)])

    def _cast(self, faces: npt.NDArray[np.int32]) -> FloatArray:
        """First skin met from outside on the way to the cylinder's axis, for every texel."""
        grid = (np.arange(SIZE_PX) + 0.5) / SIZE_PX
        angle = np.tan((grid - 0.5) * 2 * _HALF)
        y = _TOP_MM + grid * (_BOTTOM_MM - _TOP_MM)
        outward = np.zeros((SIZE_PX, SIZE_PX, 3), np.float32)
        outward[..., 0], outward[..., 2] = np.sin(angle), np.cos(angle)
        start = 300 * outward
        start[..., 1] += y[:, None]
        start[..., 2] += _AXIS_Z_MM
        hits = RayScene(self.mean, faces).first_hits(start.reshape(-1, 3), -outward.reshape(-1, 3))
        away = np.where(hits.triangle >= 0, 300 - hits.distance, 60).reshape(SIZE_PX, SIZE_PX)
        position = outward * away[..., None]
        position[..., 1] += y[:, None]
        position[..., 2] += _AXIS_Z_MM
        return np.asarray(position, np.float32)

    @cached_property
    def texel_mm(self) -> FloatArray:
        """Size of a texel along its row and its column, float32 (384, 384, 2), 0.2 to 6 mm."""
        p = self.position
        across = np.linalg.norm(np.gradient(p, axis=1), axis=2)
        down = np.linalg.norm(np.gradient(p, axis=0), axis=2)
        sizes = np.clip(np.stack([across, down], axis=2), 0.2, 6.0)
        return np.asarray(sizes, np.float32)

    @cached_property
    def left_share(self) -> FloatArray:
        """1 on the person's left, 0 on the right, float32 (384,), blended over 10 mm."""
        x = np.clip(self.position[SIZE_PX // 2, :, 0] / 10 + 0.5, 0, 1)
        return (x * x * (3 - 2 * x)).astype(np.float32)

    def spot(self, centre: npt.ArrayLike, radius_mm: float, stretch: float = 1.0) -> FloatArray:
        """A soft round spot on the front: exp(-(d / radius)^2), float32 (384, 384).

        `centre` is x, y in mm; `stretch` above 1 makes the spot wider than high.
        """
        x, y = (float(v) for v in np.asarray(centre).ravel()[:2])
        d2 = ((self.position[..., 0] - x) / stretch) ** 2 + (self.position[..., 1] - y) ** 2
        return np.asarray(np.exp(-d2 / radius_mm**2) * self.front, np.float32)

    def kept_spot(
        self, centre: tuple[float, float], radius_mm: float, stretch: float = 1.0
    ) -> FloatArray:
        """`spot`, remembered: the paint of every face begins with the same few."""
        key = (*centre, radius_mm, stretch)
        if key not in self._spots:
            self._spots[key] = self.spot(centre, radius_mm, stretch)
        return self._spots[key]

    @cached_property
    def front(self) -> FloatArray:
        """1 on the front half of the head, 0 behind the ears, float32 (384, 384)."""
        z = self.position[..., 2]
        return np.clip((z + 75) / 30, 0, 1).astype(np.float32)

    def along(self, points: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Distance of every texel from a curve, and how far along the curve its foot lies.

        Parameters
        ----------
        points
            (k, 2), x, y in mm of a polyline on the front of the face.

        Returns
        -------
        Distance in mm (with the sign of the side: positive to the left of the curve's direction),
        and the place along it from 0 to 1; float32 (384, 384) each.
        """
        line = np.asarray(points, np.float32)
        x, y = self.position[..., 0], self.position[..., 1]
        lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        best = np.full(x.shape, np.inf, np.float32)
        place = np.zeros(x.shape, np.float32)
        sign = np.ones(x.shape, np.float32)
        for k, (a, b) in enumerate(itertools.pairwise(line)):
            d = b - a
            t = np.clip(((x - a[0]) * d[0] + (y - a[1]) * d[1]) / max(lengths[k] ** 2, 1e-6), 0, 1)
            ex, ey = x - (a[0] + t * d[0]), y - (a[1] + t * d[1])
            distance = np.hypot(ex, ey)
            nearer = distance < best
            best = np.where(nearer, distance, best)
            place = np.where(nearer, (starts[k] + t * lengths[k]) / starts[-1], place)
            sign = np.where(nearer, np.where(d[0] * ey - d[1] * ex >= 0, 1, -1), sign)
        return (best * sign).astype(np.float32), place.astype(np.float32)


def blur(picture: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur by `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
