"""`Scene`: where the camera stands, what lights there are, what is behind, what the sensors do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.appearance.color import light_color
from mien.synthetic.faces.appearance.noise import cloud_noise
from mien.synthetic.faces.rendering.lights import Light, LightPlay, turned
from mien.types import FloatArray

FRAMINGS: tuple[str, ...] = ("portrait", "aligned")
LIGHTS: tuple[str, ...] = ("any", "even", "harsh", "dark")
_KINDS: tuple[str, ...] = ("even", "soft", "harsh", "dark", "colored", "changing")


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything around the actor. `attributes` names the kind of light for tables.

    Attributes
    ----------
    seed, size_px, framing, kind
        ``kind`` is even, soft, harsh, dark, colored or changing.
    distance_mm
        From the camera to where the head rests.
    face_share
        Height of the face relative to the picture (portrait framing).
    offset
        float32 (2,), of the face from the middle, in shares of the picture.
    jitter
        float32 (4,): shift x, y in pixels of 112, turn in degrees, log of scale (aligned framing).
    sky, ground
        Ambient light from above and below, linear RGB (3,).
    lamps
        The lights.
    change
        float32 (k, 3): strength, frequency in Hz and phase of the light's changes.
    backdrop
        float32 (size, size, 3), linear RGB.
    backdrop_mm, backdrop_c
        Distance and temperature of what is behind.
    exposure_ev
        Error of the camera's exposure, in stops.
    noise, blur_px, motion_px, motion_deg, jpeg, low_px, grey, contrast, white
        Of the color camera: noise level, blur, motion blur, JPEG quality (0: none), size in
        pixels that the picture is once reduced to (0: not), black and white, contrast, and
        white balance (3,).
    depth_noise, depth_holes
        Of the depth camera: relative noise, share of edges lost.
    thermal_noise_c, thermal_blur_px, thermal_offset_c
        Of the thermal camera.
    play
        What the main light does besides (`mien.synthetic.faces.rendering.conditions`).
    """

    seed: int
    size_px: int
    framing: str
    kind: str
    distance_mm: float
    face_share: float
    offset: FloatArray
    jitter: FloatArray
    sky: FloatArray
    ground: FloatArray
    lamps: tuple[Light, ...]
    change: FloatArray
    backdrop: FloatArray
    backdrop_mm: float
    backdrop_c: float
    exposure_ev: float
    noise: float
    blur_px: float
    motion_px: float
    motion_deg: float
    jpeg: int
    low_px: int
    grey: bool
    contrast: float
    white: FloatArray
    depth_noise: float
    depth_holes: float
    thermal_noise_c: float
    thermal_blur_px: float
    thermal_offset_c: float
    play: LightPlay | None = None

    @property
    def attributes(self) -> dict[str, float | str]:
        """What results are grouped by."""
        return {
            "light": self.kind,
            "distance_mm": round(self.distance_mm, 1),
            "exposure_ev": round(self.exposure_ev, 3),
            "grey": float(self.grey),
            "low_px": float(self.low_px),
        }

    def lights_at(self, time_s: float) -> tuple[Light, ...]:
        """The lights at a time; they differ from `lamps` only where light changes."""
        if self.play is not None:
            return (self.play.at(self.lamps[0], time_s), *self.lamps[1:])
        if not len(self.change):
            return self.lamps
        strength, frequency, phase = self.change.T
        wave = np.sin(2 * np.pi * frequency * time_s + phase)
        main = self.lamps[0]
        gain = float(np.exp(strength[0] * wave[0]))
        turn = float(strength[1] * wave[1])
        toward = turned(main.toward, turn)
        moved = Light(toward, (main.color * gain).astype(np.float32), main.casts, main.softness)
        return (moved, *self.lamps[1:])


