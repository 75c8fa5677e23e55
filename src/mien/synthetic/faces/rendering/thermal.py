"""How warm each point of the actor looks to a long-wave infrared camera."""

from __future__ import annotations

import numpy as np

from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.rendering.actor import MATERIALS, Actor, Body
from mien.synthetic.faces.rendering.rays import RayScene
from mien.synthetic.faces.rendering.scene import Scene
from mien.synthetic.faces.rendering.shading import Points, dots, sample
from mien.types import FloatArray

_CELSIUS = {
    "eye_right": 34.6,
    "eye_left": 34.6,
    "mouth": 36.3,
    "tongue": 36.0,
    "teeth": 34.0,
    "hair": 28.0,
    "cloth": 28.5,
    "headwear": 28.0,
    "frame": 27.0,
}
_GLASS_C = 26.5  # spectacles are opaque in the long-wave infrared, and near the room's temperature


def skin_warmth(
    points: Points, actor: Actor, body: Body, scene: Scene, moment: Moment, eye: FloatArray
) -> FloatArray:
    """Apparent temperature, float32 (n,), degrees Celsius.

    The person's map at rest, plus what arousal and breath do at the moment (`Physiology`), less
    what a surface seen at a grazing angle loses: the emissivity of skin, 0.98 face on, falls beyond
    about 60 degrees (Watmough, Fowler & Oliver, Physics in Medicine and Biology 15 (1970)).
    """
    warmth = np.zeros(len(points.material), np.float32)
    skin = points.material == 0
    warmth[skin] = sample(actor.paint.temperature, points.uv[skin])
    for name, celsius in _CELSIUS.items():
        warmth[points.material == MATERIALS.index(name)] = celsius
    at = dict(zip(actor.head.landmarks, body.landmarks, strict=True))
    state = moment.physiology
    soft = skin | (points.material == 1) | (points.material == 2)

    def near(point: FloatArray, radius_mm: float) -> FloatArray:
        off = points.position - point.astype(np.float32)
        d2 = dots(off, off)
        return np.asarray(np.exp(-d2 / radius_mm**2) * soft, np.float32)

    warmth += state.nose_tip_c * near(at["nose_tip"], 16)
    for side in ("right", "left"):
        warmth += state.periorbital_c * near(at[f"eye_inner_{side}"], 13)
        nostril = 0.55 * at["nose_tip"] + 0.45 * at[f"ala_{side}"] + [0, -7, -6]
        warmth += 0.7 * state.breath * near(nostril.astype(np.float32), 7)
    brow = (at["brow_inner_right"] + at["brow_inner_left"]) / 2
    warmth += state.forehead_c * near(brow + np.array([0, 22, -4], np.float32), 30)
    facing = np.clip(dots(points.normal, points.toward), 0, 1)
    emits = 0.98 - 0.22 * np.clip(0.5 - facing, 0, 0.5) / 0.5
    warmth = scene.backdrop_c + emits * (warmth - scene.backdrop_c)
    lenses = actor.carried_lenses(moment.pose)
    if lenses is not None and actor.lenses is not None and len(points.position):
        glass = RayScene(lenses, actor.lenses.faces)
        behind = glass.blocked(points.position + 0.5 * points.toward, points.toward)
        warmth = np.where(behind & (points.material <= 2), np.float32(_GLASS_C), warmth)
    return np.asarray(warmth, np.float32)
