"""What a set needs of the renderer and of the behaviour, and nothing more.

The only module here that calls them. Anything with these methods can stand in (`Stage`), and a
function without arguments that makes one travels to the worker processes (`StageFactory`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.rendering.shot import Shot
from mien.types import FloatArray, TimeArray

FRAMINGS: tuple[str, ...] = ("portrait", "aligned")
LIGHTS: tuple[str, ...] = ("any", "even", "harsh", "dark")

Attributes = Mapping[str, float | str]


class Actor(Protocol):
    """Who is seen."""

    @property
    def attributes(self) -> Attributes:
        """Name -> value: skin tone, age, hair and so on."""
        ...


class Scene(Protocol):
    """Lights, background, camera and sensors."""

    @property
    def attributes(self) -> Attributes:
        """Name -> value: kind of light and so on."""
        ...


class Performance(Protocol):
    """What somebody does over time."""

    @property
    def timestamps_s(self) -> TimeArray:
        """float64 (frames,), seconds."""
        ...

    @property
    def reactions(self) -> FloatArray:
        """float32 (7,), in the order of `mien.labels.REACTIONS`."""
        ...

    def __len__(self) -> int: ...

    def moment(self, index: int, /) -> Moment:
        """The truth of one frame."""
        ...


class Stage(Protocol):
    """Draws people, scenes and behaviour from seeds, and takes pictures of them."""

    def actor(self, seed: int) -> Actor:
        """A person."""
        ...

    def scene(self, seed: int, framing: str, size_px: int, light: str) -> Scene:
        """A place; `framing` is one of `FRAMINGS`, `light` one of `LIGHTS`."""
        ...

    def moment(self, seed: int, frontal: bool, speech: float) -> Moment:
        """An instant; `frontal` keeps the head straight, `speech` is the share that talks."""
        ...

    def performance(self, seed: int, seconds: float, fps: float) -> Performance:
        """What somebody does for so many seconds."""
        ...

    def render(
        self,
        actor: Any,
        scene: Any,
        moment: Moment,
        modalities: tuple[str, ...],
        time_s: float,
        seed: int,
    ) -> Shot:
        """One frame; `seed` is that of the sensors' noise."""
        ...


StageFactory = Callable[[], Stage]


class StudioStage:
    """The stage of `mien.synthetic.faces`."""

    def __init__(self) -> None:
        from mien.synthetic.faces.behaviour import draw_moment, draw_performance
        from mien.synthetic.faces.rendering.studio import Studio

        self._draw_moment, self._draw_performance = draw_moment, draw_performance
        self._studio = Studio()

    def actor(self, seed: int) -> Actor:
        """A person."""
        return self._studio.actor(seed)

    def scene(self, seed: int, framing: str, size_px: int, light: str) -> Scene:
        """A place."""
        return self._studio.scene(seed, framing=framing, size_px=size_px, light=light)

    def moment(self, seed: int, frontal: bool, speech: float) -> Moment:
        """An instant."""
        return self._draw_moment(np.random.default_rng(seed), frontal=frontal, speech=speech)

    def performance(self, seed: int, seconds: float, fps: float) -> Performance:
        """What somebody does."""
        return self._draw_performance(seed, seconds, fps)

    def render(
        self,
        actor: Any,
        scene: Any,
        moment: Moment,
        modalities: tuple[str, ...],
        time_s: float,
        seed: int,
    ) -> Shot:
        """One frame."""
        return self._studio.render(
            actor, scene, moment, modalities=modalities, time_s=time_s, seed=seed
        )


class ConditionStage(StudioStage):
    """The same, but a scene differs in nothing but light from the same scene in other light."""

    def __init__(self) -> None:
        from mien.synthetic.faces.rendering.conditions import draw_condition

        super().__init__()
        self._draw_condition = draw_condition

    def scene(self, seed: int, framing: str, size_px: int, light: str) -> Scene:
        """A place; `light` is ``"even"``, ``"harsh"`` or ``"dark"``."""
        return self._draw_condition(seed, framing, size_px, light)


def open_stage() -> Stage:
    """The stage of `mien.synthetic.faces`; its head is read from the cache or built first.

    Raises
    ------
    ModelError
        If the extra ``synthetic`` is not installed.
    """
    return StudioStage()


def open_condition_stage() -> Stage:
    """The stage of the tri-modal benchmark: as `open_stage`, with lights that can be compared.

    Raises
    ------
    ModelError
        If the extra ``synthetic`` is not installed.
    """
    return ConditionStage()