def draw_scene(
    seed: int,
    framing: str = "portrait",
    size_px: int = 112,
    light: str = "any",
    clean: bool = False,
) -> Scene:
    """Draw a scene.

    Parameters
    ----------
    seed
        The same seed gives the same scene.
    framing
        ``"portrait"``: the head in the picture, as a camera sees it. ``"aligned"``: the five
        landmarks near the places of `mien.faces.align.TEMPLATE`, as the extractor sees it.
    size_px
        Side of the square picture, 32 to 1024.
    light
        ``"any"`` draws from all kinds; ``"even"``, ``"harsh"`` (hard, coloured or changing) and
        ``"dark"`` (near dark) are the three conditions of the tri-modal benchmark.
    clean
        Without sensor faults, blur and compression.

    Raises
    ------
    ValueError
        If an argument is none of these.
    """
    if framing not in FRAMINGS or light not in LIGHTS:
        raise ValueError(f"framing is one of {FRAMINGS}, light of {LIGHTS}: {framing!r}, {light!r}")
    if not 32 <= size_px <= 1024:
        raise ValueError(f"size_px is from 32 to 1024, not {size_px}")
    rng = np.random.default_rng([0x5CE, seed])
    kind = _draw_kind(rng, light)
    sky, ground, lamps = _draw_lights(rng, kind)
    change = np.zeros((0, 3), np.float32)
    if kind == "changing":
        change = np.array(
            [
                [rng.uniform(0.4, 1.1), rng.uniform(0.1, 1.2), rng.uniform(0, 6.28)],
                [rng.uniform(0.2, 0.9), rng.uniform(0.05, 0.4), rng.uniform(0, 6.28)],
            ],
            np.float32,
        )
    dark = kind == "dark"
    low = 0 if rng.random() < 0.7 else int(size_px * rng.uniform(0.4, 0.8))
    noise = float(rng.uniform(0.05, 0.11) if dark else 0.004 + 0.03 * rng.random() ** 3)
    return Scene(
        seed=seed,
        size_px=size_px,
        framing=framing,
        kind=kind,
        distance_mm=float(rng.uniform(450, 1000)),
        face_share=float(rng.uniform(0.5, 0.66)),
        offset=rng.normal(0, 0.025, 2).astype(np.float32),
        jitter=(rng.standard_normal(4) * [1.6, 1.6, 2.5, 0.04]).astype(np.float32),
        sky=sky,
        ground=ground,
        lamps=lamps,
        change=change,
        backdrop=_draw_backdrop(rng, size_px) * (0.25 if dark else 1.0),
        backdrop_mm=float(rng.uniform(1300, 3500)),
        backdrop_c=float(rng.uniform(19, 25)),
        exposure_ev=float(rng.normal(-2.1, 0.35) if dark else rng.normal(0, 0.33)),
        noise=0.0 if clean else noise,
        blur_px=0.0 if clean else float(0.25 + 0.9 * rng.random() ** 2) * size_px / 112,
        motion_px=0.0 if clean or rng.random() < 0.8 else float(rng.uniform(1, 4)) * size_px / 112,
        motion_deg=float(rng.uniform(0, 180)),
        jpeg=0 if clean or rng.random() < 0.35 else int(rng.integers(25, 96)),
        low_px=0 if clean else low,
        grey=bool(rng.random() < 0.08) and not clean,
        contrast=float(rng.uniform(0.8, 1.3)),
        white=np.exp(rng.normal(0, 0.05, 3)).astype(np.float32),
        depth_noise=0.0 if clean else float(rng.uniform(0.0008, 0.003)),
        depth_holes=0.0 if clean else float(rng.uniform(0, 0.6)),
        thermal_noise_c=0.0 if clean else float(rng.uniform(0.03, 0.12)),
        thermal_blur_px=float(rng.uniform(0.5, 1.2)) * size_px / 112,
        thermal_offset_c=0.0 if clean else float(rng.normal(0, 0.4)),
    )


def _draw_kind(rng: np.random.Generator, light: str) -> str:
    if light == "any":
        return str(rng.choice(_KINDS, p=[0.22, 0.28, 0.24, 0.08, 0.1, 0.08]))
    if light == "harsh":
        return str(rng.choice(["harsh", "colored", "changing"], p=[0.4, 0.2, 0.4]))
    return light


def _unit(azimuth_deg: float, height_deg: float) -> FloatArray:
    a, h = np.radians([azimuth_deg, height_deg])
    return np.array([np.sin(a) * np.cos(h), np.sin(h), np.cos(a) * np.cos(h)], np.float32)


