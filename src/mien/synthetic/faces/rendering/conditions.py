"""One scene under three lights, for comparing them like with like.

A scene of `draw_scene` differs in everything if another kind of light is asked for. Here only the
light does, and what a color camera makes of it: the face, the distance, the framing, and depth and
thermal pictures are the same to the last bit. The three are

* ``even``: diffuse light, well exposed;
* ``harsh``: a hard light and little else, at times coloured, that moves around the head (its
  shadows with it), pulses, is switched off and on, or shines through passing bars; the camera's
  exposure stays as it was, so parts of the face burn out or drown;
* ``dark``: three to four and a half stops too little light for the camera: 8 bits leave few levels,
  and noise is as large as what the face does.

Faults of the color camera that have nothing to do with light (low resolution, motion blur, JPEG,
black and white) are left out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.synthetic.faces.rendering.lights import Bars, LightPlay
from mien.synthetic.faces.rendering.scene import Scene, draw_scene

CONDITIONS: tuple[str, ...] = ("even", "harsh", "dark")

_HARSH_AMBIENT = np.float32(0.5)
_HARSH_EV = 0.8
_DARK_EV = (-4.5, -3.0)
_DARK_NOISE = (0.08, 0.16)


def draw_condition(seed: int, framing: str, size_px: int, light: str) -> Scene:
    """The scene of a seed under one of `CONDITIONS`; its ``kind`` is the condition.

    Parameters
    ----------
    seed, framing, size_px
        As in `draw_scene`.
    light
        One of `CONDITIONS`.

    Raises
    ------
    ValueError
        If an argument is none of these.
    """
    if light not in CONDITIONS:
        raise ValueError(f"light is one of {CONDITIONS}, not {light!r}")
    plain = draw_scene(seed, framing, size_px, "even")
    even = replace(plain, low_px=0, motion_px=0.0, jpeg=0, grey=False)
    if light == "even":
        return even
    rng = np.random.default_rng([0xC0D, seed, CONDITIONS.index(light)])
    if light == "dark":
        lit = draw_scene(seed, framing, size_px, "dark")
        return replace(
            even,
            kind=light,
            sky=lit.sky,
            ground=lit.ground,
            lamps=lit.lamps,
            backdrop=even.backdrop * np.float32(0.5),
            exposure_ev=float(rng.uniform(*_DARK_EV)),
            noise=float(rng.uniform(*_DARK_NOISE)),
        )
    lit = draw_scene(seed, framing, size_px, "harsh")
    return replace(
        even,
        kind=light,
        sky=lit.sky * _HARSH_AMBIENT,
        ground=lit.ground * _HARSH_AMBIENT,
        lamps=lit.lamps,
        change=np.zeros((0, 3), np.float32),
        play=_draw_play(rng),
        exposure_ev=float(rng.normal(0, _HARSH_EV)),
    )


def _draw_play(rng: np.random.Generator) -> LightPlay:
    """The light always moves; besides, it does one thing or several of three."""
    chosen = rng.random(3) < 0.45
    chosen[rng.integers(3)] = True
    pulses, switches, barred = (bool(one) for one in chosen)
    bars = None
    if barred:
        angle = rng.uniform(0, np.pi)
        bars = Bars(
            across=np.array([np.cos(angle), np.sin(angle), 0.3], np.float32),
            length_mm=float(rng.uniform(50, 160)),
            phase=float(rng.uniform(0, 2 * np.pi)),
            sharpness=float(rng.uniform(1, 6)),
            least=float(rng.uniform(0.02, 0.2)),
        )
    return LightPlay(
        swing=float(rng.uniform(0.4, 1.3)),
        swing_hz=float(rng.uniform(0.1, 0.6)),
        swing_phase=float(rng.uniform(0, 2 * np.pi)),
        pulse=float(rng.uniform(0.5, 1.2)) if pulses else 0.0,
        pulse_hz=float(rng.uniform(0.3, 2.0)),
        pulse_phase=float(rng.uniform(0, 2 * np.pi)),
        period_s=float(rng.uniform(0.4, 1.5)) if switches else 0.0,
        duty=float(rng.uniform(0.4, 0.7)),
        off=float(rng.uniform(0.02, 0.2)),
        switch_phase=float(rng.random()),
        bars=bars,
        bars_hz=float(rng.choice([-1, 1]) * rng.uniform(0.2, 1.2)) if barred else 0.0,
    )
