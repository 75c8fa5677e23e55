"""Colors of skin, hair, irises and light, in linear RGB."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.types import FloatArray


def linear(srgb: npt.ArrayLike) -> FloatArray:
    """sRGB 0-255 to linear 0-1 (IEC 61966-2-1)."""
    s = np.asarray(srgb, np.float32) / 255
    low = s / 12.92
    high = ((s + 0.055) / 1.055) ** 2.4
    return np.where(s <= 0.04045, low, high).astype(np.float32)


def encoded(light: FloatArray) -> FloatArray:
    """Linear 0-1 to sRGB 0-1; values outside are clipped."""
    s = np.clip(light, 0, 1)
    return np.where(
        s <= 0.0031308, 12.92 * s, 1.055 * np.maximum(s, 1e-8) ** (1 / 2.4) - 0.055
    ).astype(np.float32)


# Skin from very light (0) to very dark (1), sRGB. The steps are about even in lightness and span
# the ten tones of the Monk scale.
_SKIN = np.array(
    [
        [248, 222, 209],
        [238, 203, 183],
        [224, 180, 153],
        [203, 154, 122],
        [178, 127, 95],
        [150, 101, 72],
        [120, 78, 56],
        [92, 59, 43],
        [66, 43, 33],
        [44, 30, 26],
    ]
)


def skin_color(tone: float) -> FloatArray:
    """Linear RGB (3,) of skin of a tone from 0, very light, to 1, very dark."""
    place = float(np.clip(tone, 0, 1)) * (len(_SKIN) - 1)
    k = min(int(place), len(_SKIN) - 2)
    color = linear(_SKIN[k] + (place - k) * (_SKIN[k + 1] - _SKIN[k]))
    return np.asarray(0.88 * color + 0.12 * color.mean(), np.float32)


HAIR: dict[str, FloatArray] = {
    "black": linear([22, 18, 17]),
    "dark brown": linear([48, 34, 26]),
    "brown": linear([84, 58, 39]),
    "light brown": linear([126, 92, 62]),
    "blond": linear([186, 150, 101]),
    "red": linear([138, 66, 34]),
    "grey": linear([128, 124, 120]),
    "white": linear([182, 179, 173]),
}
"""Name -> linear RGB (3,)."""

IRISES: dict[str, FloatArray] = {
    "dark brown": linear([48, 30, 20]),
    "brown": linear([88, 56, 32]),
    "hazel": linear([112, 92, 52]),
    "green": linear([98, 116, 82]),
    "blue": linear([92, 124, 150]),
    "grey": linear([118, 128, 134]),
}
"""Name -> linear RGB (3,)."""


def light_color(kelvin: float) -> FloatArray:
    """Linear RGB (3,) of daylight and lamps by color temperature, 2500 to 12000 K; green is 1.

    A fit good to a few percent of the black body's chromaticity; no more is needed for a lamp.
    """
    t = np.log(np.clip(kelvin, 2000, 15000) / 6500)
    return np.array([np.exp(-0.55 * t), 1.0, np.exp(0.85 * t)], np.float32)
