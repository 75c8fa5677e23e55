"""What cameras do to light, distance and warmth: noise, blur, compression, holes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.appearance.color import encoded
from mien.synthetic.faces.rendering.scene import Scene
from mien.types import FloatArray, ImageArray


def photograph(light: FloatArray, scene: Scene, rng: np.random.Generator) -> ImageArray:
    """Linear RGB float32 (size, size, 3) to an 8-bit picture: lens, noise, tone and codec."""
    picture: npt.NDArray[Any] = light * scene.white
    if scene.blur_px > 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), scene.blur_px * 0.6)
    if scene.motion_px > 1:
        picture = cv2.filter2D(picture, -1, _streak(scene.motion_px, scene.motion_deg))
    if scene.noise > 0:
        grain = rng.standard_normal(picture.shape, dtype=np.float32)
        level = scene.noise * np.sqrt(0.06 * np.clip(picture, 0, 2) + 0.004 * scene.noise / 0.02)
        picture = picture + level.astype(np.float32) * grain
    if scene.grey:
        picture = np.repeat(picture @ np.array([[0.2126], [0.7152], [0.0722]], np.float32), 3, 2)
    shoulder = np.where(picture > 0.7, 0.7 + 0.3 * np.tanh((picture - 0.7) / 0.3), picture)
    display = encoded(shoulder)
    display = 0.5 + scene.contrast * (display - 0.5) if scene.contrast != 1 else display
    image = (np.clip(display, 0, 1) * 255 + 0.5).astype(np.uint8)
    size = scene.size_px
    if scene.low_px:
        small = cv2.resize(image, (scene.low_px, scene.low_px), interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    if scene.jpeg:
        image = _jpeg(image, scene.jpeg)
    return image


def measure_depth(
    depth_mm: FloatArray, scene: Scene, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """Exact depth, float32 (size, size), to what a depth camera stores, uint16 mm, 0 for no value.

    The noise grows with distance, and steep edges are lost, as with time-of-flight cameras.
    """
    out = depth_mm
    if scene.depth_noise > 0:
        out = out + scene.depth_noise * out * rng.standard_normal(out.shape, dtype=np.float32)
        flat = np.ones((3, 3), np.uint8)
        step = cv2.dilate(depth_mm, flat) - cv2.erode(depth_mm, flat)
        lost = (step > 60) & (rng.random(out.shape, dtype=np.float32) < scene.depth_holes)
        out = np.where(lost, 0, out)
    return np.clip(np.round(out), 0, 65535).astype(np.uint16)


def measure_warmth(
    celsius: FloatArray, scene: Scene, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """Temperature, float32 (size, size), to what a thermal camera stores, uint16, 1/100 kelvin."""
    out = cv2.GaussianBlur(celsius, (0, 0), scene.thermal_blur_px) + scene.thermal_offset_c
    if scene.thermal_noise_c > 0:
        out = out + scene.thermal_noise_c * rng.standard_normal(out.shape, dtype=np.float32)
        columns = rng.standard_normal((1, out.shape[1]), dtype=np.float32)
        out = out + 0.25 * scene.thermal_noise_c * columns
    return np.clip(np.round((out + 273.15) * 100), 0, 65535).astype(np.uint16)


def _streak(length_px: float, angle_deg: float) -> FloatArray:
    side = 2 * int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    a, middle = np.radians(angle_deg), side // 2
    for t in np.linspace(-length_px / 2, length_px / 2, 4 * side):
        kernel[round(middle + t * np.sin(a)), round(middle + t * np.cos(a))] += 1
    return np.asarray(kernel / kernel.sum(), np.float32)


def _jpeg(image: ImageArray, quality: int) -> ImageArray:
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])
