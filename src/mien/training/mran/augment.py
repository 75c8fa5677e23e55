"""Augmentation of clips of aligned color, depth and thermal crops.

All modalities of a clip move alike, as one face does; light, noise and drift are each sensor's own.
Strong on light, which is what color suffers from and the other two do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mien.faces.modalities import DEPTH_RANGE_MM, STREAMS, THERMAL_RANGE_C
from mien.training.extractor.augment import AugmentConfig, random_similarities, sample_crops

_CAST = 0.08
"""Deviation of the logarithm of each channel's gain."""

_DEPTH_OFFSET_MM, _THERMAL_OFFSET_C, _THERMAL_DRIFT_C = 4.0, 0.6, 0.2
"""Deviations of a clip's offset, and of the drift over it."""

_TIME_MASK = 0.1
"""Rate at which a modality lacks a run of up to a quarter of its frames."""


@dataclass(frozen=True)
class StreamAugmentConfig:
    """Strengths; a rate is the share of clips it is applied to.

    Attributes
    ----------
    rotation_deg, shift_px, log_scale
        One similarity per clip, standard deviations; half of the clips are mirrored.
    log_gamma, log_exposure
        Deviations of color's gamma and of its exposure.
    slope, flicker
        Largest slope of brightness across the face, and of brightness over the clip.
    noise
        Largest deviation of color's noise, in units of [0, 1].
    depth_noise_mm, thermal_noise_c
        Largest deviation of the noise of single pixels.
    strides
        Steps between frames that are drawn from, each as often; 2 is the same face twice as fast.
    late_start
        Rate at which a clip lacks its first frames: up to all but one, each number as likely. For
        recordings that all begin at rest, so that not every face is read against itself at rest.
    stream_dropout
        Rate at which a whole modality of a clip is missing; never all modalities of a clip.
    """

    rotation_deg: float = 6.0
    shift_px: float = 3.0
    log_scale: float = 0.06
    log_gamma: float = 0.35
    log_exposure: float = 0.4
    slope: float = 0.5
    flicker: float = 0.3
    noise: float = 0.06
    depth_noise_mm: float = 1.5
    thermal_noise_c: float = 0.15
    strides: tuple[int, ...] = (1, 1, 2)
    late_start: float = 0.0
    stream_dropout: float = 0.2

    def __post_init__(self) -> None:
        if not self.strides or min(self.strides) < 1:
            raise ValueError(f"strides are 1 or more, not {list(self.strides)}")
        if not 0 <= self.stream_dropout < 1 or not 0 <= self.late_start <= 1:
            raise ValueError(
                f"rates lie in 0 to 1, and stream_dropout below 1, not stream_dropout "
                f"{self.stream_dropout}, late_start {self.late_start}"
            )


def augment_clips(
    streams: dict[str, Tensor], config: StreamAugmentConfig, generator: torch.Generator
) -> dict[str, Tensor]:
    """Modalities (batch, time, channels, side, side) in [-1, 1], augmented, in the same range."""
    moved = _move(streams, config, generator)
    changed = {"color": _color, "depth": _depth, "thermal": _thermal}
    return {name: changed[name](clip, config, generator) for name, clip in moved.items()}


def drop_streams(
    present: Tensor,
    modalities: tuple[str, ...],
    config: StreamAugmentConfig,
    generator: torch.Generator,
) -> Tensor:
    """Presence (batch, time, 3) with whole modalities, and runs of frames, taken away.

    A clip never loses its last modality: where the draw would take all that it has, it takes none.
    """
    batch, time, _ = present.shape
    own = torch.tensor([name in modalities for name in STREAMS])
    present = present * own
    kept = torch.rand(batch, 3, generator=generator) >= config.stream_dropout
    left = present * kept[:, None]
    empty = (left.sum((1, 2)) == 0)[:, None, None]
    left = torch.where(empty, present, left)
    random = torch.rand(batch, 3, 3, generator=generator)  # whether, where, how long
    length = random[:, :, 2] * time / 4
    start = random[:, :, 1] * (time - length)
    frames = torch.arange(time)[None, :, None]
    inside = (frames >= start[:, None]) & (frames < (start + length)[:, None])
    masked = left * ~(inside & (random[:, :, 0] < _TIME_MASK)[:, None])
    # A frame that had a modality keeps one, or masking would take frames from the loss.
    bare = (masked.sum(2, keepdim=True) == 0) & (left.sum(2, keepdim=True) > 0)
    return torch.where(bare, left, masked)