def _draw_lights(
    rng: np.random.Generator, kind: str
) -> tuple[FloatArray, FloatArray, tuple[Light, ...]]:
    """Ambient light from above and below and the lamps; together they give about 1 on a face."""
    side = float(rng.choice([-1, 1]))
    warm = light_color(float(rng.uniform(3800, 7500)))
    cool = light_color(float(rng.uniform(5000, 9500)))
    if kind == "even":
        ambient, strength, softness = 0.62, 0.4, 0.5
        key = _unit(side * rng.uniform(0, 35), rng.uniform(20, 45))
    elif kind in ("soft", "dark"):
        ambient, strength, softness = float(rng.uniform(0.32, 0.5)), 0.75, 0.35
        key = _unit(side * rng.uniform(10, 65), rng.uniform(10, 50))
    else:
        ambient, strength, softness = float(rng.uniform(0.08, 0.25)), 1.15, 0.06
        key = _unit(side * rng.uniform(20, 85), rng.uniform(-15, 60))
    if kind == "colored":
        ambient = 0.2
        warm, cool = _tint(rng), _tint(rng)
    sky = (1.25 * ambient * cool).astype(np.float32)
    bounce = np.array([1.0, 0.92, 0.82], np.float32)
    ground = (ambient * rng.uniform(0.35, 0.8) * bounce * (warm + cool) / 2).astype(np.float32)
    lamps = [Light(key, (strength * warm).astype(np.float32), True, softness)]
    if rng.random() < 0.7:  # fill from the other side
        fill = _unit(-side * rng.uniform(20, 70), rng.uniform(-5, 35))
        lamps.append(Light(fill, (strength * rng.uniform(0.08, 0.4) * cool).astype(np.float32)))
    if rng.random() < 0.35:  # from behind, on the hair
        rim = _unit(-side * rng.uniform(115, 160), rng.uniform(10, 50))
        lamps.append(Light(rim, (strength * rng.uniform(0.4, 1.3) * warm).astype(np.float32), True))
    return sky, ground, tuple(lamps)


def _tint(rng: np.random.Generator) -> FloatArray:
    """A strong color of the same luminance as white."""
    color = rng.dirichlet([1.2, 1.2, 1.2]) + 0.18
    return np.asarray(color / (color @ [0.2126, 0.7152, 0.0722]), np.float32).clip(0, 2.2)


def _draw_backdrop(rng: np.random.Generator, size: int) -> FloatArray:
    """A picture out of focus: wall, room, greenery or lights at night."""
    kind = rng.choice(["wall", "room", "green", "night"], p=[0.4, 0.35, 0.15, 0.1])
    shape = (64, 64)
    base = rng.uniform(0.05, 0.75) * (1 + 0.25 * rng.standard_normal(3)).clip(0.5, 1.5)
    picture: npt.NDArray[Any] = np.tile(base, (*shape, 1))
    if kind == "wall":
        ramp = np.linspace(-1, 1, 64) * rng.normal(0, 0.3)
        picture *= (
            np.exp(ramp)[:, None, None] * np.exp(ramp[::-1] * rng.normal(0, 0.6))[None, :, None]
        )
    elif kind == "room":
        for _ in range(int(rng.integers(4, 12))):
            x, y = rng.integers(-10, 60, 2)
            w, h = rng.integers(6, 44, 2)
            tint = rng.uniform(0.01, 0.9) * (1 + 0.3 * rng.standard_normal(3)).clip(0.4, 1.6)
            picture[max(y, 0) : y + h, max(x, 0) : x + w] = tint
    elif kind == "green":
        leaves = cloud_noise(rng, shape, 14, 4)[..., None]
        picture = np.array([0.12, 0.22, 0.06]) * np.exp(0.5 * leaves)
        sky = np.clip(
            (28 - np.arange(64))[:, None, None] / 8 + cloud_noise(rng, shape, 12)[..., None], 0, 1
        )
        picture = picture * (1 - sky) + np.array([0.6, 0.75, 0.95]) * sky
    else:
        picture *= 0.05
        for _ in range(int(rng.integers(6, 20))):
            centre = (int(rng.integers(0, 64)), int(rng.integers(0, 64)))
            lamp = [float(v) for v in rng.uniform(0.05, 0.9, 3)]
            cv2.circle(picture, centre, int(rng.integers(2, 7)), lamp, -1)
    sigma = float(rng.uniform(0.6, 5))
    picture = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), sigma)
    large = cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(large, 0.002, 1.5).astype(np.float32)
