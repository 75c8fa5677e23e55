"""What a set is asked to be: checked once, written into its ``dataset.json``."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mien.errors import ConfigError
from mien.synthetic.faces.generation.stage import FRAMINGS, LIGHTS
from mien.synthetic.faces.rendering.shot import MODALITIES

_SIZES_PX = (32, 1024)


@dataclass(frozen=True)
class ImageSet:
    """Arguments of `synthesize_images`, which documents them."""

    count: int
    seed: int
    size_px: int = 112
    modalities: tuple[str, ...] = MODALITIES
    framing: str = "portrait"
    images_per_person: int = 8
    light: str = "any"
    frontal: bool = False
    speech: float = 0.0

    def __post_init__(self) -> None:
        _check_shared(self)
        _check_range("images_per_person", self.images_per_person, 1, 10_000)
        _check_range("speech", self.speech, 0, 1)

    @property
    def per_person(self) -> int:
        """Images that follow each other with the same person in them."""
        return self.images_per_person


@dataclass(frozen=True)
class VideoSet:
    """Arguments of `synthesize_videos`, which documents them."""

    count: int
    seconds: float
    seed: int
    fps: float = 25.0
    size_px: int = 112
    modalities: tuple[str, ...] = MODALITIES
    framing: str = "portrait"
    light: str = "any"
    videos_per_person: int = 1

    def __post_init__(self) -> None:
        _check_shared(self)
        _check_range("videos_per_person", self.videos_per_person, 1, 10_000)
        _check_length(self)

    @property
    def per_person(self) -> int:
        """Videos that follow each other with the same person in them."""
        return self.videos_per_person


@dataclass(frozen=True)
class TrimodalSet:
    """Arguments of `synthesize_trimodal`, which documents them."""

    train: int
    valid: int
    test: int
    seconds: float
    seed: int
    fps: float
    size_px: int = 112
    modalities: tuple[str, ...] = MODALITIES
    framing: str = "aligned"

    def __post_init__(self) -> None:
        for name in ("train", "valid", "test"):
            _check_range(name, getattr(self, name), 1, 10_000_000)
        _check_pictures(self)
        _check_length(self)


AnySet = ImageSet | VideoSet | TrimodalSet
"""Any set that there is."""


def ordered_modalities(names: Iterable[str]) -> tuple[str, ...]:
    """Names of `MODALITIES`, each once and in that order.

    Raises
    ------
    ConfigError
        If a name is unknown or there is none.
    """
    given = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in given if name not in MODALITIES]
    if unknown or not given:
        listed = ", ".join(given) or "empty"
        raise ConfigError(f"modalities is {listed}: allowed are any of {', '.join(MODALITIES)}")
    return tuple(name for name in MODALITIES if name in given)


def _check_shared(plan: ImageSet | VideoSet) -> None:
    _check_range("count", plan.count, 1, 100_000_000)
    _check_choice("light", plan.light, LIGHTS)
    _check_pictures(plan)


def _check_pictures(plan: AnySet) -> None:
    _check_range("seed", plan.seed, 0, 2**53 - 1)
    _check_range("size_px", plan.size_px, *_SIZES_PX)
    _check_choice("framing", plan.framing, FRAMINGS)
    object.__setattr__(plan, "modalities", ordered_modalities(plan.modalities))


def _check_length(plan: VideoSet | TrimodalSet) -> None:
    _check_range("seconds", plan.seconds, 0.04, 3600)
    _check_range("fps", plan.fps, 1, 240)
    if "color" in plan.modalities and plan.size_px % 2:
        raise ConfigError(f"size_px is {plan.size_px}: H.264 stores even sizes only")
    if plan.seconds * plan.fps < 1:
        raise ConfigError(f"{plan.seconds:g} seconds at {plan.fps:g} fps is less than a frame")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise ConfigError(f"{name} is {value!r}: allowed are {low:,} to {high:,}")


def _check_choice(name: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}: allowed are {', '.join(allowed)}")