def _move(
    streams: dict[str, Tensor], config: StreamAugmentConfig, generator: torch.Generator
) -> dict[str, Tensor]:
    """The same similarity for all modalities and frames of a clip."""
    first = next(iter(streams.values()))
    batch, side = len(first), first.shape[-1]
    shape = AugmentConfig(config.rotation_deg, config.shift_px, config.log_scale)
    maps = random_similarities(batch, shape, generator)  # of 112-px crops
    if side != 112:
        maps = _to_side(maps, side)
    joined = torch.cat([clip.flatten(1, 2) for clip in streams.values()], 1)  # (B, T C, S, S)
    moved = sample_crops(joined, maps, side)
    sizes = [clip.shape[1] * clip.shape[2] for clip in streams.values()]
    parts = torch.split(moved, sizes, 1)
    return {
        name: part.reshape(clip.shape)
        for (name, clip), part in zip(streams.items(), parts, strict=True)
    }


def _to_side(maps: Tensor, side: int) -> Tensor:
    """Maps into images of another side than 112, pixel centres kept in place."""
    share = side / 112
    shift = share * maps[:, :, 2:] + (share - 1) / 2
    return torch.cat([share * maps[:, :, :2], shift], 2)


def _color(clip: Tensor, config: StreamAugmentConfig, generator: torch.Generator) -> Tensor:
    batch, time, channels, side, _ = clip.shape

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    light = (clip + 1) * 0.5
    gamma = torch.exp(normal(batch, 1, 1, 1, 1) * config.log_gamma)
    light = light.clamp_(1e-3, 1).pow_(gamma)
    gain = torch.exp(
        normal(batch, 1, 1, 1, 1) * config.log_exposure + normal(batch, 1, channels, 1, 1) * _CAST
    )
    over_time = torch.linspace(-1, 1, time)[None, :, None, None, None]
    gain = gain * (1 + over_time * _uniform(batch, generator) * config.flicker)
    axis = torch.linspace(-1, 1, side)
    angle = torch.rand(batch, 1, 1, generator=generator) * 2 * math.pi
    ramp = angle.cos() * axis[None, None, :] + angle.sin() * axis[None, :, None]  # (B, S, S)
    slope = 1 + ramp[:, None, None] * _uniform(batch, generator).abs() * config.slope
    light = light.mul_(gain).mul_(slope)
    strength = _uniform(batch, generator).abs() * config.noise
    light = light.add_(normal(*clip.shape).mul_(strength))
    return light.clamp_(0, 1).mul_(2).sub_(1)


def _depth(clip: Tensor, config: StreamAugmentConfig, generator: torch.Generator) -> Tensor:
    offset = torch.randn(len(clip), 1, 1, 1, 1, generator=generator) * _DEPTH_OFFSET_MM
    strength = _uniform(len(clip), generator).abs() * config.depth_noise_mm
    noise = torch.randn(clip.shape, generator=generator) * strength
    return (clip + (offset + noise) / DEPTH_RANGE_MM).clamp_(-1, 1)


def _thermal(clip: Tensor, config: StreamAugmentConfig, generator: torch.Generator) -> Tensor:
    batch, time = clip.shape[:2]
    over_time = torch.linspace(-1, 1, time)[None, :, None, None, None]
    random = torch.randn(batch, 2, 1, 1, 1, 1, generator=generator)
    offset = random[:, 0] * _THERMAL_OFFSET_C
    drift = over_time * random[:, 1] * _THERMAL_DRIFT_C
    strength = _uniform(batch, generator).abs() * config.thermal_noise_c
    noise = torch.randn(clip.shape, generator=generator) * strength
    return (clip + (offset + drift + noise) / THERMAL_RANGE_C).clamp_(-1, 1)


def _uniform(batch: int, generator: torch.Generator) -> Tensor:
    """Uniform in [-1, 1], (batch, 1, 1, 1, 1)."""
    return torch.rand(batch, 1, 1, 1, 1, generator=generator) * 2 - 1
