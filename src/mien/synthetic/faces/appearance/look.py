"""`Look`: how a person is painted and dressed, as numbers; drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.synthetic.faces.appearance.color import HAIR, IRISES
from mien.synthetic.faces.geometry.identity import Identity

HAIR_STYLES: tuple[str, ...] = ("bald", "shaved", "short", "full", "long", "tied")
HEADWEAR: tuple[str, ...] = ("none", "cap", "beanie", "headscarf")
BEARDS: tuple[str, ...] = ("none", "stubble", "moustache", "goatee", "full")
GLASSES: tuple[str, ...] = ("none", "round", "square", "rimless")


@dataclass(frozen=True, slots=True)
class Look:
    """Paint and dress.

    Attributes
    ----------
    seed
        Of all that is painted at random (spots, strands).
    tone
        Skin, 0 very light to 1 very dark; see `color.skin_color`.
    redness, yellowness
        Undertone, about -1 to 1.
    age
        0 (20 years) to 1 (80 years): wrinkles, spots, grey hair.
    freckles, blotches, shine, pores
        0 to 1.
    hair, brow_density, brow_width_mm, brow_raise_mm
        Color by name of `color.HAIR`; the brows' own shape.
    style, headwear, beard, glasses
        By name.
    hairline_mm
        Height of the hairline over the brows in the middle.
    hair_mm
        Thickness of the hair.
    iris, iris_mm, pupil
        Color by name of `color.IRISES`; radius in mm; pupil's share of it.
    lashes, eyeliner, lipstick
        0 to 1.
    lipstick_color, cloth_color, headwear_color, frame_color
        Linear RGB (3,), as tuples.
    skin_c
        Difference of this person's skin temperature from the usual, degrees Celsius.
    """

    seed: int
    tone: float
    redness: float
    yellowness: float
    age: float
    freckles: float
    blotches: float
    shine: float
    pores: float
    hair: str
    brow_density: float
    brow_width_mm: float
    brow_raise_mm: float
    style: str
    headwear: str
    beard: str
    glasses: str
    hairline_mm: float
    hair_mm: float
    iris: str
    iris_mm: float
    pupil: float
    lashes: float
    eyeliner: float
    lipstick: float
    lipstick_color: tuple[float, float, float]
    cloth_color: tuple[float, float, float]
    headwear_color: tuple[float, float, float]
    frame_color: tuple[float, float, float]
    skin_c: float


def draw_look(identity: Identity, seed: int) -> Look:
    """Draw a look that suits an identity, loosely: any tone meets any shape of head.

    Half of the people have a tone that goes with the head's mixture, half any tone at all, so that
    an audit can tell what skin tone does from what shape does.
    """
    rng = np.random.default_rng([0x100C, seed])
    mix = {k: float(identity.phenotypes.get(k, 1 / 3)) for k in ("african", "asian", "caucasian")}
    female = float(identity.phenotypes.get("gender", 0.5)) > 0.5
    age = float(np.clip((identity.phenotypes.get("age", 0.7) - 0.66) / 0.31, 0, 1))
    usual = 0.78 * mix["african"] + 0.36 * mix["asian"] + 0.2 * mix["caucasian"]
    goes_along = rng.random() < 0.5
    tone = float(np.clip(rng.normal(usual, 0.14), 0, 1) if goes_along else rng.random())
    dark = tone > 0.5

    style = str(rng.choice(HAIR_STYLES, p=_STYLE_SHARES[female]))
    headwear = str(rng.choice(HEADWEAR, p=_HEADWEAR_SHARES[female]))
    beard = "none" if female else str(rng.choice(BEARDS, p=[0.42, 0.26, 0.07, 0.08, 0.17]))
    return Look(
        seed=seed,
        tone=tone,
        redness=float(rng.normal(0, 0.5)),
        yellowness=float(rng.normal(0, 0.5)),
        age=age,
        freckles=float(rng.random() ** 4 * (0.2 if dark else 1.0)),
        blotches=float(rng.uniform(0.2, 1)),
        shine=float(rng.uniform(0.1, 1)),
        pores=float(rng.uniform(0.2, 1)),
        hair=_draw_hair(rng, dark, age),
        brow_density=float(rng.uniform(0.45, 1)),
        brow_width_mm=float(rng.uniform(2.6, 4.2) if female else rng.uniform(3.6, 6.0)),
        brow_raise_mm=float(rng.normal(0, 0.8)),
        style=style,
        headwear=headwear,
        beard=beard,
        glasses=str(rng.choice(GLASSES, p=[0.8, 0.06, 0.09, 0.05])),
        hairline_mm=float(rng.uniform(36, 54) if female else rng.uniform(36, 58 + 14 * age)),
        hair_mm=_HAIR_MM[style] * float(rng.uniform(0.6, 1.5)),
        iris=_draw_iris(rng, tone),
        iris_mm=float(rng.uniform(5.6, 6.2)),
        pupil=float(rng.uniform(0.3, 0.6)),
        lashes=float(rng.uniform(0.6, 1) if female else rng.uniform(0.25, 0.7)),
        eyeliner=float(rng.uniform(0.3, 1) if female and rng.random() < 0.4 else 0),
        lipstick=float(rng.uniform(0.3, 0.9) if female and rng.random() < 0.4 else 0),
        lipstick_color=_draw_color(rng, [0.35, 0.02, 0.04], [0.6, 0.18, 0.2]),
        cloth_color=_draw_cloth(rng),
        headwear_color=_draw_cloth(rng),
        frame_color=_draw_color(rng, [0.005, 0.005, 0.005], [0.12, 0.08, 0.06]),
        skin_c=float(rng.normal(0, 0.5)),
    )


_STYLE_SHARES = {  # female or not -> share of each of HAIR_STYLES
    True: [0.02, 0.04, 0.14, 0.28, 0.36, 0.16],
    False: [0.1, 0.16, 0.44, 0.2, 0.07, 0.03],
}
_HEADWEAR_SHARES = {True: [0.8, 0.04, 0.05, 0.11], False: [0.82, 0.1, 0.08, 0.0]}
_HAIR_MM = {"bald": 0.0, "shaved": 1.2, "short": 7.0, "full": 14.0, "long": 10.0, "tied": 3.5}


def _draw_hair(rng: np.random.Generator, dark: bool, age: float) -> str:
    if rng.random() < max(0.0, 1.5 * (age - 0.35)):
        return str(rng.choice(["grey", "white"], p=[0.6, 0.4]))
    shares = [0.6, 0.3, 0.07, 0.01, 0.01, 0.01] if dark else [0.24, 0.26, 0.22, 0.12, 0.11, 0.05]
    return str(rng.choice(list(HAIR)[:6], p=shares))


def _draw_iris(rng: np.random.Generator, tone: float) -> str:
    light = max(0.0, 0.75 - 1.6 * tone)  # share of light eyes
    dark = 1 - light
    shares = [0.6 * dark, 0.4 * dark, 0.2 * light, 0.2 * light, 0.45 * light, 0.15 * light]
    return str(rng.choice(list(IRISES), p=np.array(shares) / sum(shares)))


def _draw_cloth(rng: np.random.Generator) -> tuple[float, float, float]:
    """Dark more often than light, muted more often than bright."""
    lightness = 0.015 + 0.5 * float(rng.random()) ** 2
    r, g, b = lightness * np.exp(rng.normal(0, 0.35, 3))
    return min(float(r), 0.8), min(float(g), 0.8), min(float(b), 0.8)


def _draw_color(
    rng: np.random.Generator, low: list[float], high: list[float]
) -> tuple[float, float, float]:
    r, g, b = rng.uniform(low, high)
    return float(r), float(g), float(b)
