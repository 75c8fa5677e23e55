"""Augmentation of aligned grey faces, vectorised over the batch and driven by one generator.

What it imitates: the error of the landmark detector (shift, turn, scale), the optics and codecs of
real video (blur, low resolution, noise, compression), light (gamma, a slope of brightness across
the face, shadow on one side, darkness) and hands, hair, microphones or masks (occlusion).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mien.faces.align import CROP_SIZE_PX

MIRRORED_SHARE = 0.5

_BLUR_MIN_PX = 24
"""The lowest resolution of what is blurred, of 112."""

_OCCLUSION_MAX = 0.45
"""The largest side of what covers a face, as a share of the crop's."""


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths; a rate is the share of images it is applied to.

    ``rotation_deg``, ``shift_px`` (crop pixels) and ``log_scale`` are standard deviations.
    ``dark_rate`` of the images are darkened to between a twentieth and a half, with the noise and
    the steps of brightness of a dark picture. ``side_light_rate`` have a soft shadow over one side.
    ``jpeg_rate`` are compressed, at qualities 10 to 60. ``mask_rate`` have the mouth covered, as a
    mask or a hand covers it. ``spoiled_rate`` become no whole face at all, from which quality is
    learned (`mien.training.extractor.spoil`).
    """

    rotation_deg: float = 8.0
    shift_px: float = 3.5
    log_scale: float = 0.08
    log_gamma: float = 0.3
    slope: float = 0.35
    blur_rate: float = 0.35
    noise: float = 0.04
    occlusion_rate: float = 0.3
    dark_rate: float = 0.0
    side_light_rate: float = 0.0
    jpeg_rate: float = 0.0
    mask_rate: float = 0.0
    spoiled_rate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("dark_rate", "side_light_rate", "jpeg_rate", "mask_rate", "spoiled_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} lies in 0..1, not {getattr(self, name)}")


def random_similarities(count: int, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Crop-to-crop similarities about the crop's centre, with mirroring, float32 (count, 2, 3)."""
    normal = torch.randn(count, 4, generator=generator)
    angle = normal[:, 0] * math.radians(config.rotation_deg)
    scale = torch.exp(normal[:, 1] * config.log_scale)
    mirror = torch.where(torch.rand(count, generator=generator) < MIRRORED_SHARE, -1.0, 1.0)
    return similarities(scale, mirror, angle, normal[:, 2:] * config.shift_px)


def similarities(
    scale: Tensor, mirror: Tensor, angle: Tensor | None = None, shift_px: Tensor | None = None
) -> Tensor:
    """Crop-to-crop similarities about the crop's centre.

    Parameters
    ----------
    scale, mirror
        (count,) each; `mirror` is -1 for a mirrored view, else 1.
    angle, shift_px
        Radians (count,) and crop pixels (count, 2); None: none.

    Returns
    -------
    float32 (count, 2, 3).
    """
    turn = torch.zeros_like(scale) if angle is None else angle
    cosine, sine = scale * turn.cos(), scale * turn.sin()
    linear = torch.stack(
        [torch.stack([cosine * mirror, -sine], 1), torch.stack([sine * mirror, cosine], 1)], 1
    )  # (N, 2, 2)
    center = torch.full((2,), (CROP_SIZE_PX - 1) / 2)
    shift = center - linear @ center
    if shift_px is not None:
        shift = shift + shift_px
    return torch.cat([linear, shift[:, :, None]], dim=2)


