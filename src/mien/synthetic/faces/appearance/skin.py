"""Painting a person's skin on the canvas: color, gloss, relief and temperature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.appearance.canvas import SIZE_PX, Canvas, blur
from mien.synthetic.faces.appearance.color import HAIR, linear, skin_color
from mien.synthetic.faces.appearance.look import Look
from mien.synthetic.faces.appearance.noise import cloud_noise, smooth_noise
from mien.synthetic.faces.appearance.wrinkles import action_reliefs, resting_relief
from mien.types import FloatArray

_SHAPE = (SIZE_PX, SIZE_PX)


@dataclass(frozen=True, slots=True)
class Paint:
    """A person's painted skin on the canvas.

    Attributes
    ----------
    albedo
        float32 (384, 384, 3), linear RGB.
    gloss
        float32 (384, 384), 0 dull to 1 oily.
    relief
        float32 (384, 384), mm, folds and pores at rest.
    temperature
        float32 (384, 384), degrees Celsius at rest.
    fold_gain
        How deep this person's folds are, relative to middle age.
    """

    albedo: FloatArray
    gloss: FloatArray
    relief: FloatArray
    temperature: FloatArray
    fold_gain: float


class Painter:
    """What all people's paint shares; made once per process."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.at = {k: (float(v[0]), float(v[1])) for k, v in canvas.at.items()}

    @cached_property
    def folds(self) -> FloatArray:
        """Reliefs of the action units, float32 (17, 384, 384); see `action_reliefs`."""
        return action_reliefs(self.canvas)

    @cached_property
    def _age_folds(self) -> FloatArray:
        return resting_relief(self.canvas)

    @cached_property
    def brow_line(self) -> FloatArray:
        """x, y of the brow's middle line on the left, float32 (4, 2), mm on the mean head."""
        inner, middle, outer = (
            np.array(self.at[f"brow_{k}_left"]) for k in ("inner", "middle", "outer")
        )
        steps = ((-5.5, -5.5), (3, -2.5), (3, -0.5), (2, -2))
        ends = (inner, inner, middle, outer)
        return np.array([np.add(a, b) for a, b in zip(ends, steps, strict=True)], np.float32)

    @cached_property
    def _brows(self) -> tuple[FloatArray, FloatArray]:
        """Distance from the nearer brow line in mm (up positive) and place along it, inner 0."""
        left = self.canvas.along(self.brow_line)
        right = self.canvas.along(self.brow_line * np.array([-1, 1], np.float32))
        nearer = np.abs(left[0]) < np.abs(right[0])
        return np.where(nearer, left[0], -right[0]), np.where(nearer, left[1], right[1])

    @cached_property
    def _beard_zone(self) -> dict[str, FloatArray]:
        """Where beards grow, 0 to 1: moustache, goatee, full."""
        p = self.canvas.position
        x, y, z = np.abs(p[..., 0]), p[..., 1], p[..., 2]
        corner, low = self.at["mouth_left"], self.at["lip_lower_outer"][1]
        base = self.at["ala_left"][1] - 6
        moustache = _step(base - y, 3) * _step(y - (corner[1] - 6), 3) * _step(corner[0] + 5 - x, 4)
        goatee = (
            _step(corner[1] + 3 - y, 4) * _step(corner[0] + 4 - x, 5) * _step(y - (low - 42), 6)
        )
        # the cheek's border runs from the sideburn down to the corner of the mouth
        border = np.interp(x, [20, corner[0] + 4, 45, 62, 75], [-62, -66, -60, -38, -8])
        jaw = _step(border - y, 6) * _step(y - (low - 50), 8) * _step(z + 85, 12)
        full = np.maximum(jaw, np.maximum(moustache, goatee))
        return {
            "moustache": moustache.astype(np.float32),
            "goatee": np.maximum(goatee, moustache).astype(np.float32),
            "full": full.astype(np.float32),
        }

    def beard(self, look: Look) -> FloatArray:
        """Where this person's beard grows, 0 to 1, float32 (384, 384)."""
        if look.beard == "none":
            return np.zeros(_SHAPE, np.float32)
        return self._beard_zone["full" if look.beard == "stubble" else look.beard]

    def hair_zone(self, look: Look) -> FloatArray:
        """Height over the hairline in mm, negative on the face, float32 (384, 384)."""
        p = self.canvas.position
        return height_over_hairline(p, self.at["brow_inner_left"][1], look.hairline_mm)

    def paint(self, look: Look) -> Paint:
        """Paint a person; the same look gives the same picture."""
        rng = np.random.default_rng([0x5C1, look.seed])
        albedo, blood = self._complexion(look, rng)
        grain = smooth_noise(rng, _SHAPE, (1.2, 1.2))
        relief = 0.035 * look.pores * blur(grain, 0.8) * self.canvas.front
        relief = relief + self._age_folds * np.float32(1.5 * max(0.0, look.age - 0.15))
        gloss = self._gloss(look, rng)
        hair = self._hair_on_skin(look, rng)  # (384, 384), share of hair seen
        color = HAIR[look.hair]
        albedo = albedo * (1 - hair[..., None]) + color * hair[..., None]
        return Paint(
            np.clip(albedo, 0.004, 0.95).astype(np.float32),
            (gloss * (1 - 0.8 * hair)).astype(np.float32),
            relief.astype(np.float32),
            self._temperature(look, rng, blood),
            float(np.clip(0.55 + 0.9 * look.age + 0.12 * rng.standard_normal(), 0.35, 1.6)),
        )

    def _complexion(self, look: Look, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Skin without hair, and where blood shows through."""
        c, at = self.canvas, self.at
        base = skin_color(look.tone)
        undertone = [1 + 0.05 * look.redness, 1, 1 - 0.09 * look.yellowness]
        base = base * np.array(undertone, np.float32)
        cheek, nose = at["cheek_left"], at["nose_tip"]
        blood = np.zeros(_SHAPE, np.float32)
        for sign in (1, -1):
            blood += 0.9 * c.kept_spot((sign * (cheek[0] + 4), cheek[1] - 2), 17)
            blood += 0.5 * c.kept_spot((sign * at["ala_left"][0], at["ala_left"][1]), 7)
            blood += 0.35 * c.kept_spot((sign * (at["eyelid_lower_left"][0]), -9), 7, 2)
        blood += 0.7 * c.kept_spot(nose, 10) + 0.3 * c.kept_spot(at["chin"], 12)
        patches = cloud_noise(rng, _SHAPE, 60)
        fine = cloud_noise(rng, _SHAPE, 9, 3)
        flush = (0.55 + 0.35 * look.redness) * blood * (1 + 0.25 * patches)
        flush = flush + look.blotches * (0.16 * patches + 0.1 * fine)
        flush = flush * (1 - 0.55 * look.tone)
        # blood takes away green and blue, melanin all, blue most
        melanin = 0.05 * look.blotches * cloud_noise(rng, _SHAPE, 30)
        under_eye = np.zeros(_SHAPE, np.float32)
        for sign in (1, -1):
            under_eye += c.kept_spot((sign * (at["eyelid_lower_left"][0] - 4), -11), 6, 2.2)
        melanin = melanin + (0.1 + 0.22 * look.age) * under_eye
        melanin = melanin + self._freckles(look, rng)
        around = np.exp(
            -np.maximum(np.hypot(c.position[..., 0], c.position[..., 1] + 72) - 22, 0) / 9
        )
        melanin = melanin + 0.06 * look.tone * around * c.front
        absorb = flush[..., None] * np.array([0.06, 0.42, 0.34], np.float32)
        absorb = absorb + melanin[..., None] * np.array([0.7, 1.0, 1.15], np.float32)
        albedo = base * np.exp(-absorb)
        return albedo.astype(np.float32), blood

    def _freckles(self, look: Look, rng: np.random.Generator) -> FloatArray:
        out = np.zeros(_SHAPE, np.float32)
        across = np.exp(-(((self.canvas.position[..., 1] + 25) / 22) ** 2)) * self.canvas.front
        if look.freckles > 0.15:
            dots = smooth_noise(rng, _SHAPE, (3, 3))
            out += 0.55 * look.freckles * np.clip(dots - 1.1, 0, 1) * across
        for _ in range(int(rng.poisson(2 + 3 * look.age))):  # moles and age spots
            centre = (float(rng.uniform(-62, 62)), float(rng.uniform(-95, 70)))
            radius = float(rng.uniform(0.7, 1.8))
            out += float(rng.uniform(0.4, 1.1)) * self.canvas.spot(centre, radius)
        return out

    def _gloss(self, look: Look, rng: np.random.Generator) -> FloatArray:
        c, at = self.canvas, self.at
        gloss = np.full(_SHAPE, 0.35, np.float32)
        gloss += 0.5 * c.kept_spot((0, at["brow_inner_left"][1] + 18), 22, 1.6)
        gloss += 0.55 * c.kept_spot((0, -28), 14, 0.6) + 0.3 * c.kept_spot(at["chin"], 10)
        gloss *= 0.45 + 0.8 * look.shine
        gloss *= 1 + 0.18 * cloud_noise(rng, _SHAPE, 12, 3)
        return np.clip(gloss, 0.05, 1.3).astype(np.float32)

    def _hair_on_skin(self, look: Look, rng: np.random.Generator) -> FloatArray:
        """Share of brow, beard and scalp hair that covers the skin, float32 (384, 384)."""
        share = self._brow_hair(look, rng)
        grain = smooth_noise(rng, _SHAPE, (2.2, 1.3))
        beard = self.beard(look)
        if look.beard != "none":
            patchy = np.clip(beard * (1 + 0.25 * cloud_noise(rng, _SHAPE, 20, 3)), 0, 1)
            dense = {"stubble": 0.3, "full": 0.85}.get(look.beard, 0.8)
            share = np.maximum(share, patchy * np.clip(dense + 0.14 * grain, 0, 0.95))
        if look.style != "bald":
            over = self.hair_zone(look) + 2.5 * cloud_noise(rng, _SHAPE, 14, 3)
            dense = 0.62 if look.style == "shaved" else 0.9
            p = self.canvas.position
            ears = (np.abs(p[..., 0]) > 73) & (np.abs(p[..., 1] + 18) < 40)
            scalp = ~ears * _step(over, 5.0) * np.clip(dense + 0.1 * grain, 0, 1)
            share = np.maximum(share, scalp)
        return np.asarray(share, np.float32)

    def _brow_hair(self, look: Look, rng: np.random.Generator) -> FloatArray:
        distance, place = self._brows
        distance = distance - look.brow_raise_mm * (0.3 + 0.7 * np.sin(np.pi * place))
        half = (
            0.5 * look.brow_width_mm * np.interp(place, [0, 0.15, 0.6, 1], [0.8, 1.15, 0.95, 0.3])
        )
        body = _step(half + 0.3 - np.abs(distance), 1.3)
        ends = _step(place, 0.06) * _step(1 - place, 0.05)
        # hairs lean outwards: sample noise along slanted rows
        strands = smooth_noise(rng, _SHAPE, (5, 1.3)) + smooth_noise(rng, _SHAPE, (1.5, 4))
        strands = np.clip(0.78 + 0.16 * strands, 0.2, 1)
        return np.asarray(body * ends * strands * look.brow_density, np.float32)

    def _temperature(self, look: Look, rng: np.random.Generator, blood: FloatArray) -> FloatArray:
        """Skin temperature at rest in a room of about 22 degrees Celsius.

        The order of the regions (canthi warmest, then forehead and lips, cheeks and chin cooler,
        nose and ears coolest) is what infrared thermography of resting adults finds: Ioannou,
        Gallese & Merla, Psychophysiology 51 (2014), and the references there. The numbers are round
        assumptions of this generator.
        """
        c, at = self.canvas, self.at
        t = np.full(_SHAPE, 33.9, np.float32)
        t += 0.7 * c.kept_spot((0, at["brow_inner_left"][1] + 22), 32, 1.6)
        for sign in (1, -1):
            inner = at["eye_inner_left"]
            t += 1.5 * c.kept_spot((sign * (inner[0] - 2), inner[1]), 7)
            t += 0.5 * c.kept_spot((sign * at["eyelid_lower_left"][0], -2), 15)
            t -= 1.0 * c.kept_spot((sign * at["cheek_left"][0], at["cheek_left"][1] - 4), 17)
            t -= 0.9 * c.kept_spot((sign * at["ala_left"][0], at["ala_left"][1]), 8)
        t -= 2.0 * c.kept_spot(at["nose_tip"], 12)
        t += 0.5 * c.kept_spot((0, -73), 14, 1.6)
        t -= 0.6 * c.kept_spot(at["chin"], 14)
        t -= 1.5 * (1 - c.front)
        t += 0.3 * cloud_noise(rng, _SHAPE, 50) + 0.1 * blood
        vessels = np.abs(cloud_noise(rng, _SHAPE, 40, 3))
        t += 0.25 * np.exp(-((vessels / 0.12) ** 2)) * c.front
        distance, _ = self._brows
        t -= 0.7 * np.exp(-((distance / (0.6 * look.brow_width_mm)) ** 2)) * look.brow_density
        t -= {"none": 0.0, "stubble": 0.3}.get(look.beard, 1.6) * self.beard(look)
        return blur(t + look.skin_c, 2.0)


def height_over_hairline(position: FloatArray, brow_y_mm: float, hairline_mm: float) -> FloatArray:
    """How far places on the mean head lie above the hairline, mm, shape of `position` less axis -1.

    The line is highest in the middle, recedes a little at the temples, comes down in front of the
    ears as sideburns and runs low behind them.
    """
    x, y, z = position[..., 0], position[..., 1], position[..., 2]
    angle = np.degrees(np.abs(np.arctan2(x, z + 75.0)))
    top = brow_y_mm + hairline_mm
    line = np.interp(
        angle,
        [0, 18, 34, 46, 54, 62, 72, 84, 95, 180],
        [top, top, top + 2, top - 12, top - 26, -2, -22, -26, -55, -62],
    )
    return np.asarray(y - line, np.float32)


def lip_color(look: Look) -> FloatArray:
    """Linear RGB (3,) of the lips."""
    skin = skin_color(look.tone)
    natural = skin * np.array([0.86, 0.52, 0.54]) + 0.06 * linear([150, 60, 66])
    mixed = (1 - look.lipstick) * natural + look.lipstick * np.array(look.lipstick_color)
    return np.asarray(mixed, np.float32)


def _step(distance: npt.NDArray[np.floating[Any]], soft: float) -> FloatArray:
    """0 well below 0, 1 well above, blended over `soft` on both sides."""
    t = np.clip(distance / (2 * soft) + 0.5, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
