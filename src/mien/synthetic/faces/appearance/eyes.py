"""The color of an eyeball, place by place."""

from __future__ import annotations

import numpy as np

from mien.synthetic.faces.appearance.color import IRISES, linear
from mien.synthetic.faces.appearance.look import Look
from mien.types import FloatArray

_SCLERA = linear([216, 208, 202])


def paint_eye(local: FloatArray, radius_mm: float, look: Look) -> tuple[FloatArray, FloatArray]:
    """Color of the eyeball and how much of it is under the cornea.

    Parameters
    ----------
    local
        float32 (n, 3), unit vectors from the eyeball's centre in axes in which z runs through
        the pupil.
    radius_mm
        Of the eyeball.

    Returns
    -------
    Linear RGB float32 (n, 3), and float32 (n,) 1 on the iris to 0 on the sclera.
    """
    r = radius_mm * np.arctan2(np.hypot(local[:, 0], local[:, 1]), local[:, 2])  # mm from the pupil
    angle = np.arctan2(local[:, 1], local[:, 0])
    relative = r / look.iris_mm
    iris = IRISES[look.iris]
    phase = 0.37 * look.seed
    fibres = 0.5 + 0.25 * np.sin(31 * angle + phase) + 0.25 * np.sin(17 * angle + 2.3 * phase)
    shade = 0.75 + 0.5 * fibres * np.clip(relative, 0, 1)
    shade = shade * (1 - 0.55 * np.clip((relative - 0.78) / 0.2, 0, 1))  # the dark limbal ring
    on_iris = np.clip((1.03 - relative) / 0.08, 0, 1)
    pupil = np.clip((look.pupil - relative) / 0.08 + 0.5, 0, 1)
    veins = np.clip((np.abs(local[:, 0]) - 0.35) * 1.6, 0, 1)
    white = _SCLERA * (1 - veins[:, None] * np.array([0.05, 0.24, 0.22]))
    color = iris * shade[:, None] * (1 - pupil[:, None]) + 0.004 * pupil[:, None]
    mixed = on_iris[:, None] * color + (1 - on_iris[:, None]) * white
    return mixed.astype(np.float32), on_iris.astype(np.float32)