def sample_crops(images: Tensor, to_image: Tensor, size_px: int) -> Tensor:
    """Cut crops out of square images by crop-to-image matrices.

    Parameters
    ----------
    images
        float (n, 1, side, side).
    to_image
        (n, 2, 3), from pixels of the 112-px crop to pixels of `images`.
    size_px
        Side of the result; other than 112 the same view is sampled more coarsely.

    Returns
    -------
    (n, 1, size_px, size_px), border repeated.
    """
    side = images.shape[-1]
    step = CROP_SIZE_PX / size_px
    axis = (torch.arange(size_px, dtype=torch.float32) + 0.5) * step - 0.5
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(-1, 3)  # (P, 3)
    mapped = points @ to_image.transpose(1, 2)  # (N, P, 2), image pixels
    grid = (mapped + 0.5) * (2 / side) - 1  # pixel centres to the [-1, 1] of grid_sample
    return functional.grid_sample(
        images,
        grid.view(len(images), size_px, size_px, 2),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """The map that applies `inner`, then `outer`; both (n, 2, 3)."""
    linear = outer[:, :, :2] @ inner[:, :, :2]
    shift = outer[:, :, :2] @ inner[:, :, 2:] + outer[:, :, 2:]
    return torch.cat([linear, shift], dim=2)


def degrade(
    crops: Tensor, config: AugmentConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Light, blur, noise, compression and occlusion on crops (n, 1, s, s) with values in [0, 1].

    Returns
    -------
    Crops of the same range, and which share of each nothing covers, (n,).
    """
    count, _, size, _ = crops.shape

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    gamma = torch.exp(torch.randn(count, 1, 1, 1, generator=generator) * config.log_gamma)
    crops = crops.clamp(1e-3, 1) ** gamma
    axis = torch.linspace(-1, 1, size)
    direction = uniform(count) * 2 * math.pi
    ramp = (
        direction.cos()[:, None, None] * axis[None, None, :]
        + direction.sin()[:, None, None] * axis[None, :, None]
    )[:, None]
    strength = uniform(count, 1, 1, 1) * config.slope
    crops = crops * (1 + strength * ramp)
    if config.side_light_rate:
        lit = uniform(count) < config.side_light_rate
        edge, depth = uniform(count, 1, 1, 1) * 0.8 - 0.4, 0.4 + 0.55 * uniform(count, 1, 1, 1)
        shade = 1 - depth * torch.sigmoid((ramp - edge) * 6)
        crops = torch.where(lit[:, None, None, None], crops * shade, crops)
    blurred = uniform(count) < config.blur_rate
    if bool(blurred.any()):
        # One resolution a batch keeps this a single resize; over batches all occur.
        low = _BLUR_MIN_PX + (CROP_SIZE_PX // 2 - _BLUR_MIN_PX) * float(uniform(1))
        small = max(8, round(low * size / CROP_SIZE_PX))
        coarse = functional.interpolate(crops[blurred], (small, small), mode="area")
        crops = crops.clone()
        crops[blurred] = functional.interpolate(
            coarse, (size, size), mode="bilinear", align_corners=False
        )
    sigma = uniform(count, 1, 1, 1) * config.noise
    if config.dark_rate:
        dark = (uniform(count) < config.dark_rate)[:, None, None, None]
        low, high = math.log(0.05), math.log(0.5)
        factor = torch.exp(low + (high - low) * uniform(count, 1, 1, 1))
        crops = torch.where(dark, crops * factor, crops)
        sigma = torch.where(dark, 0.008 * uniform(count, 1, 1, 1), sigma)
    crops = crops + torch.randn(crops.shape, generator=generator) * sigma
    if config.dark_rate:
        crops = (crops * 255).round() / 255
    crops, covered = _occlude(crops, config, uniform(count, 6))
    if config.mask_rate:
        crops, masked = _mask(crops, uniform(count) < config.mask_rate, uniform(count, 4))
        covered = covered + masked
    crops = crops.clamp(0, 1)
    if config.jpeg_rate:
        crops = _compress(crops, uniform(count) < config.jpeg_rate, uniform(count))
    return crops, (1 - covered).clamp_min(0)


def _occlude(crops: Tensor, config: AugmentConfig, random: Tensor) -> tuple[Tensor, Tensor]:
    """Cover a rectangle of some crops with one grey; `random` is uniform (n, 6)."""
    size = crops.shape[-1]
    covered = random[:, 0] < config.occlusion_rate
    extent = (0.1 + random[:, 1:3] * (_OCCLUSION_MAX - 0.1)) * size  # (N, 2) height, width
    center = random[:, 3:5] * size
    axis = torch.arange(size, dtype=torch.float32)
    rows = (axis - center[:, :1]).abs() < extent[:, :1] / 2  # (N, S)
    columns = (axis - center[:, 1:]).abs() < extent[:, 1:] / 2
    inside = covered[:, None, None] & rows[:, :, None] & columns[:, None, :]
    shown = torch.where(inside[:, None], random[:, 5].view(-1, 1, 1, 1), crops)
    return shown, inside.float().mean(dim=(1, 2))


def _mask(crops: Tensor, chosen: Tensor, random: Tensor) -> tuple[Tensor, Tensor]:
    """Cover what lies below the nose of some crops; `random` is uniform (n, 4)."""
    size = crops.shape[-1]
    axis = (torch.arange(size, dtype=torch.float32) + 0.5) / size
    top = 0.60 + 0.08 * random[:, 0]
    half = 0.26 + 0.12 * random[:, 1]
    rows = axis > top[:, None]  # (N, S)
    columns = (axis - 0.5).abs() < half[:, None]
    inside = chosen[:, None, None] & rows[:, :, None] & columns[:, None, :]
    fold = 0.06 * (random[:, 3, None, None] - 0.5) * (axis * 40).sin()[None, :, None]
    cover = (random[:, 2, None, None] + fold).expand(-1, size, size)
    shown = torch.where(inside[:, None], cover[:, None], crops)
    return shown, inside.float().mean(dim=(1, 2))


def _compress(crops: Tensor, chosen: Tensor, random: Tensor) -> Tensor:
    """JPEG at a quality of 10 to 60; `random` is uniform (n,)."""
    result = crops.clone()
    for row in torch.nonzero(chosen).flatten().tolist():
        picture = (crops[row, 0] * 255).round().to(torch.uint8).numpy()
        quality = [cv2.IMWRITE_JPEG_QUALITY, 10 + int(50 * float(random[row]))]
        _, data = cv2.imencode(".jpg", picture, quality)
        decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        result[row, 0] = torch.from_numpy(np.asarray(decoded, np.float32)) / 255
    return result
